"""The weekly choice: every method at past origins, one champion a pool, and the intervals learnt on the same origins.

Sums are kept, not forecasts, so that the memory stays small; a budget ends the choice between two blocks of series.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from forecasting.timeseries import metrics
from forecasting.timeseries.backtest import actuals
from forecasting.timeseries.candidates import (
    DEFAULT,
    DISTRIBUTIONS,
    METHODS,
    default_for,
    may_be_champion,
    names_for,
)
from forecasting.timeseries.champion import ENOUGH_ORIGINS, Pool
from forecasting.timeseries.classify import DemandClass
from forecasting.timeseries.conformal import (
    Calibration,
    PastErrors,
    PastQuantiles,
    Widening,
    calibrated,
    scales_of,
    size_of,
    widened,
)
from forecasting.timeseries.engine.answers import Item, answers_of
from forecasting.timeseries.engine.choice import Choice, Group, PoolScore
from forecasting.timeseries.likeness import Likeness, learnt, scores_of_errors, scores_of_quantiles
from forecasting.timeseries.methods import Forecast, Method
from forecasting.timeseries.series import DemandSeries, Frequency, SeriesRefused, Vector

FEWEST = 20
"""A pool of fewer series says too little: it takes the choice of the next wider one."""
WEIGHTIEST = 10.0
"""A pooled loss must be as good as ten equal series' (the square of all volume over the sum of squares): where three
hold half of it, what wins there wins by chance."""
SHORTEST = 12
BLOCK = 500
"""Series that are tried together: they share calendars, and the budget is asked after each."""


@dataclass(frozen=True, slots=True, eq=False)
class Past:
    """A series as it is known now, and as it was known at past origins, in any order.

    The latest three of `then` choose, and all of it calibrates. With fewer than three it chooses nothing.
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
    squares: float = 0.0
    errors: list[PastErrors] = field(default_factory=list)
    quantiles: list[PastQuantiles] = field(default_factory=list)

    def add(self, other: "_Tally") -> None:
        """Count what the other counted too."""
        self.series += other.series
        self.trials += other.trials
        self.mase += other.mase
        self.loss += other.loss
        self.total += other.total
        self.squares += other.squares
        self.errors += other.errors
        self.quantiles += other.quantiles

    @property
    def weight(self) -> float:
        """How many equal series the pooled loss is as good as."""
        return self.total**2 / self.squares if self.squares > 0 else 0.0

    def score(self) -> PoolScore:
        mean = float(np.mean(self.mase)) if self.mase else None
        return PoolScore(self.series, self.trials, mean, self.loss / self.total if self.total > 0 else None)


def past_of(item: Item, horizon: int, origins: int = ENOUGH_ORIGINS) -> Past:
    """Past origins of a series whose past was never told late: a third of a horizon apart,
    the last a third of one before the end.

    Only origins that leave two seasons and twelve periods to learn from. Where periods become known late, or were
    corrected, build `Past` from what was known at each origin instead.
    """
    series = item.series
    ends = [len(series) - max(1, -(-horizon * thirds // 3)) for thirds in range(origins, 0, -1)]
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
    three origins choose; a pool with fewer than twenty of them takes the choice of its class, then of all that is not
    smooth, then the default of the class. No series leaves its pool's champion (docs/decisions/0006). `methods` may be
    fewer than all (the cheap set, when the nightly run may take no dear champion). `enough` is asked between blocks of
    series: once it says yes the rest is left unreached.
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
    champions = {pool: _champion(pool, tallies, methods) for pool in tallies}
    scores = {pool: {name: one.score() for name, one in found.items()} for pool, found in tallies.items()}
    calibrations, widenings = _calibrations(tallies, champions), _widenings(tallies, champions)
    likenesses = _likenesses(tallies, champions, calibrations, widenings)
    return Choice(champions, calibrations, widenings, scores, unreached, likenesses, _defaults(tallies, methods))


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
            _count(name, tally, sorted(kept, key=lambda one: -one[0].end.toordinal()))


def _count(name: str, tally: _Tally, kept: Sequence[tuple[DemandSeries, Forecast, Vector]]) -> None:
    """Count one series, its latest origin first: what calibrates, and of three origins the errors and losses."""
    for then, forecast, actual in kept:
        if name in DISTRIBUTIONS:
            tally.quantiles.append(PastQuantiles(forecast.quantiles, actual, size_of(then.values)))
        elif (scales := scales_of(then.values, then.season_length, forecast)) is not None:
            tally.errors.append(PastErrors(actual - forecast.point, scales))
    if len(kept) < ENOUGH_ORIGINS:
        return
    found, total = [], 0.0
    for then, forecast, actual in kept[:ENOUGH_ORIGINS]:
        total += metrics.absolute_sum(actual)
        tally.loss += metrics.quantile_loss_sum(actual, forecast.quantiles, forecast.levels)
        found.append(metrics.mase(actual, forecast.point, train=then.values, season_length=then.season_length))
    tally.series += 1
    tally.trials += ENOUGH_ORIGINS
    tally.total += total
    tally.squares += total**2
    known = [value for value in found if value is not None]
    tally.mase += [float(np.mean(known))] if known else []


def _defaults(tallies: Mapping[Pool, Mapping[str, _Tally]], methods: Iterable[str]) -> dict[Group, str]:
    """What a pool gets that nobody looked at: the choice of its class, where that is not the default anyhow."""
    frequencies = {pool.frequency for pool in tallies}
    pools = [Pool(frequency, kind, "") for frequency in sorted(frequencies) for kind in DemandClass]
    found = {(pool.frequency, pool.demand_class): _champion(pool, tallies, methods) for pool in pools}
    return {group: name for group, name in found.items() if name != DEFAULT[group[1]]}


def _champion(pool: Pool, tallies: Mapping[Pool, Mapping[str, _Tally]], methods: Iterable[str]) -> str:
    """The lowest error over the pool, or where that says too little over the next wider one; else the default.

    The mean MASE decides where demand comes most periods, the pooled quantile loss where any of it is sparse.
    """
    same = sorted((one for one in tallies if one.frequency == pool.frequency), key=str)
    kind, default = pool.demand_class, default_for(pool.demand_class, methods)
    wider = [
        ([pool] if pool in tallies else [], kind.is_sparse),
        ([one for one in same if one.demand_class is kind], kind.is_sparse),
    ]
    if kind is not DemandClass.SMOOTH:
        wider.append(([one for one in same if one.demand_class is not DemandClass.SMOOTH], True))
    for pools, by_loss in wider:
        found = _together([tallies[one] for one in pools])
        most = max((one.series for one in found.values()), default=0)
        usable = {name: one for name, one in found.items() if one.series == most and may_be_champion(name, kind)}
        if most >= FEWEST and (not by_loss or max(one.weight for one in usable.values()) >= WEIGHTIEST):
            return _lowest({name: one.score() for name, one in usable.items()}, default, by_loss=by_loss)
    return default


def _together(found: Sequence[Mapping[str, _Tally]]) -> dict[str, _Tally]:
    sums: dict[str, _Tally] = defaultdict(_Tally)
    for tallies in found:
        for name, one in tallies.items():
            sums[name].add(one)
    return sums


def _lowest(scores: Mapping[str, PoolScore], default: str, *, by_loss: bool) -> str:
    """The name of the lowest error; the default wins a tie."""
    errors = {name: score.wql if by_loss else score.mase for name, score in scores.items()}
    known = {name: error for name, error in errors.items() if error is not None}
    return min(known, key=lambda name: (known[name], name != default, name)) if known else default


def _calibrations(
    tallies: Mapping[Pool, Mapping[str, _Tally]], champions: Mapping[Pool, str]
) -> dict[Group, Calibration]:
    """One a frequency and class, from the errors of its champions that forecast a path."""
    groups: dict[Group, list[PastErrors]] = defaultdict(list)
    for pool, found in tallies.items():
        if champions[pool] in found and champions[pool] not in DISTRIBUTIONS:
            groups[pool.frequency, pool.demand_class] += found[champions[pool]].errors
    learnt: dict[Group, Calibration] = {}
    for (frequency, kind), errors in groups.items():
        whole = [one for (other, _), those in groups.items() if other == frequency for one in those]
        found_here = calibrated(errors) or calibrated(whole)
        if found_here is not None:
            learnt[frequency, kind] = found_here
    return learnt


def _widenings(tallies: Mapping[Pool, Mapping[str, _Tally]], champions: Mapping[Pool, str]) -> dict[Group, Widening]:
    """One a frequency and class, from what its champions that tell a distribution said, shrunk to its frequency's."""
    groups: dict[Group, list[PastQuantiles]] = defaultdict(list)
    for pool, found in tallies.items():
        if champions[pool] in found and champions[pool] in DISTRIBUTIONS:
            groups[pool.frequency, pool.demand_class] += found[champions[pool]].quantiles
    whole: dict[Frequency, list[PastQuantiles]] = defaultdict(list)
    for (frequency, _), past in groups.items():
        whole[frequency] += past
    among = {frequency: widened(past) for frequency, past in whole.items()}
    learnt = {group: widened(past, among=among[group[0]]) for group, past in groups.items()}
    return {group: one for group, one in learnt.items() if one is not None}


def _likenesses(
    tallies: Mapping[Pool, Mapping[str, _Tally]],
    champions: Mapping[Pool, str],
    calibrations: Mapping[Group, Calibration],
    widenings: Mapping[Group, Widening],
) -> dict[Group, Likeness]:
    """One a frequency and class, from how the errors of its champions went on from step to step."""
    groups: dict[Group, list[Vector]] = defaultdict(list)
    for pool, found in tallies.items():
        group, name = (pool.frequency, pool.demand_class), champions[pool]
        if name in found and name in DISTRIBUTIONS:
            groups[group] += [scores_of_quantiles(one, widenings.get(group)) for one in found[name].quantiles]
        elif name in found and group in calibrations:
            groups[group] += [scores_of_errors(one, calibrations[group]) for one in found[name].errors]
    learnt_here = {group: learnt(past) for group, past in groups.items()}
    return {group: one for group, one in learnt_here.items() if one is not None}
