"""`python -m benchmarks.forecasting FILE --season M --horizon H [--sample N] [--stock] [--json OUT]`.

FILE is a CSV of `series,t,y,part`, gzip or plain. Each method, and the champion that was chosen and calibrated on past
origins before the test part was touched, with: mase, smape, rmsse, wql, cov80, cov95, ms_per_series (processor time of
the last forecast, its members included; compilation and the choice are told apart).
"""

from __future__ import annotations

import argparse
import json
import sys
from collections import Counter
from pathlib import Path
from typing import Any

from benchmarks.forecasting.data import Unreadable, has_calendar, read_all
from benchmarks.forecasting.evaluate import answer, champion, decide, scores
from forecasting.timeseries.candidates import ENSEMBLES, METHODS, NEEDS_CALENDAR
from forecasting.timeseries.methods.prophet import Prophet

SHOWN = ("mase", "smape", "rmsse", "wql", "cov80", "cov95", "ms_per_series")


def run(path: Path, *, season: int, horizon: int, sample: int | None = None, stock: bool = False) -> dict[str, Any]:
    """All figures of one file. Raises Unreadable."""
    tasks, left_out = read_all(path, season_length=season, horizon=horizon, sample=sample)
    found = [task.series for task in tasks]
    tried = {name: one for name, one in METHODS.items() if has_calendar(season) or name not in NEEDS_CALENDAR}
    choice, choosing = decide(tried, found, horizon)
    chosen, used = champion(choice, tried, found, horizon)
    answers = answer(tried | ({"prophet": Prophet()} if stock else {}), found, horizon)
    results: dict[str, Any] = {
        name: scores(tasks, one.forecasts)
        | {"ms_per_series": 1000 * one.seconds / len(found), "failed": one.refused.total()}
        for name, one in (*answers.items(), ("champion", chosen))
    }
    results["about"] = {
        "file": path.name,
        "season": season,
        "horizon": horizon,
        "series": len(found),
        "left_out": Counter(left_out.values()),
        "raised_above_zero": sum(task.raised > 0 for task in tasks),
        "champions": {
            f"{pool.frequency} {pool.demand_class} {pool.length}": name
            for pool, name in sorted(choice.champions.items(), key=lambda one: str(one[0]))
        },
        "used": dict(used),
        "refused": dict(chosen.refused),
        "ensembles": {name: list(members) for name, (members, _) in ENSEMBLES.items()},
        "choice_ms_per_series": 1000 * choosing / len(found),
    }
    return results


def show(results: dict[str, Any]) -> None:
    """A table of all figures, then what was chosen."""
    print(f"{'':24}" + "".join(f"{name:>14}" for name in SHOWN))
    for name, found in results.items():
        if name != "about":
            cells = ("-" if found[column] is None else f"{found[column]:.4f}" for column in SHOWN)
            print(f"{name:24}" + "".join(f"{cell:>14}" for cell in cells))
    print(json.dumps(results["about"], indent=1))


def main(arguments: list[str] | None = None) -> int:
    """Run from the command line; 2 when the file or a setting is refused."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.forecasting", description=__doc__)
    parser.add_argument("file", type=Path)
    parser.add_argument("--season", type=int, required=True, help="steps in a season: 12 months, 52 weeks, 7 days")
    parser.add_argument("--horizon", type=int, required=True)
    parser.add_argument("--sample", type=int, help="so many series, at equal distances")
    parser.add_argument("--stock", action="store_true", help="stock Prophet too (a tenth of a second a series)")
    parser.add_argument("--json", type=Path, help="write all figures here")
    given = parser.parse_args(arguments)
    if given.season < 1:
        parser.error("a season has at least one step")
    try:
        results = run(given.file, season=given.season, horizon=given.horizon, sample=given.sample, stock=given.stock)
    except (Unreadable, OSError) as refused:
        print(refused, file=sys.stderr)
        return 2
    show(results)
    if given.json:
        given.json.write_text(json.dumps(results, indent=1) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
