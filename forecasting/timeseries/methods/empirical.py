"""Quantiles of the last 24 periods: hard to beat where most periods are empty."""

from collections.abc import Mapping

import numpy as np

from forecasting.timeseries.methods import LEVELS, Forecast, ensure_horizon
from forecasting.timeseries.series import DemandSeries, NothingToForecast

WINDOW = 24


class Empirical:
    """The same distribution at every step: that of the last 24 periods known. The point forecast is their mean."""

    name = "empirical"

    def forecast(
        self, series: DemandSeries, horizon: int, *, levels: tuple[float, ...] = LEVELS, seed: int = 0
    ) -> Forecast:
        """Raises NothingToForecast when no period is known."""
        ensure_horizon(series, horizon)
        seen = series.values[~np.isnan(series.values)][-WINDOW:]
        if seen.size == 0:
            raise NothingToForecast("No period of this history is known.")
        quantiles = np.quantile(seen, levels)
        return Forecast(np.full(horizon, seen.mean()), np.tile(quantiles, (horizon, 1)), levels)

    def parameters(self) -> Mapping[str, str | int | bool]:
        return {"window": WINDOW, "quantiles": "linear interpolation"}
