"""What a run signs for: the manifest, the digests of its series, and the root of the Merkle tree over them.

The manifest is JSON, made of nothing but the run's inputs and results, so that whoever computes the run again gets the
same bytes. Its SHA-256 stands in the claims of the run's `forecast` statement, and the statement commits to it as body.
"""

import hashlib
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime
from typing import Any
from uuid import UUID

from forecasting.history import DEMAND_RULE, SeriesKey
from forecasting.runs import RunSettings, SeriesResult
from forecasting.timeseries.candidates import ENSEMBLES, METHODS
from forecasting.timeseries.methods import Forecast
from forecasting.timeseries.series import step_from
from ledger.tlog import merkle

FORMAT = "waylog-forecast-manifest/2"
MOST_BYTES = 900_000
MOST_RECORDS = 600
"""A body has at most 1 MiB and 50,000 nodes; a larger run lists no series in it, and its root still covers all."""


@dataclass(frozen=True, slots=True)
class Source:
    """The part of the log that a run was made from."""

    origin: str
    tree_size: int
    root_hash: bytes


@dataclass(frozen=True, slots=True)
class SignedFor:
    """A manifest's bytes, and the root of the RFC 6962 tree over the records of its series."""

    body: bytes
    series_root: bytes

    @property
    def digest(self) -> bytes:
        """SHA-256 of the body."""
        return hashlib.sha256(self.body).digest()


def make(
    run: UUID,
    source: Source,
    settings: RunSettings,
    leaves: Sequence[bytes],
    versions: Mapping[str, str],
    *,
    kind: str = "forecast",
    choice: str = "",
    chosen: Mapping[str, Any] | None = None,
    records: Sequence[Mapping[str, Any]] = (),
    carried: int = 0,
    overrides: Sequence[bytes] | None = None,
) -> SignedFor:
    """Make the manifest of a run over `leaves`, the hashes of its series' records in order.

    `choice` is the digest of the manifest whose champions it uses, `chosen` what a choice run settled. `overrides` are
    the leaf hashes of what people expected instead when it was made; None where a manifest says nothing of them.
    """
    root = merkle.root_of(leaves)
    told = {
        "format": FORMAT,
        "run": run.hex,
        "kind": kind,
        "log": {"origin": source.origin, "tree_size": source.tree_size, "root_hash": source.root_hash.hex()},
        "settings": format_settings(settings),
        "demand": DEMAND_RULE,
        "methods": {name: dict(method.parameters()) for name, method in METHODS.items()},
        "ensembles": {name: {"members": list(members), "how": how} for name, (members, how) in ENSEMBLES.items()},
        "versions": dict(versions),
        "choice": choice or None,
        "chosen": chosen,
        "series_count": len(leaves),
        "carried": carried,
        "series_root": root.hex(),
    }
    if overrides is not None:
        told["overrides"] = format_overrides(overrides)
    body = encode({**told, "series": list(records)}) if records and len(records) <= MOST_RECORDS else encode(told)
    if len(body) > MOST_BYTES:
        body = encode(told)
    return SignedFor(body, root)


def format_overrides(leaves: Sequence[bytes]) -> dict[str, Any]:
    """What a manifest says of overrides: how many stood, and the root over them."""
    return {"standing": len(leaves), "root": merkle.root_of(leaves).hex()}


def record_of(found: SeriesResult, settings: RunSettings) -> dict[str, Any]:
    """What is signed of one series: digests of what went in and came out, method, or a reason.

    It names its cutoff: a series that nothing changed keeps its record through later nights.
    """
    key, told = found.key, format_forecast(found)
    return {
        "kind": key.kind,
        "product": key.product,
        "site": key.site,
        "unit": key.unit,
        "tenant": key.tenant.hex if key.tenant else None,
        "frequency": found.frequency,
        "attested": found.attested,
        "cutoff": settings.cutoff.astimezone(UTC).isoformat(),
        "history": found.series.digest().hex() if found.series is not None else None,
        "periods": len(found.series) if found.series is not None else 0,
        "country": found.country,
        "beside": hashlib.sha256(found.beside().encode()).hexdigest(),
        "flags": digest_of(format_flags(found)),
        "shares": digest_of(dict(found.shares)),
        "class": found.pool.demand_class.value if found.pool is not None else "",
        "method": found.method,
        "forecast": digest_of(told) if told["steps"] else None,
        "reason": found.reason,
    }


def input_of(found: SeriesResult) -> dict[str, Any]:
    """What a choice signs of a series that it looked at: digests of what went in."""
    key = found.key
    return {
        "kind": key.kind,
        "product": key.product,
        "site": key.site,
        "unit": key.unit,
        "tenant": key.tenant.hex if key.tenant else None,
        "frequency": found.frequency,
        "history": found.series.digest().hex() if found.series is not None else None,
        "country": found.country,
        "beside": hashlib.sha256(found.beside().encode()).hexdigest(),
    }


def digest_of(value: Any) -> str:
    """SHA-256 of JSON in hex; all numbers as floats, for whole ones may come back from the database as integers."""
    return hashlib.sha256(encode(as_floats(value))).hexdigest()


def as_floats(value: Any) -> Any:
    """The same with every number as a float."""
    if isinstance(value, dict):
        return {name: as_floats(member) for name, member in value.items()}
    if isinstance(value, (list, tuple)):
        return [as_floats(member) for member in value]
    return float(value) if isinstance(value, (int, float)) and not isinstance(value, bool) else value


def format_forecast(found: SeriesResult) -> dict[str, Any]:
    """A forecast as JSON, with its components: what the page draws."""
    if found.forecast is None or found.series is None:
        return {"steps": [], "levels": [], "components": {}}
    forecast = found.forecast
    return {
        "steps": format_steps(found.series.future(forecast.horizon), forecast),
        "levels": list(forecast.levels),
        "components": {name: (values + 0.0).tolist() for name, values in forecast.components.items()},
    }


def format_flags(found: SeriesResult) -> list[dict[str, Any]]:
    """What was capped before a method saw it, or should be looked at; by period."""
    if found.series is None:
        return []
    series = found.series
    return [
        {
            "period": step_from(series.start, series.frequency, flag.place).isoformat(),
            "kind": flag.kind,
            "told": flag.told,
            "used": flag.used,
        }
        for flag in found.flags
    ]


def format_steps(periods: Sequence[date], forecast: Forecast) -> list[Any]:
    """The forecast as JSON: one object a step."""
    return [
        {"period": period.isoformat(), "point": float(point), "quantiles": [float(q) for q in quantiles]}
        for period, point, quantiles in zip(periods, forecast.point, forecast.quantiles, strict=True)
    ]


def encode(value: Any) -> bytes:
    """Compact JSON with sorted names; a number reads back to the same bits."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode()


def parse(record: str) -> tuple[str, dict[str, Any]]:
    """A record as JSON, with the text of its series' key to sort by."""
    told = json.loads(record)
    tenant = UUID(hex=told["tenant"]) if told["tenant"] else None
    return SeriesKey(told["kind"], told["product"], told["site"], told["unit"], tenant).text, told


def fault_in(record: Mapping[str, Any], told: Mapping[str, Any]) -> str:
    """Name the first thing that a stored series says otherwise than its record, or answer ""."""
    for name, value in told.items():
        if record.get(name) != value:
            return f"{name} of {record.get('product')} at {record.get('site')} is not what was signed"
    return ""


def format_values(values: Sequence[float]) -> list[float | None]:
    """Numbers for JSON: None where one is missing."""
    return [None if math.isnan(value) else float(value) for value in values]


def format_settings(settings: RunSettings) -> dict[str, Any]:
    """Settings as JSON; `parse_settings` reads them back."""
    tenant = settings.tenant.hex if settings.tenant else None
    return {**asdict(settings), "cutoff": settings.cutoff.astimezone(UTC).isoformat(), "tenant": tenant}


def parse_settings(told: Mapping[str, Any]) -> RunSettings:
    """Read what `format_settings` wrote. Raises RunRefused, TypeError or ValueError."""
    tenant = told.get("tenant")
    read = {"cutoff": datetime.fromisoformat(str(told["cutoff"])), "tenant": UUID(hex=tenant) if tenant else None}
    return RunSettings(**{**told, **read})
