"""Prophet's multiplicative terms by alternation: the trend for given seasons, the seasons for a given trend.

Each half is solved to its optimum (the first by the additive solver, its columns multiplied by the seasons; the second
is a ridge regression), so the objective falls with every round. A round needs a design of its own: a series costs
milliseconds, where additive ones cost hundredths.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from forecasting.timeseries.methods import LEVELS
from forecasting.timeseries.methods.fast_prophet.batch import fit_batch, trend_moments
from forecasting.timeseries.methods.fast_prophet.design import (
    Days,
    Growth,
    Regressor,
    Settings,
    changepoints_of,
    design_from,
    features_of,
)
from forecasting.timeseries.series import Vector

ROUNDS = 100
CLOSE = 1e-5
"""An objective that falls by less has reached its floor."""


@dataclass(frozen=True, slots=True, eq=False)
class Terms:
    """What a model is made of: scaled time, feature columns, which of them multiply the trend, priors, changepoints."""

    time: Vector
    features: Vector
    multiplies: NDArray[np.bool_]
    scales: Vector
    changepoints: Vector
    tau: float
    growth: Growth

    def rows(self, start: int, end: int) -> "Terms":
        """The same model at some of its times."""
        return Terms(
            self.time[start:end],
            self.features[start:end],
            self.multiplies,
            self.scales,
            self.changepoints,
            self.tau,
            self.growth,
        )


@dataclass(frozen=True, slots=True, eq=False)
class MixedFit:
    """The optimum for one scaled series: offset m, rate k, deltas, coefficients of all features, sigma."""

    offset: float
    rate: float
    delta: Vector
    beta: Vector
    sigma: float
    objective: float
    rounds: int

    def trend(self, at: Terms) -> Vector:
        """The scaled trend."""
        hinges = np.maximum(at.time[:, None] - at.changepoints[None, :], 0.0)
        return np.asarray(self.offset + self.rate * at.time + hinges @ self.delta)

    def share(self, at: Terms) -> Vector:
        """What the trend is multiplied with."""
        return np.asarray(1.0 + at.features @ (self.beta * at.multiplies))

    def point(self, at: Terms) -> Vector:
        """The scaled forecast."""
        added = at.features @ (self.beta * ~at.multiplies)
        return np.asarray(self.trend(at) * self.share(at) + added)

    def quantiles(self, at: Terms, levels: Sequence[float] = LEVELS) -> Vector:
        """Steps x levels, scaled: the noise, and the trend's own spread as the seasons multiply it."""
        variance = self.sigma**2 * np.ones(at.time.size)
        if at.growth == "linear" and self.delta.size and at.time.size:
            step = float(np.diff(at.time).mean()) if at.time.size > 1 else float(at.time[0] - 1)
            size = np.array([[float(np.abs(self.delta).mean())]])
            variance = variance + trend_moments(at.time, step, at.changepoints.size, size)[0][0] * self.share(at) ** 2
        z = np.array([NormalDist().inv_cdf(level) for level in levels])
        return np.asarray(self.point(at)[:, None] + np.sqrt(variance)[:, None] * z)

    def components(self, at: Terms, spans: Sequence[tuple[str, int, int]]) -> Mapping[str, Vector]:
        """Trend and each named span of columns, in scaled demand; they add up to the point forecast."""
        trend = self.trend(at)
        found = {"trend": trend}
        for name, start, end in spans:
            part = at.features[:, start:end] * np.where(at.multiplies[start:end], trend[:, None], 1.0)
            found[name] = part @ self.beta[start:end]
        return found


def terms_of(
    days: Days, future: Days, settings: Settings, regressors: Sequence[Regressor] = ()
) -> tuple[Terms, tuple[tuple[str, int, int], ...]]:
    """The model of a calendar, all of its features multiplying, known days and future ones; the span of each name."""
    first, span = days[0], float(days[-1] - days[0])
    both = np.concatenate([days, future])
    features, scales, spans = features_of(days, both, settings, regressors)
    changepoints = changepoints_of((days - first) / span, settings)
    multiplies = np.ones(scales.size, dtype=np.bool_)
    time = (both - first) / span
    return (
        Terms(time, features, multiplies, scales, changepoints, settings.changepoint_prior_scale, settings.growth),
        spans,
    )


def fit_mixed(terms: Terms, values: Vector) -> MixedFit:
    """Fit one series, already scaled, to its optimum. Raises ValueError for another length."""
    if values.size != terms.time.size:
        raise ValueError(f"{values.size} values do not fit a calendar of {terms.time.size} periods")
    beta, best = np.zeros(terms.scales.size), np.inf
    found = None
    for rounds in range(1, ROUNDS + 1):
        found = trend_given(terms, beta, values, rounds=rounds)
        if best - found.objective < CLOSE:
            break
        best = found.objective
        beta = _seasons_given(terms, found, values)
    assert found is not None
    return found


def trend_given(terms: Terms, beta: Vector, values: Vector, *, rounds: int = 1) -> MixedFit:
    """Trend, sigma and what is added, for given multiplying seasons."""
    adds = ~terms.multiplies
    design = design_from(
        terms.time,
        terms.features[:, adds],
        terms.scales[adds],
        terms.changepoints if terms.growth == "linear" else np.zeros(0),
        tau=terms.tau,
        growth=terms.growth,
        weights=1.0 + terms.features @ (beta * terms.multiplies),
    )
    fit = fit_batch(design, values)
    scale = float(fit.scale[0])
    coefficients = fit.coefficients()[0] * scale
    level = 2 if terms.growth == "linear" else 1
    mixed = beta * terms.multiplies
    mixed[adds] = coefficients[level:]
    delta = fit.delta[0] * scale if terms.growth == "linear" else np.zeros(terms.changepoints.size)
    prior = 0.5 * float(((beta * terms.multiplies / terms.scales) ** 2).sum())
    rate = float(coefficients[1]) if level == 2 else 0.0
    sigma, objective = float(fit.sigma[0]) * scale, float(fit.objective[0]) + prior
    return MixedFit(float(coefficients[0]), rate, delta, mixed, sigma, objective, rounds)


def _seasons_given(terms: Terms, fit: MixedFit, values: Vector) -> Vector:
    """All coefficients of features for a given trend and sigma: a ridge regression."""
    trend = fit.trend(terms)
    columns = terms.features * np.where(terms.multiplies, trend[:, None], 1.0) * terms.scales
    variance = fit.sigma**2
    left = np.einsum("ij,ik->jk", columns, columns) + variance * np.eye(columns.shape[1])
    right = np.einsum("ij,i->j", columns, values - trend)
    return np.asarray(np.linalg.solve(left, right) * terms.scales)
