"""Complex exponential smoothing (Svetunkov, Kourentzes and Ord, 2022): level and potential in one complex state."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from forecasting.timeseries.methods import LEVELS, Forecast, MethodFailed, ensure_horizon
from forecasting.timeseries.methods.decompose import decomposed
from forecasting.timeseries.methods.scaled import Scaled, aicc, scaled
from forecasting.timeseries.series import DemandSeries, Vector

NONE, SIMPLE, PARTIAL, FULL = 0, 1, 2, 3
MOST = 100
"""Evaluations for each free parameter."""


@dataclass(frozen=True, slots=True, eq=False)
class Fitted:
    """One kind of season at its best."""

    aicc: float
    point: Vector
    weight: float
    variance: float


class ComplexSmoothing:
    """No season, a simple, partial or full one: whichever has the lowest AICc; normal quantiles."""

    name = "ces"

    def forecast(
        self, series: DemandSeries, horizon: int, *, levels: tuple[float, ...] = LEVELS, seed: int = 0
    ) -> Forecast:
        """Raises TooShort below 8 known periods, and MethodFailed when every kind diverges."""
        ensure_horizon(series, horizon)
        of = scaled(series)
        found = [one for one in _kinds(of, horizon) if np.isfinite(one.point).all()]
        if not found:
            raise MethodFailed("Complex smoothing diverges on this series.")
        best = min(found, key=lambda one: one.aicc)
        deviation = np.sqrt(best.variance * (1 + np.arange(horizon) * best.weight**2))
        return of.forecast(best.point, deviation, levels)

    def parameters(self) -> Mapping[str, str | int | bool]:
        return {"chosen_by": "AICc", "optimiser": f"Nelder-Mead, {MOST} evaluations a parameter"}


def _kinds(of: Scaled, horizon: int) -> Iterator[Fitted]:
    y, length = of.y, of.length
    yield _fitted(y, NONE, np.zeros(1), horizon)
    if of.is_seasonal:
        season = decomposed(y, length, multiplies=False).indices
        yield _fitted(y, SIMPLE, y[:length], horizon)
        yield _fitted(y, PARTIAL, season, horizon)
        yield _fitted(y, FULL, season, horizon)


def _fitted(y: Vector, kind: int, season: Vector, horizon: int) -> Fitted:
    from forecasting.timeseries.methods import smoothing

    first = float(y[: max(10, season.size)].mean())
    x = np.array([1.3, 1.0, 0.1 if kind == PARTIAL else 1.3, 1.0])
    lower, upper = np.array([0.01, 0.01, 0.01, 0.01]), np.array([1.8, 1.9, 1.5, 1.5])
    used = {NONE: 2, SIMPLE: 2, PARTIAL: 3, FULL: 4}[kind]
    lower[used:], upper[used:] = x[used:], x[used:]
    if kind == PARTIAL:
        lower[2], upper[2] = 1e-4, 0.9999
    setting = np.concatenate([[kind, first], season])
    point, best, value = smoothing.fit(smoothing.CES, x, lower, upper, y, setting, MOST * used, horizon)
    states = {NONE: 2, SIMPLE: 2 * season.size, PARTIAL: 2 + season.size, FULL: 2 + 2 * season.size}[kind]
    count = used + states + 1
    variance = float(np.exp(value / y.size)) / max(y.size - used, 1)
    return Fitted(aicc(value, count, y.size), point, float(np.clip(best[0] - best[1], 0.0, 1.0)), variance)
