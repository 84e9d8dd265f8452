"""A distribution of one duration: quantiles on a log-normal scale, joined straight between levels.

Between two levels, and beyond the outermost, the distribution is log-normal: the tails go on as the last two levels
point, so that an age beyond every quantile still has a remaining time.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np

from forecasting.leadtime.journeys import LEVELS, SHORTEST, Mask, Vector

_NORMAL = NormalDist()
_STEEPEST = 0.02
"""Least spread of the logarithm a unit of the normal scale: no duration is known to the second."""


@dataclass(frozen=True, slots=True, eq=False)
class Duration:
    """Quantiles (days) at `levels`, rising."""

    quantiles: Vector
    levels: tuple[float, ...] = LEVELS

    def at(self, level: float) -> float:
        """The quantile at any level strictly between 0 and 1."""
        return float(np.exp(_joined(_NORMAL.inv_cdf(level), *self._scale())))

    def below(self, days: float) -> float:
        """The probability of a duration up to `days`."""
        if days <= 0:
            return 0.0
        z, y = self._scale()
        return _NORMAL.cdf(_joined(float(np.log(days)), y, z))

    def beyond(self, age: float) -> Duration:
        """The distribution of the same duration once `age` days have passed without its end (right-censored)."""
        passed = self.below(age)
        if passed <= 0:
            return self
        left = max(1 - passed, 1e-9)
        levels = [min(passed + left * level, 1 - 1e-12) for level in self.levels]
        # Where the age lies beyond all that was ever seen, what is left is at least a small share of the age.
        later = [max(self.at(level), age * (1 + 0.02 * own)) for level, own in zip(levels, self.levels, strict=True)]
        return Duration(np.maximum.accumulate(np.array(later)), self.levels)

    def _scale(self) -> tuple[Vector, Vector]:
        z = np.array([_NORMAL.inv_cdf(level) for level in self.levels])
        y = np.log(np.maximum(self.quantiles, SHORTEST))
        least = y[0] + _STEEPEST * (z - z[0])
        return z, np.maximum.accumulate(np.maximum(y, least))


def rising(quantiles: Vector) -> Vector:
    """Rows of quantiles in order, as crossing ones never are (Chernozhukov et al., 2010)."""
    return np.asarray(np.sort(quantiles, axis=-1))


def _joined(x: float, xs: Vector, ys: Vector) -> float:
    """Linear interpolation that goes on beyond both ends with the slope of the outermost pieces."""
    i = int(np.clip(np.searchsorted(xs, x) - 1, 0, xs.size - 2))
    width = xs[i + 1] - xs[i]
    return float(ys[i] + (x - xs[i]) * (ys[i + 1] - ys[i]) / (width if width > 0 else 1.0))


def censored_quantile(values: Vector, closed: Mask, level: float) -> float:
    """The quantile of values of which some are only known to be larger (Kaplan and Meier, 1958).

    `closed` is true where the value was reached. Where too few were, it is the largest value seen.
    """
    order = np.lexsort((~closed, values))
    values, reached = values[order], closed[order]
    at_risk = values.size - np.arange(values.size)
    surviving = np.cumprod(np.where(reached, 1 - 1 / at_risk, 1.0))
    place = int(np.searchsorted(-surviving, -(1 - level) - 1e-12))
    return float(values[min(place, values.size - 1)])


def log_normal(logs: Vector, closed: Mask, *, rounds: int = 60) -> tuple[float, float]:
    """Mean and spread of log durations of which some are right-censored, by maximum likelihood (EM)."""
    from scipy.special import log_ndtr  # 28 MB that only whoever learns needs

    reached = closed
    mean, spread = float(logs.mean()), max(float(logs.std()), 0.05)
    open_ones = logs[~reached]
    for _ in range(rounds if open_ones.size else 1):
        ratio = (open_ones - mean) / spread
        hazard = np.exp(-(ratio**2) / 2 - log_ndtr(-ratio)) / np.sqrt(2 * np.pi)
        first = mean + spread * hazard
        second = mean**2 + spread**2 + spread * (open_ones + mean) * hazard
        total = (logs[reached].sum() + first.sum()) / logs.size
        square = ((logs[reached] ** 2).sum() + second.sum()) / logs.size
        mean, spread = float(total), float(np.sqrt(max(square - total**2, 1e-4)))
    return mean, spread


def log_normal_duration(mean: float, spread: float, levels: Sequence[float] = LEVELS) -> Duration:
    """The quantiles of a log-normal."""
    z = np.array([_NORMAL.inv_cdf(level) for level in levels])
    return Duration(np.exp(mean + spread * z), tuple(levels))
