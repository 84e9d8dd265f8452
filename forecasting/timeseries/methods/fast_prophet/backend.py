"""Stock Prophet with this solver in Stan's place: `model.stan_backend = InProcess()` before `fit`.

Works from the very data that Prophet hands to Stan, so custom seasonalities, holidays and regressors are Prophet's own.
Logistic growth, multiplicative terms and sampling are refused: for these there is Stan.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np

from forecasting.timeseries.methods.fast_prophet.batch import fit_batch
from forecasting.timeseries.methods.fast_prophet.design import design_from
from forecasting.timeseries.series import SeriesRefused, Vector

LINEAR, FLAT = 0, 2


class ModelRefused(SeriesRefused):
    """A model that this solver does not know; Stan does."""


class InProcess:
    """What `Prophet.fit` asks of a backend."""

    stan_fit: Any = None
    newton_fallback = False

    def get_type(self) -> str:
        return "IN_PROCESS"

    def cleanup(self) -> None:
        """Nothing was written."""

    def set_options(self, **_: Any) -> None:
        """Takes none."""

    def fit(self, stan_init: Mapping[str, Any], stan_data: Mapping[str, Any], **_: Any) -> dict[str, Vector]:
        """Raises ModelRefused for logistic growth and multiplicative terms."""
        growth = stan_data["trend_indicator"]
        if growth not in (LINEAR, FLAT) or np.any(np.asarray(stan_data["s_m"])):
            raise ModelRefused("Logistic growth and multiplicative terms need Stan.")
        features = np.asarray(stan_data["X"], dtype=np.float64)
        changepoints = np.asarray(stan_data["t_change"], dtype=np.float64)
        design = design_from(
            np.asarray(stan_data["t"], dtype=np.float64),
            features,
            np.asarray(stan_data["sigmas"], dtype=np.float64),
            changepoints if growth == LINEAR else np.zeros(0),
            tau=float(stan_data["tau"]),
            growth="linear" if growth == LINEAR else "flat",
        )
        values = np.asarray(stan_data["y"], dtype=np.float64)
        found = fit_batch(design, values)
        scale = found.scale[0]  # Prophet has scaled already; by 1, unless `scaling` is not absmax
        if abs(scale - 1) > 1e-9:
            raise ModelRefused("Scaling by anything but the largest absolute value needs Stan.")
        coefficients = found.coefficients()[0]
        level = coefficients.size - features.shape[1]
        return {
            "m": coefficients[:1].reshape(1, -1),
            "k": (coefficients[1:2] if level == 2 else np.zeros(1)).reshape(1, -1),
            "delta": (found.delta if growth == LINEAR else np.zeros((1, changepoints.size))),
            "sigma_obs": found.sigma.reshape(1, -1),
            "beta": coefficients[level:].reshape(1, -1),
            "trend": np.zeros((1, values.size)),
        }

    def sampling(self, *_: Any, **__: Any) -> dict[str, Vector]:
        raise ModelRefused("Sampling needs Stan.")
