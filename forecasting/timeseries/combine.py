"""Ensembles: the mean or the median of what several methods say. Errors that differ cancel."""

from collections.abc import Mapping, Sequence
from typing import Literal

import numpy as np

from forecasting.timeseries.methods import LEVELS, Forecast, Method, MethodFailed
from forecasting.timeseries.series import DemandSeries, SeriesRefused, TooShort

How = Literal["mean", "median"]


def combined(forecasts: Sequence[Forecast], how: How) -> Forecast:
    """Combine point forecasts and, level by level, quantiles of the same steps. Raises ValueError without any."""
    if not forecasts or len({(one.horizon, one.levels) for one in forecasts}) != 1:
        raise ValueError("forecasts of the same steps and levels are needed")
    middle = np.mean if how == "mean" else np.median
    return Forecast(
        middle([one.point for one in forecasts], axis=0),
        middle([one.quantiles for one in forecasts], axis=0),
        forecasts[0].levels,
    )


class Ensemble:
    """The mean or median of its members; one that fails is left out."""

    def __init__(self, name: str, members: Sequence[Method], how: How = "mean") -> None:
        self.name = name
        self.members = tuple(members)
        self.how: How = how

    def forecast(
        self, series: DemandSeries, horizon: int, *, levels: tuple[float, ...] = LEVELS, seed: int = 0
    ) -> Forecast:
        """Raises what the last member raised when none has an answer."""
        refused: SeriesRefused = MethodFailed("The ensemble has no members.")
        found = []
        for member in self.members:
            try:
                found.append(member.forecast(series, horizon, levels=levels, seed=seed))
            except (MethodFailed, TooShort) as failure:
                refused = failure
        if not found:
            raise refused
        return combined(found, self.how)

    def parameters(self) -> Mapping[str, str | int | bool]:
        return {"members": ", ".join(member.name for member in self.members), "how": self.how}
