"""How wrong a forecast was. Missing actuals (NaN) are left out; a figure that has no meaning is None, never NaN.

`error = actual - forecast` and `bias = mean(forecast - actual)`: a positive bias means that we forecast too much.
MASE and RMSSE are scaled by the *seasonal* naive error, lag `season_length`, inside the training part.
"""

from collections.abc import Sequence

import numpy as np

from forecasting.timeseries.series import Vector

WQL_LEVELS = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9)


def seasonal_scale(train: Vector, season_length: int) -> float | None:
    """Mean |y_t - y_(t-m)| over the training part; None where that is zero or nothing is a season apart."""
    return _positive_mean(np.abs(_seasonal_differences(train, season_length)))


def seasonal_square_scale(train: Vector, season_length: int) -> float | None:
    """Mean (y_t - y_(t-m))^2 over the training part, or None as in `seasonal_scale`."""
    return _positive_mean(_seasonal_differences(train, season_length) ** 2)


def mase(actual: Vector, forecast: Vector, *, train: Vector, season_length: int) -> float | None:
    """Mean absolute scaled error (Hyndman and Koehler, 2006); None, so counted but not scored, for a zero scale."""
    scale = seasonal_scale(train, season_length)
    error = np.abs(_errors(actual, forecast))
    return None if scale is None or error.size == 0 else float(np.mean(error) / scale)


def rmsse(actual: Vector, forecast: Vector, *, train: Vector, season_length: int) -> float | None:
    """Root mean squared scaled error (M5), on the seasonal scale."""
    scale = seasonal_square_scale(train, season_length)
    error = _errors(actual, forecast)
    return None if scale is None or error.size == 0 else float(np.sqrt(np.mean(error**2) / scale))


def smape(actual: Vector, forecast: Vector) -> float | None:
    """Symmetric MAPE in per cent (M3): mean 200 |a - f| / (|a| + |f|); 0 where both are 0."""
    known = ~np.isnan(actual)
    a, f = actual[known], forecast[known]
    if a.size == 0:
        return None
    size = np.abs(a) + np.abs(f)
    return float(np.mean(np.where(size > 0, 200 * np.abs(a - f) / np.where(size > 0, size, 1), 0.0)))


def wape(actual: Vector, forecast: Vector) -> float | None:
    """Sum |error| / sum |actual|; None without demand."""
    total = absolute_sum(actual)
    return None if total == 0 else float(np.abs(_errors(actual, forecast)).sum() / total)


def bias(actual: Vector, forecast: Vector) -> float | None:
    """Mean (forecast - actual): positive means too much was forecast."""
    error = _errors(actual, forecast)
    return None if error.size == 0 else float(-error.mean())


def pinball(actual: Vector, quantile: Vector, level: float) -> float | None:
    """Mean pinball loss of one quantile."""
    error = _errors(actual, quantile)
    return None if error.size == 0 else float(_pinball(error, level).mean())


def quantile_loss_sum(actual: Vector, quantiles: Vector, levels: Sequence[float]) -> float:
    """Sum over steps of 2 x pinball, averaged over .1 ... .9: what WQL pools. `quantiles` is steps x levels."""
    columns = [_column(levels, level) for level in WQL_LEVELS]
    return float(
        np.mean(
            [2 * _pinball(_errors(actual, quantiles[:, c]), q).sum() for c, q in zip(columns, WQL_LEVELS, strict=True)]
        )
    )


def absolute_sum(actual: Vector) -> float:
    """Sum |actual|: what WQL and WAPE divide by."""
    return float(np.abs(actual[~np.isnan(actual)]).sum())


def wql(actual: Vector, quantiles: Vector, levels: Sequence[float]) -> float | None:
    """Weighted quantile loss over .1 ... .9; None without demand. Over a set its two sums are pooled."""
    total = absolute_sum(actual)
    return None if total == 0 else quantile_loss_sum(actual, quantiles, levels) / total


def coverage(actual: Vector, lower: Vector, upper: Vector) -> float | None:
    """The share of actuals inside the closed interval."""
    known = ~np.isnan(actual)
    if not known.any():
        return None
    a = actual[known]
    return float(np.mean((lower[known] <= a) & (a <= upper[known])))


def split_coverage(actual: Vector, quantiles: Vector, levels: Sequence[float], level: int) -> float:
    """How many of the known actuals lie inside the central interval, one that lies on its bound by its share alone.

    The expected randomised probability integral transform (Czado, Gneiting and Held, 2009): where half of a
    distribution is zero, a zero is inside an interval that begins there only with what of that half the interval takes.
    A closed interval counts all of it, and covers more than it says however true its quantiles are.
    """
    known = ~np.isnan(actual)
    y, q = actual[known, None], quantiles[known]
    at = np.array([0.0, *levels, 1.0])
    lower, upper = (q < y).sum(axis=1), (q <= y).sum(axis=1)
    tied = upper > lower  # its probability begins and ends somewhere between two levels: half way
    below = np.where(tied, (at[lower] + at[lower + 1]) / 2, at[lower])
    below[y[:, 0] == 0] = 0.0
    within = np.where(
        tied, (at[upper] + at[np.minimum(upper + 1, at.size - 1)]) / 2, at[np.minimum(upper + 1, at.size - 1)]
    )
    tail = (1 - level / 100) / 2
    overlap = np.maximum(np.minimum(within, 1 - tail) - np.maximum(below, tail), 0.0)
    return float((overlap / (within - below)).sum())


def _column(levels: Sequence[float], level: float) -> int:
    return next(i for i, q in enumerate(levels) if abs(q - level) < 1e-9)


def _pinball(error: Vector, level: float) -> Vector:
    return np.where(error >= 0, level * error, (level - 1) * error)


def _errors(actual: Vector, forecast: Vector) -> Vector:
    return (actual - forecast)[~np.isnan(actual)]


def _seasonal_differences(train: Vector, season_length: int) -> Vector:
    differences = train[season_length:] - train[:-season_length]
    return differences[~np.isnan(differences)]


def _positive_mean(values: Vector) -> float | None:
    mean = float(values.mean()) if values.size else 0.0
    return mean if mean > 0 else None
