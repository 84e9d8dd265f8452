"""Stock Prophet with this solver in Stan's place: `model.stan_backend = InProcess()` before `fit`.

Works from the very data that Prophet hands to Stan, so custom seasonalities, holidays and regressors are Prophet's own,
added or multiplied. Logistic growth and sampling fall back to Stan where a `fallback` is given, and are refused where
none is: `InProcess(fallback=model.stan_backend)`.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np

from forecasting.timeseries.methods.fast_prophet.design import Growth
from forecasting.timeseries.methods.fast_prophet.multiplicative import MixedFit, Terms, fit_mixed, trend_given
from forecasting.timeseries.series import SeriesRefused, Vector

LINEAR, FLAT = 0, 2


class ModelRefused(SeriesRefused):
    """A model that this solver does not know; Stan does."""


class InProcess:
    """What `Prophet.fit` asks of a backend."""

    stan_fit: Any = None
    newton_fallback = False

    def __init__(self, fallback: Any = None) -> None:
        self.fallback = fallback

    def get_type(self) -> str:
        return "IN_PROCESS"

    def cleanup(self) -> None:
        """Nothing was written but by Stan."""
        if self.fallback is not None:
            self.fallback.cleanup()

    def set_options(self, **options: Any) -> None:
        """Only Stan takes any."""
        if self.fallback is not None:
            self.fallback.set_options(**options)

    def fit(self, stan_init: Mapping[str, Any], stan_data: Mapping[str, Any], **more: Any) -> Mapping[str, Any]:
        """Raises ModelRefused, without a fallback, for logistic growth."""
        if stan_data["trend_indicator"] not in (LINEAR, FLAT):
            if self.fallback is None:
                raise ModelRefused("Logistic growth needs Stan.")
            found: Mapping[str, Any] = self.fallback.fit(stan_init, stan_data, **more)
            return found
        terms, values = _terms(stan_data), np.asarray(stan_data["y"], dtype=np.float64)
        mixed = fit_mixed(terms, values) if terms.multiplies.any() else _additive(terms, values)
        return {
            "m": np.array([[mixed.offset]]),
            "k": np.array([[mixed.rate]]),
            "delta": mixed.delta.reshape(1, -1),
            "sigma_obs": np.array([[mixed.sigma]]),
            "beta": mixed.beta.reshape(1, -1),
            "trend": np.zeros((1, values.size)),
        }

    def sampling(self, *given: Any, **more: Any) -> Mapping[str, Any]:
        """Raises ModelRefused without a fallback."""
        if self.fallback is None:
            raise ModelRefused("Sampling needs Stan.")
        found: Mapping[str, Any] = self.fallback.sampling(*given, **more)
        return found


def _terms(stan_data: Mapping[str, Any]) -> Terms:
    growth: Growth = "linear" if stan_data["trend_indicator"] == LINEAR else "flat"
    return Terms(
        np.asarray(stan_data["t"], dtype=np.float64),
        np.asarray(stan_data["X"], dtype=np.float64),
        np.asarray(stan_data["s_m"]).ravel() != 0,
        np.asarray(stan_data["sigmas"], dtype=np.float64).ravel(),
        np.asarray(stan_data["t_change"], dtype=np.float64).ravel(),
        float(stan_data["tau"]),
        growth,
    )


def _additive(terms: Terms, values: Vector) -> MixedFit:
    """Without anything that multiplies one round is the optimum."""
    scale = np.abs(values).max()  # Prophet has scaled already; by 1, unless `scaling` is not absmax
    if abs(scale - 1) > 1e-9 and scale > 0:
        raise ModelRefused("Scaling by anything but the largest absolute value needs Stan.")
    return trend_given(terms, np.zeros(terms.scales.size), values)
