"""The last season, repeated: the yardstick (Hyndman and Athanasopoulos, section 5.2)."""

from collections.abc import Mapping
from statistics import NormalDist

import numpy as np

from forecasting.timeseries.methods import LEVELS, Forecast, ensure_horizon
from forecasting.timeseries.series import DemandSeries, TooShort, Vector


class SeasonalNaive:
    """Repeat the last season; quantiles from normal errors whose variance grows by one a season ahead (ibid., 5.5)."""

    name = "seasonal_naive"

    def forecast(
        self, series: DemandSeries, horizon: int, *, levels: tuple[float, ...] = LEVELS, seed: int = 0
    ) -> Forecast:
        """Raises TooShort without a whole season and one step more."""
        ensure_horizon(series, horizon)
        season = series.season_length
        differences = series.values[season:] - series.values[:-season]
        differences = differences[~np.isnan(differences)]
        if differences.size == 0:
            raise TooShort(f"A season of {season} and one step more are needed to repeat the last season.")
        point = np.resize(_last_season(series.values, season), horizon)
        seasons_ahead = np.arange(horizon) // season + 1
        deviation = np.sqrt(np.mean(differences**2) * seasons_ahead)
        scores = np.array([NormalDist().inv_cdf(level) for level in levels])
        return Forecast(point, point[:, None] + deviation[:, None] * scores[None, :], levels)

    def parameters(self) -> Mapping[str, str | int | bool]:
        return {"errors": "normal"}


def _last_season(values: Vector, season: int) -> Vector:
    """The latest known value at each place in the season, oldest place first; the mean where a place was never seen."""
    last = np.empty(season)
    for place in range(season):
        column = values[values.size - season + place :: -season]
        seen = column[~np.isnan(column)]
        last[place] = seen[0] if seen.size else np.nanmean(values)
    return last
