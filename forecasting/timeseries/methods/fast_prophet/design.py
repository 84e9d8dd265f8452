"""Prophet's design matrix, from days alone: scaled time, changepoints, Fourier features, holidays and regressors.

Everything here depends on the calendar and not on demand, so series that share a calendar share it, and with it the
sufficient statistics of the matrix. Rules and constants are those of Prophet 1.1 to 1.5 (`forecaster.py`).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from forecasting.timeseries.series import SeriesRefused, TooShort, Vector

Days: TypeAlias = NDArray[np.int64]
Growth = Literal["linear", "flat"]
Mode = Literal["additive", "multiplicative"]

YEAR, YEARLY_ORDER = 365.25, 10
WEEK, WEEKLY_ORDER = 7.0, 3
TWO_YEARS, TWO_WEEKS = 730, 14
LEVEL_SCALE = 5.0
"""Prior standard deviation of the base rate k and of the offset m."""


class RegressorRefused(SeriesRefused):
    """A holiday or regressor column does not fit the calendar, or has values that are not finite."""


@dataclass(frozen=True, slots=True)
class Settings:
    """Prophet's own settings, under its own defaults."""

    growth: Growth = "linear"
    n_changepoints: int = 25
    changepoint_range: float = 0.8
    changepoint_prior_scale: float = 0.05
    seasonality_prior_scale: float = 10.0
    holidays_prior_scale: float = 10.0
    seasonality_mode: Mode = "additive"


@dataclass(frozen=True, slots=True, eq=False)
class Regressor:
    """A column known for past and future: a holiday's indicator, a promotion, a price. Columns of one `name` add up."""

    name: str
    past: Vector
    future: Vector
    prior_scale: float | None = None
    standardize: bool | None = None
    """None is Prophet's `auto`: all but constant and binary columns."""


@dataclass(frozen=True, slots=True, eq=False)
class Design:
    """What one calendar gives: rows of the features, their future rows, and the statistics that the solver needs.

    `smooth` holds offset, time (linear growth alone) and features, rotated so that its cross-product is diagonal and
    its prior a standard normal; `hinges` holds one column a changepoint.
    """

    scaled_time: Vector
    future_time: Vector
    changepoints: Vector
    smooth: Vector
    hinges: Vector
    future_smooth: Vector
    future_hinges: Vector
    eigenvalues: Vector
    cross: Vector
    hinge_products: Vector
    rotation: Vector
    future_features: Vector
    components: tuple[tuple[str, int, int], ...]
    laplace_scale: float
    growth: Growth

    @property
    def step(self) -> float:
        """The mean distance of future steps in scaled time, as Prophet's simulation takes it."""
        time = self.future_time if self.future_time.size > 1 else self.scaled_time
        return float(np.diff(time).mean())


def design_of(
    days: Days, future: Days, settings: Settings | None = None, regressors: Sequence[Regressor] = ()
) -> Design:
    """Build the design of a calendar: `days` since 1970-01-01 with a known value, in order, and `future` days.

    Raises TooShort below two days, and RegressorRefused.
    """
    settings = settings or Settings()
    if days.size < 2:
        raise TooShort("Prophet needs two known periods at least.")
    first, span = days[0], float(days[-1] - days[0])
    changepoints = changepoints_of((days - first) / span, settings)
    both = np.concatenate([days, future])
    features, scales, components = features_of(days, both, settings, regressors)
    return design_from(
        (both - first) / span,
        features,
        scales,
        changepoints,
        tau=settings.changepoint_prior_scale,
        growth=settings.growth,
        known=days.size,
        components=components,
    )


def design_from(
    time: Vector,
    features: Vector,
    scales: Vector,
    changepoints: Vector,
    *,
    tau: float,
    growth: Growth,
    known: int | None = None,
    components: tuple[tuple[str, int, int], ...] = (),
    weights: Vector | None = None,
) -> Design:
    """Build the design of given features: the first `known` rows (all by default) are history, the rest future.

    `weights` multiply the trend's columns row by row: seasons that multiply it.
    """
    known = time.size if known is None else known
    level, hinges = _level(time, growth), np.maximum(time[:, None] - changepoints[None, :], 0.0)
    if weights is not None:
        level, hinges = level * weights[:, None], hinges * weights[:, None]
    columns = np.column_stack([level, features])
    prior = np.concatenate([np.full(columns.shape[1] - features.shape[1], LEVEL_SCALE), scales])
    eigenvalues, rotation = _rotated(columns[:known], prior)
    smooth = np.ascontiguousarray(columns @ rotation)
    return Design(
        scaled_time=time[:known],
        future_time=time[known:],
        changepoints=changepoints,
        smooth=smooth[:known],
        hinges=hinges[:known],
        future_smooth=smooth[known:],
        future_hinges=hinges[known:],
        eigenvalues=eigenvalues,
        cross=_product(hinges[:known], smooth[:known]),
        hinge_products=_product(hinges[:known], hinges[:known]),
        rotation=rotation,
        future_features=features[known:],
        components=components,
        laplace_scale=tau,
        growth=growth,
    )


def _level(time: Vector, growth: Growth) -> Vector:
    ones = np.ones((time.size, 1))
    return np.column_stack([ones, time]) if growth == "linear" else ones


def _rotated(columns: Vector, scales: Vector) -> tuple[Vector, Vector]:
    """Rotate columns with a normal prior so that their cross-product, and every ridge solution, becomes diagonal."""
    scaled = columns * scales
    eigenvalues, vectors = np.linalg.eigh(_product(scaled, scaled))
    return np.maximum(eigenvalues, 0.0), scales[:, None] * vectors


def changepoints_of(time: Vector, settings: Settings) -> Vector:
    """Potential changepoints, evenly among the known days of the first 80 %; none is told as one at zero."""
    if settings.growth == "flat":
        return np.zeros(0)
    reach = int(np.floor(time.size * settings.changepoint_range))
    count = min(settings.n_changepoints, reach - 1)
    if count <= 0:
        return np.zeros(1)
    places = np.linspace(0, reach - 1, count + 1).round().astype(int)[1:]
    return np.asarray(time[places])


def fourier(days: Days, period: float, order: int) -> Vector:
    """Sine and cosine of each harmonic, interleaved."""
    angle = 2 * np.pi * days.astype(np.float64)
    features = np.empty((days.size, 2 * order))
    for i in range(order):
        features[:, 2 * i] = np.sin((i + 1) / period * angle)
        features[:, 2 * i + 1] = np.cos((i + 1) / period * angle)
    return features


def features_of(
    days: Days, both: Days, settings: Settings, regressors: Sequence[Regressor]
) -> tuple[Vector, Vector, tuple[tuple[str, int, int], ...]]:
    """All feature columns, past rows then future rows; their prior scales; the span of columns of each component."""
    span, closest = days[-1] - days[0], np.diff(days).min()
    blocks: list[tuple[str, Vector, float]] = []
    if span >= TWO_YEARS:
        blocks.append(("yearly", fourier(both, YEAR, YEARLY_ORDER), settings.seasonality_prior_scale))
    if span >= TWO_WEEKS and closest < WEEK:
        blocks.append(("weekly", fourier(both, WEEK, WEEKLY_ORDER), settings.seasonality_prior_scale))
    for regressor in sorted(regressors, key=lambda one: one.name):
        scale = settings.holidays_prior_scale if regressor.prior_scale is None else regressor.prior_scale
        blocks.append((regressor.name, _column(regressor, days.size, both.size), scale))
    spans: dict[str, tuple[int, int]] = {}
    at = 0
    for name, block, _ in blocks:
        spans[name] = (spans.get(name, (at, at))[0], at + block.shape[1])
        at += block.shape[1]
    columns = np.column_stack([block for _, block, _ in blocks]) if blocks else np.zeros((both.size, 0))
    scales = np.concatenate([np.full(block.shape[1], scale) for _, block, scale in blocks] or [np.zeros(0)])
    return columns, scales, tuple((name, start, end) for name, (start, end) in spans.items())


def _column(regressor: Regressor, known: int, total: int) -> Vector:
    values = np.concatenate([regressor.past, regressor.future]).astype(np.float64)
    if regressor.past.size != known or values.size != total:
        raise RegressorRefused(f"{regressor.name}: there must be one value for each known and each future period.")
    if not np.isfinite(values).all():
        raise RegressorRefused(f"{regressor.name}: a value is missing or not finite.")
    past = values[:known]
    distinct = set(np.unique(past).tolist())
    standardize = distinct != {0.0, 1.0} if regressor.standardize is None else regressor.standardize
    if standardize and len(distinct) > 1:
        values = (values - past.mean()) / past.std(ddof=1)
    return values[:, None]


def _product(left: Vector, right: Vector) -> Vector:
    """left' right, without BLAS threads: the same bits whatever the machine's thread settings."""
    return np.ascontiguousarray(np.einsum("ij,ik->jk", left, right))
