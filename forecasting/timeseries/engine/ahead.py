"""What is known ahead (holidays, promotions, prices): its effect is taken out, and put back where it will be.

Theta or smoothing know no regressors. So Prophet's regression, which does, tells what each column adds; every method
then sees the demand without it, and its forecast gets what the known future adds.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date

import numpy as np

from forecasting.timeseries.methods import Forecast
from forecasting.timeseries.methods.fast_prophet import Regressor, Settings, calendar_of, design_of, fit_batch
from forecasting.timeseries.series import MAX_PERIODS, DemandSeries, SeriesRefused, Vector, periods_between

ESTIMATE = Settings(holidays_prior_scale=0.5)
"""A column that was seen once or twice must not explain all of what happened then."""


class ColumnRefused(SeriesRefused):
    """A column that is known ahead does not reach over the history and the horizon, or is not finite there."""


@dataclass(frozen=True, slots=True, eq=False)
class Column:
    """One value a period from `start` on, past and future alike: 1 in a promotion's weeks, a price, a holiday's days.

    `name` is what the explanation calls it; columns of one name are told together (all holidays as `holidays`).
    """

    name: str
    start: date
    values: Vector


def regressors_of(columns: Sequence[Column], series: DemandSeries, horizon: int) -> list[Regressor]:
    """The columns as they lie beside the known periods of a series and its next steps. Raises ColumnRefused."""
    known = np.flatnonzero(~np.isnan(series.values))[-MAX_PERIODS[series.frequency] :]
    found = []
    for column in columns:
        first = periods_between(column.start, series.start, series.frequency)
        if first < 0 or column.values.size < first + len(series) + horizon:
            raise ColumnRefused(f"{column.name}: there is no value for every period of the history and the horizon.")
        values = np.asarray(column.values[first : first + len(series) + horizon], dtype=np.float64)
        if not np.isfinite(values).all():
            raise ColumnRefused(f"{column.name}: a value is missing or not finite.")
        if known.size and np.ptp(values[known]) > 0:  # nothing can be learnt from what never changed
            found.append(Regressor(column.name, values[known], values[len(series) :]))
    return found


def without(columns: Sequence[Column], series: DemandSeries, horizon: int) -> tuple[DemandSeries, Vector | None]:
    """The series without what its columns add, and what they will add to the next steps; None for nothing.

    Raises ColumnRefused, and TooShort where Prophet would.
    """
    regressors = regressors_of(columns, series, horizon)
    if not regressors:
        return series, None
    days, future, values = calendar_of(series, horizon)
    # the past is asked for too: it stands before the future in `future`
    whole = [replace(one, future=np.concatenate([one.past, one.future])) for one in regressors]
    fit = fit_batch(design_of(days, np.concatenate([days, future]), ESTIMATE, whole), values)
    parts = fit.components(0)
    effect = np.sum([parts[name] for name in {one.name for one in regressors}], axis=0)
    known = np.flatnonzero(~np.isnan(series.values))[-values.size :]
    adjusted = series.values.copy()
    adjusted[known] -= effect[: known.size]
    return replace(series, values=adjusted), effect[known.size :]


def restored(forecast: Forecast, effect: Vector | None) -> Forecast:
    """Put back what the known future adds."""
    if effect is None:
        return forecast
    return Forecast(forecast.point + effect, forecast.quantiles + effect[:, None], forecast.levels, forecast.components)
