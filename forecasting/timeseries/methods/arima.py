"""Seasonal ARIMA whose orders a stepwise search chooses by AICc (Hyndman and Khandakar, 2008).

Differences by KPSS test and strength of the season, coefficients by conditional least squares, no transformation.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from forecasting.timeseries.methods import LEVELS, Forecast, MethodFailed, ensure_horizon
from forecasting.timeseries.methods.scaled import aicc, scaled
from forecasting.timeseries.series import DemandSeries, Vector

KPSS_LIMIT = 0.463
STRONG_SEASON = 0.64
MOST_ORDER, MOST_SEASONAL = 3, 1
MOST = 60
"""Evaluations for each free parameter."""
WIDEST = 0.97
"""The largest partial autocorrelation: nearer to one, a difference says it better."""
INVERTIBLE = 0.9
"""The same for moving averages: nearer to one, least squares that begin with zeros reward what is not there."""

Orders = tuple[int, int, int, int]
STARTS: tuple[Orders, ...] = ((2, 2, 1, 1), (0, 0, 0, 0), (1, 0, 1, 0), (0, 1, 0, 1))


@dataclass(frozen=True, slots=True, eq=False)
class Fitted:
    """One choice of orders at its best, for the differenced and scaled series."""

    aicc: float
    x: Vector
    point: Vector
    variance: float


class AutoArima:
    """The model with the lowest AICc that a stepwise search meets; normal quantiles."""

    name = "arima"

    def forecast(
        self, series: DemandSeries, horizon: int, *, levels: tuple[float, ...] = LEVELS, seed: int = 0
    ) -> Forecast:
        """Raises TooShort below 8 known periods, and MethodFailed when every model diverges."""
        ensure_horizon(series, horizon)
        of = scaled(series)
        return of.forecast(*_forecast(of.y, of.length if of.is_seasonal else 1, horizon), levels)

    def parameters(self) -> Mapping[str, str | int | bool]:
        return {"chosen_by": "AICc, stepwise", "fitted_by": "conditional least squares", "most_orders": MOST_ORDER}


def _forecast(y: Vector, season: int, horizon: int) -> tuple[Vector, Vector]:
    """Point and deviation of each step."""
    lags = [season] if season > 1 and _season_strength(y, season) > STRONG_SEASON else []
    differenced = _differenced(y, lags)
    while len(lags) < 2 and differenced.size > 12 and _kpss(differenced) > KPSS_LIMIT:
        lags.append(1)
        differenced = _differenced(y, lags)
    if np.ptp(differenced) == 0:
        return _integrated(y, lags, np.full(horizon, differenced[-1])), np.zeros(horizon)
    best, orders = _searched(differenced, season, horizon, with_mean=len(lags) < 2)
    if not np.isfinite(best.point).all():
        raise MethodFailed("Every ARIMA model diverges on this series.")
    psi = _integrated(np.zeros(y.size), lags, _responses(best.x, orders, season, horizon))
    deviation = np.sqrt(best.variance * np.cumsum(psi**2))
    return _integrated(y, lags, best.point), deviation


def _searched(y: Vector, season: int, horizon: int, *, with_mean: bool) -> tuple[Fitted, Orders]:
    """From the best of four starts to the best neighbour, until none is better."""
    tried: dict[Orders, Fitted] = {}
    for start in STARTS:
        orders = _allowed(start, season, y.size)
        if orders not in tried:
            tried[orders] = _fitted(y, orders, season, horizon, with_mean=with_mean)
    best = min(tried, key=lambda orders: (tried[orders].aicc, orders))
    while True:
        for orders in _neighbours(best, season, y.size):
            if orders not in tried:
                tried[orders] = _fitted(y, orders, season, horizon, with_mean=with_mean)
        following = min(tried, key=lambda orders: (tried[orders].aicc, orders))
        if following == best:
            return tried[best], best
        best = following


def _allowed(orders: Orders, season: int, count: int) -> Orders:
    p, q, sp, sq = orders
    most = min(MOST_ORDER, max(0, (count - 4) // 6))
    seasonal = MOST_SEASONAL if season > 1 else 0
    return min(p, most), min(q, most), min(sp, seasonal), min(sq, seasonal)


def _neighbours(orders: Orders, season: int, count: int) -> Iterator[Orders]:
    p, q, sp, sq = orders
    for dp, dq, dsp, dsq in (
        (1, 0, 0, 0),
        (-1, 0, 0, 0),
        (0, 1, 0, 0),
        (0, -1, 0, 0),
        (1, 1, 0, 0),
        (-1, -1, 0, 0),
        (0, 0, 1, 0),
        (0, 0, -1, 0),
        (0, 0, 0, 1),
        (0, 0, 0, -1),
    ):
        near = (p + dp, q + dq, sp + dsp, sq + dsq)
        if min(near) >= 0 and _allowed(near, season, count) == near:
            yield near


def _fitted(y: Vector, orders: Orders, season: int, horizon: int, *, with_mean: bool) -> Fitted:
    from forecasting.timeseries.methods import smoothing

    free = sum(orders)
    mean, spread = (float(y.mean()), 2 * float(y.std()) / np.sqrt(y.size)) if with_mean else (0.0, 0.0)
    x = np.append(np.full(free, 0.1), mean)
    p, q, sp, sq = orders
    reach = np.concatenate([np.full(p, WIDEST), np.full(q, INVERTIBLE), np.full(sp, WIDEST), np.full(sq, INVERTIBLE)])
    lower, upper = np.append(-reach, mean - spread), np.append(reach, mean + spread)
    setting = np.array([*orders, season], dtype=np.float64)
    free += with_mean
    point, best, value = smoothing.fit(smoothing.ARIMA, x, lower, upper, y, setting, max(MOST * free, 1), horizon)
    count = free + 1
    variance = float(np.exp(value / y.size)) / max(y.size - free, 1)
    return Fitted(aicc(value, count, y.size), best, point, variance)


def _responses(x: Vector, orders: Orders, season: int, horizon: int) -> Vector:
    """What one shock of size one adds to each step of the differenced series: the first psi weights."""
    from forecasting.timeseries.methods import smoothing

    without_mean = np.append(x[:-1], 0.0)
    ahead = np.empty(horizon - 1)
    # the last known value is a shock that nothing announced; before it there is nothing
    shocked = np.zeros(2 * season + 8)
    shocked[-1] = 1.0
    setting = np.array([*orders, season], dtype=np.float64)
    smoothing.arima(without_mean, shocked, setting, ahead)
    return np.concatenate([[1.0], ahead])


def _differenced(y: Vector, lags: list[int]) -> Vector:
    for lag in lags:
        y = y[lag:] - y[:-lag]
    return y


def _integrated(y: Vector, lags: list[int], ahead: Vector) -> Vector:
    """Undo the differences: the steps of `y` from those of its differenced series."""
    pasts = [_differenced(y, lags[:i]) for i in range(len(lags))]
    for lag, past in zip(reversed(lags), reversed(pasts), strict=True):
        joined = np.concatenate([past[-lag:], np.zeros(ahead.size)])
        for i in range(ahead.size):
            joined[lag + i] = joined[i] + ahead[i]
        ahead = joined[lag:]
    return ahead


def _kpss(y: Vector) -> float:
    """The statistic of Kwiatkowski et al. (1992) for a level, Bartlett weights."""
    rest = y - y.mean()
    lags = int(3 * np.sqrt(y.size) / 13)
    variance = float(rest @ rest)
    for lag in range(1, lags + 1):
        variance += 2 * (1 - lag / (lags + 1)) * float(rest[lag:] @ rest[:-lag])
    return float((np.cumsum(rest) ** 2).sum()) / (y.size * variance) if variance > 0 else 0.0


def _season_strength(y: Vector, season: int) -> float:
    """How much of what is not trend the season explains (Wang, Smith and Hyndman, 2006)."""
    from forecasting.timeseries.methods.loess import loess, stl

    part = stl(y, season, 11)
    rest = y - part - loess(y - part, 2 * season + 1)
    whole = float(np.var(part + rest))
    return max(0.0, 1 - float(np.var(rest)) / whole) if whole > 0 else 0.0
