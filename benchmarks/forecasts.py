"""Forecasts a second, against a plain loop over stock Prophet on the same series in the same run."""

from __future__ import annotations

import logging
import time
from datetime import date, timedelta
from typing import Any

import numpy as np
import pandas as pd

from forecasting.timeseries.methods.empirical import Empirical
from forecasting.timeseries.methods.prophet import Prophet
from forecasting.timeseries.methods.seasonal_naive import SeasonalNaive
from forecasting.timeseries.series import DemandSeries

HORIZON = 28


def series(count: int, days: int = 365) -> list[DemandSeries]:
    """Daily demand with a weekly season and noise, from a seed."""
    dice = np.random.default_rng(5)
    week = np.array([1.0, 1.05, 1.0, 1.1, 1.3, 1.5, 0.6])
    made = []
    for number in range(count):
        values = dice.poisson(40 * week[np.arange(days) % 7] * dice.uniform(0.5, 2)).astype(float)
        made.append(
            DemandSeries(
                key=f"bench-{number}",
                frequency="D",
                season_length=7,
                start=date(2025, 1, 6) + timedelta(days=0),
                values=values,
                unit="",
                kind="receipt",
            )
        )
    return made


def plain_prophet(found: list[DemandSeries]) -> float:
    """Series a second of what the tutorial does: one model a series, fit, predict, default intervals."""
    import prophet  # the oracle itself, called as its documentation does

    logging.getLogger("cmdstanpy").disabled = True
    start = time.perf_counter()
    for one in found:
        frame = pd.DataFrame({"ds": pd.date_range(one.start, periods=one.values.size), "y": one.values})
        model = prophet.Prophet()
        model.fit(frame)
        model.predict(model.make_future_dataframe(HORIZON, include_history=False))
    return len(found) / (time.perf_counter() - start)


def rate(method: Any, found: list[DemandSeries]) -> float:
    """Series a second of one of our methods, quantiles included."""
    start = time.perf_counter()
    for one in found:
        method.forecast(one, HORIZON, seed=1)
    return len(found) / (time.perf_counter() - start)


def measure() -> dict[str, Any]:
    """Each method's rate, and that of plain Prophet."""
    found = series(12)
    Prophet().forecast(found[0], HORIZON, seed=1)  # the import and the first compilation are not what is measured
    plain = plain_prophet(found)
    ours = {"prophet": rate(Prophet(), found)}
    many = series(200)
    ours |= {"seasonal_naive": rate(SeasonalNaive(), many), "empirical": rate(Empirical(), many)}
    return {
        "series": len(found),
        "plain_prophet_per_second": round(plain, 2),
        **{f"{name}_per_second": round(value, 2) for name, value in ours.items()},
        "prophet_ratio_to_plain": round(ours["prophet"] / plain, 2),
    }
