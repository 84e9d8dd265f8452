"""What every forecasting method is: one file a method, one name, no state."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol, runtime_checkable

import numpy as np

from forecasting.timeseries.series import DemandSeries, Frequency, SeriesRefused, Vector

LEVELS: tuple[float, ...] = (0.025, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.975)
MAX_HORIZON: dict[Frequency, int] = {"D": 366, "W": 104, "MS": 36}


class HorizonRefused(SeriesRefused):
    """A horizon below 1 or beyond what anybody can plan with."""


class MethodFailed(SeriesRefused):
    """A method found no answer for this series (its optimiser gave up, say)."""


@dataclass(frozen=True, slots=True, eq=False)
class Forecast:
    """Point forecasts and quantiles of the next steps: no quantile below zero, none below a lower one."""

    point: Vector
    quantiles: Vector
    levels: tuple[float, ...] = LEVELS
    components: Mapping[str, Vector] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.quantiles.shape != (self.point.size, len(self.levels)):
            raise ValueError("quantiles must be steps x levels")
        if not (np.isfinite(self.point).all() and np.isfinite(self.quantiles).all()):
            raise MethodFailed("The method gave numbers that are not finite.")
        object.__setattr__(self, "point", np.maximum(self.point, 0.0) + 0.0)  # + 0.0: no -0.0
        object.__setattr__(self, "quantiles", np.sort(np.maximum(self.quantiles, 0.0) + 0.0, axis=1))

    @property
    def horizon(self) -> int:
        return int(self.point.size)

    def quantile(self, level: float) -> Vector:
        """The column of one level. Raises KeyError for a level that was not forecast."""
        for column, known in enumerate(self.levels):
            if abs(known - level) < 1e-9:
                return np.asarray(self.quantiles[:, column])
        raise KeyError(level)

    def interval(self, level: int) -> tuple[Vector, Vector]:
        """Lower and upper bound of the central prediction interval, `level` 80 or 95."""
        tail = (100 - level) / 200
        return self.quantile(tail), self.quantile(1 - tail)


class Method(Protocol):
    """A way to forecast one series. The same series, horizon and seed give the same bits."""

    @property
    def name(self) -> str: ...

    def forecast(
        self, series: DemandSeries, horizon: int, *, levels: tuple[float, ...] = LEVELS, seed: int = 0
    ) -> Forecast:
        """Forecast `horizon` steps. Raises SeriesRefused for a series that it cannot forecast."""
        ...

    def parameters(self) -> Mapping[str, str | int | bool]:
        """What the manifest of a run says about its settings."""
        ...


@runtime_checkable
class BatchMethod(Protocol):
    """A method that does many series at less cost than one by one."""

    def forecast_many(
        self, found: Sequence[DemandSeries], horizon: int, *, levels: tuple[float, ...] = LEVELS, seed: int = 0
    ) -> list[Forecast | SeriesRefused]:
        """Forecast each series, in order: the bits that `forecast` gives, or the refusal that it raises."""
        ...


def forecast_many(
    method: Method, found: Sequence[DemandSeries], horizon: int, *, levels: tuple[float, ...] = LEVELS, seed: int = 0
) -> list[Forecast | SeriesRefused]:
    """Ask a method about many series; one by one where it knows no better."""
    if isinstance(method, BatchMethod):
        return method.forecast_many(found, horizon, levels=levels, seed=seed)
    answers: list[Forecast | SeriesRefused] = []
    for series in found:
        try:
            answers.append(method.forecast(series, horizon, levels=levels, seed=seed))
        except SeriesRefused as refused:
            answers.append(refused)
    return answers


def ensure_horizon(series: DemandSeries, horizon: int) -> None:
    """Raise HorizonRefused unless the horizon is at least 1 and within the frequency's limit."""
    limit = MAX_HORIZON[series.frequency]
    if not 1 <= horizon <= limit:
        raise HorizonRefused(f"A horizon of {horizon} is not between 1 and {limit}.")
