"""A party's forecasts added up: by product, site, lane and in all, a day, week or month."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, cast
from uuid import UUID

import numpy as np

from forecasting import queries
from forecasting.queries import ForecastRun, SeriesForecast
from forecasting.timeseries.hierarchy import Leaf, Level, Node, add_up, correlation
from forecasting.timeseries.series import Frequency
from supplychain.models import Product

MOST_SERIES = 5_000
"""More of them are added up by an export, not while somebody waits for a page."""


@dataclass(frozen=True, slots=True)
class Totals:
    """One unit's forecasts at one level. `units` are all there are, with how many series each has."""

    run: ForecastRun
    units: tuple[tuple[str, int], ...]
    unit: str
    series: int
    nodes: tuple[Node, ...]
    total: Node | None
    together: float
    until: date | None


def totals(*, party: UUID, unit: str | None, level: Level, every: Frequency) -> Totals | None:
    """Add up the latest run; None when no run forecast anything of the party. Units are never mixed."""
    run = queries.latest_run(party)
    if run is None:
        return None
    rows = list(queries.series_of(run, party=party).exclude(method="").exclude(steps=[])[:MOST_SERIES])
    if not rows:
        return None
    names = dict(Product.objects.filter(uri__in={row.product for row in rows}).values_list("uri", "unit_name"))
    units = Counter(unit_of(row, names) for row in rows)
    chosen = unit if unit is not None and unit in units else units.most_common(1)[0][0]
    leaves = [leaf_of(row) for row in rows if unit_of(row, names) == chosen]
    total = next(iter(add_up(leaves, level="total", every=every)), None)
    until = min(leaf.end for leaf in leaves) - timedelta(days=1)
    nodes = tuple(add_up(leaves, level=level, every=every))
    return Totals(run, tuple(units.most_common()), chosen, len(leaves), nodes, total, correlation(leaves), until)


def unit_of(row: SeriesForecast, names: dict[str, str]) -> str:
    """What is counted: the unit of measure, or for pieces what one of them is called."""
    return row.unit or names.get(row.product, "piece")


def leaf_of(row: SeriesForecast) -> Leaf:
    """A stored forecast as what sums are made of."""
    history = [np.nan if value is None else float(value) for value in row.history]
    assert row.history_end is not None
    return Leaf(
        product=row.product,
        site=row.site,
        frequency=cast(Frequency, row.frequency),
        first=date.fromisoformat(row.steps[0]["period"]),
        point=np.array([float(step["point"]) for step in row.steps]),
        quantiles=np.array([step["quantiles"] for step in row.steps], dtype=np.float64),
        levels=tuple(float(level) for level in row.levels),
        history=np.array(history),
        history_end=row.history_end,
        season_length=row.season_length or 1,
        lanes=cast(dict[str, float], row.shares),
    )


def bounds(levels: Any, quantiles: Any, level: int) -> tuple[float, float]:
    """Lower and upper bound of the central interval."""
    told = dict(zip(levels, quantiles, strict=True))
    tail = (100 - level) / 200
    return told[tail], told[round(1 - tail, 3)]
