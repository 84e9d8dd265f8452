"""The tower's card of volume: the series of one unit added up, as far as they were forecast."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import date, datetime
from typing import cast
from uuid import UUID

from forecasting import queries as forecasts
from forecasting.timeseries.hierarchy import add_up
from forecasting.timeseries.methods import LEVELS
from forecasting.timeseries.series import Frequency
from supplychain.queries.totals import bounds, leaf_of
from supplychain.web import charts, seriesview
from supplychain.web.names import Names

HISTORY = 42
STEPS = 14
MOST_SERIES = 1_000
"""More are not added up while somebody waits for the tower."""


@dataclass(frozen=True, slots=True)
class Volume:
    """What was, and what is forecast, a day (or week, or month), with the intervals of the sum."""

    unit: str
    every: str
    series: int
    total: float
    periods: int
    wide: charts.BandChart | None
    narrow: charts.BandChart | None
    made_at: datetime
    rows: tuple[tuple[datetime | date, float, float, float], ...]


def card(party: UUID) -> Volume | None:
    """Add up the largest group of series that share unit and frequency; None when no run forecast any of `party`."""
    run = forecasts.latest_run(party)
    if run is None:
        return None
    series = list(forecasts.series_of(run, party=party).exclude(method="")[:MOST_SERIES])
    if not series:
        return None
    names = Names(uris={row.product for row in series})
    groups = Counter((row.frequency, seriesview.unit(row, names)) for row in series)
    (frequency, unit), _ = groups.most_common(1)[0]
    chosen = [row for row in series if (row.frequency, seriesview.unit(row, names)) == (frequency, unit)]
    past: dict[datetime | date, float] = {}
    for row in chosen:
        for each in seriesview.observed(row):
            past[each.at] = past.get(each.at, 0.0) + (each.value or 0.0)
    first = max(row.history_start for row in chosen if row.history_start)
    total = next(iter(add_up([leaf_of(row) for row in chosen], level="total", every=cast(Frequency, frequency))), None)
    cells = [cell for cell in total.cells if cell.is_whole][:STEPS] if total is not None else []
    history = [charts.Observed(at, past[at]) for at in sorted(past) if not isinstance(at, datetime) and at >= first]
    steps = [
        charts.Step(cell.period, cell.point, *bounds(LEVELS, cell.quantiles, 80), *bounds(LEVELS, cell.quantiles, 95))
        for cell in cells
    ]
    return Volume(
        unit=unit,
        every=seriesview.every(frequency),
        series=len(chosen),
        total=sum(cell.point for cell in cells),
        periods=len(cells),
        wide=charts.band_chart(history[-HISTORY:], steps, charts.WIDE),
        narrow=charts.band_chart(history[-HISTORY:], steps, charts.NARROW),
        made_at=run.finished_at or run.started_at,
        rows=tuple((step.at, step.forecast, step.lower80, step.upper80) for step in steps),
    )
