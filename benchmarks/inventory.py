"""`python -m benchmarks.inventory FILE --season M --horizon H [--sample N] [--lead L]`: the past played again.

For each series of `series,t,y,part` the test part is played period by period: order up to the quantile of demand over
lead time and review, unmet demand is lost. Rules side by side in one run, on the same series: the champion that past
origins chose, stock Prophet's own quantiles, and a planner's min-max. Forecasts are made once, at the training part's
end. What levels are worth is learnt before it: each rule's nominal level is raised or lowered until it would have
achieved the target on the last periods of the training part (`tuned`), by forecasts from an earlier origin.
`stock Prophet, tuned on the test` is no rule anyone could follow: it shows what stock Prophet's quantiles need for the
service that the champion achieved.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")  # read when the libraries load: on shared cores threads only wait

import numpy as np

from benchmarks.forecasting.data import Task, Unreadable, has_calendar, read_all
from benchmarks.forecasting.evaluate import champion, decide, instead
from forecasting.planning.inventory import Policy, Vector, demand_paths
from forecasting.planning.simulation import Achieved, Played, min_max, play, together
from forecasting.timeseries.candidates import METHODS, NEEDS_CALENDAR
from forecasting.timeseries.methods import Forecast
from forecasting.timeseries.methods.prophet import Prophet
from forecasting.timeseries.series import DemandSeries, SeriesRefused

DRAWS = 1_000
LEVELS = np.array(
    [0.5, 0.6, 0.7, 0.75, 0.8, 0.85, 0.875, 0.9, 0.92, 0.94, 0.95, 0.96, 0.97, 0.98, 0.985, 0.99, 0.995, 0.999]
)
Tables = Mapping[str, Vector]


def sums(forecast: Forecast, protection: int) -> Vector:
    """For each period of the test part, the quantiles (LEVELS) of demand over the protection interval from it."""
    paths = demand_paths(forecast.levels, forecast.quantiles, draws=DRAWS)
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


def tuned(tables: Tables, actual: Tables, scales: Mapping[str, float], target: float, lead: int) -> float:
    """The lowest nominal level that achieves `target` here; the highest where none does."""
    low, high = float(LEVELS[0]), float(LEVELS[-1])
    for _ in range(12):
        middle = (low + high) / 2
        if achieved(tables, actual, scales, middle, lead).service >= target:
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


def earlier(tasks: Sequence[Task], horizon: int) -> tuple[list[DemandSeries], dict[str, Vector]]:
    """The training parts cut a horizon before their end, and what came then; series too short for it are left out."""
    cut, came = [], {}
    for task in tasks:
        series = task.series
        if len(series) >= horizon + max(12, series.season_length):
            values = series.values[:-horizon]
            cut.append(replace(series, values=values))
            came[series.key] = np.array(series.values[-horizon:])
    return cut, came


def run(path: Path, *, season: int, horizon: int, sample: int | None, lead: int, target: float) -> dict[str, Any]:
    """All rules on one file. Raises Unreadable."""
    tasks, _ = read_all(path, season_length=season, horizon=horizon, sample=sample)
    found = [task.series for task in tasks]
    actual = {task.key: np.maximum(np.nan_to_num(task.actual), 0) for task in tasks}
    cut, came = earlier(tasks, horizon)
    mean = {task.key: max(float(np.nanmean(task.series.values)), 1e-9) for task in tasks}
    methods = {name: one for name, one in METHODS.items() if has_calendar(season) or name not in NEEDS_CALENDAR}
    results: dict[str, Any] = {"series": len(tasks), "tuned_on": len(cut), "target": target, "lead": lead, "rules": {}}
    choice_before, _ = decide(methods, cut, horizon)
    choice, _ = decide(methods, found, horizon)
    rules = results["rules"]
    before = tables_of(champion(choice_before, methods, cut, horizon)[0].forecasts, lead)
    now = tables_of(champion(choice, methods, found, horizon)[0].forecasts, lead)
    stock_before, stock_now = tables_of(prophet(cut, horizon), lead), tables_of(prophet(found, horizon), lead)
    for name, past, here in (("champion", before, now), ("stock Prophet", stock_before, stock_now)):
        for how, level in ((f"level {target}", target), ("tuned", tuned(past, came, mean, target, lead))):
            rules[f"{name}, {how}"] = asdict(achieved(here, actual, mean, level, lead)) | {"level": level}
    same = tuned(stock_now, actual, mean, rules["champion, tuned"]["service"], lead)
    rules["stock Prophet, tuned on the test"] = asdict(achieved(stock_now, actual, mean, same, lead)) | {"level": same}
    played_so = [played_min_max(task, actual[task.key], lead) for task in tasks]
    rules["min-max"] = asdict(together(played_so, [mean[task.key] for task in tasks]))
    return results


def tables_of(said: Mapping[str, Forecast], lead: int) -> dict[str, Vector]:
    """For each series the quantiles of demand over lead time and review, period by period."""
    return {key: sums(forecast, lead + 1) for key, forecast in said.items()}


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
    return Played(actual.size, short, float(actual.sum()), met, left / actual.size, orders)


def main(arguments: list[str] | None = None) -> int:
    """Run from the command line; 2 when the file is refused."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.inventory", description=__doc__)
    parser.add_argument("file", type=Path)
    parser.add_argument("--season", type=int, default=12)
    parser.add_argument("--horizon", type=int, default=12)
    parser.add_argument("--sample", type=int)
    parser.add_argument("--lead", type=int, default=1, help="periods from an order to its arrival")
    parser.add_argument("--target", type=float, default=0.95)
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
        )
    except (Unreadable, OSError) as refused:
        print(refused, file=sys.stderr)
        return 2
    print(f"{found['series']} series, lead {found['lead']}, target {found['target']}; tuned on {found['tuned_on']}")
    for name, one in found["rules"].items():
        nominal = f"  nominal {one['level']:.4f}" if "level" in one else ""
        print(f"  {name:34} service {one['service']:.4f}  fill {one['fill']:.4f}  stock {one['stock']:.3f}{nominal}")
    if given.json:
        given.json.write_text(json.dumps(found, indent=1) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
