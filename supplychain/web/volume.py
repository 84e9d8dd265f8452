"""The tower's card of volume: the series of one unit added up, as far as they were forecast."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from forecasting import queries as forecasts
from supplychain.web import charts, seriesview
from supplychain.web.names import Names

HISTORY = 42


@dataclass(frozen=True, slots=True)
class Volume:
    """What was, and what is forecast, a day (or week, or month); intervals do not add up and are not shown."""

    unit: str
    every: str
    series: int
    total: float
    periods: int
    wide: charts.BandChart | None
    narrow: charts.BandChart | None
    made_at: datetime
    rows: tuple[tuple[date, float], ...]


def card(party: UUID) -> Volume | None:
    """Add up the largest group of series that share unit and frequency; None when no run forecast any of `party`."""
    run = forecasts.latest_run()
    if run is None:
        return None
    series = [row for row in forecasts.series_of(run, party=party) if row.steps]
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
    ahead: Counter[date] = Counter()
    shares: Counter[date] = Counter()
    for row in chosen:
        for step in row.steps:
            ahead[date.fromisoformat(step["period"])] += step["point"]
            shares[date.fromisoformat(step["period"])] += 1
    whole = sorted(at for at in ahead if shares[at] == len(chosen))[:14]
    history = [charts.Observed(at, past[at]) for at in sorted(past) if not isinstance(at, datetime) and at >= first]
    steps = [charts.Step(at, ahead[at], *[ahead[at]] * 4) for at in whole]
    return Volume(
        unit=unit,
        every=seriesview.every(frequency),
        series=len(chosen),
        total=sum(ahead[at] for at in whole),
        periods=len(whole),
        wide=charts.band_chart(history[-HISTORY:], steps, charts.WIDE),
        narrow=charts.band_chart(history[-HISTORY:], steps, charts.NARROW),
        made_at=run.finished_at or run.started_at,
        rows=tuple((at, ahead[at]) for at in whole),
    )
