"""The champion: one method a pool by pooled error over past origins, then calibrated on the same origins.

Nothing here sees a test part. Origins lie a third of a horizon apart, the earliest a whole horizon before the end.
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from benchmarks.forecasting.candidates import DEFAULT, ENSEMBLES, may_be_champion
from benchmarks.forecasting.evaluate import Answers, answer, cut, nothing, shortened
from forecasting.timeseries.backtest import Backtest, Trial
from forecasting.timeseries.champion import Pool, champions
from forecasting.timeseries.classify import DemandClass
from forecasting.timeseries.conformal import Calibration, PastErrors, calibrated, scales_of
from forecasting.timeseries.methods import Forecast, Method
from forecasting.timeseries.series import DemandSeries, begins_at

FEWEST = 20
"""A pool of fewer series says too little: it keeps the ensemble of its class."""
SHORTEST = 12


@dataclass
class Choice:
    """What was chosen before any test part was read."""

    pools: dict[str, Pool]
    champions: dict[Pool, str]
    methods: dict[str, str]
    calibrations: dict[DemandClass, Calibration]
    seconds: float


def past_origins(series: DemandSeries, horizon: int) -> list[int]:
    """Ends of the training part at past origins, earliest first: three, or those that leave two seasons to learn."""
    ends = [len(series) - max(1, -(-horizon * thirds // 3)) for thirds in (3, 2, 1)]
    fewest = max(SHORTEST, 2 * series.season_length)
    return [end for end in dict.fromkeys(ends) if end >= fewest]


def decide(methods: Sequence[Method], found: Sequence[DemandSeries], horizon: int) -> Choice:
    """Backtest every method, choose a champion a pool, and learn its intervals."""
    start = time.process_time()
    pools = {series.key: Pool.of(series) for series in found if not nothing(series.values)}
    tested = _tested(methods, [series for series in found if series.key in pools], pools, horizon)
    best = _champions(pools, tested)
    # no series leaves its pool's champion: from three overlapping origins that is chance, and costs 2 to 3 % of MASE
    chosen = {key: best[pool] for key, pool in pools.items()}
    calibrations = _calibrations(pools, tested, chosen)
    return Choice(pools, best, chosen, calibrations, time.process_time() - start)


def _champions(pools: Mapping[str, Pool], tested: Mapping[str, Backtest]) -> dict[Pool, str]:
    sizes: dict[Pool, int] = defaultdict(int)
    for key, pool in pools.items():
        sizes[pool] += bool(tested[key].trials)
    found = champions({key: (pools[key], tested[key]) for key in pools}, default=DEFAULT)
    return {pool: name if sizes[pool] >= FEWEST else DEFAULT[pool.demand_class] for pool, name in found.items()}


def _tested(
    methods: Sequence[Method], found: Sequence[DemandSeries], pools: Mapping[str, Pool], horizon: int
) -> dict[str, Backtest]:
    trials: dict[str, dict[str, list[Trial]]] = {series.key: defaultdict(list) for series in found}
    for place in range(3):
        then, full = [], {}
        for series in found:
            origins = past_origins(series, horizon)
            if place < len(origins) and not nothing(series.values[: origins[place]]):
                then.append(shortened(series, origins[place]))
                full[series.key] = series
        for sparse in (True, False):
            some = [series for series in then if pools[series.key].demand_class.is_sparse == sparse]
            for name, answers in answer(_allowed(methods, sparse), some, horizon).items():
                for series in some:
                    if may_be_champion(name, pools[series.key].demand_class):
                        trials[series.key][name].append(_trial(series, full[series.key], answers, horizon))
    return {key: Backtest({name: tuple(those) for name, those in mine.items()}) for key, mine in trials.items()}


def _allowed(methods: Sequence[Method], sparse: bool) -> list[Method]:
    some = DemandClass.LUMPY if sparse else DemandClass.SMOOTH
    needed = {member for name, (members, _) in ENSEMBLES.items() if may_be_champion(name, some) for member in members}
    return [method for method in methods if may_be_champion(method.name, some) or method.name in needed]


def _trial(then: DemandSeries, full: DemandSeries, answers: Answers, horizon: int) -> Trial:
    actual = full.values[len(then) : len(then) + horizon]
    forecast = cut(answers.forecasts[then.key], actual.size)
    return Trial(begins_at(then.end), then.end, forecast, actual, then.values, then.season_length)


def _calibrations(
    pools: Mapping[str, Pool], tested: Mapping[str, Backtest], chosen: Mapping[str, str]
) -> dict[DemandClass, Calibration]:
    """One a class of demand that comes most periods; counts keep the quantiles of their distribution."""
    past: dict[DemandClass, list[PastErrors]] = defaultdict(list)
    for key, pool in pools.items():
        if pool.demand_class.is_sparse:
            continue
        for trial in tested[key].trials.get(chosen[key], ()):
            scales = scales_of(trial.train, trial.season_length, trial.forecast)
            if scales is not None:
                past[pool.demand_class].append(PastErrors(trial.actual - trial.forecast.point, scales))
    found = {kind: calibrated(errors) for kind, errors in past.items()}
    whole = calibrated([one for errors in past.values() for one in errors])
    best = {kind: one or whole for kind, one in found.items()}
    return {kind: one for kind, one in best.items() if one is not None}


def apply(choice: Choice, series: DemandSeries, answers: Mapping[str, Answers]) -> Forecast:
    """The champion's forecast of one series, its intervals calibrated."""
    pool = choice.pools.get(series.key)
    if pool is None:
        return answers["empirical"].forecasts[series.key]
    forecast = answers[choice.methods[series.key]].forecasts[series.key]
    calibration = choice.calibrations.get(pool.demand_class)
    scales = scales_of(series.values, series.season_length, forecast)
    if calibration is None or scales is None or not np.isfinite(scales).all():
        return forecast
    return calibration.applied(forecast.point, scales)
