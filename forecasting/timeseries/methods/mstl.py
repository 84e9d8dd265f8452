"""Seasons taken out by local regression, one after the other, and put back; the rest by the Theta model.

MSTL (Bandara, Hyndman and Bergmeir, 2021). A season may change slowly; its last course is repeated. For the rest Theta
did better at past origins of public sets than the exponential smoothing that is usual there, at a sixth of its cost.
"""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from forecasting.timeseries.methods import LEVELS, Forecast, ensure_horizon
from forecasting.timeseries.methods.decompose import filled
from forecasting.timeseries.methods.theta import Theta
from forecasting.timeseries.series import DemandSeries, Vector

YEAR_OF_DAYS = 365
WIDTHS = (11, 15)
ROUNDS = 2


class Mstl:
    """The season of the frequency, for days that of the year too; the rest has a level and perhaps a trend."""

    name = "mstl"

    def __init__(self) -> None:
        self._rest = Theta()

    def forecast(
        self, series: DemandSeries, horizon: int, *, levels: tuple[float, ...] = LEVELS, seed: int = 0
    ) -> Forecast:
        """Raises TooShort below 8 known periods."""
        ensure_horizon(series, horizon)
        values = filled(series)
        season, ahead = _seasons(values, _periods(series, values.size), horizon)
        # raised, so that no bound at zero cuts the quantiles before the season comes back
        raised = max(0.0, -float((values - season).min())) + float(np.ptp(values)) + float(np.abs(ahead).max())
        rest = replace(series, season_length=1, values=values - season + raised)
        found = self._rest.forecast(rest, horizon, levels=levels)
        return Forecast(found.point - raised + ahead, found.quantiles - raised + ahead[:, None], levels)

    def parameters(self) -> Mapping[str, str | int | bool]:
        return {"season_widths": str(WIDTHS), "rest": "theta"}


def _periods(series: DemandSeries, count: int) -> list[int]:
    found = [series.season_length]
    if series.frequency == "D" and series.season_length == 7:
        found.append(YEAR_OF_DAYS)
    return [period for period in found if 2 <= period <= count // 2]


def _seasons(values: Vector, periods: list[int], horizon: int) -> tuple[Vector, Vector]:
    """All seasons of the past together, and the last course of each repeated over the next steps."""
    from forecasting.timeseries.methods.loess import stl

    parts = [np.zeros(values.size) for _ in periods]
    for _ in range(ROUNDS if len(periods) > 1 else 1):
        for i, period in enumerate(periods):
            others = np.sum([part for j, part in enumerate(parts) if j != i], axis=0)
            parts[i] = stl(values - others, period, WIDTHS[i])
    ahead = np.zeros(horizon)
    for part, period in zip(parts, periods, strict=True):
        ahead += np.resize(part[-period:], horizon)
    return np.asarray(np.sum(parts, axis=0)) + np.zeros(values.size), ahead
