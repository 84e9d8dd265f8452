"""A run in shards: what has changed is divided among durable jobs, and whoever does the last one has it signed."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, cast
from uuid import UUID, uuid4

from django.db.models import Max, Q

from forecasting import jobs, manifest, observing, watching
from forecasting.models import ForecastRun, Job, Known, ObservedSeries, Outcome, SeriesForecast
from forecasting.operations.asking import SHARD, SIGN, end_jobs
from forecasting.operations.choosing import choice_for
from forecasting.operations.inputs import siblings_in, told_of
from forecasting.operations.signing import members, take_one
from forecasting.queries import choice_of, concerns
from forecasting.runs import RunRefused, RunSettings, SeriesResult, compute, versions
from forecasting.timeseries.series import Frequency, last_end
from ledger.tlog import merkle
from ledger.verified import LogBroken, VerifiedCheckpoint

SHARD_SIZE = 500


@dataclass(frozen=True, slots=True)
class Work:
    """What a run has to compute, and what it takes over from the night before."""

    ids: tuple[int, ...]
    carried: int = 0
    gone: tuple[int, ...] = ()


# --- planning --------------------------------------------------------------------------------------------------------


def forecast(claimed: jobs.Claim, beat: jobs.Beat, clock: jobs.Clock) -> jobs.Complete:
    """Do a forecast job: verify, read what is new, see what has changed; answer with what makes the shards.

    Raises jobs.GiveUp for a broken log or senseless settings: nothing is forecast from what does not hold.
    """
    started_at = clock()
    try:
        settings = manifest.parse_settings(claimed.args)
        observing.advance()
        choice = choice_for(settings, clock)
        checkpoint = observing.advance()
    except (LogBroken, RunRefused, TypeError, KeyError, ValueError) as refused:
        raise jobs.GiveUp(str(refused)) from refused
    if not checkpoint.tree_size:
        raise jobs.GiveUp("The log is empty.")
    before = _night_before(settings) if settings.chained else None
    work = _work(settings, before, choice)

    def complete() -> dict[str, Any]:
        run = _begin(claimed, settings, checkpoint, choice, work, started_at)
        now = clock()
        for number, ids in enumerate(shards_of(work.ids)):
            args = {"run": run.id.hex, "series": ids}
            jobs.enqueue(SHARD, cause=f"shard {number} of {run.id.hex}", args=args, now=now)
        if not run.shards:
            jobs.enqueue(SIGN, cause=f"sign {run.id.hex}", args={"run": run.id.hex}, now=now)
        return {"run": run.id.hex, "shards": run.shards, "changed": len(work.ids), "carried": work.carried}

    return complete


def _begin(
    claimed: jobs.Claim,
    settings: RunSettings,
    checkpoint: VerifiedCheckpoint,
    choice: ForecastRun | None,
    work: Work,
    started_at: datetime,
) -> ForecastRun:
    number = None
    if settings.chained:
        number = (ForecastRun.every.aggregate(last=Max("number"))["last"] or 0) + 1
    count = len(shards_of(work.ids))
    return ForecastRun.every.create(
        id=uuid4(),
        job_id=claimed.job,
        tenant=settings.tenant,
        label=settings.label,
        number=number,
        choice=choice,
        shards=count,
        shards_left=count,
        cutoff=settings.cutoff,
        origin=checkpoint.origin,
        tree_size=checkpoint.tree_size,
        root_hash=checkpoint.root_hash,
        settings=manifest.format_settings(settings),
        versions=versions(),
        seed=settings.seed,
        carried_count=work.carried,
        gone=list(work.gone),
        started_at=started_at,
    )


def _night_before(settings: RunSettings) -> ForecastRun | None:
    """The latest nightly run. Raises jobs.GiveUp while another is under way, or when this one would go back."""
    other = ForecastRun.every.filter(number__isnull=False, statement_index__isnull=True, error="").first()
    if other is not None:
        raise jobs.GiveUp(f"the nightly run {other.id.hex} is still under way")
    found = ForecastRun.objects.filter(number__isnull=False).order_by("-number").first()
    if found is not None and found.cutoff > settings.cutoff:
        raise jobs.GiveUp(f"a nightly run as of {found.cutoff:%Y-%m-%d %H:%M} UTC was made already")
    return found


def _work(settings: RunSettings, before: ForecastRun | None, choice: ForecastRun | None) -> Work:
    """Which series to compute: all, or for a night those of which anything is new."""
    ids = observing.preferred_ids(cutoff=settings.cutoff, tenant=settings.tenant)
    if before is None:
        return Work(_by_calendar(ids))
    rows = members(before).values_list("observed", "frequency", "history_end")
    kept = {pk: (frequency, end) for pk, frequency, end in rows if pk is not None}
    gone = tuple(sorted(set(kept) - set(ids)))
    if before.choice_id != (choice.pk if choice else None) or before.versions != versions():
        return Work(_by_calendar(ids), gone=gone)
    touched = observing.touched_since(before.tree_size) | _with_other_days(before, settings)
    ends = {frequency: last_end(settings.cutoff, frequency) for frequency in cast(list[Frequency], ["D", "W", "MS"])}
    changed = [pk for pk in ids if pk not in kept or pk in touched or ends[cast(Frequency, kept[pk][0])] != kept[pk][1]]
    return Work(_by_calendar(changed), len(ids) - len(changed), gone)


def _with_other_days(before: ForecastRun, settings: RunSettings) -> set[int]:
    """Series of which somebody entered or withdrew a promotion, a holiday or a stockout since the night before."""
    since = Q(entered_at__gt=before.cutoff) | Q(withdrawn_at__gt=before.cutoff)
    found: set[int] = set()
    for row in Known.objects.filter(since):
        mine = ObservedSeries.objects.filter(tenant=row.tenant)
        mine = mine.filter(product=row.product) if row.product else mine
        mine = mine.filter(site=row.site) if row.site else mine
        found |= {one.pk for one in mine if concerns(row, observing.key_of(one))}
    return found


def _by_calendar(ids: Sequence[int]) -> tuple[int, ...]:
    """Series that began together stand together: they share a calendar, and with it most of the work."""
    began = dict(ObservedSeries.objects.values_list("pk", "first_at"))
    return tuple(sorted(ids, key=lambda pk: (began[pk].date(), pk)))


def shards_of(ids: Sequence[int]) -> list[list[int]]:
    """Divide series into shards."""
    return [list(ids[at : at + SHARD_SIZE]) for at in range(0, len(ids), SHARD_SIZE)]


# --- computing -------------------------------------------------------------------------------------------------------


def shard(claimed: jobs.Claim, beat: jobs.Beat, clock: jobs.Clock) -> jobs.Complete:
    """Do one shard: read its series as the run's part of the log tells of them, forecast, and store.

    Raises jobs.GiveUp when the run was called off.
    """
    run = ForecastRun.every.select_related("choice__chosen").get(pk=UUID(hex=claimed.args["run"]))
    if run.error or run.statement_index is not None:
        raise jobs.GiveUp(run.error or "the run is signed")
    settings = manifest.parse_settings(run.settings)
    found = observing.histories(claimed.args["series"], tree_size=run.tree_size)
    told = told_of([history for _, history in found], cutoff=settings.cutoff)
    results = compute(told, settings, choice_of(run), siblings=lambda key: siblings_in(run, key))
    ids = [pk for pk, _ in found]
    rows = [row_of(run, pk, result, settings) for pk, result in zip(ids, results, strict=True)]
    outcomes = _outcomes(run, ids, told, results, now=clock()) if run.number is not None else []

    def complete() -> dict[str, Any]:
        SeriesForecast.objects.bulk_create(rows, batch_size=200)
        Outcome.objects.bulk_create(outcomes, batch_size=500, ignore_conflicts=True)
        take_one(run.pk, now=clock())
        return {"series": len(rows), "forecast": sum(bool(row.method) for row in rows)}

    return complete


def row_of(run: ForecastRun, pk: int | None, found: SeriesResult, settings: RunSettings) -> SeriesForecast:
    """One series of a run, as it is stored."""
    key, leaf = found.key, manifest.encode(manifest.record_of(found, settings))
    row = SeriesForecast(
        run=run,
        observed_id=pk,
        first=run.number,
        tenant=key.tenant,
        kind=key.kind,
        product=key.product,
        site=key.site,
        unit=key.unit,
        frequency=found.frequency,
        attested=found.attested,
        history_end=last_end(settings.cutoff, found.frequency),
        method=found.method,
        reason=found.reason,
        flags=manifest.format_flags(found),
        shares=dict(found.shares),
        record=leaf.decode(),
        leaf_hash=merkle.leaf_hash(leaf),
    )
    if found.series is not None:
        row.season_length = found.series.season_length
        row.history_start = found.series.start
        row.history = manifest.format_values(found.series.values.tolist())
    if found.pool is not None:
        row.demand_class = found.pool.demand_class.value
    for name, value in manifest.format_forecast(found).items():
        setattr(row, name, value)
    return row


def _outcomes(
    run: ForecastRun, ids: Sequence[int], told: Sequence[Any], results: Sequence[SeriesResult], *, now: datetime
) -> list[Outcome]:
    """What came of the forecasts that the series had until tonight."""
    current = SeriesForecast.objects.filter(observed__in=ids, last__isnull=True, first__lt=run.number)
    before = {row.observed_id: row for row in current}
    found = []
    for pk, one, result in zip(ids, told, results, strict=True):
        row = before.get(pk)
        if row is not None and result.series is not None and row.frequency == result.frequency:
            found += [
                Outcome(observed_id=pk, forecast_by_id=row.run_id, seen_at=now, **told_of_it)
                for told_of_it in watching.outcomes(row, one.history, result.series)
            ]
    return found


def shard_failed(job: Job, *, now: datetime) -> None:
    """A shard that was tried in vain leaves its series without a forecast, and says why; the others keep theirs."""
    run = ForecastRun.every.filter(pk=UUID(hex=job.args["run"]), statement_index__isnull=True, error="").first()
    if run is None:
        return
    settings = manifest.parse_settings(run.settings)
    reason = f"It could not be computed: {job.error}"[:500]
    rows = [
        row_of(run, pk, SeriesResult(history.key, "D", history.attested, reason=reason), settings)
        for pk, history in observing.histories(job.args["series"], tree_size=run.tree_size)
    ]
    SeriesForecast.objects.bulk_create(rows, batch_size=200)
    take_one(run.pk, now=now)


__all__ = ["SHARD_SIZE", "choice_of", "end_jobs", "forecast", "row_of", "shard", "shard_failed", "shards_of"]
