"""Rolling-origin backtests: each origin sees what was known then, and is scored against what is known now.

Origins are cut by `known_at`, never by event time alone: a late event cannot leak into a forecast that could not have
seen it, and imported history keeps its past. They lie as far into a period as the run's own cutoff does, so that a
method is judged under the conditions of its use.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime

import numpy as np

from forecasting.timeseries import metrics
from forecasting.timeseries.classify import DemandClass
from forecasting.timeseries.methods import Forecast, Method
from forecasting.timeseries.series import (
    DemandSeries,
    SeriesRefused,
    Vector,
    begins_at,
    ensure_forecastable,
    last_end,
    step_from,
)

AsKnown = Callable[[datetime], DemandSeries]
"""Rebuilds the series as it was known at a cutoff; raises SeriesRefused where there was none yet."""

DEFAULT_ORIGINS = 4
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


@dataclass(frozen=True, slots=True, eq=False)
class Backtest:
    """The trials of each method, and why origins were left out."""

    trials: Mapping[str, tuple[Trial, ...]]
    left_out: tuple[str, ...] = ()

    @property
    def origins(self) -> int:
        """How many origins every method answered."""
        return min((len(trials) for trials in self.trials.values()), default=0)

    def scores(self) -> dict[str, Scores]:
        """The scores of each method that was tried at least once."""
        return {name: score(trials) for name, trials in self.trials.items() if trials}


def may_use(method: Method, found: DemandClass) -> bool:
    """Intermittent and lumpy demand never gets Prophet, whose trend and seasons mean nothing there."""
    return not (found.is_sparse and "prophet" in method.name)


def methods_for(methods: Sequence[Method], found: DemandClass) -> list[Method]:
    """Those methods that may be tried on a series of this class."""
    return [method for method in methods if may_use(method, found)]


def origins_of(series: DemandSeries, *, cutoff: datetime, horizon: int, origins: int) -> list[datetime]:
    """The past cutoffs, newest first: horizons end inside the history and may overlap (a third of a horizon apart)."""
    into_period = cutoff - begins_at(last_end(cutoff, series.frequency))
    stride = -(-horizon // 3)
    ends = [len(series) - horizon - i * stride for i in range(origins)]
    return [begins_at(step_from(series.start, series.frequency, end)) + into_period for end in ends if end > 0]


def backtest(
    as_known: AsKnown,
    methods: Sequence[Method],
    *,
    cutoff: datetime,
    horizon: int,
    origins: int = DEFAULT_ORIGINS,
    seed: int = 0,
) -> Backtest:
    """Score each method from past origins. Raises SeriesRefused when there is no series at `cutoff` itself.

    An origin at which the series was too short, or a method failed, is left out, and the result says so.
    """
    now = as_known(cutoff)
    trials: dict[str, list[Trial]] = {method.name: [] for method in methods}
    left_out: list[str] = []
    for origin in origins_of(now, cutoff=cutoff, horizon=horizon, origins=origins):
        try:
            then = as_known(origin)
            ensure_forecastable(then)
            tried = _tried(then, now, methods, origin=origin, horizon=horizon, seed=seed)
        except SeriesRefused as refused:
            left_out.append(f"{origin.astimezone(UTC).date().isoformat()}: {refused}")
            continue
        for name, trial in tried.items():
            trials[name].append(trial)
    return Backtest({name: tuple(found) for name, found in trials.items()}, tuple(left_out))


def _tried(
    then: DemandSeries, now: DemandSeries, methods: Sequence[Method], *, origin: datetime, horizon: int, seed: int
) -> dict[str, Trial]:
    """All methods at one origin, or none: they are compared on the same origins."""
    actual = actuals(now, after=then, horizon=horizon)
    return {
        method.name: Trial(
            origin, then.end, method.forecast(then, horizon, seed=seed), actual, then.values, then.season_length
        )
        for method in methods
    }


def actuals(now: DemandSeries, *, after: DemandSeries, horizon: int) -> Vector:
    """What came in the `horizon` periods after `after`, NaN where `now` does not know."""
    known = dict(zip(now.periods, now.values.tolist(), strict=True))
    return np.array([known.get(period, np.nan) for period in after.future(horizon)])


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
