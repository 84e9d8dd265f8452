"""Prophet's additive model solved in process: the same posterior, its true optimum, in microseconds.

`FastProphet` is Prophet's linear (or flat) model under its own defaults. `FastProphetCorrected` shrinks the season,
averages over two stiffnesses of the trend and starts from where the series now is. Numba is imported at the first
forecast and never in a web process; the compiled code is cached on disk.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from typing import Any

import numpy as np

from forecasting.timeseries.methods import LEVELS, Forecast, ensure_horizon
from forecasting.timeseries.methods.fast_prophet.batch import Fit, fit_batch
from forecasting.timeseries.methods.fast_prophet.design import (
    Days,
    Design,
    Regressor,
    RegressorRefused,
    Settings,
    design_of,
)
from forecasting.timeseries.methods.fast_prophet.multiplicative import fit_mixed, terms_of
from forecasting.timeseries.series import MAX_PERIODS, DemandSeries, SeriesRefused, TooShort, Vector

__all__ = [
    "Design",
    "FastProphet",
    "FastProphetCorrected",
    "Fit",
    "Regressor",
    "RegressorRefused",
    "Settings",
    "calendar_of",
    "corrected_batch",
    "design_of",
    "fit_batch",
]

SHORTEST = 12
STIFFNESSES = (0.005, 0.05)
SHRUNK_SEASON = 0.1
MEMORY = 0.6
"""The weight of a residual falls by this factor with each period: the correction is a level smoothed with 0.4.

These three were chosen pooled, over past origins of two public sets; a choice per series did worse.
"""
MEMBERS = tuple(Settings(changepoint_prior_scale=scale, seasonality_prior_scale=SHRUNK_SEASON) for scale in STIFFNESSES)
EPOCH = date(1970, 1, 1).toordinal()


class FastProphet:
    """Prophet's additive model at its optimum; analytic quantiles; trend, seasons and holidays as components."""

    name = "fast_prophet"

    def __init__(self, settings: Settings | None = None) -> None:
        self.settings = settings or Settings()

    def forecast(
        self,
        series: DemandSeries,
        horizon: int,
        *,
        levels: tuple[float, ...] = LEVELS,
        seed: int = 0,
        regressors: Sequence[Regressor] = (),
    ) -> Forecast:
        """Raises TooShort below 12 known periods, and RegressorRefused."""
        return _only(self.forecast_many([series], horizon, levels=levels, regressors=[regressors]))

    def forecast_many(
        self,
        found: Sequence[DemandSeries],
        horizon: int,
        *,
        levels: tuple[float, ...] = LEVELS,
        seed: int = 0,
        regressors: Sequence[Sequence[Regressor]] | None = None,
    ) -> list[Forecast | SeriesRefused]:
        """Series of one calendar, with the same `regressors` (of each series, if any), share its statistics."""
        answers: dict[int, Forecast | SeriesRefused] = {}
        for group in _groups(found, horizon, answers, regressors):
            if self.settings.seasonality_mode == "multiplicative":
                answers |= zip(group.places, self._multiplied(group, levels), strict=True)
                continue
            try:
                fit = fit_batch(self._design_of(group), group.values)
            except SeriesRefused as refused:
                answers |= dict.fromkeys(group.places, refused)
                continue
            point = fit.point()
            quantiles = fit.quantiles(levels, point)
            for row, place in enumerate(group.places):
                answers[place] = _forecast(point[row], quantiles[row], levels, fit.components(row))
        return [answers[place] for place in range(len(found))]

    def _multiplied(self, group: "_Group", levels: tuple[float, ...]) -> list[Forecast | SeriesRefused]:
        """One by one: seasons that multiply share nothing."""
        days, future = np.frombuffer(group.days, np.int64), np.frombuffer(group.future, np.int64)
        try:
            terms, spans = terms_of(days, future, self.settings, group.regressors)
        except SeriesRefused as refused:
            return [refused] * len(group.places)
        known, ahead = terms.rows(0, days.size), terms.rows(days.size, terms.time.size)
        answers = []
        for values in group.rows:
            scale = float(np.abs(values).max()) or 1.0
            fit = fit_mixed(known, values / scale)
            parts = {name: part * scale for name, part in fit.components(ahead, spans).items()}
            answers.append(_forecast(fit.point(ahead) * scale, fit.quantiles(ahead, levels) * scale, levels, parts))
        return answers

    def _design_of(self, group: "_Group") -> Design:
        if not group.regressors:
            return _design(group.days, group.future, self.settings)
        days, future = np.frombuffer(group.days, np.int64), np.frombuffer(group.future, np.int64)
        return design_of(days, future, self.settings, group.regressors)

    def parameters(self) -> Mapping[str, str | int | bool]:
        return {
            "growth": self.settings.growth,
            "seasonality": f"{self.settings.seasonality_mode}, auto",
            "clipped_at_zero": True,
        }


class FastProphetCorrected:
    """Prophet twice, with a stiff and a free trend and a shrunk season, moved to the level of the last residuals."""

    name = "fast_prophet_corrected"

    def forecast(
        self, series: DemandSeries, horizon: int, *, levels: tuple[float, ...] = LEVELS, seed: int = 0
    ) -> Forecast:
        """Raises TooShort below 12 known periods."""
        return _only(self.forecast_many([series], horizon, levels=levels))

    def forecast_many(
        self, found: Sequence[DemandSeries], horizon: int, *, levels: tuple[float, ...] = LEVELS, seed: int = 0
    ) -> list[Forecast | SeriesRefused]:
        """Series of one calendar share its statistics."""
        answers: dict[int, Forecast | SeriesRefused] = {}
        for group in _groups(found, horizon, answers):
            designs = [_design(group.days, group.future, one) for one in MEMBERS]
            point, quantiles = corrected_batch(designs, group.values, levels)
            for row, place in enumerate(group.places):
                answers[place] = _forecast(point[row], quantiles[row], levels, {})
        return [answers[place] for place in range(len(found))]

    def parameters(self) -> Mapping[str, str | int | bool]:
        return {"changepoint_prior_scales": str(STIFFNESSES), "seasonality_prior_scale": str(SHRUNK_SEASON)}


def corrected_batch(
    designs: Sequence[Design], values: Vector, levels: Sequence[float] = LEVELS
) -> tuple[Vector, Vector]:
    """Point forecasts (series x steps) and quantiles of series of one calendar, the mean over its `designs`.

    The variance grows by that of the smoothed level, MEMORY after MEMORY, as in simple exponential smoothing.
    """
    values = np.atleast_2d(values)
    age = MEMORY ** np.arange(values.shape[1])[::-1]
    points, quantiles = [], []
    for design in designs:
        fit = fit_batch(design, values)
        # a sum of products, not a matrix product: the same bits in any batch
        level = ((values - fit.fitted()) * age).sum(axis=1) / age.sum()
        ahead = np.arange(design.future_time.size, dtype=np.float64) * (1 - MEMORY) ** 2
        point = fit.point() + level[:, None]
        points.append(point)
        quantiles.append(fit.quantiles(levels, point, drift=ahead))
    return np.mean(points, axis=0), np.mean(quantiles, axis=0)


def calendar_of(series: DemandSeries, horizon: int) -> tuple[Days, Days, Vector]:
    """Days since 1970-01-01 of the known periods, those of the next `horizon`, and the known values.

    A longer history than any method keeps is cut to its latest part. Raises TooShort below 12 known periods.
    """
    days = _days(series, len(series) + horizon)
    known = np.flatnonzero(~np.isnan(series.values))[-MAX_PERIODS[series.frequency] :]
    if known.size < SHORTEST:
        raise TooShort(f"Prophet needs {SHORTEST} known periods.")
    return days[known], days[len(series) :], series.values[known]


def _days(series: DemandSeries, count: int) -> Days:
    if series.frequency == "MS":
        months = (series.start.year - 1970) * 12 + series.start.month - 1 + np.arange(count)
        return np.asarray(months.astype("datetime64[M]").astype("datetime64[D]").astype(np.int64))
    first = series.start.toordinal() - EPOCH
    return np.asarray(first + np.arange(count, dtype=np.int64) * (7 if series.frequency == "W" else 1))


def _only(answers: Sequence[Forecast | SeriesRefused]) -> Forecast:
    [answer] = answers
    if isinstance(answer, SeriesRefused):
        raise answer
    return answer


def _forecast(
    point: Vector, quantiles: Vector, levels: tuple[float, ...], components: Mapping[str, Vector]
) -> Forecast | SeriesRefused:
    try:
        return Forecast(point, quantiles, levels, components)
    except SeriesRefused as refused:
        return refused


@dataclass(frozen=True, slots=True, eq=False)
class _Group:
    """Series that share a design: their places, known and future days, values and regressors."""

    places: list[int]
    days: bytes
    future: bytes
    rows: list[Vector]
    regressors: Sequence[Regressor]

    @property
    def values(self) -> Vector:
        return np.array(self.rows)


def _groups(
    found: Sequence[DemandSeries],
    horizon: int,
    answers: dict[int, Forecast | SeriesRefused],
    regressors: Sequence[Sequence[Regressor]] | None = None,
) -> list[_Group]:
    """Series by what their design depends on; refusals go to `answers`."""
    groups: dict[tuple[Any, ...], _Group] = {}
    for place, series in enumerate(found):
        try:
            ensure_horizon(series, horizon)
            days, future, values = calendar_of(series, horizon)
        except SeriesRefused as refused:
            answers[place] = refused
            continue
        mine = regressors[place] if regressors else ()
        known, ahead = days.tobytes(), future.tobytes()
        key = (known, ahead, *((one.name, one.past.tobytes(), one.future.tobytes()) for one in mine))
        group = groups.setdefault(key, _Group([], known, ahead, [], mine))
        group.places.append(place)
        group.rows.append(values)
    return list(groups.values())


@lru_cache(maxsize=32)
def _design(days: bytes, future: bytes, settings: Settings) -> Design:
    """The last few calendars are kept: neighbours in a run mostly share theirs."""
    return design_of(np.frombuffer(days, np.int64), np.frombuffer(future, np.int64), settings)
