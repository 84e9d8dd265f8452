"""What came of forecasts: one line a period, from the forecast that stood when the period ended."""

from collections.abc import Iterator
from datetime import date
from typing import Any

import numpy as np

from forecasting.history import SeriesHistory
from forecasting.models import SeriesForecast
from forecasting.timeseries.series import DemandSeries, Vector, period_of


def outcomes(row: SeriesForecast, history: SeriesHistory, now: DemandSeries) -> Iterator[dict[str, Any]]:
    """What `row` forecast of the periods that `now` knows whole; a missing one (a stockout) tells nothing."""
    actual = dict(zip(now.periods, now.values.tolist(), strict=True))
    attested = _attested(history, now)
    places = {level: place for place, level in enumerate(row.levels)}
    naive = _last_season(row)
    for step, told in enumerate(row.steps, start=1):
        period = date.fromisoformat(told["period"])
        came = actual.get(period)
        if came is None or np.isnan(came):
            continue
        quantile = {level: float(told["quantiles"][places[level]]) for level in (0.025, 0.1, 0.9, 0.975)}
        yield {
            "tenant": row.tenant,
            "site": row.site,
            "frequency": row.frequency,
            "demand_class": row.demand_class,
            "period": period,
            "step": step,
            "point": float(told["point"]),
            "lower_80": quantile[0.1],
            "upper_80": quantile[0.9],
            "lower_95": quantile[0.025],
            "upper_95": quantile[0.975],
            "naive": float(naive[(step - 1) % naive.size]),
            "actual": came,
            "attested": period in attested,
        }


def _attested(history: SeriesHistory, now: DemandSeries) -> set[date]:
    """Periods of which something was told after the fact; one without any demand is like the one before it."""
    told: dict[date, bool] = {}
    for one in history.observations:
        if one.withdrawn_at is None:
            period = period_of(one.at.date(), now.frequency)
            told[period] = told.get(period, False) or one.attested
    found, latest = set(), False
    for period in now.periods:
        latest = told.get(period, latest)
        if latest:
            found.add(period)
    return found


def _last_season(row: SeriesForecast) -> Vector:
    """The last season that was known when the forecast was made, the yardstick."""
    values = np.array([np.nan if value is None else value for value in row.history], dtype=np.float64)
    season = max(1, min(row.season_length or 1, values.size))
    return np.nan_to_num(values[-season:], nan=float(np.nanmean(values)) if values.size else 0.0)
