"""The choice run: which method forecasts, and how wide its intervals must be; frozen for the nights that follow."""

from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

from django.db import transaction

from forecasting import jobs, manifest, observing, scoring
from forecasting.manifest import SignedFor, Source
from forecasting.models import Choice, ForecastRun, Manifest, Tested
from forecasting.operations.inputs import told_of
from forecasting.operations.signing import append, source_of
from forecasting.runs import Chosen, RunRefused, RunSettings, make_choice, sample, versions
from forecasting.timeseries import engine
from ledger.tlog import merkle
from ledger.verified import LogBroken, VerifiedCheckpoint

OLDEST = timedelta(days=45)
"""An older choice is made anew before anything is forecast with it."""
LONGEST = timedelta(minutes=30)
"""After this a choice run leaves the rest unreached; a worker's task may take 49 minutes."""


def choice(claimed: jobs.Claim, beat: jobs.Beat, clock: jobs.Clock) -> jobs.Complete:
    """Do a choice job. Raises jobs.GiveUp for a broken log or senseless settings."""
    try:
        settings = manifest.parse_settings(claimed.args)
        observing.rebuild()  # once a week from the first entry on: what was disputed or erased since is gone
        made = Making(settings, clock())
    except (LogBroken, RunRefused, TypeError, KeyError, ValueError) as refused:
        raise jobs.GiveUp(str(refused)) from refused
    made.choose(clock)

    def complete() -> dict[str, Any]:
        run = made.sign(clock())
        run.job_id = claimed.job
        run.save(update_fields=["job"])
        return {"run": run.id.hex, "reached": run.chosen.reached, "not_reached": run.chosen.not_reached}

    return complete


def choice_for(settings: RunSettings, clock: jobs.Clock) -> ForecastRun | None:
    """The newest choice that was known at a run's cutoff, made now if there is none that is fresh enough.

    A choice that saw what came after the cutoff is never used. None where nothing can be chosen from.
    """
    found = (
        ForecastRun.objects.filter(kind=ForecastRun.Kind.CHOICE, cutoff__lte=settings.cutoff)
        .filter(cutoff__gt=settings.cutoff - OLDEST)
        .order_by("-cutoff", "-finished_at")
        .first()
    )
    if found is not None:
        return found
    made = Making(
        RunSettings(cutoff=settings.cutoff, seed=settings.seed, choosing=min(settings.choosing, FIRST)), clock()
    )
    if not made.ids:
        return None
    made.choose(clock)
    with transaction.atomic():
        return made.sign(clock())


FIRST = 300
"""A choice that a forecast waits for looks at so many series."""


class Making:
    """One choice being made."""

    def __init__(self, settings: RunSettings, started_at: datetime) -> None:
        self.settings = settings
        self.started_at = started_at
        self.checkpoint: VerifiedCheckpoint = observing.advance()
        ids = observing.preferred_ids(cutoff=settings.cutoff)
        keys = {row.pk: observing.key_of(row) for row in observing.rows(ids)}
        self.ids = sample(keys, settings)
        self.left_out = len(ids) - len(self.ids)
        self.chosen: Chosen | None = None

    def choose(self, clock: jobs.Clock) -> None:
        """Backtest and choose, until the budget is used up."""
        found = observing.histories(self.ids, tree_size=self.checkpoint.tree_size)
        told = told_of([history for _, history in found], cutoff=self.settings.cutoff)
        until = self.started_at + LONGEST
        self.chosen = make_choice(told, self.settings, enough=lambda: clock() > until, left_out=self.left_out)

    def sign(self, now: datetime) -> ForecastRun:
        """Append the `forecast` statement of the choice, and store it; call it inside a transaction."""
        assert self.chosen is not None
        run_id, used, source = (
            uuid4(),
            versions(),
            Source(self.checkpoint.origin, self.checkpoint.tree_size, self.checkpoint.root_hash),
        )
        signed, told = signed_choice(run_id, source, self.settings, self.chosen, used, left_out=self.left_out)
        index = append(run_id, source, signed, kind="choice", now=now)
        run = ForecastRun.every.create(
            id=run_id,
            kind=ForecastRun.Kind.CHOICE,
            cutoff=self.settings.cutoff,
            origin=source.origin,
            tree_size=source.tree_size,
            root_hash=source.root_hash,
            settings=manifest.format_settings(self.settings),
            versions=used,
            seed=self.settings.seed,
            manifest_digest=signed.digest,
            series_root=signed.series_root,
            statement_index=index,
            series_count=len(self.chosen.looked_at),
            started_at=self.started_at,
            finished_at=now,
        )
        Manifest.objects.create(run=run, body=signed.body)
        reached = len(self.chosen.looked_at) - self.chosen.choice.unreached
        Choice.objects.create(
            run=run, told=told, reached=reached, not_reached=self.left_out + self.chosen.choice.unreached
        )
        self._store_tested(run)
        return run

    def _store_tested(self, run: ForecastRun) -> None:
        assert self.chosen is not None
        tested = scoring.tested(self.chosen, self.settings)
        rows = [
            Tested(
                run=run,
                observed_id=pk,
                tenant=result.key.tenant,
                method=found.method,
                scores=found.scores,
                backtest=found.backtest,
            )
            for pk, result, found in zip(self.ids, self.chosen.looked_at, tested, strict=True)
            if found is not None
        ]
        Tested.objects.bulk_create(rows, batch_size=200)


def signed_choice(
    run_id: Any, source: Source, settings: RunSettings, chosen: Chosen, used: dict[str, str], *, left_out: int
) -> tuple[SignedFor, dict[str, Any]]:
    """The manifest of a choice over the digests of what it looked at, and what it says."""
    told = {"choice": engine.format_choice(chosen.choice), "blocks": chosen.blocks, "left_out": left_out}
    leaves = [merkle.leaf_hash(manifest.encode(manifest.input_of(one))) for one in chosen.looked_at]
    signed = manifest.make(run_id, source, settings, leaves, used, kind="choice", chosen=told)
    return signed, told


__all__ = ["Making", "choice", "choice_for", "signed_choice", "source_of"]
