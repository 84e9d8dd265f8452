"""`manage.py forecast run | choose | reproduce RUN | verify RUN | rebuild | list`."""

import sys
from argparse import ArgumentParser
from datetime import UTC, datetime
from typing import Any, cast
from uuid import UUID, uuid4

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from forecasting import arrivalproof, jobs, observing, operations, queries, runproof, stocking
from forecasting.arrivalrows import ArrivalModel
from forecasting.models import ForecastRun, Job
from forecasting.runs import MOST_CHOOSING, RunRefused, RunSettings
from forecasting.tasks import beating_heart
from forecasting.timeseries.series import Frequency
from ledger import tenancy
from ledger.verified import LogBroken


class Command(BaseCommand):
    help = "Forecast demand from the verified log, list the runs, or compute one again and compare."

    def add_arguments(self, parser: ArgumentParser) -> None:
        actions = parser.add_subparsers(dest="action", required=True)
        run = actions.add_parser("run", help="forecast now")
        run.add_argument("--enqueue", action="store_true", help="leave it to a worker")
        run.add_argument("--cutoff", type=_instant, help="forecast as of this date or time (UTC); default: now")
        run.add_argument("--frequency", choices=["D", "W", "MS"], help="default: chosen for each series")
        run.add_argument("--horizon", type=int, help="periods ahead; default: 28 days, 13 weeks or 6 months")
        run.add_argument("--nightly", action="store_true", help="as one of the nights: only what has changed")
        run.add_argument("--seed", type=int, default=1)
        choose = actions.add_parser("choose", help="choose methods now, from past origins")
        choose.add_argument("--cutoff", type=_instant, help="as of this date or time (UTC); default: now")
        choose.add_argument("--series", type=int, default=MOST_CHOOSING, help="how many series to look at")
        again = actions.add_parser("reproduce", help="compute a run again; exit 1 when it comes out otherwise")
        again.add_argument("run", help="its id, or how it begins; `latest`; `arrivals`: what was signed of them last")
        check = actions.add_parser("verify", help="check that a run lies above its inputs, and they are in the log")
        check.add_argument("run", help="its id, or how it begins; `latest`; `arrivals`")
        actions.add_parser("rebuild", help="make the kept observations again from the log")
        listed = actions.add_parser("list", help="the newest runs")
        listed.add_argument("--limit", type=int, default=20)

    def handle(self, *args: Any, **options: Any) -> None:
        with tenancy.system():
            try:
                getattr(self, f"_{options['action']}")(options)
            except (RunRefused, queries.RunMissing, LogBroken, operations.RunEnded) as reason:
                raise CommandError(str(reason)) from reason

    def _run(self, options: dict[str, Any]) -> None:
        now = timezone.now()  # noqa: TID251
        settings = RunSettings(
            cutoff=options["cutoff"] or now,
            frequency=cast(Frequency | None, options["frequency"]),
            horizon=options["horizon"],
            seed=options["seed"],
            chained=options["nightly"],
        )
        cause = f"command {uuid4().hex}"
        job = operations.request_forecast(cause=cause, settings=settings, now=now, ring=options["enqueue"])
        if options["enqueue"]:
            self.stdout.write(f"job {job.id} waits for a worker")
            return
        started = UUID(hex=str(_done(job)["run"]))
        made = operations.drive(started, clock=timezone.now, heart=beating_heart)  # noqa: TID251
        self.stdout.write(
            f"run {made.id.hex}: {made.forecast_count} of {made.series_count} series forecast"
            f"{f', {made.carried_count} of them unchanged' if made.carried_count else ''}"
            f"; signed as entry {made.statement_index}"
        )

    def _choose(self, options: dict[str, Any]) -> None:
        now = timezone.now()  # noqa: TID251
        settings = RunSettings(cutoff=options["cutoff"] or now, choosing=options["series"])
        job = operations.request_choice(cause=f"command {uuid4().hex}", settings=settings, now=now, ring=False)
        said = _done(job)
        self.stdout.write(f"choice {said['run']}: {said['reached']} series reached, {said['not_reached']} not reached")
        choice = queries.latest_choice()
        for pool in choice.chosen.told["choice"]["pools"] if choice is not None else ():
            self.stdout.write(f"  {pool['frequency']:2} {pool['class']:12} {pool['length']:6} {pool['champion']}")

    def _reproduce(self, options: dict[str, Any]) -> None:
        if options["run"] == "arrivals":
            self._reproduce_arrivals()
            return
        found = _found(options["run"])
        again = operations.reproduce(found)
        for difference in again.differences:
            self.stderr.write(difference)
        if not again.holds:
            self.stderr.write(f"run {found.id.hex} does not come out as it was signed")
            sys.exit(1)
        how = (
            "bit for bit"
            if again.same_versions
            else f"with other versions, within {operations.TOLERANCE:g} of each series' largest quantile"
            f" (largest difference {again.largest_difference:.2g})"
        )
        carried = f"; {again.carried} more come from earlier nights" if again.carried else ""
        self.stdout.write(
            f"run {found.id.hex}: {again.series} series computed again from the first {found.tree_size} entries:"
            f" {how}{carried}"
        )

    def _reproduce_arrivals(self) -> None:
        again = operations.reproduce_arrivals(_newest_arrivals())
        for difference in again.differences:
            self.stderr.write(difference)
        if not again.holds:
            self.stderr.write(f"arrivals {again.model.pk.hex} do not come out as they were signed")
            sys.exit(1)
        how = "the same but for rounding" if again.same_versions else f"within {operations.TOLERANCE:g}, other versions"
        self.stdout.write(
            f"arrivals {again.model.pk.hex}: learnt again from the first {again.model.tree_size} entries, and"
            f" {again.said} estimates said again from theirs: {how}"
        )

    def _verify_arrivals(self) -> None:
        found = _newest_arrivals()
        if wrong := arrivalproof.verify(found):
            self.stderr.write("\n".join(wrong))
            sys.exit(1)
        self.stdout.write(
            f"arrivals {found.pk.hex}: signed as entry {found.statement_index}, above what they were made from"
        )

    def _verify(self, options: dict[str, Any]) -> None:
        if options["run"] == "arrivals":
            self._verify_arrivals()
            return
        found = _found(options["run"])
        wrong = runproof.verify(found)
        for what in wrong:
            self.stderr.write(what)
        if wrong:
            sys.exit(1)
        self.stdout.write(
            f"run {found.id.hex}: signed as entry {found.statement_index}, above the {found.tree_size} entries that it"
            " was made from, under the root that they have; its inputs are what these entries tell"
        )

    def _rebuild(self, options: dict[str, Any]) -> None:
        checkpoint = observing.rebuild()
        stocking.rebuild()
        self.stdout.write(f"what the first {checkpoint.tree_size} entries tell of demand and of stock is kept anew")

    def _list(self, options: dict[str, Any]) -> None:
        for found in queries.every_run(options["limit"]):
            state = (
                f"{found.finished_at:%Y-%m-%d %H:%M}"
                if found.statement_index is not None and found.finished_at
                else found.error or f"under way, {found.shards - found.shards_left} of {found.shards} shards"
            )
            self.stdout.write(
                f"{found.id.hex}  {found.kind:8}  {state}  as of {found.cutoff:%Y-%m-%d %H:%M}"
                f"  {found.forecast_count}/{found.series_count} series  tree size {found.tree_size}"
                f"  entry {found.statement_index if found.statement_index is not None else '-'}"
            )


def _done(job: Job) -> dict[str, Any]:
    """Do a job here. Raises CommandError with the reason when it fails."""
    done = jobs.perform(job.id, clock=timezone.now, heart=beating_heart)  # noqa: TID251
    if done is None or done.status != Job.Status.DONE or done.result is None:
        jobs.cancel(job.id, now=timezone.now())  # noqa: TID251
        raise CommandError(done.error if done is not None else "another worker took the job")
    return dict(done.result)


def _found(name: str) -> ForecastRun:
    found = queries.newest_run() if name == "latest" else queries.run(name)
    if found is None:
        raise CommandError("there is no run yet")
    return found


def _newest_arrivals() -> ArrivalModel:
    found = arrivalproof.newest()
    if found is None:
        raise CommandError("nothing was signed of arrivals yet")
    return found


def _instant(text: str) -> datetime:
    found = datetime.fromisoformat(text)
    return found if found.tzinfo else found.replace(tzinfo=UTC)
