"""The mean of three distributions, and the chance that demand has ended.

A customer who ordered most months and then was silent for a year may have gone. A window forgets him only when his last
order falls out of it, a fading level only slowly. How long the silence is beside how often he ordered tells more: after
it demand is none with some probability, and what it was with the rest.
"""

from collections.abc import Mapping

import numpy as np

from forecasting.timeseries.methods import LEVELS, Forecast
from forecasting.timeseries.methods.counts import Imapa
from forecasting.timeseries.methods.empirical import WINDOW, Empirical, FadingEmpirical
from forecasting.timeseries.series import DemandSeries, Vector

ENDS = 0.005
"""The chance that demand ends in any one period."""
CLUSTERED = 0.5
"""Orders come in clusters: a silence says as much as if they came independently and half as often."""
PASTS = 2
"""So many of the members tell what was; where all of them had nothing, a level is nothing, whatever a model adds."""


class Ending:
    """Quantiles averaged over `empirical`, `empirical_fading` and `imapa`; then so much of nothing as has ended."""

    name = "ending"
    members = (Empirical(), FadingEmpirical(), Imapa())

    def forecast(
        self, series: DemandSeries, horizon: int, *, levels: tuple[float, ...] = LEVELS, seed: int = 0
    ) -> Forecast:
        """Raises NothingToForecast when no period is known."""
        told = [member.forecast(series, horizon, levels=levels, seed=seed) for member in self.members]
        point = np.mean([one.point for one in told], axis=0)
        rows = np.array([one.quantiles[0] for one in told])  # each tells the same at every step
        same = np.where((rows[:PASTS] <= 0).all(axis=0), 0.0, rows.mean(axis=0))
        ended = chance_of_end(series.values)
        quantiles = np.tile(_thinned(same, np.array(levels), ended), (horizon, 1))
        return Forecast(point * (1 - ended), quantiles, levels)

    def parameters(self) -> Mapping[str, str | int | bool]:
        members = ", ".join(member.name for member in self.members)
        return {"members": members, "ends": str(ENDS), "clustered": str(CLUSTERED)}


def chance_of_end(values: Vector) -> float:
    """How likely demand has ended, by how long it has been silent and how often it came before.

    With a constant chance h of ending and demand in a share p of periods, k silent ones have the odds
    h ((1 - p)^-k - 1) / p (Schmittlein, Morrison and Colombo, 1987, in whole periods). Zero where the last period had
    demand, and where none ever had.
    """
    known = values[~np.isnan(values)]
    active = np.flatnonzero(known > 0)
    if active.size == 0:
        return 0.0
    silent = known.size - 1 - int(active[-1])
    before = known[: known.size - silent][-WINDOW:]
    share = float(np.clip(CLUSTERED * (before > 0).mean(), 0.02, 0.9))
    odds = ENDS * np.expm1(-min(silent, 1000) * np.log1p(-share)) / share
    return float(1 - 1 / (1 + odds))


def _thinned(quantiles: Vector, levels: Vector, ended: float) -> Vector:
    """The quantiles of nothing with probability `ended`, else of the given ones; between levels straight lines."""
    if ended == 0.0:
        return quantiles
    inner = (levels - ended) / max(1 - ended, 1e-12)
    return np.where(inner > 0, np.interp(inner, levels, quantiles), 0.0)
