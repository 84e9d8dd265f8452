"""Reads of the forecasting room. What a party may see of a run is the series at its own sites."""

import json
import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import cast
from uuid import UUID

import numpy as np
from django.db.models import QuerySet

from forecasting import manifest
from forecasting.history import SeriesKey, signed_forecasts
from forecasting.models import ForecastRun, Job, SeriesForecast
from forecasting.timeseries.series import DemandSeries, Frequency
from ledger import tenancy
from ledger.verified import LogBroken, VerifiedEntry

__all__ = [
    "ForecastRun",
    "Job",
    "Provenance",
    "RunMissing",
    "SeriesForecast",
    "faults",
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


def latest_run() -> ForecastRun | None:
    """The newest finished run."""
    return ForecastRun.objects.order_by("-finished_at").first()


def runs(limit: int = 20) -> list[ForecastRun]:
    """The newest runs, newest first."""
    return list(ForecastRun.objects.order_by("-finished_at")[:limit])


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
    """The series that `party` may read: those at its own sites. The one place that says so."""
    return SeriesForecast.objects.filter(tenant=party) if party is not None else SeriesForecast.objects.none()


def series_of(found: ForecastRun, *, party: UUID | None) -> QuerySet[SeriesForecast]:
    """The series of a run that `party` may read, forecast ones first."""
    return visible_series(party).filter(run=found).order_by("reason", "product", "site", "unit")


def series_forecast(pk: int, *, party: UUID | None) -> SeriesForecast | None:
    """One of them, or None: a stranger learns nothing of those that exist."""
    return visible_series(party).select_related("run").filter(pk=pk).first()


def latest_forecast(*, product: str, site: str, unit: str = "", party: UUID | None) -> SeriesForecast | None:
    """The newest row for a product at a site."""
    found = visible_series(party).select_related("run").filter(product=product, site=site)
    if unit:
        found = found.filter(unit=unit)
    return found.order_by("-run__finished_at").first()


def provenance(found: ForecastRun) -> Provenance:
    """Say what a run was made from."""
    root, digest = bytes(found.root_hash).hex(), bytes(found.manifest_digest).hex()
    sentence = (
        f"Made only from the {found.tree_size:,} verified entries of {found.origin} under the root {root[:16]}…, "
        f"as known at {found.cutoff:%Y-%m-%d %H:%M} UTC; signed into the log as entry {found.statement_index:,}."
    )
    return Provenance(found.id, found.origin, found.tree_size, root, found.statement_index, digest, sentence)


def jobs(limit: int = 20, *, kind: str | None = None) -> list[Job]:
    """The newest jobs, newest first."""
    found = Job.objects.order_by("-created_at")
    return list((found.filter(kind=kind) if kind else found)[:limit])


def job(job_id: UUID) -> Job | None:
    """One job, or None."""
    return Job.objects.filter(pk=job_id).first()


# --- checking --------------------------------------------------------------------------------------------------------


def faults() -> Iterator[tuple[int, str]]:
    """Tell the audit, by index, where a stored run is not what its `forecast` entry signed, down to each quantile."""
    with tenancy.system():
        found = list(ForecastRun.objects.order_by("statement_index"))
        try:
            signed = signed_forecasts([each.statement_index for each in found])
        except LogBroken as broken:
            yield -1, str(broken)
            return
        for each in found:
            for what in faults_of(each, signed.get(each.statement_index)):
                yield each.statement_index, what


def faults_of(found: ForecastRun, signed: VerifiedEntry | None) -> list[str]:
    """What a stored run says otherwise than the entry that signed it."""
    name = f"forecast run {found.id.hex}"
    if signed is None:
        return [f"{name}: no forecast statement stands at its index"]
    claims = signed.statement.claims
    said = {
        "run": found.id.hex,
        "tree_size": found.tree_size,
        "root_hash": bytes(found.root_hash).hex(),
        "manifest": bytes(found.manifest_digest).hex(),
        "series_root": bytes(found.series_root).hex(),
    }
    wrong = [f"{name}: its {key} is not the one that was signed" for key in said if claims.get(key) != said[key]]
    if signed.body is not None and bytes(found.manifest.body) != signed.body:
        wrong.append(f"{name}: its manifest is not the one that was signed")
    rows = list(found.series.order_by("position"))
    if manifest.series_root([row.record.encode() for row in rows]) != bytes(found.series_root):
        wrong.append(f"{name}: its series are not those that were signed")
    return wrong + [f"{name}: {what}" for row in rows if (what := _fault_of(row))]


def _fault_of(row: SeriesForecast) -> str:
    """What the columns of a series say otherwise than its record, which is under the signed root."""
    record = json.loads(row.record)
    told = {
        "kind": row.kind,
        "product": row.product,
        "site": row.site,
        "unit": row.unit,
        "tenant": row.tenant.hex if row.tenant else None,
        "frequency": row.frequency,
        "attested": row.attested,
        "history": _history_digest(row),
        "reason": row.reason,
        "class": row.demand_class,
        "method": row.method,
        "forecast": _forecast_digest(row),
        "scores": row.scores,
    }
    return manifest.fault_in(record, told)


def _history_digest(row: SeriesForecast) -> str | None:
    if row.history_start is None:
        return None
    key = SeriesKey(row.kind, row.product, row.site, row.unit, row.tenant)
    values = np.array([math.nan if value is None else value for value in row.history])
    frequency, season_length = cast(Frequency, row.frequency), row.season_length or 0
    series = DemandSeries(key.text, frequency, season_length, row.history_start, values, row.unit, row.kind)
    return series.digest().hex()


def _forecast_digest(row: SeriesForecast) -> str | None:
    told = {"steps": row.steps, "levels": row.levels, "components": row.components, "backtest": row.backtest}
    return manifest.digest_of(told) if row.steps else None
