"""Whether stored runs are what their `forecast` entries signed: rows, place in the log, inputs. Nothing is fitted."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Callable, Iterator, Mapping
from typing import Any, cast
from uuid import UUID

import numpy as np
from django.db.models import Q

from forecasting import manifest, observing, queries
from forecasting.history import SeriesHistory, SeriesKey, demand_history, signed_forecasts
from forecasting.models import ForecastRun, Known, SeriesForecast
from forecasting.runs import RunSettings, Told, prepared
from forecasting.timeseries.series import DemandSeries, Frequency
from ledger import tenancy
from ledger.tlog import merkle
from ledger.verified import LogBroken, VerifiedEntry, checked_once, roots_at

READ_AGAIN = 20_000
"""Series whose history an audit reads again from the log at once."""


def faults() -> Iterator[tuple[int, str]]:
    """Tell the audit, by index, where a stored run is not what its `forecast` entry signed, down to each quantile.

    A run must lie above what it was made from, under the root that the log had then; and what the newest one was made
    from must be in the log: its series are read again and their digests compared.
    """
    with tenancy.system(), checked_once():
        found = list(ForecastRun.objects.select_related("manifest").order_by("statement_index"))
        newest = next((each for each in reversed(found) if each.kind == ForecastRun.Kind.FORECAST), None)
        try:
            if newest is not None:  # the first, for it has the log checked up to where the others stand
                for what in faults_of_inputs(newest):
                    yield newest.statement_index or 0, what
            signed = signed_forecasts([index for each in found if (index := each.statement_index) is not None])
            roots = roots_at({each.tree_size for each in found})
        except LogBroken as broken:
            yield -1, str(broken)
            return
        for each in found:
            index = each.statement_index or 0
            for what in (*faults_of(each, signed.get(index)), *_misplaced(each, roots)):
                yield index, what


def verify(found: ForecastRun) -> list[str]:
    """What is wrong with one run: with what is stored of it, with its place in the log, with its inputs. Nothing is
    fitted. Raises LogBroken."""
    index = found.statement_index or 0
    wrong = faults_of(found, signed_forecasts([index]).get(index))
    wrong += _misplaced(found, roots_at({found.tree_size}))
    return wrong + (list(faults_of_inputs(found)) if found.kind == ForecastRun.Kind.FORECAST else [])


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
        "manifest": bytes(found.manifest_digest or b"").hex(),
        "series_root": bytes(found.series_root or b"").hex(),
    }
    wrong = [f"{name}: its {key} is not the one that was signed" for key in said if claims.get(key) != said[key]]
    overrides = json.loads(bytes(found.manifest.body)).get("overrides")
    if overrides is not None and overrides != manifest.format_overrides(queries.override_leaves(found)):
        wrong.append(f"{name}: the overrides that stood when it was made are not those that were signed")
    if signed.body is not None and bytes(found.manifest.body) != signed.body:
        wrong.append(f"{name}: its manifest is not the one that was signed")
    if found.kind == ForecastRun.Kind.CHOICE:
        told = json.loads(bytes(found.manifest.body)).get("chosen")
        return wrong if told == found.chosen.told else [*wrong, f"{name}: what it chose is not what was signed"]
    columns = ("kind", "product", "site", "unit", "tenant", "leaf_hash")
    rows = SeriesForecast.objects.filter(queries.members(found)).values_list(*columns)
    leaves = [leaf for _, leaf in sorted((SeriesKey(*key).text, bytes(leaf)) for *key, leaf in rows)]
    if merkle.root_of(leaves) != bytes(found.series_root or b""):
        wrong.append(f"{name}: its series are not those that were signed")
    computed = found.computed.order_by("id").iterator(500)
    return wrong + [f"{name}: {what}" for row in computed if (what := _fault_of(row))]


def _misplaced(found: ForecastRun, roots: Mapping[int, bytes]) -> list[str]:
    """Whether a run lies above what it names, under the root that the log had there."""
    name, wrong = f"forecast run {found.id.hex}", []
    if found.statement_index is not None and found.statement_index < found.tree_size:
        wrong.append(f"{name}: it stands below the entries it says it was made from")
    if roots.get(found.tree_size) != bytes(found.root_hash):
        wrong.append(f"{name}: the log's first {found.tree_size} entries have another root than it names")
    return wrong


def faults_of_inputs(found: ForecastRun) -> Iterator[str]:
    """Name the series of a run whose history is not what the first entries under its root tell. Nothing is fitted."""
    settings, wanted = manifest.parse_settings(found.settings), _part_of(found)
    by_key = {one.key.text: one for one in demand_history(tree_size=found.tree_size, only=wanted).series}
    for what in observing.differences(by_key.values(), tree_size=found.tree_size):
        yield f"forecast run {found.id.hex}: {what}"
    for row in found.computed.order_by("id").iterator(500):
        record = json.loads(row.record)
        key = SeriesKey(row.kind, row.product, row.site, row.unit, row.tenant)
        history = by_key.get(key.text)
        if record.get("cutoff") is None or not wanted(key):
            continue  # a record of an older version; another night's part
        if history is None:
            yield f"forecast run {found.id.hex}: the log tells nothing of {row.product} at {row.site}"
        elif what := _told_otherwise(history, record, settings, by_key):
            yield f"forecast run {found.id.hex}: {what} of {row.product} at {row.site}"


def _part_of(found: ForecastRun) -> Callable[[SeriesKey], bool]:
    """Which series are read again at once: all, or of more than fit in memory another part with each run."""
    parts = -(-max(1, found.series_count) // READ_AGAIN)
    turn = (found.statement_index or 0) % parts
    return lambda key: int.from_bytes(hashlib.sha256(key.text.encode()).digest()[:4], "big") % parts == turn


def _told_otherwise(
    history: SeriesHistory, record: Mapping[str, Any], settings: RunSettings, by_key: Mapping[str, SeriesHistory]
) -> str:
    """What of a series' inputs is not what its record says: the log, or what stood beside it; or "". Nothing is
    fitted."""
    known = Known.objects.filter(tenant=history.key.tenant or UUID(int=0), entered_at__lte=settings.cutoff)
    known = known.filter(Q(withdrawn_at__isnull=True) | Q(withdrawn_at__gt=settings.cutoff)).order_by("start", "id")
    told = Told(history, str(record["country"]), queries.days_for(history.key, known))
    again = prepared(told, settings, lambda key: queries.siblings(key, by_key))
    if record["history"] != (again.series.digest().hex() if again.series is not None else None):
        return "the log tells otherwise"
    if record["beside"] != hashlib.sha256(again.beside().encode()).hexdigest():
        return "what was entered beside it, or of the same product elsewhere, is otherwise"
    return ""


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
        "flags": manifest.digest_of(row.flags),
        "shares": manifest.digest_of(row.shares),
    }
    if merkle.leaf_hash(row.record.encode()) != bytes(row.leaf_hash):
        return f"the record of {row.product} at {row.site} is not what was signed"
    if row.is_thinned:  # what can be computed again was let go; its digests stay in the record
        told = {name: value for name, value in told.items() if name not in ("history", "forecast")}
    if "cutoff" not in record:  # of an older version, which kept the scores with the series
        told = {name: value for name, value in told.items() if name not in ("flags", "shares", "forecast")}
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
    told = {"steps": row.steps, "levels": row.levels, "components": row.components}
    return manifest.digest_of(told) if row.steps else None
