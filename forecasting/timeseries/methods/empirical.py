"""Quantiles of the past itself: hard to beat where most periods are empty, or demand is wild."""

from collections.abc import Mapping

import numpy as np

from forecasting.timeseries.methods import LEVELS, Forecast, ensure_horizon
from forecasting.timeseries.series import MAX_PERIODS, DemandSeries, NothingToForecast, Vector

WINDOW = 24
FADING = 0.08
"""What a period weighs less than the next: the older half of all weight lies more than 8 periods back."""


class Empirical:
    """The same distribution at every step: that of the last 24 periods known. The point forecast is their mean."""

    name = "empirical"

    def forecast(
        self, series: DemandSeries, horizon: int, *, levels: tuple[float, ...] = LEVELS, seed: int = 0
    ) -> Forecast:
        """Raises NothingToForecast when no period is known."""
        ensure_horizon(series, horizon)
        seen = _known(series)[-WINDOW:]
        quantiles = np.quantile(seen, levels)
        return Forecast(np.full(horizon, seen.mean()), np.tile(quantiles, (horizon, 1)), levels)

    def parameters(self) -> Mapping[str, str | int | bool]:
        return {"window": WINDOW, "quantiles": "linear interpolation"}


class FadingEmpirical:
    """The same distribution at every step: that of all periods known, where each weighs a twelfth less than the next.

    No window's edge: a large order fades out of the quantiles instead of falling out of them.
    """

    name = "empirical_fading"

    def forecast(
        self, series: DemandSeries, horizon: int, *, levels: tuple[float, ...] = LEVELS, seed: int = 0
    ) -> Forecast:
        """Raises NothingToForecast when no period is known."""
        ensure_horizon(series, horizon)
        seen = _known(series)
        weights = (1 - FADING) ** np.arange(seen.size - 1, -1, -1, dtype=np.float64)
        weights /= weights.sum()
        quantiles = weighted_quantiles(seen, weights, np.array(levels))
        return Forecast(np.full(horizon, (seen * weights).sum()), np.tile(quantiles, (horizon, 1)), levels)

    def parameters(self) -> Mapping[str, str | int | bool]:
        return {"fading": str(FADING), "quantiles": "linear interpolation"}


def weighted_quantiles(values: Vector, weights: Vector, levels: Vector) -> Vector:
    """Quantiles of weighted values: each lies in the middle of its own weight, straight lines between them."""
    order = np.argsort(values, kind="stable")
    middles = np.cumsum(weights[order]) - weights[order] / 2
    return np.asarray(np.interp(levels, middles / weights.sum(), values[order]))


def _known(series: DemandSeries) -> Vector:
    values = series.values[-MAX_PERIODS[series.frequency] :]
    seen = values[~np.isnan(values)]
    if seen.size == 0:
        raise NothingToForecast("No period of this history is known.")
    return np.asarray(seen)
