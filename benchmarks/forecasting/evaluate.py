"""Forecast, time and score. A method that refuses a series is replaced by the seasonal naive, and counted."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from benchmarks.forecasting.candidates import ENSEMBLES
from benchmarks.forecasting.data import Task
from forecasting.timeseries import metrics
from forecasting.timeseries.combine import combined
from forecasting.timeseries.methods import LEVELS, Forecast, Method
from forecasting.timeseries.methods.empirical import Empirical
from forecasting.timeseries.methods.seasonal_naive import SeasonalNaive
from forecasting.timeseries.series import DemandSeries, SeriesRefused, Vector


@dataclass
class Answers:
    """What one method said, by series; its processor seconds, and how often another had to answer."""

    forecasts: dict[str, Forecast] = field(default_factory=dict)
    seconds: float = 0.0
    failed: int = 0


def answer(methods: Sequence[Method], found: Sequence[DemandSeries], horizon: int) -> dict[str, Answers]:
    """All methods, then the ensembles of their answers, on all series. Compilation is done before the clock starts."""
    ordered = sorted(found, key=len)  # neighbours share a calendar
    answers: dict[str, Answers] = {}
    for method in methods:
        mine = answers[method.name] = Answers()
        _warm(method, ordered, horizon)
        start = time.process_time()
        for series in ordered:
            try:
                mine.forecasts[series.key] = method.forecast(series, horizon, seed=1)
            except SeriesRefused:
                mine.failed += 1
                mine.forecasts[series.key] = _instead(series, horizon)
        mine.seconds = time.process_time() - start
    for name, (members, how) in ENSEMBLES.items():
        present = [answers[member] for member in members if member in answers]
        if len(present) < 2:
            continue
        mine = answers[name] = Answers(seconds=sum(one.seconds for one in present))
        start = time.process_time()
        for series in ordered:
            mine.forecasts[series.key] = combined([one.forecasts[series.key] for one in present], how)
        mine.seconds += time.process_time() - start
    return answers


def _warm(method: Method, found: Sequence[DemandSeries], horizon: int) -> None:
    for series in found:
        try:
            method.forecast(series, horizon, seed=1)
        except SeriesRefused:
            continue
        return


def _instead(series: DemandSeries, horizon: int) -> Forecast:
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
    steps = 0
    for task in tasks:
        forecast, actual = forecasts[task.key], task.actual
        train, season = task.series.values, task.series.season_length
        mase.append(metrics.mase(actual, forecast.point, train=train, season_length=season))
        rmsse.append(metrics.rmsse(actual, forecast.point, train=train, season_length=season))
        smape.append(metrics.smape(actual, forecast.point))
        loss += metrics.quantile_loss_sum(actual, forecast.quantiles, forecast.levels)
        total += metrics.absolute_sum(actual)
        known = int((~np.isnan(actual)).sum())
        steps += known
        for level in inside:
            inside[level] += (metrics.coverage(actual, *forecast.interval(level)) or 0.0) * known
    return {
        "mase": _mean(mase),
        "smape": _mean(smape),
        "rmsse": _mean(rmsse),
        "wql": loss / total if total > 0 else None,
        "cov80": inside[80] / steps if steps else None,
        "cov95": inside[95] / steps if steps else None,
        "series": len(tasks),
        "zero_scale": sum(1 for value in mase if value is None),
        "by_quantile": by_quantile(tasks, forecasts),
    }


def by_quantile(tasks: Sequence[Task], forecasts: Mapping[str, Forecast]) -> dict[str, list[float]]:
    """For each level q the shares of actuals below Q and not above it: for counts q lies between the two."""
    actual = np.concatenate([task.actual for task in tasks])
    quantiles = np.concatenate([forecasts[task.key].quantiles for task in tasks])
    known = ~np.isnan(actual)
    if not known.any():
        return {}
    y, found = actual[known, None], quantiles[known]
    below, within = (y < found).mean(axis=0), (y <= found).mean(axis=0)
    return {str(q): [round(float(below[i]), 4), round(float(within[i]), 4)] for i, q in enumerate(LEVELS)}


def _mean(found: Sequence[float | None]) -> float | None:
    known = [value for value in found if value is not None]
    return float(np.mean(known)) if known else None


def shortened(series: DemandSeries, end: int) -> DemandSeries:
    """The series as it was when it had `end` periods."""
    return DemandSeries(
        series.key, series.frequency, series.season_length, series.start, series.values[:end], series.unit, series.kind
    )


def cut(forecast: Forecast, steps: int) -> Forecast:
    """The first steps of a forecast."""
    return Forecast(forecast.point[:steps], forecast.quantiles[:steps], forecast.levels)


def nothing(values: Vector) -> bool:
    """Whether a history has no demand at all."""
    return not bool((values[~np.isnan(values)] > 0).any())
