"""`python -m benchmarks.forecasting.scms [FILE] [--json OUT]`: demand of public-health shipments, at four cutoffs.

Demand is the sum of Line Item Quantity by Country x Product Group and calendar month of Delivered to Client Date, from
the pair's first delivery to 2015-08 (September is partial), empty months 0. Cutoffs 2013-08, 2014-02, 2014-08 and
2015-02, each month itself known; horizon 6; a pair enters with at least 24 months and 12 active ones known then. The
champion at each cutoff is chosen and calibrated on past origins of the series as they were then. Losses and coverage
are pooled over pairs, cutoffs and steps; `mean_wql` is the plain mean over pairs, since three hold half of the volume.
"""

from __future__ import annotations

import argparse
import csv
import json
from collections import Counter, defaultdict
from collections.abc import Sequence
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.forecasting.data import Task
from benchmarks.forecasting.evaluate import answer, champion, decide, scores
from forecasting.timeseries import metrics
from forecasting.timeseries.candidates import METHODS
from forecasting.timeseries.methods import Forecast
from forecasting.timeseries.series import (
    Dated,
    DemandSeries,
    SeriesRefused,
    begins_at,
    periods_between,
    series_as_known,
    step_from,
)

FILE = Path("../shared/data/shipments/scms.csv")
CUTOFFS = (date(2013, 8, 1), date(2014, 2, 1), date(2014, 8, 1), date(2015, 2, 1))
END = date(2015, 9, 1)
HORIZON = 6
MONTHS, ACTIVE = 24, 12


def shipments(path: Path) -> dict[str, list[Dated]]:
    """The deliveries of each pair."""
    pairs: dict[str, list[Dated]] = defaultdict(list)
    with path.open(encoding="utf-8", errors="replace", newline="") as lines:
        for row in csv.DictReader(lines):
            day = _day(row["Delivered to Client Date"])
            quantity = float(row["Line Item Quantity"].replace(",", ""))
            pairs[f"{row['Country']} / {row['Product Group']}"].append(Dated(day, day, quantity))
    return pairs


def _day(text: str) -> datetime:
    for form in ("%d-%b-%y", "%m/%d/%y", "%Y-%m-%d"):
        try:
            return datetime.strptime(text, form).replace(tzinfo=UTC)
        except ValueError:
            continue
    raise ValueError(f"{text!r} is no date")


def tasks_at(pairs: dict[str, list[Dated]], cutoff: date) -> list[Task]:
    """The pairs that enter at a cutoff, as known then, and what came after."""
    end, found = step_from(cutoff, "MS", 1), []
    for key, seen in sorted(pairs.items()):
        train = _months(seen, end, key)
        if train is None or len(train) < MONTHS or (train.values > 0).sum() < ACTIVE:
            continue
        now = _months(seen, END, key)
        assert now is not None
        found.append(Task.of(train, now.values[periods_between(now.start, end, "MS") :][:HORIZON]))
    return found


def _months(seen: Sequence[Dated], end: date, key: str) -> DemandSeries | None:
    try:
        return series_as_known(
            seen, cutoff=begins_at(end), key=key, frequency="MS", unit="EA", kind="receipts", season_length=12
        )
    except SeriesRefused:
        return None


def run(path: Path, cutoffs: Sequence[date] = CUTOFFS) -> dict[str, Any]:
    """Every method and the champion, pooled over the cutoffs."""
    pairs = shipments(path)
    tasks: list[Task] = []
    forecasts: dict[str, dict[str, Forecast]] = defaultdict(dict)
    seconds: Counter[str] = Counter()
    champions: dict[str, dict[str, int]] = {}
    for cutoff in cutoffs:
        then = [_named(task, cutoff) for task in tasks_at(pairs, cutoff)]
        found = [task.series for task in then]
        choice, _ = decide(METHODS, found, HORIZON)
        chosen, used = champion(choice, METHODS, found, HORIZON)
        for name, one in (*answer(METHODS, found, HORIZON).items(), ("champion", chosen)):
            forecasts[name] |= one.forecasts
            seconds[name] += one.seconds
        champions[f"{cutoff:%Y-%m}"] = dict(used)
        tasks += then
    results: dict[str, Any] = {
        name: scores(tasks, those)
        | {"mean_wql": _mean_wql(tasks, those), "ms_per_series": 1000 * seconds[name] / len(tasks)}
        for name, those in forecasts.items()
    }
    results["about"] = {"file": path.name, "series": len(tasks), "horizon": HORIZON, "used": champions}
    return results


def _named(task: Task, cutoff: date) -> Task:
    """A pair at a cutoff: its own key, so that the cutoffs can be pooled."""
    one = task.series
    key = f"{one.key} at {cutoff:%Y-%m}"
    return Task.of(
        DemandSeries(key, one.frequency, one.season_length, one.start, one.values, one.unit, one.kind), task.actual
    )


def _mean_wql(tasks: Sequence[Task], forecasts: dict[str, Forecast]) -> float:
    found = [metrics.wql(task.actual, forecasts[task.key].quantiles, forecasts[task.key].levels) for task in tasks]
    return float(np.mean([value for value in found if value is not None]))


def main(arguments: list[str] | None = None) -> None:
    """Print every method's figures, and write them where asked."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.forecasting.scms", description=__doc__)
    parser.add_argument("file", type=Path, nargs="?", default=FILE)
    parser.add_argument("--json", type=Path)
    given = parser.parse_args(arguments)
    results = run(given.file)
    columns = ("wql", "mean_wql", "mase", "cov80", "cov95", "ms_per_series")
    print(f"{'':24}" + "".join(f"{name:>14}" for name in columns))
    for name, found in results.items():
        if name != "about":
            print(f"{name:24}" + "".join(f"{found[column]:>14.4f}" for column in columns))
    print(json.dumps(results["about"], indent=1))
    if given.json:
        given.json.write_text(json.dumps(results, indent=1) + "\n")


if __name__ == "__main__":
    main()
