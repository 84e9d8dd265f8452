"""Intervals that hold: quantiles of scaled errors, pooled over series, learnt on past origins only.

Split-conformal calibration (Vovk et al., 2005): what share of past errors was smaller than a multiple of the scale
tells the interval. Steps are pooled by bucket, because errors grow with the horizon. True over a pool, not for each
series.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from forecasting.timeseries.methods import LEVELS, Forecast
from forecasting.timeseries.metrics import seasonal_scale
from forecasting.timeseries.series import Vector

BUCKETS = (3, 6, 12, 18, 36, 104, 366)
"""The last step of each bucket."""
ENOUGH = 120
"""Errors that a bucket needs: three beyond the outermost level on either side."""


@dataclass(frozen=True, slots=True, eq=False)
class PastErrors:
    """Errors (actual - point) of the first steps after one past origin, and the scale of each."""

    errors: Vector
    scales: Vector


@dataclass(frozen=True, slots=True, eq=False)
class Calibration:
    """For each bucket, by what multiple of its scale each level lies beside the point forecast."""

    offsets: tuple[Vector, ...]
    levels: tuple[float, ...]

    def applied(self, point: Vector, scales: Vector) -> Forecast:
        """Quantiles around a point forecast."""
        rows = np.array([self.offsets[bucket_of(step)] for step in range(1, point.size + 1)])
        return Forecast(point, point[:, None] + scales[:, None] * rows, self.levels)


def bucket_of(step: int) -> int:
    """The bucket of a step, counted from 1."""
    return next((i for i, last in enumerate(BUCKETS) if step <= last), len(BUCKETS) - 1)


def scales_of(train: Vector, season_length: int, forecast: Forecast) -> Vector | None:
    """The scale of each step: the seasonal naive error's, steadied with the method's own spread; None without any.

    The geometric mean of the two: the first knows how hard the series is, the second how errors grow.
    """
    scale = seasonal_scale(train, season_length)
    if scale is None:
        return None
    lower, upper = forecast.interval(80)
    spread = np.maximum(upper - lower, 1e-3 * scale)
    return np.asarray(np.sqrt(scale * spread))


def calibrated(past: Iterable[PastErrors], levels: Sequence[float] = LEVELS) -> Calibration | None:
    """Learn the offsets of each bucket; one with too few errors takes its neighbour's. None when all have too few."""
    pools: list[list[float]] = [[] for _ in BUCKETS]
    for one in past:
        ratios = one.errors / one.scales
        for step, ratio in enumerate(ratios.tolist(), start=1):
            if np.isfinite(ratio):
                pools[bucket_of(step)].append(ratio)
    found = {i: _offsets(np.array(pool), levels) for i, pool in enumerate(pools) if len(pool) >= ENOUGH}
    if not found:
        return None
    nearest = [min(found, key=lambda j: (abs(i - j), j)) for i in range(len(pools))]
    return Calibration(tuple(found[j] for j in nearest), tuple(levels))


def _offsets(ratios: Vector, levels: Sequence[float]) -> Vector:
    """Quantiles of the sizes of errors, moved outwards as far as a finite sample asks for, on either side alike.

    The past's bias is not carried on: where it was, intervals were as true and the loss was higher.
    """
    n, sizes = ratios.size, np.abs(ratios)
    share = np.abs(2 * np.array(levels) - 1)
    return np.asarray(np.sign(np.array(levels) - 0.5) * np.quantile(sizes, np.minimum(share * (n + 1) / n, 1.0)))


BORROWED = 300
"""So many outcomes of all demand that is told as a distribution count beside those of one class."""
TOLERATED = 0.02
"""How far a share of counts may lie from its level and still count as true: ties leave no sharper answer."""


@dataclass(frozen=True, slots=True, eq=False)
class Widening:
    """What each level of a distribution must be moved by, in multiples of a series' size, to be true over a pool.

    Conformal quantiles (Romano et al., 2019) for methods that tell a distribution and no path: counts, and wild
    demand. A level above the median is only moved up, one below it only down, and no further than to the edge of what
    is tolerated: that counts with many zeros are covered more often than a level says is nothing that could be mended.
    """

    offsets: Vector
    levels: tuple[float, ...]

    def applied(self, forecast: Forecast, size: float) -> Forecast:
        """The forecast with its quantiles moved; `size` as `size_of` tells it."""
        return replace(forecast, quantiles=forecast.quantiles + size * self.offsets[None, :])


@dataclass(frozen=True, slots=True, eq=False)
class PastQuantiles:
    """What a distribution said at one past origin, what came, and the size of the series then."""

    quantiles: Vector
    actual: Vector
    size: float


def size_of(values: Vector) -> float:
    """The mean size of the last 24 known periods; zero where nothing is known."""
    recent = values[~np.isnan(values)][-24:]
    return float(np.abs(recent).mean()) if recent.size else 0.0


def widened(
    past: Iterable[PastQuantiles], levels: Sequence[float] = LEVELS, *, among: Widening | None = None
) -> Widening | None:
    """Learn the move of each level over all steps; None where too few outcomes are known.

    With `among`, what a larger group learnt, the moves are shrunk towards its, as if 300 of its outcomes were here too:
    where outcomes are too few, they are its own.
    """
    rows = [
        (one.actual[step] - one.quantiles[step]) / one.size
        for one in past
        if one.size > 0
        for step in np.flatnonzero(~np.isnan(one.actual))
    ]
    if len(rows) < ENOUGH:
        return among
    beyond, n = np.array(rows), len(rows)
    offsets = np.zeros(len(levels))
    for i, level in enumerate(levels):
        if level > 0.5:
            share = min((level - TOLERATED) * (n + 1) / n, 1.0)
            offsets[i] = max(0.0, float(np.quantile(beyond[:, i], share)))
        elif level < 0.5:
            share = max(1 - (1 - level - TOLERATED) * (n + 1) / n, 0.0)
            offsets[i] = min(0.0, float(np.quantile(beyond[:, i], share)))
    if among is not None:
        offsets = (n * offsets + BORROWED * among.offsets) / (n + BORROWED)
    return Widening(offsets, tuple(levels))
