"""Gaps filled, and a classical season taken out: what smoothing methods ask for first."""

from dataclasses import dataclass

import numpy as np

from forecasting.timeseries.series import MAX_PERIODS, DemandSeries, TooShort, Vector

SHORTEST = 8
TEST_SCORE = 1.645


@dataclass(frozen=True, slots=True, eq=False)
class Season:
    """The indices of one season, oldest place first, and whether they multiply."""

    indices: Vector
    multiplies: bool

    def removed(self, values: Vector) -> Vector:
        """The values without their season."""
        repeated = np.resize(self.indices, values.size)
        return values / repeated if self.multiplies else values - repeated

    def restored(self, values: Vector, after: int) -> Vector:
        """Put the season back on steps (first axis) that follow `after` known ones."""
        repeated = np.resize(np.roll(self.indices, -(after % self.indices.size)), values.shape[0])
        repeated = repeated.reshape((-1,) + (1,) * (values.ndim - 1))
        return values * repeated if self.multiplies else values + repeated


NO_SEASON = Season(np.zeros(1), False)


def filled(series: DemandSeries) -> Vector:
    """The latest part that a method keeps, gaps filled by straight lines. Raises TooShort below 8 known periods."""
    values = series.values[-MAX_PERIODS[series.frequency] :]
    known = np.flatnonzero(~np.isnan(values))
    if known.size < SHORTEST:
        raise TooShort(f"This method needs {SHORTEST} known periods.")
    values = values[known[0] :]
    places = np.arange(values.size)
    seen = ~np.isnan(values)
    return np.interp(places, places[seen], values[seen])


def season_of(values: Vector, length: int) -> Season:
    """The season that a 90 % autocorrelation test finds (as in the Theta method), multiplicative where it can be."""
    if length < 2 or values.size < 2 * length or not _is_seasonal(values, length):
        return NO_SEASON
    if values.min() > 0:
        found = decomposed(values, length, multiplies=True)
        if found.indices.min() > 0.01:
            return found
    return decomposed(values, length, multiplies=False)


def decomposed(values: Vector, length: int, *, multiplies: bool) -> Season:
    """Classical decomposition: mean ratio to, or difference from, the centred moving average of one season."""
    window = np.ones(length) / length
    if length % 2 == 0:
        window = np.concatenate([[0.5], np.ones(length - 1), [0.5]]) / length
    trend = np.convolve(values, window, mode="valid")
    before = (values.size - trend.size) // 2
    middle = values[before : before + trend.size]
    rest = middle / trend if multiplies else middle - trend
    places = (np.arange(rest.size) + before) % length
    sums, counts = np.zeros(length), np.zeros(length)
    np.add.at(sums, places, rest)
    np.add.at(counts, places, 1.0)
    whole = rest.mean()
    indices = np.where(counts > 0, sums / np.maximum(counts, 1.0), whole)
    return Season(indices / indices.mean() if multiplies else indices - indices.mean(), multiplies)


def _is_seasonal(values: Vector, length: int) -> bool:
    centred = values - values.mean()
    scale = float(np.abs(centred).max())
    if scale == 0:
        return False
    centred = centred / scale
    total = float(centred @ centred)
    correlations = np.array([centred[k:] @ centred[:-k] for k in range(1, length + 1)]) / total
    limit = TEST_SCORE * np.sqrt((1 + 2 * float((correlations[:-1] ** 2).sum())) / values.size)
    return bool(abs(correlations[-1]) > limit)
