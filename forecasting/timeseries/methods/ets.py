"""Exponential smoothing: the family of error, trend and season (Hyndman et al., 2008), chosen by AICc."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from forecasting.timeseries.methods import LEVELS, Forecast, MethodFailed, ensure_horizon
from forecasting.timeseries.methods.decompose import NO_SEASON, Season, decomposed
from forecasting.timeseries.methods.scaled import Scaled, aicc, scaled
from forecasting.timeseries.series import DemandSeries, Vector

NONE, ADDITIVE, MULTIPLICATIVE, DAMPED = 0, 1, 2, 2
MOST = 80
"""Evaluations for each free parameter."""


@dataclass(frozen=True, slots=True, eq=False)
class Fitted:
    """One member of the family at its best."""

    error: int
    trend: int
    season: int
    aicc: float
    point: Vector
    x: Vector
    variance: float


class ExponentialSmoothing:
    """The member with the lowest AICc; multiplicative members for positive series alone; normal quantiles."""

    name = "ets"

    def forecast(
        self, series: DemandSeries, horizon: int, *, levels: tuple[float, ...] = LEVELS, seed: int = 0
    ) -> Forecast:
        """Raises TooShort below 8 known periods, and MethodFailed when no member fits."""
        ensure_horizon(series, horizon)
        of = scaled(series)
        found = [one for one in _members(of, horizon) if np.isfinite(one.point).all()]
        if not found:
            raise MethodFailed("No exponential smoothing fits this series.")
        best = min(found, key=lambda one: one.aicc)
        deviation = _deviation(best, horizon, of.length)
        return of.forecast(best.point, deviation, levels)

    def parameters(self) -> Mapping[str, str | int | bool]:
        return {"chosen_by": "AICc", "optimiser": f"Nelder-Mead, {MOST} evaluations a parameter"}


def _members(of: Scaled, horizon: int) -> Iterator[Fitted]:
    y = of.y
    positive = bool(y.min() > 0)
    starts = {NONE: NO_SEASON}
    if of.is_seasonal:
        starts[ADDITIVE] = decomposed(y, of.length, multiplies=False)
        if positive:
            starts[MULTIPLICATIVE] = decomposed(y, of.length, multiplies=True)
    for season, start in starts.items():
        if season == MULTIPLICATIVE and start.indices.min() <= 0.01:
            continue
        for error in (ADDITIVE, MULTIPLICATIVE) if positive else (ADDITIVE,):
            if error == ADDITIVE and season == MULTIPLICATIVE:
                continue  # unstable (ibid., chapter 15)
            for trend in (NONE, ADDITIVE, DAMPED):
                yield _fitted(y, error, trend, season, start, horizon)


def _fitted(y: Vector, error: int, trend: int, season: int, start: Season, horizon: int) -> Fitted:
    from forecasting.timeseries.methods import smoothing

    level, slope = _line(start.removed(y))
    spread = max(float(y.std()), 1e-6)
    slope = slope if trend != NONE else 0.0
    x = np.array([0.3, 0.1, 0.95, 0.1, level, slope])
    lower = np.array([1e-4, 1e-4, 0.8, 1e-4, level - 2 * spread, slope - spread / 4])
    upper = np.array([0.9999, 0.9999, 0.98, 0.9999, level + 2 * spread, slope + spread / 4])
    pinned = [(trend == NONE, 1), (trend != DAMPED, 2), (season == NONE, 3), (trend == NONE, 5)]
    for is_pinned, place in pinned:
        if is_pinned:
            lower[place] = upper[place] = x[place]
    free = int((upper > lower).sum())
    setting = np.concatenate([[error, trend, season], start.indices])
    point, best, value = smoothing.fit(smoothing.ETS, x, lower, upper, y, setting, MOST * free, horizon)
    count = free + 1 + (start.indices.size - 1 if season != NONE else 0)
    # both errors at the same parameters: the likelihood of a multiplicative one is no sum of squares
    setting[0] = ADDITIVE
    squares = float(np.exp(smoothing.loss(smoothing.ETS, best, y, setting, np.empty(0)) / y.size))
    variance = squares / max(y.size - free, 1)
    return Fitted(error, trend, season, aicc(value, count, y.size), point, best, variance)


def _line(values: Vector) -> tuple[float, float]:
    """Level before, and slope of, the first ten values."""
    first = values[:10]
    slope, level = np.polyfit(np.arange(1, first.size + 1), first, 1)
    return float(level), float(slope)


def _deviation(found: Fitted, horizon: int, length: int) -> Vector:
    """The deviation of each step (ibid., table 6.2); with a multiplicative error it follows the forecast's size."""
    alpha, beta, gamma = found.x[0], found.x[0] * found.x[1], found.x[3] * (1 - found.x[0])
    phi = found.x[2] if found.trend == DAMPED else 1.0
    ahead = np.arange(1, horizon)
    weight = np.full(horizon - 1, alpha)
    if found.trend != NONE:
        weight = weight + beta * (np.cumsum(phi**ahead) if found.trend == DAMPED else ahead)
    if found.season != NONE:
        weight = weight + gamma * (ahead % length == 0)
    growth = np.concatenate([[1.0], 1 + np.cumsum(weight**2)])
    size = np.ones(horizon)
    if found.error == MULTIPLICATIVE:
        size = np.abs(found.point) / max(float(np.abs(found.point[:length]).mean()), 1e-9)
    return np.asarray(np.sqrt(found.variance * growth) * size)
