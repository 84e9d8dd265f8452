"""`python -m benchmarks.forecasting.objective [FILE] [--season M] --horizon H [--sample N] [--json OUT]`.

Fast Prophet beside stock Prophet on the same series in the same run: Stan's objective at both answers, the error of
both forecasts, and the processor time of both (children included: Stan is a process of its own). Without FILE: daily
series of 365 days from a seed.

Fast, for all series of one length: design, fit to the optimum, point, eleven quantiles, un-scaling, the features formed
once. Left out: reading the file, grouping series by calendar, components, Forecast objects, and compilation (once a
machine; then kept on disk). Stock: fit, and predict with its 1,000 samples, as its documentation does; its import is
left out.
"""

from __future__ import annotations

import argparse
import json
import logging
import os
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from benchmarks.forecasting.data import START, Task, read
from benchmarks.forecasting.evaluate import cut
from forecasting.timeseries import metrics
from forecasting.timeseries.methods import LEVELS, Forecast
from forecasting.timeseries.methods.fast_prophet import Fit, Settings, calendar_of, design_of, fit_batch
from forecasting.timeseries.series import DemandSeries, Vector

CLOSE = 0.01


@dataclass
class Compared:
    """One series: both objectives, both forecasts, both costs in milliseconds."""

    periods: int
    ours: float
    theirs: float
    mase_ours: float | None
    mase_theirs: float | None
    ms_ours: float
    ms_theirs: float


def processor_seconds() -> float:
    """User and system time of this process and of its ended children."""
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system


def objective(model: Any) -> float:
    """Minus the log posterior of Stan's program at a fitted stock model's parameters, constants dropped."""
    params, history = model.params, model.history
    features, scales, _, _ = model.make_all_seasonality_features(history)
    k, m, sigma = (float(params[name].item()) for name in ("k", "m", "sigma_obs"))
    delta, beta, time = params["delta"].ravel(), params["beta"].ravel(), history["t"].to_numpy()
    trend = m + k * time + np.maximum(time[:, None] - model.changepoints_t, 0) @ delta
    rest = history["y_scaled"].to_numpy() - trend - features.to_numpy() @ beta
    prior = np.abs(delta).sum() / model.changepoint_prior_scale + 2 * sigma**2
    prior += 0.5 * (k**2 / 25 + m**2 / 25 + ((beta / np.array(scales)) ** 2).sum())
    return float(rest.size * np.log(sigma) + rest @ rest / (2 * sigma**2) + prior)


def synthetic(count: int, horizon: int, days: int = 365) -> list[Task]:
    """Daily demand with a weekly season, a trend that bends, and noise."""
    dice, t = np.random.default_rng(5), np.arange(days + horizon)
    found = []
    for number in range(count):
        level = 40 + dice.normal(0, 0.05) * t + dice.normal(0, 0.1) * np.maximum(t - dice.integers(50, 300), 0)
        values = dice.poisson(np.maximum(level, 1) * np.array([1, 1.05, 1, 1.1, 1.3, 1.5, 0.6])[t % 7]).astype(float)
        series = DemandSeries(f"daily-{number:05}", "D", 7, START, values[:days], "", "benchmark")
        found.append(Task.of(series, values[days:]))
    return found


def fitted(found: Sequence[DemandSeries], horizon: int) -> tuple[Fit, Vector, Vector]:
    """Fit, point forecasts and quantiles of series of one calendar: what is timed."""
    days, future, _ = calendar_of(found[0], horizon)
    fit = fit_batch(design_of(days, future, Settings()), np.array([series.values for series in found]))
    point = fit.point()
    return fit, point, fit.quantiles(LEVELS, point)


def ours(tasks: Sequence[Task], horizon: int) -> dict[str, tuple[float, Forecast, float]]:
    """Objective, forecast and milliseconds of each series, in batches of one calendar."""
    groups: dict[int, list[DemandSeries]] = defaultdict(list)
    for task in tasks:
        groups[len(task.series)].append(task.series)
    fitted(next(iter(groups.values()))[:1], horizon)  # compiles
    answers = {}
    for found in groups.values():
        start = processor_seconds()
        repeats = 0
        while repeats < 3 or processor_seconds() - start < 0.05:  # the clock ticks in hundredths
            fit, point, quantiles = fitted(found, horizon)
            repeats += 1
        cost = 1000 * (processor_seconds() - start) / repeats / len(found)
        for row, series in enumerate(found):
            answers[series.key] = (float(fit.objective[row]), Forecast(point[row], quantiles[row]), cost)
    return answers


def theirs(series: DemandSeries, horizon: int) -> tuple[float, Forecast, float]:
    """The same of stock Prophet."""
    import prophet  # the oracle itself, called as its documentation does

    logging.getLogger("cmdstanpy").disabled = True
    history = pd.DataFrame({"ds": pd.to_datetime(series.periods), "y": series.values})
    future = pd.DataFrame({"ds": pd.to_datetime(series.future(horizon))})
    start = processor_seconds()
    model = prophet.Prophet()
    model.fit(history)
    predicted = model.predict(future)
    cost = 1000 * (processor_seconds() - start)
    point = predicted["yhat"].to_numpy(dtype=float)
    return objective(model), Forecast(point, np.repeat(point[:, None], len(LEVELS), axis=1)), cost


def compare(tasks: Sequence[Task], horizon: int) -> list[Compared]:
    """Both on every series without gaps that changes at all."""
    tasks = [task for task in tasks if not np.isnan(task.series.values).any() and np.ptp(task.series.values) > 0]
    mine = ours(tasks, horizon)
    theirs(tasks[0].series, horizon)  # imports
    found = []
    for task in tasks:
        stock = theirs(task.series, horizon)
        steps = task.actual.size
        fast = mine[task.key]
        errors = [
            metrics.mase(
                task.actual,
                cut(one, steps).point,
                train=task.series.values,
                season_length=task.series.season_length,
            )
            for one in (fast[1], stock[1])
        ]
        found.append(Compared(len(task.series), fast[0], stock[0], errors[0], errors[1], fast[2], stock[2]))
    return found


def summary(found: Sequence[Compared]) -> dict[str, Any]:
    """What is to be reported, in all and by length."""
    worse = np.array([one.ours - one.theirs for one in found])
    scored = [one for one in found if one.mase_ours is not None and one.mase_theirs is not None]
    fast, stock = np.array([one.ms_ours for one in found]), np.array([one.ms_theirs for one in found])
    mase = [float(np.mean([getattr(one, name) for one in scored])) for name in ("mase_ours", "mase_theirs")]
    return {
        "series": len(found),
        "periods": [min(one.periods for one in found), max(one.periods for one in found)],
        "objective_worst_above_stock": float(worse.max()),
        "objective_worse_by_more_than_0.01": int((worse > CLOSE).sum()),
        "objective_median_below_stock": float(-np.median(worse)),
        "mase_fast": mase[0],
        "mase_stock": mase[1],
        "ms_fast": float(fast.mean()),
        "ms_stock": float(stock.mean()),
        "times_faster": float(stock.mean() / fast.mean()),
    }


def main(arguments: list[str] | None = None) -> None:
    """Compare, print, and write what was asked for."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.forecasting.objective", description=__doc__)
    parser.add_argument("file", type=Path, nargs="?")
    parser.add_argument("--season", type=int, default=12)
    parser.add_argument("--horizon", type=int, required=True)
    parser.add_argument("--sample", type=int)
    parser.add_argument("--json", type=Path)
    given = parser.parse_args(arguments)
    if given.file:
        tasks = read(given.file, season_length=given.season, horizon=given.horizon, sample=given.sample)
    else:
        tasks = synthetic(given.sample or 100, given.horizon)
    found = compare(tasks, given.horizon)
    results: dict[str, Any] = {"all": summary(found)}
    for low, high in ((0, 59), (60, 130), (131, 10**6)):
        if some := [one for one in found if low <= one.periods <= high]:
            results[f"{low}-{high} periods"] = summary(some)
    print(json.dumps(results, indent=1))
    if given.json:
        given.json.write_text(json.dumps(results, indent=1) + "\n")


if __name__ == "__main__":
    main()
