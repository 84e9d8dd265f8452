"""Intervals that hold: quantiles of scaled errors, pooled over series, learnt on past origins only.

Split-conformal calibration (Vovk et al., 2005): what share of past errors was smaller than a multiple of the scale
tells the interval. Steps are pooled by bucket, because errors grow with the horizon. True over a pool, not for each
series.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

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
