"""Seasonal and trend decomposition by local regression (Cleveland et al., 1990), compiled. Importing imports numba."""

# mypy: allow-untyped-defs, allow-untyped-calls, allow-untyped-decorators

import numba as nb
import numpy as np

ROUNDS = 2


@nb.njit(cache=True)
def loess_at(y, width, x, sloped):
    """The local line, or level, through the `width` points nearest to `x` (which may lie outside); tricube weights."""
    n = y.size
    span = min(width, n)
    left = int(min(max(np.floor(x - (span - 1) / 2 + 0.5), 0), n - span))
    right = left + span - 1
    reach = max(x - left, right - x)
    if width > n:
        reach += (width - n) // 2
    total, mean = 0.0, 0.0
    weights = np.zeros(span)
    for i in range(span):
        distance = abs(left + i - x)
        if distance <= 0.999 * reach:
            ratio = distance / reach if distance > 0.001 * reach else 0.0
            weights[i] = (1 - ratio**3) ** 3
            total += weights[i]
    if total <= 0:
        return y[int(min(max(x, 0), n - 1))]
    for i in range(span):
        weights[i] /= total
        mean += weights[i] * (left + i)
    squares = 0.0
    for i in range(span):
        squares += weights[i] * (left + i - mean) ** 2
    slope = (x - mean) / squares if sloped and squares > (0.001 * (n - 1)) ** 2 and squares > 0 else 0.0
    found = 0.0
    for i in range(span):
        found += weights[i] * (1 + slope * (left + i - mean)) * y[left + i]
    return found


@nb.njit(cache=True)
def loess(y, width):
    """The local lines at every point."""
    found = np.empty(y.size)
    for i in range(y.size):
        found[i] = loess_at(y, width, float(i), True)
    return found


@nb.njit(cache=True)
def _moving(y, width):
    found = np.empty(y.size - width + 1)
    total = y[:width].sum()
    found[0] = total / width
    for i in range(1, found.size):
        total += y[i + width - 1] - y[i - 1]
        found[i] = total / width
    return found


@nb.njit(cache=True)
def _odd(value):
    whole = int(np.ceil(value))
    return whole if whole % 2 == 1 else whole + 1


@nb.njit(cache=True)
def stl(y, period, width):
    """The season of one period, which may change slowly: the seasonal component, its courses smoothed by levels."""
    n = y.size
    trend, season = np.zeros(n), np.zeros(n)
    trend_width = _odd(1.5 * period / (1 - 1.5 / width))
    for _ in range(ROUNDS):
        cycles = np.empty(n + 2 * period)
        rest = y - trend
        for place in range(period):
            sub = rest[place::period].copy()
            for i in range(-1, sub.size + 1):
                at = place + (i + 1) * period
                if at < cycles.size:
                    cycles[at] = loess_at(sub, width, float(i), False)
        low = loess(_moving(_moving(_moving(cycles, period), period), 3), _odd(float(period)))
        season = cycles[period : period + n] - low
        trend = loess(y - season, trend_width)
    return season
