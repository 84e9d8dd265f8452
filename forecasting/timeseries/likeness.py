"""How alike the errors of one forecast's steps are: what is too low in one month tends to be too low in the next.

Intervals are true step by step; an order must last for a sum of steps, and what a sum strays depends on this. Scores
of past actuals (the normal score of the level that each fell on) are correlated by lag, pooled over series: a share of
each error persists, and fades by a factor a step; the rest is new each time.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np

from forecasting.timeseries.conformal import Calibration, PastErrors, PastQuantiles, Widening, bucket_of
from forecasting.timeseries.methods import LEVELS
from forecasting.timeseries.series import Vector

LAGS = 6
"""Steps apart that are looked at."""
ENOUGH = 300
"""Pairs of neighbouring steps that are needed to learn from."""
_SHARES = np.linspace(0.0, 1.0, 41)
_FADES = np.linspace(0.3, 1.0, 36)
_NORMAL = NormalDist()


@dataclass(frozen=True, slots=True)
class Likeness:
    """Errors k steps apart correlate as `share` x `fade` ** k."""

    share: float
    fade: float

    def __post_init__(self) -> None:
        if not (0 <= self.share <= 1 and 0 <= self.fade <= 1):
            raise ValueError(f"a share of {self.share} and a fading of {self.fade} are not both between 0 and 1")

    def correlation(self, lag: int) -> float:
        """Of the errors of two steps so far apart."""
        return 1.0 if lag == 0 else self.share * float(self.fade**lag)


USUAL = Likeness(0.6, 0.9)
"""Where nothing was learnt: between what monthly sales and what hospital demand show. Too much costs some stock, too
little costs empty shelves."""


def learnt(past: Iterable[Vector]) -> Likeness | None:
    """Learn from the scores of past forecasts, one row of steps each; None where there are too few."""
    products, squares, pairs = np.zeros(LAGS), np.zeros(LAGS), np.zeros(LAGS, dtype=int)
    for row in past:
        for lag in range(1, min(LAGS + 1, row.size)):
            first, second = row[:-lag], row[lag:]
            known = ~(np.isnan(first) | np.isnan(second))
            first, second = first[known], second[known]
            products[lag - 1] += float(first @ second)
            squares[lag - 1] += float(first @ first + second @ second) / 2
            pairs[lag - 1] += first.size
    if pairs[0] < ENOUGH:
        return None
    lags = np.flatnonzero((pairs >= ENOUGH) & (squares > 0))
    found = products[lags] / squares[lags]
    errors = {
        (float(share), float(fade)): float(np.sum((share * fade ** (lags + 1) - found) ** 2))
        for share in _SHARES
        for fade in _FADES
    }
    share, fade = min(errors, key=lambda one: (errors[one], one))
    return Likeness(round(share, 4), round(fade, 4))


def scores_of_errors(past: PastErrors, calibration: Calibration) -> Vector:
    """The scores of what came after one past origin, of a path with calibrated intervals."""
    rows = np.array([calibration.offsets[bucket_of(step)] for step in range(1, past.errors.size + 1)])
    return scores(past.errors / past.scales, rows, calibration.levels)


def scores_of_quantiles(past: PastQuantiles, widening: Widening | None) -> Vector:
    """The same of a distribution, which may have been widened."""
    moved = past.quantiles if widening is None else past.quantiles + past.size * widening.offsets[None, :]
    return scores(past.actual, moved, LEVELS)


def scores(actual: Vector, quantiles: Vector, levels: Sequence[float]) -> Vector:
    """The normal score of the level that each actual fell on; NaN where it is not known.

    Counts tie with quantiles: the middle of the levels that they tie with. Beyond the outermost level: half way on.
    """
    found = np.full(actual.size, np.nan)
    for step in np.flatnonzero(~np.isnan(actual)):
        found[step] = _NORMAL.inv_cdf(_level(float(actual[step]), quantiles[step], levels))
    return found


def _level(value: float, quantiles: Vector, levels: Sequence[float]) -> float:
    below, within = int(np.searchsorted(quantiles, value, "left")), int(np.searchsorted(quantiles, value, "right"))
    lower = 0.0 if below == 0 else levels[below - 1]
    upper = 1.0 if within == len(levels) else levels[within]
    if within > below:  # it ties: with all levels from the first on, and up to the last
        lower = 0.0 if below == 0 else levels[below]
        upper = 1.0 if within == len(levels) else levels[within - 1]
    elif 0 < below < len(levels):
        part = (value - quantiles[below - 1]) / (quantiles[below] - quantiles[below - 1])
        return float(lower + part * (upper - lower))
    return (lower + upper) / 2
