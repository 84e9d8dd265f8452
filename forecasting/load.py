"""The installation's own load: entries, bytes and job time are series too, forecast by the same engine.

From them follow the day on which a limit is reached and the workers that are needed, as figures for people and for an
autoscaler.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

import numpy as np
from django.db.models import Min, Q

from forecasting.models import Job, LoadSample
from forecasting.timeseries.engine import NO_CHOICE, Item, forecast_pool
from forecasting.timeseries.methods import Forecast
from forecasting.timeseries.series import DemandSeries, Vector

HORIZON = 28
AHEAD_YEARS = 5
KEPT = timedelta(days=800)
BUSY = 0.7
"""Of its time a worker may be busy; beyond, what is asked for waits."""
CATCH_UP_SECONDS = 300.0
"""In which the jobs that wait should be worked off."""
HIGH = 0.9


@dataclass(frozen=True, slots=True, eq=False)
class Quantity:
    """One daily quantity: what was, what is forecast of it (None: too few days), and its busiest hour's share."""

    name: str
    start: date
    days: Vector
    forecast: Forecast | None
    reason: str
    peak_share: float

    @property
    def mean(self) -> float:
        """What a day brings: as forecast, else the mean of those seen."""
        if self.forecast is not None:
            return float(self.forecast.point.mean())
        known = self.days[~np.isnan(self.days)]
        return float(known.mean()) if known.size else 0.0

    @property
    def high(self) -> float:
        """What a day brings in nine of ten: what limits are reckoned with."""
        if self.forecast is not None:
            return float(self.forecast.quantile(HIGH).mean())
        known = self.days[~np.isnan(self.days)]
        return float(np.quantile(known, HIGH)) if known.size else 0.0


@dataclass(frozen=True, slots=True, eq=False)
class Load:
    """What is carried now, what is expected, and what that needs."""

    measured_at: datetime | None
    entries: Quantity
    bytes: Quantity
    job_seconds: Quantity
    free_bytes: int
    disk_full_on: date | None
    jobs_waiting: int
    longest_wait_seconds: float
    workers_needed: int


def measure(*, now: datetime, tree_size: int, database_bytes: int, free_bytes: int) -> LoadSample:
    """Note the hour that has just ended; once, however often it is asked for."""
    hour = now.astimezone(UTC).replace(minute=0, second=0, microsecond=0) - timedelta(hours=1)
    waiting, longest = waiting_jobs(now=now)
    LoadSample.objects.filter(hour__lt=now - KEPT).delete()
    sample, _ = LoadSample.objects.update_or_create(
        hour=hour,
        defaults={
            "tree_size": tree_size,
            "database_bytes": database_bytes,
            "free_bytes": free_bytes,
            "job_seconds": job_seconds(hour, hour + timedelta(hours=1), now=now),
            "jobs_waiting": waiting,
            "longest_wait_seconds": longest,
        },
    )
    return sample


def job_seconds(start: datetime, end: datetime, *, now: datetime) -> float:
    """How long workers were busy between two instants."""
    touching = Job.objects.filter(started_at__lt=end).filter(Q(finished_at__gt=start) | Q(finished_at__isnull=True))
    spans = touching.exclude(status=Job.Status.QUEUED).values_list("started_at", "finished_at")
    return sum(
        max(0.0, (min(ended or now, end) - max(began, start)).total_seconds()) for began, ended in spans if began
    )


def waiting_jobs(*, now: datetime) -> tuple[int, float]:
    """How many jobs wait, and how long the first of them has."""
    queued = Job.objects.filter(status=Job.Status.QUEUED)
    first = queued.aggregate(first=Min("created_at"))["first"]
    return queued.count(), max(0.0, (now - first).total_seconds()) if first else 0.0


def load(*, now: datetime) -> Load:
    """Forecast what this installation will carry."""
    samples = list(LoadSample.objects.order_by("hour"))
    entries = _quantity("entries", samples, [float(one.tree_size) for one in samples], is_level=True)
    size = _quantity("bytes", samples, [float(one.database_bytes) for one in samples], is_level=True)
    seconds = _quantity("job_seconds", samples, [one.job_seconds for one in samples], is_level=False)
    free = samples[-1].free_bytes if samples else 0
    waiting, longest = waiting_jobs(now=now)
    return Load(
        measured_at=samples[-1].hour if samples else None,
        entries=entries,
        bytes=size,
        job_seconds=seconds,
        free_bytes=free,
        disk_full_on=full_on(now.astimezone(UTC).date(), free, size) if samples else None,
        jobs_waiting=waiting,
        longest_wait_seconds=longest,
        workers_needed=workers(seconds.high * seconds.peak_share, waiting, mean_job_seconds(now=now)),
    )


def workers(peak_hour_seconds: float, waiting: int, each_seconds: float) -> int:
    """Workers for the busiest hour of a day, and for working off what waits in five minutes; one at least."""
    steady = peak_hour_seconds / (3600 * BUSY)
    backlog = waiting * each_seconds / CATCH_UP_SECONDS
    return max(1, math.ceil(max(steady, backlog) - 1e-9))


def mean_job_seconds(*, now: datetime) -> float:
    """How long a job took lately."""
    lately = Job.objects.filter(status=Job.Status.DONE, finished_at__gt=now - timedelta(days=1))
    spans = lately.values_list("started_at", "finished_at")[:2000]
    took = [(ended - began).total_seconds() for began, ended in spans if began is not None and ended is not None]
    return sum(took) / len(took) if took else 0.0


def full_on(today: date, free: int, growth: Quantity) -> date | None:
    """The day on which the disk is full, reckoned with the high forecast; None within five years."""
    left, rate = float(free), growth.high
    if growth.forecast is not None:
        for step, more in enumerate(growth.forecast.quantile(HIGH).tolist()):
            left -= max(0.0, more)
            if left <= 0:
                return today + timedelta(days=step)
        ahead = HORIZON
    else:
        ahead = 0
    if rate <= 0 or left / rate > AHEAD_YEARS * 366:
        return None
    return today + timedelta(days=ahead + math.ceil(left / rate))


def _quantity(name: str, samples: Sequence[LoadSample], values: Sequence[float], *, is_level: bool) -> Quantity:
    """Days of a quantity from its hours: differences of a level, sums of an amount. A day not measured is missing."""
    hours = {one.hour: value for one, value in zip(samples, values, strict=True)}
    amounts: dict[datetime, float] = {}
    for hour, value in hours.items():
        if not is_level:
            amounts[hour] = value
        elif (before := hours.get(hour - timedelta(hours=1))) is not None:
            amounts[hour] = max(0.0, value - before)
    if not amounts:
        return Quantity(name, date(1970, 1, 1), np.zeros(0), None, "Nothing was measured yet.", 1 / 24)
    days: dict[date, list[float]] = {}
    for hour, amount in amounts.items():
        days.setdefault(hour.astimezone(UTC).date(), []).append(amount)
    first, last = min(days), max(days)
    # the day that runs is no whole one; a day of which hours are missing is scaled to 24
    told = [first + timedelta(days=i) for i in range((last - first).days)]
    sums = np.array([sum(days[day]) * 24 / len(days[day]) if len(days.get(day, ())) >= 12 else np.nan for day in told])
    forecast, reason = _forecast(name, first, sums)
    if not told:  # less than a day was measured: what there is, as if a day went on like that
        sums = np.array([sum(amounts.values()) * 24 / len(amounts)])
    return Quantity(name, first, sums, forecast, reason, _peak(days))


def series_of(one: Quantity) -> DemandSeries:
    """The days of a quantity as a series, for pictures."""
    return DemandSeries(one.name, "D", 7, one.start, one.days, "", "load")


def _forecast(name: str, first: date, sums: Vector) -> tuple[Forecast | None, str]:
    if sums.size == 0:
        return None, "Less than a whole day was measured."
    series = DemandSeries(name, "D", 7 if sums.size >= 14 else 1, first, sums, "", "load")
    [found] = forecast_pool([Item(series)], NO_CHOICE, horizon=HORIZON)
    return found.forecast, found.reason


def _peak(days: dict[date, list[float]]) -> float:
    """The busiest hour's share of a day, in nine of ten days."""
    shares = [max(hours) / sum(hours) for hours in days.values() if len(hours) >= 12 and sum(hours) > 0]
    return float(np.quantile(shares, HIGH)) if shares else 1 / 8
