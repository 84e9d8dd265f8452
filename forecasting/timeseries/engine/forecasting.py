"""The nightly forecast of a batch of series with a frozen choice."""

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from forecasting.timeseries.candidates import METHODS
from forecasting.timeseries.champion import Pool
from forecasting.timeseries.engine.answers import Answer, Item, answers_of
from forecasting.timeseries.engine.choice import Choice
from forecasting.timeseries.engine.explaining import explained
from forecasting.timeseries.methods import Forecast, Method
from forecasting.timeseries.methods.cold_start import ColdStart
from forecasting.timeseries.series import DemandSeries, SeriesRefused, ensure_forecastable

FALLBACKS = ("seasonal_naive", "empirical")
"""Asked in turn for what the champion refuses."""


@dataclass(frozen=True, slots=True, eq=False)
class Outcome:
    """What came of one item: a forecast and the method that made it, or the sentence that says why there is none."""

    key: str
    pool: Pool | None = None
    method: str = ""
    forecast: Forecast | None = None
    reason: str = ""


def forecast_pool(
    items: Sequence[Item],
    choice: Choice,
    *,
    horizon: int,
    methods: Mapping[str, Method] = METHODS,
    ensure: Callable[[DemandSeries], None] = ensure_forecastable,
    explain: bool = True,
    seed: int = 0,
) -> list[Outcome]:
    """Forecast each item with its pool's champion and calibrated quantiles; outcomes come in the order of the items.

    `ensure` refuses what is not worth a forecast; a refused item with a parent is shrunk to it, any other gets the
    refusal as its reason. What a champion cannot do the seasonal naive does, and the outcome names it. Points and
    quantiles are never negative. With `explain` every forecast of demand that comes most periods carries Prophet's
    trend, seasons and columns known ahead, and a `correction`: together they are the
    point forecast.
    """
    found: dict[int, Outcome] = {}
    groups: dict[str, list[int]] = defaultdict(list)
    pools: dict[int, Pool] = {}
    for place, item in enumerate(items):
        try:
            ensure(item.series)
            pools[place] = Pool.of(item.series)
            groups[choice.champion(pools[place])].append(place)
        except SeriesRefused as refused:
            found[place] = _borrowed(item, horizon, refused)
    for champion, places in sorted(groups.items()):
        some = [items[place] for place in places]
        answers = answers_of([champion], some, horizon, methods=methods, seed=seed)[champion]
        names = [champion] * len(some)
        _ask_others(some, answers, names, horizon, methods)
        for place, name, answer in zip(places, names, answers, strict=True):
            found[place] = _outcome(items[place], pools[place], name, answer, choice)
    if explain:
        _explain(items, found, horizon)
    return [found[place] for place in range(len(items))]


def _explain(items: Sequence[Item], found: dict[int, Outcome], horizon: int) -> None:
    """Sparse demand and cold starts are left out: trend and seasons mean nothing there."""
    forecasts = {
        place: one.forecast
        for place, one in found.items()
        if one.forecast is not None and one.pool is not None and not one.pool.demand_class.is_sparse
    }
    explanations = explained([items[place] for place in forecasts], list(forecasts.values()), horizon)
    for place, forecast in zip(forecasts, explanations, strict=True):
        found[place] = replace(found[place], forecast=forecast)


def _borrowed(item: Item, horizon: int, refused: SeriesRefused) -> Outcome:
    """A cold start: what its parent tells, shrunk towards what little is known."""
    if item.parent is None:
        return Outcome(item.series.key, reason=str(refused))
    try:
        forecast = ColdStart(item.parent, item.kin).forecast(item.series, horizon)
    except SeriesRefused as again:
        return Outcome(item.series.key, reason=f"{refused} {again}")
    return Outcome(item.series.key, method=ColdStart.name, forecast=whole(forecast) if item.whole_units else forecast)


def _ask_others(
    items: Sequence[Item], answers: list[Answer], names: list[str], horizon: int, methods: Mapping[str, Method]
) -> None:
    for name in FALLBACKS:
        left = [i for i, answer in enumerate(answers) if not isinstance(answer, Forecast)]
        if not left or name not in methods:
            continue
        instead = answers_of([name], [items[i] for i in left], horizon, methods=methods)[name]
        for i, answer in zip(left, instead, strict=True):
            if isinstance(answer, Forecast):
                answers[i], names[i] = answer, name


def _outcome(item: Item, pool: Pool, name: str, answer: Answer, choice: Choice) -> Outcome:
    if not isinstance(answer, Forecast):
        return Outcome(item.series.key, pool, reason=str(answer))
    if name == choice.champion(pool):
        answer = choice.calibrated(pool, item.series, answer)
    return Outcome(item.series.key, pool, name, whole(answer) if item.whole_units else answer)


def whole(forecast: Forecast) -> Forecast:
    """Quantiles in whole units: of so many, the share that a level says is not exceeded. The point stays a mean."""
    return replace(forecast, quantiles=np.round(forecast.quantiles))
