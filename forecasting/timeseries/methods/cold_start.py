"""A product or site too young to stand alone: its parent's shape, at a level between its parent's and its own.

The level is the posterior mean of a normal prior around the parent (empirical Bayes; Efron and Morris, 1975): the more
periods are known, and the steadier they are, the more the series' own level counts. How much, and how wide the forecast
is, is learnt from the series that the parent is the mean of: how far their levels lie apart, how uneven they are.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

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
"""The variance of a child's level around its parent's, in squares of the parent's, before any is seen: 70 %."""
WITHIN = 0.25
"""The squared variation of one child's periods before any is seen: one is never as steady as a mean of many."""
PRIOR = 2.0
"""So many children of that kind stand beside those that are seen."""
LEAST_BESIDE = 0.1
"""A share of the parent's mean: over periods in which it had less, its level tells nothing of a child's."""


@dataclass(frozen=True, slots=True)
class Kin:
    """What the children of a parent are like: how far their levels lie apart, how uneven the periods of one are."""

    between: float = BETWEEN
    within: float = WITHIN

    @classmethod
    def of(cls, children: Sequence[Vector]) -> "Kin":
        """Learn it from their histories, shrunk to what is usual while there are few."""
        known = [one[~np.isnan(one)] for one in children]
        levels = np.array([one.mean() for one in known if one.size and one.mean() > 0])
        if levels.size == 0:
            return cls()
        apart = float(np.var(levels / levels.mean())) * levels.size  # a sum over one degree of freedom less
        uneven = sum(float(np.var(one / one.mean())) for one in known if one.size and one.mean() > 0)
        return cls(
            (apart + PRIOR * BETWEEN) / (levels.size - 1 + PRIOR), (uneven + PRIOR * WITHIN) / (levels.size + PRIOR)
        )


class ColdStart:
    """Shrunk to `parent`: the mean series of its kind, of the same frequency. Quantiles of a gamma distribution."""

    name = "cold_start"

    def __init__(self, parent: DemandSeries, kin: Kin | None = None) -> None:
        self.parent = parent
        self.kin = kin or Kin()

    def forecast(
        self, series: DemandSeries, horizon: int, *, levels: tuple[float, ...] = LEVELS, seed: int = 0
    ) -> Forecast:
        """Raises NothingToForecast when the parent has no demand, and TooShort when it ends before the series does."""
        ensure_horizon(series, horizon)
        path, mean = self._path(series, horizon)
        share, doubt, within = _level(series.values, self._beside(series, mean), mean, self.kin)
        point = path * share
        variation = doubt / share**2 + within
        from scipy.special import gammaincinv

        quantiles: Vector = point[:, None] * (gammaincinv(1 / variation, np.array(levels)) * variation)[None, :]
        return Forecast(point, quantiles, levels)

    def parameters(self) -> Mapping[str, str | int | bool]:
        return {"between": str(self.kin.between), "within": str(self.kin.within), "quantiles": "gamma"}

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


def _level(values: Vector, beside: Vector, mean: float, kin: Kin) -> tuple[float, float, float]:
    """The series' share of its parent's level, the variance of that share, and that of one period around it."""
    known = ~np.isnan(values)
    count = int(known.sum())
    within = max(kin.within, float(np.var(beside) / mean**2))
    if count == 0:
        return 1.0, kin.between, within
    own = float(values[known].sum()) / max(float(beside[known].sum()), LEAST_BESIDE * count * mean)
    if count > 2 and own > 0:
        within = max(within, float(np.var(values[known]) / np.mean(values[known]) ** 2))
    weight = count * kin.between / (count * kin.between + within)
    return max(weight * own + 1 - weight, 1e-3), (1 - weight) * kin.between, within
