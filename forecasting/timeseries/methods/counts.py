"""Counts: a slow level, and a negative binomial around it. For demand that most periods lack."""

from collections.abc import Mapping
from statistics import NormalDist

import numpy as np

from forecasting.timeseries.methods import LEVELS, Forecast, ensure_horizon
from forecasting.timeseries.series import MAX_PERIODS, DemandSeries, NothingToForecast, Vector

WEIGHT = 0.1
WIDE = 1.5
LARGE = 500.0
"""Above this mean a count is as good as normal."""
LARGEST_WHOLE = 2.0**53


class SmoothedCounts:
    """Exponentially weighted mean and variance, the same distribution at every step.

    The variance is made unbiased, and that of the mean itself is added. `spread` widens it further: what the pooled
    loss over past origins may ask for.
    """

    def __init__(self, name: str = "counts", spread: float = 1.0) -> None:
        self.name = name
        self.spread = spread

    def forecast(
        self, series: DemandSeries, horizon: int, *, levels: tuple[float, ...] = LEVELS, seed: int = 0
    ) -> Forecast:
        """Raises NothingToForecast when no period is known."""
        values = _known(series, horizon)
        unit = _unit(values)
        mean, variance = _moments(values / unit)
        return _forecast(mean, variance * self.spread, unit, horizon, levels)

    def parameters(self) -> Mapping[str, str | int | bool]:
        return {"weight": str(WEIGHT), "spread": str(self.spread), "quantiles": "negative binomial"}


class Tsb:
    """A negative binomial around the level of Teunter, Syntetos and Babai, which sinks while no demand comes."""

    name = "tsb"

    def forecast(
        self, series: DemandSeries, horizon: int, *, levels: tuple[float, ...] = LEVELS, seed: int = 0
    ) -> Forecast:
        """Raises NothingToForecast when no period is known."""
        from forecasting.timeseries.methods.levels import WEIGHTS, tsb

        values = _known(series, horizon)
        unit = _unit(values)
        level = float(tsb(values / unit, WEIGHTS)) if values.any() else 0.0
        return _around(level, values / unit, unit, horizon, levels)

    def parameters(self) -> Mapping[str, str | int | bool]:
        return {"weights": "of the least squared error, .02 to .3", "quantiles": "negative binomial"}


class Imapa:
    """A negative binomial around a level seen at several lengths of a period, up to the mean interval of demand."""

    name = "imapa"

    def forecast(
        self, series: DemandSeries, horizon: int, *, levels: tuple[float, ...] = LEVELS, seed: int = 0
    ) -> Forecast:
        """Raises NothingToForecast when no period is known."""
        from forecasting.timeseries.methods.levels import WEIGHTS, imapa

        values = _known(series, horizon)
        unit = _unit(values)
        interval = round(values.size / max(int((values > 0).sum()), 1))
        longest = int(np.clip(interval, 1, max(1, values.size // 4)))
        return _around(float(imapa(values / unit, longest, WEIGHTS)), values / unit, unit, horizon, levels)

    def parameters(self) -> Mapping[str, str | int | bool]:
        return {"weights": "of the least squared error, .02 to .3", "quantiles": "negative binomial"}


def _known(series: DemandSeries, horizon: int) -> Vector:
    ensure_horizon(series, horizon)
    values = series.values[-MAX_PERIODS[series.frequency] :]
    values = values[~np.isnan(values)]
    if values.size == 0:
        raise NothingToForecast("No period of this history is known.")
    return np.asarray(values)


def _around(level: float, values: Vector, unit: float, horizon: int, levels: tuple[float, ...]) -> Forecast:
    """The variance of the weighted moments, seen from another level than their mean."""
    mean, variance = _moments(values)
    return _forecast(level, variance * max(level / mean, 0.1) if mean > 0 else variance, unit, horizon, levels)


def _forecast(mean: float, variance: float, unit: float, horizon: int, levels: tuple[float, ...]) -> Forecast:
    quantiles = _quantiles(mean, variance, np.array(levels)) * unit
    return Forecast(np.full(horizon, mean * unit), np.tile(quantiles, (horizon, 1)), levels)


def _moments(values: Vector) -> tuple[float, float]:
    """The weighted mean of what is known, and the variance of the next value."""
    weights = (1 - WEIGHT) ** np.arange(values.size)[::-1].astype(np.float64)
    weights /= weights.sum()
    mean = float((weights * values).sum())
    squares, share = float((weights * (values - mean) ** 2).sum()), float((weights**2).sum())
    return mean, squares * (1 + share) / max(1 - share, 0.5)


def _unit(values: Vector) -> float:
    """What demand comes in: the pack that divides every quantity, or a tenth of the middle one where none is whole."""
    sold = values[values > 0]
    if sold.size == 0:
        return 1.0
    if (sold == np.floor(sold)).all() and sold.max() < LARGEST_WHOLE:
        return float(np.gcd.reduce(sold.astype(np.int64)))
    return float(np.median(sold)) / 10


def _quantiles(mean: float, variance: float, levels: Vector) -> Vector:
    from forecasting.timeseries.methods.smoothing import count_quantiles

    if mean > LARGE:
        scores = np.array([NormalDist().inv_cdf(float(level)) for level in levels])
        return np.asarray(mean + np.sqrt(variance) * scores)
    found: Vector = count_quantiles(mean, variance, levels)
    return found
