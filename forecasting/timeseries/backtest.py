"""What a method did at past origins: each saw what was known then, and is scored against what is known now."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime

import numpy as np

from forecasting.timeseries import metrics
from forecasting.timeseries.methods import Forecast
from forecasting.timeseries.series import DemandSeries, Vector, periods_between

AsKnown = Callable[[datetime], DemandSeries]
"""Rebuilds the series as it was known at a cutoff; raises SeriesRefused where there was none yet."""

LEVELS_80_95 = (80, 95)


@dataclass(frozen=True, slots=True, eq=False)
class Trial:
    """One method at one origin: what it forecast, what came, and the part it learned from."""

    cutoff: datetime
    first_period: date
    forecast: Forecast
    actual: Vector
    train: Vector
    season_length: int


@dataclass(frozen=True, slots=True)
class Scores:
    """How a method did over all origins of a series; None where a figure has no meaning (a zero scale, no demand)."""

    origins: int
    steps: int
    mase: float | None
    rmsse: float | None
    wql: float | None
    wape: float | None
    smape: float | None
    bias: float | None
    coverage_80: float | None
    coverage_95: float | None


def actuals(now: DemandSeries, *, after: DemandSeries, horizon: int) -> Vector:
    """What came in the `horizon` periods after `after`, NaN where `now` does not know."""
    first = periods_between(now.start, after.end, now.frequency)
    found = np.full(horizon, np.nan)
    known = now.values[max(first, 0) : max(first + horizon, 0)]
    found[max(-first, 0) : max(-first, 0) + known.size] = known
    return found


def score(trials: Sequence[Trial]) -> Scores:
    """Pool the trials of one method: errors scaled at their own origin, losses and coverage over all steps."""
    actual = np.concatenate([trial.actual for trial in trials])
    point = np.concatenate([trial.forecast.point for trial in trials])
    quantiles = np.concatenate([trial.forecast.quantiles for trial in trials])
    levels = trials[0].forecast.levels
    inside = {
        level: metrics.coverage(
            actual,
            np.concatenate([trial.forecast.interval(level)[0] for trial in trials]),
            np.concatenate([trial.forecast.interval(level)[1] for trial in trials]),
        )
        for level in LEVELS_80_95
    }
    return Scores(
        origins=len(trials),
        steps=int((~np.isnan(actual)).sum()),
        mase=mean_over(metrics.mase, trials),
        rmsse=mean_over(metrics.rmsse, trials),
        wql=metrics.wql(actual, quantiles, levels),
        wape=metrics.wape(actual, point),
        smape=metrics.smape(actual, point),
        bias=metrics.bias(actual, point),
        coverage_80=inside[80],
        coverage_95=inside[95],
    )


def mean_over(metric: Callable[..., float | None], trials: Sequence[Trial]) -> float | None:
    found = [
        metric(trial.actual, trial.forecast.point, train=trial.train, season_length=trial.season_length)
        for trial in trials
    ]
    known = [value for value in found if value is not None]
    return float(np.mean(known)) if known else None
