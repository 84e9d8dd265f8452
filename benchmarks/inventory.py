"""`python -m benchmarks.inventory FILE --season M --horizon H [--sample N] [--lead L] [--prophet N]`: the past again.

For each series of `series,t,y,part` the test part is played period by period: order up to the quantile of demand over
lead time and review, unmet demand is lost. Forecasts are made once, at the training part's end. Side by side in one
run: the champion that past origins chose, with errors as alike from step to step as they were there, and a planner's
min-max rule, on all series; stock Prophet's own quantiles beside the champion's on so many series at equal distances,
for it takes a hundred times longer.

`tuned`: what levels are worth is learnt before the test part, at three origins within the training part: the nominal
level is raised or lowered until it would have achieved the target there, by service or by fill. `stock Prophet, tuned
on the test` is no rule anyone could follow: it shows what stock Prophet's quantiles need for the service that the
champion achieved. Series whose training part asks for nothing are left out, and counted.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")  # read when the libraries load: on shared cores threads only wait

import numpy as np

from benchmarks.forecasting.data import Task, Unreadable, has_calendar, read_all
from benchmarks.forecasting.evaluate import champion, decide, instead
from forecasting.planning.inventory import Policy, Vector, demand_paths
from forecasting.planning.simulation import Achieved, Played, min_max, play, together
from forecasting.timeseries.candidates import METHODS, NEEDS_CALENDAR
from forecasting.timeseries.champion import Pool
from forecasting.timeseries.engine import Choice
from forecasting.timeseries.likeness import USUAL, Likeness, learnt, scores
from forecasting.timeseries.methods import Forecast, Method
from forecasting.timeseries.methods.prophet import Prophet
from forecasting.timeseries.series import DemandSeries, SeriesRefused

DRAWS = 1_000
LEVELS = np.array(
    [0.5, 0.6, 0.7, 0.75, 0.8, 0.85, 0.875, 0.9, 0.92, 0.94, 0.95, 0.96, 0.97, 0.98, 0.985, 0.99, 0.995, 0.999]
)
Tables = Mapping[str, Vector]


def sums(forecast: Forecast, protection: int, likeness: Likeness) -> Vector:
    """For each period of the test part, the quantiles (LEVELS) of demand over the protection interval from it."""
    paths = demand_paths(forecast.levels, forecast.quantiles, draws=DRAWS, likeness=likeness)
    total = np.cumsum(np.column_stack([np.zeros(DRAWS), paths]), axis=1)
    steps = paths.shape[1]
    ends = [min(period + protection, steps) for period in range(steps)]
    # Past the last step the last one goes on: the horizon ends, the demand does not.
    rest = [period + protection - end for period, end in enumerate(ends)]
    pairs = enumerate(zip(ends, rest, strict=True))
    over = np.column_stack([total[:, end] - total[:, at] + more * paths[:, -1] for at, (end, more) in pairs])
    return np.asarray(np.quantile(over, LEVELS, axis=0))


def at_level(table: Vector, level: float) -> Vector:
    """The order-up-to levels of one nominal level, by period."""
    return np.array([np.interp(level, LEVELS, table[:, period]) for period in range(table.shape[1])])


def played(actual: Vector, up_to: Sequence[float], lead: int) -> Played:
    """Play one series from the first period whose stock the rule itself decided: it opens with its own level."""
    levels = [float(each) for each in up_to]
    return play(actual, lambda period: levels[period], lead=lead, policy=Policy(), opening=levels[0])


def achieved(tables: Tables, actual: Tables, scales: Mapping[str, float], level: float, lead: int) -> Achieved:
    """What one nominal level achieves over all series."""
    keys = list(actual)
    return together([played(actual[k], at_level(tables[k], level), lead) for k in keys], [scales[k] for k in keys])


def tuned(
    tables: Tables, actual: Tables, scales: Mapping[str, float], target: float, lead: int, by: str = "service"
) -> float:
    """The lowest nominal level that achieves `target` here; the highest where none does."""
    low, high = float(LEVELS[0]), float(LEVELS[-1])
    for _ in range(12):
        middle = (low + high) / 2
        if getattr(achieved(tables, actual, scales, middle, lead), by) >= target:
            high = middle
        else:
            low = middle
    return high


def prophet(found: Sequence[DemandSeries], horizon: int) -> dict[str, Forecast]:
    """Stock Prophet on each; the seasonal naive where it refuses."""
    method, said = Prophet(), {}
    for series in found:
        try:
            said[series.key] = method.forecast(series, horizon)
        except SeriesRefused:
            said[series.key] = instead(series, horizon)
    return said


def earlier(found: Sequence[DemandSeries], horizon: int, back: int) -> tuple[list[DemandSeries], dict[str, Vector]]:
    """The training parts cut so far before their end, and what came then; series too short for it are left out."""
    cut, came = [], {}
    for series in found:
        if len(series) >= back + max(12, series.season_length):
            values = series.values[:-back]
            key = f"{series.key} {back}"
            cut.append(replace(series, key=key, values=values))
            came[key] = np.maximum(np.nan_to_num(series.values[-back:][:horizon]), 0)
    return cut, came


def likeness_of(choice: Choice, series: DemandSeries) -> Likeness:
    """How alike the champion's errors are."""
    try:
        pool = Pool.of(series)
    except SeriesRefused:
        return USUAL
    return choice.likeness(pool.frequency, pool.demand_class.value)


@dataclass(frozen=True, slots=True)
class Past:
    """What a rule would have ordered up to at past origins, and what came."""

    tables: Tables
    came: Tables
    scales: Mapping[str, float]


def past_of_champion(choice: Choice, found: Sequence[DemandSeries], mean: Mapping[str, float], given: Given) -> Past:
    """The champion at three origins within the training parts."""
    tables: dict[str, Vector] = {}
    came: dict[str, Vector] = {}
    for thirds in range(3):
        cut, then = earlier(found, given.horizon, given.horizon + thirds * -(-given.horizon // 3))
        said = champion(choice, given.methods, cut, given.horizon)[0].forecasts if cut else {}
        likenesses = {series.key: likeness_of(choice, series) for series in cut}
        tables |= {key: sums(said[key], given.lead + 1, likenesses[key]) for key in said}
        came |= then
    return Past(tables, came, {key: mean[key.rsplit(" ", 1)[0]] for key in came})


@dataclass(frozen=True, slots=True)
class Given:
    """What a run is asked for."""

    horizon: int
    lead: int
    target: float
    methods: Mapping[str, Method]
    prophet: int


def run(
    path: Path, *, season: int, horizon: int, sample: int | None, lead: int, target: float, prophets: int = 100
) -> dict[str, Any]:
    """All rules on one file. Raises Unreadable."""
    methods = {name: one for name, one in METHODS.items() if has_calendar(season) or name not in NEEDS_CALENDAR}
    given = Given(horizon, lead, target, methods, prophets)
    every, _ = read_all(path, season_length=season, horizon=horizon, sample=sample)
    tasks = [task for task in every if np.nansum(task.series.values) > 0]
    found = [task.series for task in tasks]
    actual = {task.key: np.maximum(np.nan_to_num(task.actual), 0) for task in tasks}
    mean = {task.key: float(np.nanmean(task.series.values)) for task in tasks}
    choice, _ = decide(methods, found, horizon)
    said = champion(choice, methods, found, horizon)[0].forecasts
    tables = {one.key: sums(said[one.key], lead + 1, likeness_of(choice, one)) for one in found}
    past = past_of_champion(choice, found, mean, given)
    levels = {f"level {target}": target}
    for by in ("service", "fill"):
        levels[f"tuned to {by}"] = tuned(past.tables, past.came, past.scales, target, lead, by)
    rules: dict[str, Any] = {}
    for how, level in levels.items():
        rules[f"champion, {how}"] = asdict(achieved(tables, actual, mean, level, lead)) | {"level": level}
    played_so = [played_min_max(task, actual[task.key], lead) for task in tasks]
    rules["min-max"] = asdict(together(played_so, [mean[task.key] for task in tasks]))
    chosen = [tasks[i * len(tasks) // prophets] for i in range(prophets)] if 0 < prophets < len(tasks) else tasks
    some = {task.key: tables[task.key] for task in chosen}
    return {
        "series": len(tasks),
        "no_demand": len(every) - len(tasks),
        "tuned_on": len(past.came),
        "target": target,
        "lead": lead,
        "likenesses": {f"{one} {kind.value}": asdict(those) for (one, kind), those in choice.likenesses.items()},
        "rules": rules,
        "beside_stock_prophet": {
            "series": len(chosen),
            "rules": beside_prophet(chosen, some, actual, mean, levels["tuned to service"], given) if prophets else {},
        },
    }


def beside_prophet(
    tasks: Sequence[Task],
    tables: Tables,
    actual: Tables,
    mean: Mapping[str, float],
    level: float,
    given: Given,
) -> dict[str, Any]:
    """The champion at its tuned level, and stock Prophet: at the target, tuned, and at the champion's service."""
    horizon, lead, target = given.horizon, given.lead, given.target
    found = [task.series for task in tasks]
    here = {task.key: actual[task.key] for task in tasks}
    cut, came = earlier(found, horizon, horizon)
    before, now = prophet(cut, horizon), prophet(found, horizon)
    rows = [scores(came[key], one.quantiles, one.levels) for key, one in before.items()]
    alike = learnt(rows) or USUAL
    past = {key: sums(one, lead + 1, alike) for key, one in before.items()}
    stock = {key: sums(one, lead + 1, alike) for key, one in now.items()}
    scales = {key: mean[key.rsplit(" ", 1)[0]] for key in came}
    mine = achieved(tables, here, mean, level, lead)
    levels = {
        f"level {target}": target,
        "tuned to service": tuned(past, came, scales, target, lead),
        "tuned on the test": tuned(stock, here, mean, mine.service, lead),
    }
    rules = {"champion, tuned to service": asdict(mine) | {"level": level}}
    for how, one in levels.items():
        rules[f"stock Prophet, {how}"] = asdict(achieved(stock, here, mean, one, lead)) | {"level": one}
    return rules


def played_min_max(task: Task, actual: Vector, lead: int) -> Played:
    """The rule of thumb: below the minimum, order up to the maximum."""
    low, high = min_max(task.series.values, lead=lead)
    stock, coming, met, left, short, orders = high, [0.0] * (actual.size + lead + 1), 0.0, 0.0, 0, 0
    for period, wanted in enumerate(actual.tolist()):
        stock += coming[period]
        position = stock + sum(coming[period + 1 :])
        if position < low:
            orders += 1
            if lead:
                coming[period + lead] += high - position
            else:
                stock += high - position
        given = min(stock, wanted)
        short += wanted > given + 1e-9
        stock, met = stock - given, met + given
        left += stock
    return Played(actual.size, short, float(actual.sum()), met, left / actual.size, orders, int((actual > 0).sum()))


def show(rules: Mapping[str, Mapping[str, float]]) -> None:
    """One line a rule."""
    for name, one in rules.items():
        nominal = f"  nominal {one['level']:.4f}" if "level" in one else ""
        figures = "  ".join(f"{figure} {one[figure]:.4f}" for figure in ("service", "asked", "fill", "stock"))
        print(f"  {name:34} {figures}{nominal}")


def main(arguments: list[str] | None = None) -> int:
    """Run from the command line; 2 when the file is refused."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.inventory", description=__doc__)
    parser.add_argument("file", type=Path)
    parser.add_argument("--season", type=int, default=12)
    parser.add_argument("--horizon", type=int, default=12)
    parser.add_argument("--sample", type=int)
    parser.add_argument("--lead", type=int, default=1, help="periods from an order to its arrival")
    parser.add_argument("--target", type=float, default=0.95)
    parser.add_argument("--prophet", type=int, default=100, help="series on which stock Prophet plays too")
    parser.add_argument("--json", type=Path)
    given = parser.parse_args(arguments)
    try:
        found = run(
            given.file,
            season=given.season,
            horizon=given.horizon,
            sample=given.sample,
            lead=given.lead,
            target=given.target,
            prophets=given.prophet,
        )
    except (Unreadable, OSError) as refused:
        print(refused, file=sys.stderr)
        return 2
    print(f"{found['series']} series, lead {found['lead']}, target {found['target']}; tuned on {found['tuned_on']}")
    show(found["rules"])
    beside = found["beside_stock_prophet"]
    print(f"beside stock Prophet, on {beside['series']} of them")
    show(beside["rules"])
    if given.json:
        given.json.write_text(json.dumps(found, indent=1) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
