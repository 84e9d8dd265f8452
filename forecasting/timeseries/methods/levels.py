"""The slow levels of demand that most periods lack, compiled. Importing this imports numba."""

# mypy: allow-untyped-defs, allow-untyped-calls, allow-untyped-decorators

import numba as nb
import numpy as np

WEIGHTS = np.array([0.02, 0.05, 0.1, 0.15, 0.2, 0.3])
"""What a level may weigh its newest value with: slow ones alone, because each is learnt from few demands."""


@nb.njit(cache=True)
def smoothed(values, weight):
    """The last level of simple exponential smoothing, and the mean squared error of its one-step forecasts."""
    early = min(values.size, 6)
    level = values[:early].mean()
    squares = 0.0
    for value in values:
        error = value - level
        squares += error * error
        level += weight * error
    return level, squares / values.size


@nb.njit(cache=True)
def best_smoothed(values, weights):
    """The last level with the weight of the smallest error."""
    best, least = 0.0, np.inf
    for weight in weights:
        level, error = smoothed(values, weight)
        if error < least:
            best, least = level, error
    return best


@nb.njit(cache=True)
def tsb(values, weights):
    """Teunter, Syntetos and Babai (2011): the chance of demand, updated each period, times its size, updated by it."""
    active = values[values > 0]
    first_size = active[: min(active.size, 6)].mean()
    first_chance = active.size / values.size
    best, least = 0.0, np.inf
    for for_chance in weights:
        for for_size in weights:
            chance, size, squares = first_chance, first_size, 0.0
            for value in values:
                error = value - chance * size
                squares += error * error
                if value > 0:
                    chance += for_chance * (1 - chance)
                    size += for_size * (value - size)
                else:
                    chance -= for_chance * chance
            if squares < least:
                best, least = chance * size, squares
    return best


@nb.njit(cache=True)
def imapa(values, longest, weights):
    """Petropoulos and Kourentzes (2015): the mean of levels seen at 1 to `longest` periods a bucket."""
    total = 0.0
    for length in range(1, longest + 1):
        count = values.size // length
        buckets = np.zeros(count)
        first = values.size - count * length
        for i in range(count * length):
            buckets[i // length] += values[first + i]
        total += best_smoothed(buckets, weights) / length
    return total / longest
