"""Forecast, time and score. A method that refuses a series is replaced by the seasonal naive, and counted."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from benchmarks.forecasting.data import Task
from forecasting.timeseries import metrics
from forecasting.timeseries.candidates import ENSEMBLES
from forecasting.timeseries.engine import Choice, Item, Past, choose, forecast_pool, past_of
from forecasting.timeseries.engine.answers import one_method, prepared, together
from forecasting.timeseries.methods import LEVELS, Forecast, Method
from forecasting.timeseries.methods.empirical import Empirical
from forecasting.timeseries.methods.seasonal_naive import SeasonalNaive
from forecasting.timeseries.series import DemandSeries, SeriesRefused

FEW = 100
"""Fewer series than these are calibrated on nine origins instead of three."""


@dataclass
class Answers:
    """What one method said, by series; its processor seconds, and why another had to answer."""

    forecasts: dict[str, Forecast] = field(default_factory=dict)
    seconds: float = 0.0
    refused: Counter[str] = field(default_factory=Counter)


def answer(methods: Mapping[str, Method], found: Sequence[DemandSeries], horizon: int) -> dict[str, Answers]:
    """All methods, then the ensembles of their answers, on all series. Compilation is done before the clock starts."""
    ready = [prepared(Item(series), horizon) for series in found]
    raw, seconds = {}, {}
    for name, method in methods.items():
        one_method(method, ready[:2], horizon, seed=1)
        start = time.process_time()
        raw[name] = one_method(method, ready, horizon, seed=1)
        seconds[name] = time.process_time() - start
    for name, (members, _) in ENSEMBLES.items():
        present = [member for member in members if member in methods]
        if len(present) < 2:
            continue
        start = time.process_time()
        raw[name] = together(name, raw)
        seconds[name] = time.process_time() - start + sum(seconds[member] for member in present)
    answers = {}
    for name, those in raw.items():
        mine = answers[name] = Answers(seconds=seconds[name])
        for series, one in zip(found, those, strict=True):
            mine.forecasts[series.key] = one if isinstance(one, Forecast) else instead(series, horizon)
            if not isinstance(one, Forecast):
                mine.refused[str(one)] += 1
    return answers


def decide(methods: Mapping[str, Method], found: Sequence[DemandSeries], horizon: int) -> tuple[Choice, float]:
    """The choice from past origins inside the training parts, and the processor seconds it took."""
    start = time.process_time()
    origins = 3 if len(found) >= FEW else 9
    past: list[Past] = [past_of(Item(series), horizon, origins) for series in found]
    return choose(past, horizon=horizon, methods=methods, seed=1), time.process_time() - start


def champion(
    choice: Choice, methods: Mapping[str, Method], found: Sequence[DemandSeries], horizon: int
) -> tuple[Answers, Counter[str]]:
    """What the product forecasts with a choice, and which methods it used. Any length is tried here."""
    start = time.process_time()
    outcomes = forecast_pool(
        [Item(series) for series in found],
        choice,
        horizon=horizon,
        methods=methods,
        ensure=lambda series: None,
        explain=False,
        seed=1,
    )
    mine = Answers(seconds=time.process_time() - start)
    for series, outcome in zip(found, outcomes, strict=True):
        mine.forecasts[series.key] = outcome.forecast or instead(series, horizon)
        if outcome.forecast is None:
            mine.refused[outcome.reason] += 1
    return mine, Counter(outcome.method for outcome in outcomes if outcome.forecast is not None)


def instead(series: DemandSeries, horizon: int) -> Forecast:
    """What is scored for a series that was refused: the seasonal naive, the empirical quantiles, or nothing at all."""
    for method in (SeasonalNaive(), Empirical()):
        try:
            return method.forecast(series, horizon)
        except SeriesRefused:
            continue
    return Forecast(np.zeros(horizon), np.zeros((horizon, len(LEVELS))))


def scores(tasks: Sequence[Task], forecasts: Mapping[str, Forecast]) -> dict[str, Any]:
    """Means of MASE, sMAPE and RMSSE over series; WQL and coverage pooled. A series with a zero scale is counted."""
    mase: list[float | None] = []
    rmsse: list[float | None] = []
    smape: list[float | None] = []
    loss = total = 0.0
    inside = {80: 0.0, 95: 0.0}
    split = {80: 0.0, 95: 0.0}
    steps = 0
    for task in tasks:
        forecast, actual = forecasts[task.key], task.actual
        train, season, point = task.train, task.series.season_length, forecast.point - task.raised
        mase.append(metrics.mase(actual, point, train=train, season_length=season))
        rmsse.append(metrics.rmsse(actual, point, train=train, season_length=season))
        smape.append(metrics.smape(actual, point))
        loss += metrics.quantile_loss_sum(actual, forecast.quantiles - task.raised, forecast.levels)
        total += metrics.absolute_sum(actual)
        known = int((~np.isnan(actual)).sum())
        steps += known
        for level in inside:
            lower, upper = (bound - task.raised for bound in forecast.interval(level))
            inside[level] += (metrics.coverage(actual, lower, upper) or 0.0) * known
            split[level] += metrics.split_coverage(actual, forecast.quantiles - task.raised, forecast.levels, level)
    return {
        "mase": _mean(mase),
        "smape": _mean(smape),
        "rmsse": _mean(rmsse),
        "wql": loss / total if total > 0 else None,
        "cov80": inside[80] / steps if steps else None,
        "cov95": inside[95] / steps if steps else None,
        "split80": split[80] / steps if steps else None,
        "split95": split[95] / steps if steps else None,
        "series": len(tasks),
        "zero_scale": sum(1 for value in mase if value is None),
        "by_quantile": by_quantile(tasks, forecasts),
    }


def by_quantile(tasks: Sequence[Task], forecasts: Mapping[str, Forecast]) -> dict[str, list[float]]:
    """For each level q the shares of actuals below Q and not above it: for counts q lies between the two."""
    actual = np.concatenate([task.actual for task in tasks])
    quantiles = np.concatenate([forecasts[task.key].quantiles - task.raised for task in tasks])
    known = ~np.isnan(actual)
    if not known.any():
        return {}
    y, found = actual[known, None], quantiles[known]
    below, within = (y < found).mean(axis=0), (y <= found).mean(axis=0)
    return {str(q): [round(float(below[i]), 4), round(float(within[i]), 4)] for i, q in enumerate(LEVELS)}


def _mean(found: Sequence[float | None]) -> float | None:
    known = [value for value in found if value is not None]
    return float(np.mean(known)) if known else None


def cut(forecast: Forecast, steps: int) -> Forecast:
    """The first steps of a forecast."""
    return Forecast(forecast.point[:steps], forecast.quantiles[:steps], forecast.levels)
