"""The weekly choice: every method at past origins, one champion a pool, and the intervals learnt on the same origins.

Sums are kept, not forecasts, so that the memory stays small; a budget ends the choice between two blocks of series.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from forecasting.timeseries import metrics
from forecasting.timeseries.backtest import actuals
from forecasting.timeseries.candidates import DEFAULT, METHODS, names_for
from forecasting.timeseries.champion import ENOUGH_ORIGINS, Pool
from forecasting.timeseries.conformal import Calibration, PastErrors, calibrated, scales_of
from forecasting.timeseries.engine.answers import Item, answers_of
from forecasting.timeseries.engine.choice import Choice, Group, PoolScore
from forecasting.timeseries.methods import Forecast, Method
from forecasting.timeseries.series import DemandSeries, Frequency, SeriesRefused

FEWEST = 20
"""A pool of fewer series says too little: it keeps the ensemble of its class."""
SHORTEST = 12
BLOCK = 500
"""Series that are tried together: they share calendars, and the budget is asked after each."""


@dataclass(frozen=True, slots=True, eq=False)
class Past:
    """A series as it is known now, and as it was known at past origins, in any order.

    `then` may hold fewer than three: such a series is calibrated on, but chooses nothing.
    """

    now: Item
    then: tuple[DemandSeries, ...]


@dataclass(slots=True)
class _Tally:
    """What one method did in one pool so far."""

    series: int = 0
    trials: int = 0
    mase: list[float] = field(default_factory=list)
    loss: float = 0.0
    total: float = 0.0
    errors: list[PastErrors] = field(default_factory=list)

    def score(self) -> PoolScore:
        mean = float(np.mean(self.mase)) if self.mase else None
        return PoolScore(self.series, self.trials, mean, self.loss / self.total if self.total > 0 else None)


def past_of(item: Item, horizon: int, origins: int = ENOUGH_ORIGINS) -> Past:
    """Past origins of a series whose past was never told late: cut a third of a horizon apart, the first a whole one.

    Only origins that leave two seasons and twelve periods to learn from. Where periods become known late, or were
    corrected, build `Past` from what was known at each origin instead.
    """
    series = item.series
    ends = [len(series) - max(1, -(-horizon * thirds // 3)) for thirds in range(3, 3 - origins, -1)]
    fewest = max(SHORTEST, 2 * series.season_length)
    then = (replace(series, values=series.values[:end]) for end in dict.fromkeys(ends) if end >= fewest)
    return Past(item, tuple(one for one in then if np.nansum(one.values) > 0))


def choose(
    past: Iterable[Past],
    *,
    horizon: int | Mapping[Frequency, int],
    methods: Mapping[str, Method] = METHODS,
    enough: Callable[[], bool] = lambda: False,
    seed: int = 0,
) -> Choice:
    """Choose one champion a pool by its error over past origins, and learn how wide its intervals must be.

    Mean MASE decides where demand comes most periods, the pooled quantile loss where it is sparse. Only series with
    three origins choose; a pool with fewer than twenty of them keeps the default of its class. No series leaves its
    pool's champion (docs/decisions). `methods` may be fewer than all (the cheap set, when the nightly run may take no
    dear champion). `enough` is asked between blocks of series: once it says yes the rest is left unreached.
    """
    tallies: dict[Pool, dict[str, _Tally]] = defaultdict(lambda: defaultdict(_Tally))
    usable = [(pool, one) for one in past if (pool := _pool(one.now.series)) is not None and one.then]
    unreached = 0
    blocks = _blocks(usable)
    for number, (pool, block) in enumerate(blocks):
        if number and enough():
            unreached = sum(len(rest) for _, rest in blocks[number:])
            break
        steps = horizon if isinstance(horizon, int) else horizon[pool.frequency]
        _try(tallies[pool], pool, block, steps, methods, seed)
    champions = {pool: _champion(pool, found) for pool, found in tallies.items()}
    scores = {pool: {name: one.score() for name, one in found.items()} for pool, found in tallies.items()}
    return Choice(champions, _calibrations(tallies, champions), scores, unreached)


def _pool(series: DemandSeries) -> Pool | None:
    try:
        return Pool.of(series)
    except SeriesRefused:
        return None


def _blocks(usable: Sequence[tuple[Pool, Past]]) -> list[tuple[Pool, list[Past]]]:
    """Pool by pool, in blocks; the first block of each pool comes before the second of any, should a budget end it."""
    pools: dict[Pool, list[Past]] = defaultdict(list)
    for pool, one in usable:
        pools[pool].append(one)
    blocks = [
        (start, pool, those[start : start + BLOCK])
        for pool, those in sorted(pools.items(), key=lambda one: str(one[0]))
        for start in range(0, len(those), BLOCK)
    ]
    return [(pool, block) for _, pool, block in sorted(blocks, key=lambda one: one[0])]


def _try(
    tallies: dict[str, _Tally],
    pool: Pool,
    block: Sequence[Past],
    horizon: int,
    methods: Mapping[str, Method],
    seed: int,
) -> None:
    """Every method at every past origin of a block: sums for the choice, scaled errors for the calibration."""
    names = names_for(pool.demand_class, list(methods))
    places = [(one, then) for one in block for then in one.then]
    items = [replace(one.now, series=then) for one, then in places]
    outcomes = [actuals(one.now.series, after=then, horizon=horizon) for one, then in places]
    for name, answers in answers_of(names, items, horizon, methods=methods, seed=seed).items():
        tally, at = tallies[name], 0
        for one in block:
            mine = range(at, at + len(one.then))
            at += len(one.then)
            given = [answers[i] for i in mine]
            kept = [
                (places[i][1], answer, outcomes[i])
                for i, answer in zip(mine, given, strict=True)
                if isinstance(answer, Forecast)
            ]
            _count(tally, kept, full=len(kept) >= ENOUGH_ORIGINS)


def _count(tally: _Tally, kept: Sequence[tuple[DemandSeries, Forecast, np.ndarray]], *, full: bool) -> None:
    found = []
    for then, forecast, actual in kept:
        scales = scales_of(then.values, then.season_length, forecast)
        if scales is not None:
            tally.errors.append(PastErrors(actual - forecast.point, scales))
        if full:
            tally.trials += 1
            tally.loss += metrics.quantile_loss_sum(actual, forecast.quantiles, forecast.levels)
            tally.total += metrics.absolute_sum(actual)
            found.append(metrics.mase(actual, forecast.point, train=then.values, season_length=then.season_length))
    if full:
        tally.series += 1
        known = [value for value in found if value is not None]
        tally.mase += [float(np.mean(known))] if known else []


def _champion(pool: Pool, found: Mapping[str, _Tally]) -> str:
    """The lowest error of those that answered for most series; the default where too few series choose."""
    default = DEFAULT[pool.demand_class]
    most = max((one.series for one in found.values()), default=0)
    if most < FEWEST:
        return default
    errors = {}
    for name, one in found.items():
        score = one.score()
        error = score.wql if pool.demand_class.is_sparse else score.mase
        if error is not None and one.series == most:
            errors[name] = error
    # the default wins a tie
    return min(errors, key=lambda name: (errors[name], name != default, name)) if errors else default


def _calibrations(
    tallies: Mapping[Pool, Mapping[str, _Tally]], champions: Mapping[Pool, str]
) -> dict[Group, Calibration]:
    """One a frequency and class of demand that comes most periods; counts keep their distribution's quantiles."""
    groups: dict[Group, list[PastErrors]] = defaultdict(list)
    for pool, found in tallies.items():
        if not pool.demand_class.is_sparse and champions[pool] in found:
            groups[pool.frequency, pool.demand_class] += found[champions[pool]].errors
    learnt: dict[Group, Calibration] = {}
    for (frequency, kind), errors in groups.items():
        whole = [one for (other, _), those in groups.items() if other == frequency for one in those]
        found_here = calibrated(errors) or calibrated(whole)
        if found_here is not None:
            learnt[frequency, kind] = found_here
    return learnt
