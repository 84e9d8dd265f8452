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

from forecasting.history import DEMAND_RULE
from forecasting.runs import METHODS, RunResult, RunSettings, SeriesResult
from forecasting.timeseries.methods import Forecast
from ledger.tlog import merkle

FORMAT = "waylog-forecast-manifest/1"
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
    """A manifest's bytes, the records of its series in order (each the bytes of its leaf), and the root over them."""

    body: bytes
    leaves: list[bytes]
    series_root: bytes

    @property
    def digest(self) -> bytes:
        """SHA-256 of the body."""
        return hashlib.sha256(self.body).digest()


def make(run: UUID, source: Source, settings: RunSettings, result: RunResult, versions: Mapping[str, str]) -> SignedFor:
    """Make the manifest of a run."""
    records = [record_of(found) for found in result.series]
    leaves = [encode(record) for record in records]
    root = series_root(leaves)
    told = {
        "format": FORMAT,
        "run": run.hex,
        "log": {"origin": source.origin, "tree_size": source.tree_size, "root_hash": source.root_hash.hex()},
        "settings": format_settings(settings),
        "demand": DEMAND_RULE,
        "methods": {method.name: dict(method.parameters()) for method in METHODS},
        "champions": [
            {"frequency": pool.frequency, "class": pool.demand_class.value, "length": pool.length, "method": method}
            for pool, method in sorted(result.champions.items(), key=lambda item: str(item[0]))
        ],
        "versions": dict(versions),
        "series_count": len(records),
        "series_root": root.hex(),
    }
    body = encode({**told, "series": records})
    if len(records) > MOST_RECORDS or len(body) > MOST_BYTES:
        body = encode(told)
    return SignedFor(body, leaves, root)


def record_of(found: SeriesResult) -> dict[str, Any]:
    """What the manifest says of one series: digests of what went in and came out, method and scores, or a reason."""
    key, told = found.key, format_forecast(found)
    return {
        "kind": key.kind,
        "product": key.product,
        "site": key.site,
        "unit": key.unit,
        "tenant": key.tenant.hex if key.tenant else None,
        "frequency": found.frequency,
        "attested": found.attested,
        "history": found.series.digest().hex() if found.series is not None else None,
        "periods": len(found.series) if found.series is not None else 0,
        "class": found.pool.demand_class.value if found.pool is not None else "",
        "method": found.method,
        "scores": format_scores(found),
        "forecast": digest_of(told) if told["steps"] else None,
        "reason": found.reason,
    }


def digest_of(value: Any) -> str:
    """SHA-256 of JSON in hex; all numbers as floats, for whole ones may come back from the database as integers."""
    return hashlib.sha256(encode(_as_floats(value))).hexdigest()


def _as_floats(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _as_floats(member) for name, member in value.items()}
    if isinstance(value, (list, tuple)):
        return [_as_floats(member) for member in value]
    return float(value) if isinstance(value, (int, float)) and not isinstance(value, bool) else value


def format_forecast(found: SeriesResult) -> dict[str, Any]:
    """A forecast as JSON, with its components and the backtest of its method: what the page draws."""
    if found.forecast is None or found.series is None:
        return {"steps": [], "levels": [], "components": {}, "backtest": {}}
    forecast = found.forecast
    return {
        "steps": format_steps(found.series.future(forecast.horizon), forecast),
        "levels": list(forecast.levels),
        "components": {name: (values + 0.0).tolist() for name, values in forecast.components.items()},
        "backtest": format_backtest(found),
    }


def format_scores(found: SeriesResult) -> dict[str, Any]:
    """The scores of all methods that were tried on a series that has a forecast."""
    if found.forecast is None:
        return {}
    return {name: asdict(scores) for name, scores in found.tested.scores().items()}


def format_steps(periods: Sequence[date], forecast: Forecast) -> list[Any]:
    """The forecast as JSON: one object a step."""
    return [
        {"period": period.isoformat(), "point": float(point), "quantiles": [float(q) for q in quantiles]}
        for period, point, quantiles in zip(periods, forecast.point, forecast.quantiles, strict=True)
    ]


def format_backtest(found: SeriesResult) -> dict[str, Any]:
    """What the chosen method forecast at each origin, and what came; for the picture and its table."""
    return {
        "origins": [
            {
                "cutoff": trial.cutoff.astimezone(UTC).isoformat(),
                "first_period": trial.first_period.isoformat(),
                "point": trial.forecast.point.tolist(),
                "lower_80": trial.forecast.interval(80)[0].tolist(),
                "upper_80": trial.forecast.interval(80)[1].tolist(),
                "actual": format_values(trial.actual.tolist()),
            }
            for trial in found.tested.trials.get(found.method, ())
        ],
        "left_out": list(found.tested.left_out),
    }


def series_root(leaves: Sequence[bytes]) -> bytes:
    """The root of the RFC 6962 tree whose leaves are the records, as compact JSON."""
    return merkle.root_of([merkle.leaf_hash(leaf) for leaf in leaves])


def encode(value: Any) -> bytes:
    """Compact JSON with sorted names; a number reads back to the same bits."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode()


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
    return {**asdict(settings), "cutoff": settings.cutoff.astimezone(UTC).isoformat()}


def parse_settings(told: Mapping[str, Any]) -> RunSettings:
    """Read what `format_settings` wrote. Raises RunRefused or ValueError."""
    return RunSettings(**{**told, "cutoff": datetime.fromisoformat(str(told["cutoff"]))})
