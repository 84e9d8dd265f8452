"""What the methods share that fit a model to a scaled series: a season too long for states is taken out before, and
quantiles are normal."""

from dataclasses import dataclass
from statistics import NormalDist

import numpy as np

from forecasting.timeseries.methods import Forecast
from forecasting.timeseries.methods.decompose import NO_SEASON, Season, filled, season_of
from forecasting.timeseries.series import DemandSeries, Vector

LONGEST_SEASON = 24
"""A longer season is taken out before: its states would outnumber what can be learnt."""


@dataclass(frozen=True, slots=True, eq=False)
class Scaled:
    """A series as such a method sees it: without gaps and a long season, of mean size one."""

    y: Vector
    length: int
    is_seasonal: bool
    """Whether the method is to model a season of that length."""
    before: Season
    scale: float

    def forecast(self, point: Vector, deviation: Vector, levels: tuple[float, ...]) -> Forecast:
        """Give the steps back their size and their long season, with normal quantiles."""
        scores = np.array([NormalDist().inv_cdf(level) for level in levels])
        quantiles = (point[:, None] + deviation[:, None] * scores) * self.scale
        restored = self.before.restored
        return Forecast(restored(point * self.scale, self.y.size), restored(quantiles, self.y.size), levels)


def scaled(series: DemandSeries) -> Scaled:
    """Fill and scale a series."""
    values, length = filled(series), series.season_length
    before = season_of(values, length) if length > LONGEST_SEASON else NO_SEASON
    adjusted = before.removed(values)
    scale = float(np.abs(adjusted).mean()) or 1.0
    is_seasonal = 2 <= length <= LONGEST_SEASON and values.size >= 2 * length + 5
    return Scaled(adjusted / scale, length, is_seasonal, before, scale)


def aicc(value: float, count: int, size: int) -> float:
    """Akaike's criterion with its correction for few observations: of -2 log likelihood, parameters, observations."""
    return float(value + 2 * count + 2 * count * (count + 1) / max(size - count - 1, 0.5))
