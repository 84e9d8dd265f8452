"""`manage.py forecast run | reproduce RUN | list`."""

import sys
from argparse import ArgumentParser
from datetime import UTC, datetime
from typing import Any, cast
from uuid import uuid4

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from forecasting import jobs, operations, queries
from forecasting.models import Job
from forecasting.runs import RunRefused, RunSettings
from forecasting.tasks import beating_heart
from forecasting.timeseries.backtest import DEFAULT_ORIGINS
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
        run.add_argument("--origins", type=int, default=DEFAULT_ORIGINS, help="past cutoffs to test at")
        run.add_argument("--seed", type=int, default=1)
        again = actions.add_parser("reproduce", help="compute a run again; exit 1 when it comes out otherwise")
        again.add_argument("run", help="its id, or how it begins; `latest`")
        listed = actions.add_parser("list", help="the newest runs")
        listed.add_argument("--limit", type=int, default=20)

    def handle(self, *args: Any, **options: Any) -> None:
        with tenancy.system():
            getattr(self, f"_{options['action']}")(options)

    def _run(self, options: dict[str, Any]) -> None:
        now = timezone.now()  # noqa: TID251
        try:
            settings = RunSettings(
                cutoff=options["cutoff"] or now,
                frequency=cast(Frequency | None, options["frequency"]),
                horizon=options["horizon"],
                origins=options["origins"],
                seed=options["seed"],
            )
        except RunRefused as refused:
            raise CommandError(str(refused)) from refused
        cause = f"command {uuid4().hex}"
        job = operations.request_forecast(cause=cause, settings=settings, now=now, ring=options["enqueue"])
        if options["enqueue"]:
            self.stdout.write(f"job {job.id} waits for a worker")
            return
        done = jobs.perform(job.id, clock=timezone.now, heart=beating_heart)  # noqa: TID251
        if done is None or done.status != Job.Status.DONE:
            jobs.cancel(job.id, now=timezone.now())  # noqa: TID251
            raise CommandError(done.error if done is not None else "another worker took the job")
        assert done.result is not None
        self.stdout.write(
            "run {run}: {forecast} of {series} series forecast; signed as entry {entry}".format(**done.result)
        )

    def _reproduce(self, options: dict[str, Any]) -> None:
        try:
            found = queries.latest_run() if options["run"] == "latest" else queries.run(options["run"])
            if found is None:
                raise CommandError("there is no run yet")
            again = operations.reproduce(found)
        except (queries.RunMissing, LogBroken) as reason:
            raise CommandError(str(reason)) from reason
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
        self.stdout.write(
            f"run {found.id.hex}: {again.series} series computed again from the first {found.tree_size} entries: {how}"
        )

    def _list(self, options: dict[str, Any]) -> None:
        for found in queries.runs(options["limit"]):
            self.stdout.write(
                f"{found.id.hex}  {found.finished_at:%Y-%m-%d %H:%M}  as of {found.cutoff:%Y-%m-%d %H:%M}"
                f"  {found.forecast_count}/{found.series_count} series  tree size {found.tree_size}"
                f"  entry {found.statement_index}"
            )


def _instant(text: str) -> datetime:
    found = datetime.fromisoformat(text)
    return found if found.tzinfo else found.replace(tzinfo=UTC)
