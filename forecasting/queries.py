"""Reads of the forecasting room. What a party may see of a run is the series at its own sites."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date
from typing import Any, cast
from uuid import UUID

from django.db.models import Q, QuerySet

from forecasting import manifest
from forecasting.history import SeriesHistory, SeriesKey
from forecasting.models import ForecastRun, Job, Known, Override, SeriesForecast, Tested
from forecasting.timeseries.calendars import Days
from forecasting.timeseries.champion import Pool
from forecasting.timeseries.engine import NO_CHOICE, Choice, parse_choice
from ledger.tlog import merkle

__all__ = [
    "ForecastRun",
    "Job",
    "Known",
    "Override",
    "Provenance",
    "RunMissing",
    "SeriesForecast",
    "Tested",
    "choice_of",
    "job",
    "jobs",
    "latest_forecast",
    "latest_run",
    "provenance",
    "run",
    "runs",
    "series_forecast",
    "series_of",
    "visible_series",
]
"""The rows' types are named here for the rooms above, which may not import `forecasting.models`."""


class RunMissing(LookupError):
    """There is no such run."""


@dataclass(frozen=True, slots=True)
class Provenance:
    """What a forecast was made from, for the sentence on its page."""

    run: UUID
    origin: str
    tree_size: int
    root_hash: str
    statement_index: int
    manifest_digest: str
    sentence: str


def latest_run(party: UUID | None = None) -> ForecastRun | None:
    """The run that pages show: of the newest cutoff, everybody's or the party's own, but for those under a label."""
    return _forecasts(party).filter(label="").order_by("-cutoff", "-finished_at").first()


def newest_run() -> ForecastRun | None:
    """The forecast run that was finished last, of whatever cutoff."""
    return ForecastRun.objects.filter(kind=ForecastRun.Kind.FORECAST).order_by("-finished_at").first()


def runs(limit: int = 20, *, party: UUID | None = None) -> list[ForecastRun]:
    """The newest forecast runs, newest first: everybody's, and the party's own."""
    return list(_forecasts(party).order_by("-finished_at")[:limit])


def every_run(limit: int = 20) -> list[ForecastRun]:
    """All runs for whoever runs the server, also choices and those under way or called off, newest first."""
    return list(ForecastRun.every.order_by("-started_at")[:limit])


def frozen_runs(party: UUID) -> list[ForecastRun]:
    """The runs that a party gave a label, for its meetings."""
    return list(ForecastRun.objects.filter(tenant=party).exclude(label="").order_by("-cutoff")[:100])


def latest_choice() -> ForecastRun | None:
    """The newest choice of methods."""
    found = ForecastRun.objects.filter(kind=ForecastRun.Kind.CHOICE).select_related("chosen")
    return found.order_by("-cutoff", "-finished_at").first()


def run_of(job: Job) -> ForecastRun | None:
    """The run that a job made, under way or not."""
    return ForecastRun.every.filter(job=job).first()


def run_under_way(run_id: UUID, *, party: UUID) -> ForecastRun | None:
    """A party's own run, or a nightly one, in whatever state."""
    return ForecastRun.every.filter(pk=run_id).filter(Q(tenant=party) | Q(tenant__isnull=True)).first()


def _forecasts(party: UUID | None) -> QuerySet[ForecastRun]:
    theirs = Q(tenant__isnull=True) if party is None else Q(tenant__isnull=True) | Q(tenant=party)
    return ForecastRun.objects.filter(theirs, kind=ForecastRun.Kind.FORECAST)


def run(run_id: UUID | str) -> ForecastRun:
    """The run with this id, or with the only id that begins so. Raises RunMissing."""
    text = str(run_id).replace("-", "").lower()
    if not text or len(text) > 32 or set(text) - set("0123456789abcdef"):
        raise RunMissing(f"{run_id!r} is not the id of a run")
    lowest, highest = UUID(text.ljust(32, "0")), UUID(text.ljust(32, "f"))
    found = list(ForecastRun.objects.filter(id__gte=lowest, id__lte=highest)[:2])
    if len(found) != 1:
        raise RunMissing(f"there is no run {run_id}" if not found else f"more than one run begins with {run_id}")
    return found[0]


def visible_series(party: UUID | None) -> QuerySet[SeriesForecast]:
    """The series that `party` may read: those at its own sites, of signed runs. The one place that says so."""
    if party is None:
        return SeriesForecast.objects.none()
    return SeriesForecast.objects.filter(tenant=party, run__statement_index__isnull=False)


def members(found: ForecastRun) -> Q:
    """Which rows are a run's: those it computed, and for a nightly one those it shares with nights before."""
    if found.number is None:
        return Q(run=found)
    return Q(first__lte=found.number) & (Q(last__isnull=True) | Q(last__gte=found.number))


def choice_of(found: ForecastRun | None) -> Choice:
    """The frozen choice that a run uses."""
    if found is None or found.choice is None:
        return NO_CHOICE
    return parse_choice(found.choice.chosen.told["choice"])


def series_of(found: ForecastRun, *, party: UUID | None) -> QuerySet[SeriesForecast]:
    """The series of a run that `party` may read, forecast ones first."""
    return visible_series(party).filter(members(found)).order_by("reason", "product", "site", "unit")


def series_forecast(pk: int, *, party: UUID | None) -> SeriesForecast | None:
    """One of them, or None: a stranger learns nothing of those that exist."""
    return visible_series(party).select_related("run__choice__chosen").filter(pk=pk).first()


def latest_forecast(*, product: str, site: str, unit: str = "", party: UUID | None) -> SeriesForecast | None:
    """The newest row for a product at a site."""
    found = visible_series(party).select_related("run").filter(product=product, site=site)
    if unit:
        found = found.filter(unit=unit)
    return found.order_by("-run__finished_at").first()


def tested_of(row: SeriesForecast) -> Tested | None:
    """How the champion did on a series at past origins, as the choice that its run used saw it."""
    if row.run.choice_id is None or row.observed_id is None or row.tenant is None:
        return None
    return Tested.objects.filter(run=row.run.choice_id, observed=row.observed_id, tenant=row.tenant).first()


def tested_in(found: ForecastRun, rows: Iterable[SeriesForecast]) -> dict[int, Tested]:
    """The same for many rows of a run at once, by row."""
    by_series = {row.observed_id: row.pk for row in rows if row.observed_id is not None}
    tested = Tested.objects.filter(run=found.choice_id, observed__in=list(by_series)).defer("backtest")
    return {by_series[one.observed_id]: one for one in tested if one.observed_id in by_series}


def pool_of(row: SeriesForecast) -> dict[str, Any] | None:
    """What the choice says of the pool of a series: its champion, and every candidate's score over all its series."""
    if row.run.choice is None or not row.demand_class:
        return None
    length = Pool.length_of(len(row.history), row.season_length or 1)
    pools: list[dict[str, Any]] = row.run.choice.chosen.told["choice"]["pools"]
    wanted = (row.frequency, row.demand_class, length)
    return next((one for one in pools if (one["frequency"], one["class"], one["length"]) == wanted), None)


def known_by(party: UUID, *, standing: bool = True) -> QuerySet[Known]:
    """What a party entered of promotions, holidays and stockouts."""
    found = Known.objects.filter(tenant=party)
    return found.filter(withdrawn_at__isnull=True) if standing else found


def overrides_of(row: SeriesForecast) -> list[Override]:
    """What people expect of a series instead of the model, those that ended too."""
    return list(
        Override.objects.filter(
            tenant=row.tenant or UUID(int=0), product=row.product, site=row.site, unit=row.unit, frequency=row.frequency
        ).order_by("period", "-made_at")
    )


def override_leaves(found: ForecastRun) -> list[bytes]:
    """The leaf hashes of the overrides that stood at a run's cutoff, everybody's or those of its party, in order."""
    stood = Override.objects.filter(made_at__lte=found.cutoff)
    stood = stood.filter(Q(ended_at__isnull=True) | Q(ended_at__gt=found.cutoff))
    if found.tenant is not None:
        stood = stood.filter(tenant=found.tenant)
    told = (
        [
            row.tenant.hex, row.product, row.site, row.unit, row.frequency, row.period.isoformat(), row.quantity,
            row.model_quantity, row.reason, row.author, row.made_at.astimezone(UTC).isoformat(),
        ]
        for row in stood
    )  # fmt: skip
    return [merkle.leaf_hash(leaf) for leaf in sorted(manifest.encode(one) for one in told)]


def provenance(found: ForecastRun) -> Provenance:
    """Say what a run was made from."""
    assert found.statement_index is not None  # a run is shown once it is signed
    index = found.statement_index
    root, digest = bytes(found.root_hash).hex(), bytes(found.manifest_digest or b"").hex()
    sentence = (
        f"Made only from the {found.tree_size:,} verified entries of {found.origin} under the root {root[:16]}…, "
        f"as known at {found.cutoff:%Y-%m-%d %H:%M} UTC; signed into the log as entry {index:,}."
    )
    return Provenance(found.id, found.origin, found.tree_size, root, index, digest, sentence)


def jobs(limit: int = 20, *, kind: str | None = None) -> list[Job]:
    """The newest jobs, newest first."""
    found = Job.objects.order_by("-created_at")
    return list((found.filter(kind=kind) if kind else found)[:limit])


def job(job_id: UUID) -> Job | None:
    """One job, or None."""
    return Job.objects.filter(pk=job_id).first()


@dataclass(frozen=True, slots=True)
class Progress:
    """How a run that somebody asked for stands, from its job and its shards."""

    is_open: bool
    shards: int = 0
    done: int = 0
    is_planned: bool = False
    error: str = ""


def progress(of: Job) -> Progress:
    """From the plan to the signature."""
    found = run_of(of)
    if found is None:
        return Progress(of.is_open, error=of.error if not of.is_open else "")
    open_ = found.statement_index is None and not found.error
    return Progress(open_, found.shards, found.shards - found.shards_left, True, found.error)


def runs_with_open(party: UUID, limit: int = 30) -> list[ForecastRun]:
    """Everybody's runs and choices and the party's own, also those under way or called off, newest first."""
    theirs = Q(tenant__isnull=True) | Q(tenant=party)
    return list(ForecastRun.every.filter(theirs).order_by("-started_at")[:limit])


def overrides_by(party: UUID) -> QuerySet[Override]:
    """All overrides of a party, those that ended too, newest first."""
    return Override.objects.filter(tenant=party).order_by("-made_at", "-pk")


def standing_overrides(party: UUID) -> dict[tuple[str, str, str, str, date], Override]:
    """What a party expects instead of the model, by product, site, unit, frequency and period."""
    found = Override.objects.filter(tenant=party, ended_at__isnull=True)
    return {(one.product, one.site, one.unit, one.frequency, one.period): one for one in found}


def siblings(key: SeriesKey, by_key: Mapping[str, SeriesHistory], most: int = 24) -> list[SeriesHistory]:
    """The same product at other sites, as they were first told of, which is the order of the kept rows."""
    mine = (key.product, key.unit, key.kind, key.tenant)
    found = [
        one
        for one in by_key.values()
        if (one.key.product, one.key.unit, one.key.kind, one.key.tenant) == mine and one.key.site != key.site
    ]
    return sorted(found, key=lambda one: one.first_index)[:most]


def days_for(key: SeriesKey, rows: Iterable[Known]) -> tuple[Days, ...]:
    """What was entered that concerns a series, in order."""
    mine = [row for row in rows if concerns(row, key)]
    return tuple(
        Days(cast(Any, row.kind), row.name, row.start, row.end)
        for row in sorted(mine, key=lambda row: (row.start, row.pk))
    )


def concerns(row: Known, key: SeriesKey) -> bool:
    """Whether what was entered is about this series."""
    return row.tenant == key.tenant and row.product in ("", key.product) and row.site in ("", key.site)
