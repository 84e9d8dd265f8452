"""Writes of the forecasting room: ask for a run, do it, sign it into the log, compute it again."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

from forecasting import jobs, manifest, queries
from forecasting.history import demand_history, signed_forecasts
from forecasting.manifest import SignedFor, Source
from forecasting.models import ForecastRun, Job, Manifest, SeriesForecast
from forecasting.runs import RunRefused, RunSettings, SeriesResult, compute, versions
from ledger import keystore
from ledger.admission import Admission, Admitted, Pending, Refusal, Refused
from ledger.operations import append_many, submission
from ledger.verified import LogBroken, VerifiedCheckpoint

FORECAST = "forecast"
NIGHTLY = "nightly-forecast"


class ForecastsOnly:
    """The admission rule of this room: `forecast` statements by the forecaster's key, which the ledger checks."""

    def load(self, pending: Sequence[Pending]) -> None:
        """Nothing to read."""

    def admit(self, pending: Pending) -> Admission:
        if pending.statement.type != "forecast":
            raise Refused(f"a statement of the type {pending.statement.type} is not taken here")
        return Admission()

    def project(self, admitted: Sequence[Admitted]) -> None:
        """Nothing to write: the run is stored by whoever appends."""


# --- asking ----------------------------------------------------------------------------------------------------------


def request_forecast(
    *, cause: str, settings: RunSettings, now: datetime, requested_by: UUID | None = None, ring: bool = True
) -> Job:
    """Ask for a run; the same cause asks once. A worker does it after the commit; without `ring`, whoever asked."""
    args = manifest.format_settings(settings)
    return jobs.enqueue(FORECAST, cause=cause, args=args, now=now, requested_by=requested_by, ring_now=ring)


def request_nightly_forecast(*, now: datetime) -> Job | None:
    """Ask for tonight's run, once a UTC day; None when it has been asked for."""
    midnight = now.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    args = manifest.format_settings(RunSettings(cutoff=now))
    return jobs.strike(NIGHTLY, time=midnight, kind=FORECAST, args=args, now=now)


# --- doing -----------------------------------------------------------------------------------------------------------


def forecast(claimed: jobs.Claim, beat: jobs.Beat, clock: jobs.Clock) -> jobs.Complete:
    """Do a forecast job: verify, read, backtest, choose, forecast; answer with what stores and signs it.

    Raises jobs.GiveUp for a broken log or senseless settings: nothing is forecast from what does not hold.
    """
    started_at = clock()
    try:
        settings = manifest.parse_settings(claimed.args)
        history = demand_history()
    except (LogBroken, RunRefused, TypeError, KeyError, ValueError) as refused:
        raise jobs.GiveUp(str(refused)) from refused
    if history.checkpoint is None:
        raise jobs.GiveUp("The log is empty.")
    checkpoint = history.checkpoint
    result = compute(history.series, settings, progress=beat)
    run_id, used = uuid4(), versions()
    signed = manifest.make(run_id, _source(checkpoint), settings, result, used)

    def complete() -> dict[str, Any]:
        now = clock()
        index = _append(run_id, checkpoint, signed, now=now)
        run = ForecastRun(
            id=run_id,
            job_id=claimed.job,
            cutoff=settings.cutoff,
            origin=checkpoint.origin,
            tree_size=checkpoint.tree_size,
            root_hash=checkpoint.root_hash,
            settings=manifest.format_settings(settings),
            versions=used,
            seed=settings.seed,
            manifest_digest=signed.digest,
            series_root=signed.series_root,
            statement_index=index,
            series_count=len(result.series),
            forecast_count=sum(found.forecast is not None for found in result.series),
            started_at=started_at,
            finished_at=now,
        )
        store(run, signed, result.series)
        return {"run": run.id.hex, "series": run.series_count, "forecast": run.forecast_count, "entry": index}

    return complete


def _source(checkpoint: VerifiedCheckpoint) -> Source:
    return Source(checkpoint.origin, checkpoint.tree_size, checkpoint.root_hash)


def _append(run_id: UUID, checkpoint: VerifiedCheckpoint, signed: SignedFor, *, now: datetime) -> int:
    """Append the run's `forecast` statement; its index."""
    claims: dict[str, str | int] = {
        "run": run_id.hex,
        "tree_size": checkpoint.tree_size,
        "root_hash": checkpoint.root_hash.hex(),
        "manifest": signed.digest.hex(),
        "series_root": signed.series_root.hex(),
    }
    signer = keystore.signer_in_role("forecaster")
    made = submission("forecast", claims, origin=checkpoint.origin, by=signer, body=signed.body)
    [outcome] = append_many([made], rule=ForecastsOnly(), now=now, atomic=True)
    if isinstance(outcome, Refusal):
        raise outcome.error
    return outcome.index


def store(run: ForecastRun, signed: SignedFor, results: Sequence[SeriesResult]) -> None:
    """Write a run with its manifest and series."""
    run.save(force_insert=True)
    Manifest.objects.create(run=run, body=signed.body)
    rows = [
        _row(run, position, found, leaf)
        for position, (found, leaf) in enumerate(zip(results, signed.leaves, strict=True))
    ]
    SeriesForecast.objects.bulk_create(rows, batch_size=500)


def _row(run: ForecastRun, position: int, found: SeriesResult, leaf: bytes) -> SeriesForecast:
    key = found.key
    row = SeriesForecast(
        run=run,
        position=position,
        tenant=key.tenant,
        kind=key.kind,
        product=key.product,
        site=key.site,
        unit=key.unit,
        frequency=found.frequency,
        attested=found.attested,
        reason=found.reason,
        record=leaf.decode(),
    )
    if found.series is not None:
        row.season_length = found.series.season_length
        row.history_start = found.series.start
        row.history = manifest.format_values(found.series.values.tolist())
    if found.pool is not None:
        row.demand_class = found.pool.demand_class.value
    row.method, row.scores = found.method, manifest.format_scores(found)
    for name, value in manifest.format_forecast(found).items():
        setattr(row, name, value)
    return row


# --- computing again -------------------------------------------------------------------------------------------------

TOLERANCE = 1e-3
"""With other versions of the libraries: of a series' largest quantile. With the same ones a run repeats bit for bit."""


@dataclass(slots=True)
class Reproduction:
    """What computing a run again gave."""

    run: ForecastRun
    same_versions: bool
    series: int = 0
    largest_difference: float = 0.0
    differences: list[str] = field(default_factory=list)

    @property
    def holds(self) -> bool:
        """Whether the run came out as it was signed: to the bit, or within the tolerance with other versions."""
        return not self.differences


def reproduce(run: ForecastRun, *, progress: jobs.Beat = lambda done, total: None) -> Reproduction:
    """Compute `run` again from the log at its tree size, and compare with what was signed and stored.

    Raises LogBroken when the log does not hold.
    """
    found = Reproduction(run, same_versions=run.versions == versions())
    settings = manifest.parse_settings(run.settings)
    history = demand_history(tree_size=run.tree_size)
    if history.checkpoint is None or _source(history.checkpoint) != _source_of(run):
        found.differences.append(f"the log's first {run.tree_size} entries have another root than the run names")
        return found
    result = compute(history.series, settings, progress=progress)
    again = manifest.make(run.id, _source_of(run), settings, result, run.versions)
    found.series = len(again.leaves)
    stored = list(run.series.order_by("position"))
    _compare_records(found, stored, again)
    _compare_steps(found, stored, result.series)
    signed = signed_forecasts([run.statement_index]).get(run.statement_index)
    found.differences += queries.faults_of(run, signed)
    if found.same_versions and signed is not None and again.digest.hex() != signed.statement.claims.get("manifest"):
        found.differences.append("the manifest has another digest than the one that was signed")
    return found


def _source_of(run: ForecastRun) -> Source:
    return Source(run.origin, run.tree_size, bytes(run.root_hash))


def _compare_records(found: Reproduction, stored: Sequence[SeriesForecast], again: SignedFor) -> None:
    """Name what differs in the records: all of it with the same versions, the inputs and the methods with others."""
    if len(stored) != len(again.leaves):
        found.differences.append(f"{len(stored)} series are stored, and {len(again.leaves)} come from the log")
    for row, leaf in zip(stored, again.leaves, strict=False):
        old, new = json.loads(row.record), json.loads(leaf)
        names = set(old) | set(new)
        if not found.same_versions:
            names -= {"forecast", "scores"}
        if wrong := sorted(name for name in names if old.get(name) != new.get(name)):
            found.differences.append(f"{row}: {', '.join(wrong)} differ")


def _compare_steps(found: Reproduction, stored: Sequence[SeriesForecast], results: Sequence[SeriesResult]) -> None:
    """Compare the stored quantiles with the computed ones."""
    limit = 0.0 if found.same_versions else TOLERANCE
    for row, result in zip(stored, results, strict=False):
        difference = _relative_difference(row.steps, manifest.format_forecast(result)["steps"])
        found.largest_difference = max(found.largest_difference, difference)
        if difference > limit:
            found.differences.append(f"{row}: the stored forecast differs by {difference:.2g} of its largest quantile")


def _relative_difference(stored: Sequence[Any], computed: Sequence[Any]) -> float:
    if [step["period"] for step in stored] != [step["period"] for step in computed]:
        return float("inf")
    pairs = [
        (a, b)
        for one, two in zip(stored, computed, strict=True)
        for a, b in zip([one["point"], *one["quantiles"]], [two["point"], *two["quantiles"]], strict=True)
    ]
    largest = max((abs(b) for _, b in pairs), default=0.0)
    gap = max((abs(a - b) for a, b in pairs), default=0.0)
    return 0.0 if gap == 0 else gap / largest if largest > 0 else float("inf")
