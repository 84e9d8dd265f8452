"""What is known of the days ahead: public holidays by country, promotions, stockouts; as columns beside a series."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from functools import lru_cache
from typing import Literal

import numpy as np

from forecasting.timeseries.engine import Column
from forecasting.timeseries.series import DemandSeries, Frequency, Vector, periods_between, step_from

HALF = 0.5
"""A period of which a stockout took half or more is missing: what was sold then is not what was wanted."""


@dataclass(frozen=True, slots=True)
class Days:
    """Something known of days, the last one included."""

    kind: Literal["promotion", "holiday", "stockout"]
    name: str
    start: date
    end: date


@lru_cache(maxsize=512)
def public_holidays(country: str, year: int) -> tuple[tuple[date, str], ...]:
    """The public holidays of a country; none for a country that is not known."""
    import holidays  # comes with Prophet; at the first question, for most processes never ask

    try:
        found = holidays.country_holidays(country, years=year)
    except NotImplementedError:
        return ()
    return tuple(sorted((day, str(name)) for day, name in found.items()))


def holidays_between(country: str, start: date, end: date) -> tuple[tuple[date, str], ...]:
    """Those from `start` to before `end`, in order."""
    if not country:
        return ()
    years = range(start.year, end.year + 1)
    return tuple(one for year in years for one in public_holidays(country, year) if start <= one[0] < end)


def columns_for(series: DemandSeries, horizon: int, *, country: str, days: Sequence[Days]) -> tuple[Column, ...]:
    """One column for holidays, one for each promotion's name: what share of each period, past and ahead, they take.

    A month has nearly the same public holidays every year, and its season knows them. So months are told only what its
    season cannot know: by how much more or less than usual it has of those that move between months (Easter, Eid).
    """
    steps = len(series) + horizon
    end = step_from(series.start, series.frequency, steps)
    known = [one for one in days if one.kind == "holiday"]
    free = [(one.start, one.end) for one in known]
    if series.frequency != "MS":
        free += [(day, day) for day, _ in holidays_between(country, series.start, end)]
    taken = _share(free, series.start, series.frequency, steps)
    if series.frequency == "MS":
        taken += _moved(holidays_between(country, series.start, end), series.start, steps)
    columns = {"holidays": taken} if taken.any() else {}
    for name in sorted({one.name for one in days if one.kind == "promotion"}):
        spans = [(one.start, one.end) for one in days if one.kind == "promotion" and one.name == name]
        columns[f"promotion: {name}"] = _share(spans, series.start, series.frequency, steps)
    return tuple(Column(name, series.start, values) for name, values in columns.items() if values.any())


def _moved(found: Sequence[tuple[date, str]], start: date, steps: int) -> Vector:
    """The share of each month that moving holidays take, less the mean of the same month in all years."""
    months: dict[str, set[int]] = {}
    for day, name in found:
        months.setdefault(name, set()).add(day.month)
    shares = _share([(day, day) for day, name in found if len(months[name]) > 1], start, "MS", steps)
    for month in range(min(12, steps)):
        shares[month::12] -= shares[month::12].mean()
    return shares


def missing_periods(days: Sequence[Days], frequency: Frequency, start: date, end: date) -> list[date]:
    """First days of the periods of which stockouts took half or more."""
    spans = [(one.start, one.end) for one in days if one.kind == "stockout"]
    if not spans or start >= end:
        return []
    shares = _share(spans, start, frequency, periods_between(start, end, frequency))
    return [step_from(start, frequency, int(place)) for place in np.flatnonzero(shares >= HALF)]


def _share(spans: Collection[tuple[date, date]], start: date, frequency: Frequency, steps: int) -> Vector:
    """What share of the days of each period lies in any of the spans."""
    taken = np.zeros(steps)
    end = step_from(start, frequency, steps)
    days = set()
    for first, last in spans:
        day, stop = max(first, start), min(last, end - timedelta(days=1))
        while day <= stop:
            days.add(day)
            day += timedelta(days=1)
    for day in days:
        taken[_place(day, start, frequency)] += 1
    lengths = np.array([_length(start, frequency, place) for place in range(steps)]) if frequency == "MS" else 1.0
    return taken / (7.0 if frequency == "W" else lengths)


def _place(day: date, start: date, frequency: Frequency) -> int:
    if frequency == "MS":
        return periods_between(start, day.replace(day=1), frequency)
    return (day - start).days // (7 if frequency == "W" else 1)


def _length(start: date, frequency: Frequency, place: int) -> int:
    return (step_from(start, frequency, place + 1) - step_from(start, frequency, place)).days
