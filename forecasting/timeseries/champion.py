"""Which method forecasts: one champion a pool, chosen by pooled error over past origins only."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from forecasting.timeseries import metrics
from forecasting.timeseries.backtest import Backtest, Trial, mean_over
from forecasting.timeseries.classify import DemandClass, demand_class
from forecasting.timeseries.methods import Forecast, Method, MethodFailed
from forecasting.timeseries.series import DemandSeries, Frequency, SeriesRefused, TooShort

ENOUGH_ORIGINS = 3
MARGIN = 0.9
DEFAULT_METHOD: dict[DemandClass, str] = {
    DemandClass.SMOOTH: "prophet",
    DemandClass.ERRATIC: "prophet",
    DemandClass.INTERMITTENT: "empirical",
    DemandClass.LUMPY: "empirical",
}
"""What a class gets while fewer than three origins can be used."""


@dataclass(frozen=True, slots=True)
class Pool:
    """Series that share a champion."""

    frequency: Frequency
    demand_class: DemandClass
    length: str

    @classmethod
    def of(cls, series: DemandSeries) -> "Pool":
        """The pool of a series: frequency, demand class, and whether it has fewer than three seasons, or five."""
        seasons = len(series) / max(series.season_length, 1)
        length = "short" if seasons < 3 else "medium" if seasons < 5 else "long"
        return cls(series.frequency, demand_class(series.values), length)


def champions(
    tested: Mapping[str, tuple[Pool, Backtest]], *, default: Mapping[DemandClass, str] = DEFAULT_METHOD
) -> dict[Pool, str]:
    """Choose one method a pool, by the error of all its series over past origins; few origins get the class's default.

    Winner-takes-all per series from short backtests is worse than one pooled choice: measured, not assumed.
    """
    pools: dict[Pool, list[Backtest]] = {}
    for _, (pool, found) in sorted(tested.items()):
        pools.setdefault(pool, []).append(found)
    return {pool: _champion(pool, found, default[pool.demand_class]) for pool, found in pools.items()}


def choose(pool: Pool, found: Backtest, champion: str) -> str:
    """The method of one series: its pool's champion, unless another was better at each of three origins by a tenth."""
    if found.origins < ENOUGH_ORIGINS:
        return champion
    mine = _errors_by_origin(pool, found.trials[champion])
    for name in sorted(found.trials):
        theirs = _errors_by_origin(pool, found.trials[name])
        if name != champion and all(t < MARGIN * m for t, m in zip(theirs, mine, strict=True)):
            return name
    return champion


def _champion(pool: Pool, found: Sequence[Backtest], default: str) -> str:
    usable = [test for test in found if test.origins >= ENOUGH_ORIGINS]
    if not usable:
        return default
    names = sorted(set.intersection(*(set(test.trials) for test in usable)))
    errors = {name: _pooled_error(pool, [test.trials[name] for test in usable]) for name in names}
    known = {name: error for name, error in errors.items() if error is not None}
    # the default wins a tie
    return min(known, key=lambda name: (known[name], name != default, name)) if known else default


def _pooled_error(pool: Pool, tests: Sequence[Sequence[Trial]]) -> float | None:
    """Mean MASE over series; for sparse demand, whose point forecasts say little, the pooled WQL."""
    if not pool.demand_class.is_sparse:
        found = [value for value in (mean_over(metrics.mase, trials) for trials in tests) if value is not None]
        return float(np.mean(found)) if found else None
    total = sum(metrics.absolute_sum(trial.actual) for trials in tests for trial in trials)
    loss = sum(_loss(trial) for trials in tests for trial in trials)
    return loss / total if total > 0 else None


def _errors_by_origin(pool: Pool, trials: Sequence[Trial]) -> list[float]:
    if pool.demand_class.is_sparse:
        return [_loss(trial) for trial in trials]
    return [float(np.nansum(np.abs(trial.actual - trial.forecast.point))) for trial in trials]


def _loss(trial: Trial) -> float:
    return metrics.quantile_loss_sum(trial.actual, trial.forecast.quantiles, trial.forecast.levels)


def forecast_with(
    chosen: str, methods: Sequence[Method], series: DemandSeries, *, horizon: int, seed: int
) -> tuple[str, Forecast]:
    """Forecast with the chosen method, or with the first other that can when it fails; tell which it was.

    Raises what the last one raised.
    """
    refused: SeriesRefused = MethodFailed("No method is allowed for this series.")
    for method in sorted(methods, key=lambda method: method.name != chosen):
        try:
            return method.name, method.forecast(series, horizon, seed=seed)
        except (MethodFailed, TooShort) as failure:
            refused = failure
    raise refused
