"""A product or site too young to stand alone: its parent's shape, at a level between its parent's and its own.

The level is the posterior mean of a normal prior around the parent (empirical Bayes; Efron and Morris, 1975): the more
periods are known, and the steadier they are, the more the series' own level counts.
"""

from collections.abc import Mapping

import numpy as np

from forecasting.timeseries.methods import LEVELS, Forecast, ensure_horizon
from forecasting.timeseries.methods.empirical import Empirical
from forecasting.timeseries.methods.theta import Theta
from forecasting.timeseries.series import (
    DemandSeries,
    NothingToForecast,
    TooShort,
    Vector,
    period_of,
    periods_between,
)

BETWEEN = 0.5
"""The variance of a child's level around its parent's, in squares of the parent's: children differ by 70 %."""
WITHIN = 0.25
"""The least squared variation of one child's periods: a single item is never as steady as a mean of many."""


class ColdStart:
    """Shrunk to `parent`: the mean series of its kind, of the same frequency. Quantiles of a gamma distribution."""

    name = "cold_start"

    def __init__(self, parent: DemandSeries) -> None:
        self.parent = parent

    def forecast(
        self, series: DemandSeries, horizon: int, *, levels: tuple[float, ...] = LEVELS, seed: int = 0
    ) -> Forecast:
        """Raises NothingToForecast when the parent has no demand, and TooShort when it ends before the series does."""
        ensure_horizon(series, horizon)
        path, mean = self._path(series, horizon)
        share, doubt, within = _level(series.values, self._beside(series, mean), mean)
        point = path * share
        variation = doubt / share**2 + within
        from scipy.special import gammaincinv

        quantiles: Vector = point[:, None] * (gammaincinv(1 / variation, np.array(levels)) * variation)[None, :]
        return Forecast(point, quantiles, levels)

    def parameters(self) -> Mapping[str, str | int | bool]:
        return {"between": str(BETWEEN), "within": str(WITHIN), "quantiles": "gamma"}

    def _path(self, series: DemandSeries, horizon: int) -> tuple[Vector, float]:
        """What the parent will be in the steps after the series, and its recent mean."""
        recent = self.parent.values[-max(self.parent.season_length, 12) :]
        recent = recent[~np.isnan(recent)]
        if recent.size == 0 or recent.mean() <= 0:
            raise NothingToForecast("Its group has no recent demand either.")
        if period_of(self.parent.end, self.parent.frequency) != series.end:
            raise TooShort("The history of its group does not end where its own does.")
        try:
            path = Theta().forecast(self.parent, horizon).point
        except TooShort:
            path = Empirical().forecast(self.parent, horizon).point
        return np.maximum(path, 1e-3 * recent.mean()), float(recent.mean())

    def _beside(self, series: DemandSeries, mean: float) -> Vector:
        """What the parent was in the series' periods; its mean where it was not known."""
        first = periods_between(self.parent.start, series.start, series.frequency)
        places = first + np.arange(len(series))
        inside = (places >= 0) & (places < len(self.parent))
        beside = np.full(len(series), mean)
        beside[inside] = self.parent.values[places[inside]]
        return np.where(np.isnan(beside), mean, beside)


def _level(values: Vector, beside: Vector, mean: float) -> tuple[float, float, float]:
    """The series' share of its parent's level, the variance of that share, and that of one period around it."""
    known = ~np.isnan(values)
    count = int(known.sum())
    within = max(WITHIN, float(np.var(beside) / mean**2))
    if count == 0:
        return 1.0, BETWEEN, within
    own = float(values[known].sum()) / max(float(beside[known].sum()), 1e-9 * mean)
    if count > 2 and own > 0:
        within = max(within, float(np.var(values[known]) / np.mean(values[known]) ** 2))
    weight = count * BETWEEN / (count * BETWEEN + within)
    return max(weight * own + 1 - weight, 1e-3), (1 - weight) * BETWEEN, within
