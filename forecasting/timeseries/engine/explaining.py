"""Every forecast explained by Prophet: trend, seasons, what was known ahead, and what the champion corrects."""

from collections.abc import Sequence
from dataclasses import replace

from forecasting.timeseries.engine.ahead import regressors_of
from forecasting.timeseries.engine.answers import Item
from forecasting.timeseries.methods import Forecast
from forecasting.timeseries.methods.fast_prophet import FastProphet, Regressor
from forecasting.timeseries.series import SeriesRefused

CORRECTION = "correction"
PROPHET = FastProphet()


def explained(items: Sequence[Item], forecasts: Sequence[Forecast], horizon: int) -> list[Forecast]:
    """The forecasts with their components, where Prophet can say anything; they add up to the point forecast."""
    columns = [_columns(item, horizon) for item in items]
    said = PROPHET.forecast_many([item.series for item in items], horizon, regressors=columns)
    return [
        _with_components(forecast, prophet) if isinstance(prophet, Forecast) else forecast
        for forecast, prophet in zip(forecasts, said, strict=True)
    ]


def _columns(item: Item, horizon: int) -> Sequence[Regressor]:
    try:
        return regressors_of(item.ahead, item.series, horizon)
    except SeriesRefused:
        return ()


def _with_components(forecast: Forecast, prophet: Forecast) -> Forecast:
    parts = dict(prophet.components)
    parts[CORRECTION] = forecast.point - sum(parts.values())
    return replace(forecast, components=parts)
