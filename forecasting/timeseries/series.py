"""Regular demand series: dated observations summed into whole periods.

A period is a UTC day (`D`), a week from Monday (`W`) or a calendar month (`MS`), named by its first day. A period
without an observation is zero demand; one in which nothing could be sold or moved (a stockout) is missing, NaN, and
never zero.
"""

import hashlib
import json
import math
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

Frequency = Literal["D", "W", "MS"]
Vector: TypeAlias = NDArray[np.float64]

SEASON_LENGTH: dict[Frequency, int] = {"D": 7, "W": 52, "MS": 12}
PERIOD_WORD: dict[Frequency, str] = {"D": "day", "W": "week", "MS": "month"}
MIN_PERIODS: dict[Frequency, int] = {"D": 28, "W": 26, "MS": 24}
MIN_ACTIVE: dict[Frequency, int] = {"D": 8, "W": 8, "MS": 12}
MAX_PERIODS: dict[Frequency, int] = {"D": 1825, "W": 520, "MS": 240}
"""A longer history is cut to its latest part, so that one absurd date cannot fill the memory."""
LONGEST_DAYS = 31 * MAX_PERIODS["MS"]
DORMANT_PERIODS: dict[Frequency, int] = {"D": 56, "W": 26, "MS": 24}
LARGEST_QUANTITY = 1e12


class SeriesRefused(Exception):
    """A series that cannot be forecast; the message is a sentence for the reader of the page."""


class TooShort(SeriesRefused):
    """The history is shorter than a forecast needs."""


class NothingToForecast(SeriesRefused):
    """There is no demand, or none any more."""


class QuantityRefused(SeriesRefused):
    """A quantity is negative, not finite or absurdly large."""


@dataclass(frozen=True, slots=True)
class Dated:
    """One quantity, when it happened and from when on it could be known; all times aware.

    From `withdrawn_at` on it is known to have been wrong, and counts no more. `origin` is where the goods came from,
    as far as that was said; an attested one was told after the fact.
    """

    at: datetime
    known_at: datetime
    quantity: float
    withdrawn_at: datetime | None = None
    attested: bool = False
    origin: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class DemandSeries:
    """Demand of one product at one site, regular in time; `values` are read-only and start at `start`."""

    key: str
    frequency: Frequency
    season_length: int
    start: date
    values: Vector
    unit: str
    kind: str

    def __post_init__(self) -> None:
        values = np.array(self.values, dtype=np.float64)
        if values.ndim != 1 or np.isinf(values).any():
            raise QuantityRefused("A quantity of this series is not a finite number.")
        values.flags.writeable = False
        object.__setattr__(self, "values", values)

    def __len__(self) -> int:
        return int(self.values.size)

    @property
    def end(self) -> date:
        """The first day after the last period."""
        return step_from(self.start, self.frequency, len(self))

    @property
    def periods(self) -> list[date]:
        """The first day of each period."""
        return [step_from(self.start, self.frequency, i) for i in range(len(self))]

    def future(self, horizon: int) -> list[date]:
        """The first days of the `horizon` periods that follow."""
        return [step_from(self.start, self.frequency, len(self) + i) for i in range(horizon)]

    def digest(self) -> bytes:
        """SHA-256 over everything that a method may see, values written so that they read back to the same bits."""
        told = {
            "key": self.key,
            "frequency": self.frequency,
            "season_length": self.season_length,
            "start": self.start.isoformat(),
            "unit": self.unit,
            "kind": self.kind,
            "values": [None if math.isnan(v) else repr(float(v)) for v in self.values],
        }
        return hashlib.sha256(json.dumps(told, sort_keys=True, separators=(",", ":")).encode()).digest()


def period_of(at: date, frequency: Frequency) -> date:
    """The first day of the period that holds `at`."""
    if frequency == "W":
        return date.fromordinal(max(1, at.toordinal() - at.weekday()))
    return at.replace(day=1) if frequency == "MS" else at


def step_from(start: date, frequency: Frequency, steps: int) -> date:
    """The first day of the period `steps` after the one that begins at `start`; steps may be negative."""
    if frequency == "MS":
        months = start.year * 12 + start.month - 1 + steps
        return date(months // 12, months % 12 + 1, 1)
    return start + timedelta(days=steps * (7 if frequency == "W" else 1))


def periods_between(start: date, end: date, frequency: Frequency) -> int:
    """How many periods lie between two first days."""
    if frequency == "MS":
        return (end.year - start.year) * 12 + end.month - start.month
    return (end - start).days // (7 if frequency == "W" else 1)


def begins_at(period: date) -> datetime:
    """The instant at which a period begins; it is also the instant at which the one before it ends."""
    return datetime(period.year, period.month, period.day, tzinfo=UTC)


def last_end(cutoff: datetime, frequency: Frequency) -> date:
    """The end of the last period that is over at `cutoff`: the first day of the one that runs then."""
    return period_of(cutoff.astimezone(UTC).date(), frequency)


def known(observations: Iterable[Dated], cutoff: datetime) -> list[Dated]:
    """Those observations that could be known at `cutoff`, and had not been withdrawn."""
    return [
        o
        for o in observations
        if o.known_at <= cutoff and o.at < cutoff and (o.withdrawn_at is None or o.withdrawn_at > cutoff)
    ]


def series_as_known(
    observations: Iterable[Dated],
    *,
    cutoff: datetime,
    key: str,
    frequency: Frequency,
    unit: str,
    kind: str,
    season_length: int | None = None,
    missing: Iterable[date] = (),
) -> DemandSeries:
    """Build the series as it was known at `cutoff`, from its first demand to the last period that was over then.

    `missing` names first days of periods in which demand could not show itself. Raises NothingToForecast without any
    demand, and QuantityRefused for a quantity that is none.
    """
    sums, first = _sums(known(observations, cutoff), frequency, last_end(cutoff, frequency))
    end = last_end(cutoff, frequency)
    if first is None or first >= end:
        raise NothingToForecast("No demand is known for any whole period before the cutoff.")
    count = periods_between(first, end, frequency)
    values = np.zeros(count)
    for period, quantity in sums.items():
        if period >= first:
            values[periods_between(first, period, frequency)] = quantity
    for period in missing:
        if first <= period < end:
            values[periods_between(first, period_of(period, frequency), frequency)] = np.nan
    return DemandSeries(
        key=key,
        frequency=frequency,
        season_length=SEASON_LENGTH[frequency] if season_length is None else season_length,
        start=first,
        values=values,
        unit=unit,
        kind=kind,
    )


def _sums(observations: list[Dated], frequency: Frequency, end: date) -> tuple[dict[date, float], date | None]:
    """Quantities by period, and the first period with demand that is not too long ago to be kept."""
    earliest = _steps_back(end, frequency, MAX_PERIODS[frequency])
    by_period: dict[date, list[float]] = {}
    for seen in observations:
        if not math.isfinite(seen.quantity) or not 0 <= seen.quantity <= LARGEST_QUANTITY:
            raise QuantityRefused("A quantity of this series is negative, not finite or larger than 10^12.")
        period = period_of(seen.at.astimezone(UTC).date(), frequency)
        if earliest <= period < end:
            by_period.setdefault(period, []).append(seen.quantity)
    # fsum: the total must not depend on the order in which observations arrive
    sums = {period: math.fsum(quantities) for period, quantities in by_period.items()}
    return sums, min((period for period, total in sums.items() if total > 0), default=None)


def _steps_back(end: date, frequency: Frequency, steps: int) -> date:
    try:
        return step_from(end, frequency, -steps)
    except (OverflowError, ValueError):
        return date.min


def choose_frequency(observations: Iterable[Dated], cutoff: datetime) -> Frequency:
    """Choose the finest frequency at which demand shows on at least two periods in three; months when none does.

    A finer one must also have eight whole weeks (days) or two whole years (weeks) of history.
    """
    seen = [o for o in known(observations, cutoff) if o.quantity > 0]
    end = last_end(cutoff, "D")
    days = {o.at.astimezone(UTC).date() for o in seen}
    days = {day for day in days if day < end and (end - day).days <= LONGEST_DAYS}
    if not days:
        return "MS"
    span = (end - min(days)).days
    if span >= 56 and len(days) >= span * 2 / 3 - 1:
        return "D"
    weeks = {period_of(day, "W") for day in days}
    if len(weeks) >= 104 and len(weeks) >= span / 7 * 2 / 3:
        return "W"
    return "MS" if span >= 730 else ("D" if span < 182 else "W")


def season_length_of(frequency: Frequency, periods: int) -> int:
    """The frequency's season where two whole ones were seen, else 1: no season is claimed."""
    season = SEASON_LENGTH[frequency]
    return season if periods >= 2 * season else 1


def ensure_forecastable(series: DemandSeries) -> None:
    """Raise TooShort or NothingToForecast, with a sentence for the reader, unless there is enough to learn from."""
    word = PERIOD_WORD[series.frequency]
    values = series.values[~np.isnan(series.values)]
    if values.size == 0 or not (values > 0).any():
        raise NothingToForecast(f"No {word} of this history has any demand.")
    recent = series.values[-DORMANT_PERIODS[series.frequency] :]
    if len(series) > recent.size and not (recent[~np.isnan(recent)] > 0).any():
        raise NothingToForecast(f"There was no demand in the last {recent.size} {word}s.")
    if values.size < MIN_PERIODS[series.frequency]:
        raise TooShort(f"{values.size} {word}s of history are known; a forecast needs {MIN_PERIODS[series.frequency]}.")
    active = int((values > 0).sum())
    if active < MIN_ACTIVE[series.frequency]:
        raise TooShort(
            f"{active} {word}s with demand are known; a forecast needs {MIN_ACTIVE[series.frequency]} of them."
        )
