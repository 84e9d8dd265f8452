"""Fit and forecast all series of one calendar at once: the statistics of the features are formed once."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np

from forecasting.timeseries.methods import LEVELS
from forecasting.timeseries.methods.fast_prophet.design import Design
from forecasting.timeseries.series import Vector

CONSTANT_SIGMA = 1e-9
"""What Prophet sets for a series that never changes."""
HEAVIEST = 3.0
"""Excess kurtosis is corrected for up to here; the expansion would bend too far beyond."""


@dataclass(frozen=True, slots=True, eq=False)
class Fit:
    """The optimum of each series (a row each): rotated smooth coefficients, deltas, sigma and scale of `y`."""

    design: Design
    gamma: Vector
    delta: Vector
    sigma: Vector
    scale: Vector
    objective: Vector
    rounds: Vector

    def point(self) -> Vector:
        """Series x future steps, not clipped."""
        return self._predict(self.design.future_smooth, self.design.future_hinges)

    def fitted(self) -> Vector:
        """Series x known periods."""
        return self._predict(self.design.smooth, self.design.hinges)

    def quantiles(
        self, levels: Sequence[float] = LEVELS, point: Vector | None = None, drift: Vector | None = None
    ) -> Vector:
        """Series x future steps x levels, not clipped.

        The variance is sigma^2 and that of Prophet's future trend, where at each step a Laplace change of slope comes
        with the historic rate and mean size; a Cornish-Fisher term carries that trend's kurtosis. `drift` tells what
        share of sigma^2 each step adds.
        """
        variance, kurtosis = self._spread()
        z = np.array([NormalDist().inv_cdf(level) for level in levels])
        bend = (z**3 - 3 * z) / 24
        scores = z + kurtosis[:, :, None] * bend
        if drift is not None:
            variance = variance + self.sigma[:, None] ** 2 * drift
        deviation = np.sqrt(variance) * self.scale[:, None]
        found = (self.point() if point is None else point)[:, :, None] + deviation[:, :, None] * scores
        return np.asarray(found)

    def components(self, row: int) -> Mapping[str, Vector]:
        """Trend, seasons, holidays and regressors of one series, in units of demand; they add up to the forecast."""
        design = self.design
        beta = design.rotation @ self.gamma[row]
        level = beta.size - design.future_features.shape[1]
        trend = beta[0] + design.future_hinges @ self.delta[row]
        if level == 2:
            trend = trend + beta[1] * design.future_time
        found = {"trend": trend * self.scale[row]}
        for name, start, end in design.components:
            part = design.future_features[:, start:end] @ beta[level + start : level + end]
            found[name] = part * self.scale[row]
        return found

    def coefficients(self) -> Vector:
        """m, k (linear growth alone) and beta of each series, scaled: what Prophet's `params` hold."""
        return np.asarray(self.gamma @ self.design.rotation.T)

    def _predict(self, smooth: Vector, hinges: Vector) -> Vector:
        from forecasting.timeseries.methods.fast_prophet.solver import predict_many

        scaled: Vector = predict_many(self.gamma, self.delta, smooth, hinges)
        return scaled * self.scale[:, None]

    def _spread(self) -> tuple[Vector, Vector]:
        """Variance and excess kurtosis of each series and step, scaled."""
        noise = np.broadcast_to((self.sigma**2)[:, None], (self.sigma.size, self.design.future_time.size))
        if self.design.growth == "flat" or self.design.future_time.size == 0:
            return noise, np.zeros_like(noise)
        size = np.abs(self.delta).mean(axis=1)[:, None]
        moved, fourth = trend_moments(self.design.future_time, self.design.step, self.design.changepoints.size, size)
        variance = noise + moved
        return variance, np.clip(fourth / variance**2, 0.0, HEAVIEST)


def trend_moments(time: Vector, step: float, changepoints: int, mean_delta: Vector) -> tuple[Vector, Vector]:
    """Variance, and fourth cumulant, of the future trend at scaled times after 1: Laplace changes of slope.

    They come at the historic rate, and with the historic mean size.
    """
    rate = min(1.0, changepoints * step)
    size = mean_delta + 1e-8
    ahead = np.maximum(time - 1, 0.0) / step
    second = np.maximum(ahead**3 / 3 - ahead / 12, 0.0)[None, :] * step**2
    fourth = np.maximum(ahead**5 / 5 - ahead**3 / 6 + 7 * ahead / 240, 0.0)[None, :] * step**4
    return 2 * rate * size**2 * second, (24 * rate - 12 * rate**2) * size**4 * fourth


def fit_batch(design: Design, values: Vector) -> Fit:
    """Fit each row of `values` (series x known periods of the design's calendar, finite) to its optimum.

    A row's answer has the same bits in any batch. Raises ValueError for another shape.
    """
    from forecasting.timeseries.methods.fast_prophet import solver

    values = np.atleast_2d(values)
    if values.shape[1] != design.smooth.shape[0]:
        raise ValueError(f"{values.shape[1]} values do not fit a calendar of {design.smooth.shape[0]} periods")
    scale = np.abs(values).max(axis=1)
    scale = np.where(scale > 0, scale, 1.0)
    scaled = np.ascontiguousarray(values / scale[:, None])
    gamma, delta, variance, objective, rounds = solver.fit_many(
        scaled,
        design.smooth,
        design.hinges,
        design.eigenvalues,
        design.cross,
        design.hinge_products,
        design.laplace_scale,
        solver.LOWEST,
    )
    sigma = np.sqrt(variance)
    _keep_constant(design, scaled, gamma, delta, sigma)
    return Fit(design, gamma, delta, sigma, scale, objective, rounds)


def _keep_constant(design: Design, scaled: Vector, gamma: Vector, delta: Vector, sigma: Vector) -> None:
    """A series that never changes stays what it is, as in Prophet: there is nothing to learn."""
    constant = scaled.min(axis=1) == scaled.max(axis=1)
    if constant.any():
        offset = np.linalg.lstsq(design.rotation, np.eye(design.rotation.shape[0])[0], rcond=None)[0]
        gamma[constant] = scaled[constant, :1] * offset[None, :]
        delta[constant] = 0.0
        sigma[constant] = CONSTANT_SIGMA
