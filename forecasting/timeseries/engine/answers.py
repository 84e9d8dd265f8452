"""Each method asked about many series at once; a refusal is an answer too."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from forecasting.timeseries.candidates import ENSEMBLES, METHODS, members_of
from forecasting.timeseries.combine import combined
from forecasting.timeseries.engine.ahead import Column, restored, without
from forecasting.timeseries.methods import Forecast, Method, MethodFailed, forecast_many
from forecasting.timeseries.methods.cold_start import Kin
from forecasting.timeseries.series import DemandSeries, SeriesRefused, Vector

Answer: TypeAlias = Forecast | SeriesRefused


@dataclass(frozen=True, slots=True, eq=False)
class Item:
    """One series to forecast, and what is known beside it.

    `ahead` are columns that are known for past and future. `parent` is the mean series of its kind (the same product
    elsewhere, the same group here): what a series too short to stand alone is shrunk to, as far as `kin` asks for. With
    `whole_units` quantiles
    are whole numbers; the point forecast is a mean and stays one, so that sums hold.
    """

    series: DemandSeries
    ahead: tuple[Column, ...] = ()
    parent: DemandSeries | None = None
    kin: Kin | None = None
    whole_units: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class Prepared:
    """An item as the methods see it: what is known ahead taken out, or the refusal that this met."""

    series: DemandSeries
    effect: Vector | None = None
    refused: SeriesRefused | None = None


def prepared(item: Item, horizon: int) -> Prepared:
    """Take out what is known ahead, where anything is."""
    if not item.ahead:
        return Prepared(item.series)
    try:
        return Prepared(*without(item.ahead, item.series, horizon))
    except SeriesRefused as refused:
        return Prepared(item.series, refused=refused)


def answers_of(
    names: Sequence[str],
    items: Sequence[Item],
    horizon: int,
    *,
    methods: Mapping[str, Method] = METHODS,
    seed: int = 0,
) -> dict[str, list[Answer]]:
    """What each method or ensemble answers for each item, in order. An ensemble leaves out members that refuse."""
    ready = [prepared(item, horizon) for item in items]
    found = {
        name: one_method(methods[name], ready, horizon, seed=seed) for name in members_of(names) if name in methods
    }
    for name in names:
        if name in ENSEMBLES:
            found[name] = together(name, found)
    return {name: found[name] for name in names}


def one_method(method: Method, ready: Sequence[Prepared], horizon: int, *, seed: int = 0) -> list[Answer]:
    """One method's answers; what is known ahead is put back."""
    raw = forecast_many(method, [one.series for one in ready], horizon, seed=seed)
    return [
        one.refused or (answer if isinstance(answer, SeriesRefused) else restored(answer, one.effect))
        for one, answer in zip(ready, raw, strict=True)
    ]


def together(name: str, found: Mapping[str, Sequence[Answer]]) -> list[Answer]:
    """An ensemble's answers from those of its members that are there."""
    members, how = ENSEMBLES[name]
    rows = zip(*(found[member] for member in members if member in found), strict=True)
    answers: list[Answer] = []
    for row in rows:
        given = [one for one in row if isinstance(one, Forecast)]
        last = next((one for one in row if isinstance(one, SeriesRefused)), MethodFailed("No member answered."))
        answers.append(combined(given, how) if given else last)
    return answers
