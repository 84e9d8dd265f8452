"""The dynamic optimised Theta model (Fiorucci et al., 2016): a smoothed level and half a trend, seasonally adjusted."""

from collections.abc import Mapping
from statistics import NormalDist

import numpy as np

from forecasting.timeseries.methods import LEVELS, Forecast, ensure_horizon
from forecasting.timeseries.methods.decompose import filled, season_of
from forecasting.timeseries.series import DemandSeries

MOST = 300


class Theta:
    """The winner's idea of the M3 competition, its three parameters chosen for one-step errors."""

    name = "theta"

    def forecast(
        self, series: DemandSeries, horizon: int, *, levels: tuple[float, ...] = LEVELS, seed: int = 0
    ) -> Forecast:
        """Raises TooShort below 8 known periods."""
        from forecasting.timeseries.methods import smoothing

        ensure_horizon(series, horizon)
        values = filled(series)
        season = season_of(values, series.season_length)
        adjusted = season.removed(values)
        scale = float(np.abs(adjusted).mean()) or 1.0
        y = adjusted / scale
        spread = max(float(y.std()), 1e-9)
        lower = np.array([min(y[0] - 3 * spread, 0.0), 0.1, 0.0])
        upper = np.array([y[0] + 3 * spread, 0.99, np.log(1e4)])
        start = np.clip(np.array([y[0] / 2, 0.5, np.log(2.0)]), lower, upper)
        point, best, error = smoothing.fit(smoothing.THETA, start, lower, upper, y, np.empty(0), MOST, horizon)
        deviation = np.sqrt(error * (1 + np.arange(horizon) * best[1] ** 2))
        scores = np.array([NormalDist().inv_cdf(level) for level in levels])
        quantiles = season.restored((point[:, None] + deviation[:, None] * scores) * scale, values.size)
        return Forecast(season.restored(point * scale, values.size), quantiles, levels)

    def parameters(self) -> Mapping[str, str | int | bool]:
        return {"seasonality": "classical, tested at 90 %", "optimiser": f"Nelder-Mead, {MOST} evaluations"}
