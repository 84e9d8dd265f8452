"""Stock Prophet (Taylor and Letham, 2018): trend, seasons and their explanation. The only file that imports it.

The import takes seconds, so it (and that of pandas) happens at the first forecast and never in a web process.
"""

from __future__ import annotations

import logging
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np

from forecasting.timeseries.methods import LEVELS, Forecast, MethodFailed, ensure_horizon
from forecasting.timeseries.series import DemandSeries, TooShort, Vector

if TYPE_CHECKING:
    import pandas as pd

SAMPLES = 1000
FIT_SECONDS = 60.0
SHORTEST = 12
COMPONENTS = ("trend", "weekly", "yearly")


class Prophet:
    """Prophet as it comes: linear trend, additive seasons by its own `auto` rule, 1,000 simulated futures."""

    name = "prophet"

    def forecast(
        self, series: DemandSeries, horizon: int, *, levels: tuple[float, ...] = LEVELS, seed: int = 0
    ) -> Forecast:
        """Raises TooShort below 12 known periods, and MethodFailed when Stan finds no optimum in a minute."""
        import pandas as pd

        ensure_horizon(series, horizon)
        history = pd.DataFrame({"ds": pd.to_datetime(series.periods), "y": series.values}).dropna()
        if len(history) < SHORTEST:
            raise TooShort(f"Prophet needs {SHORTEST} known periods.")
        model = _fitted(history, seed)
        future = pd.DataFrame({"ds": pd.to_datetime(series.future(horizon))})
        predicted = _without_samples(model, future)
        with _random_state(seed):
            simulated: Vector = np.asarray(model.predictive_samples(future)["yhat"])
        quantiles = np.quantile(simulated, levels, axis=1).T
        components = {name: predicted[name].to_numpy(dtype=float) for name in COMPONENTS if name in predicted}
        return Forecast(predicted["yhat"].to_numpy(dtype=float), quantiles, levels, components)

    def parameters(self) -> Mapping[str, str | int | bool]:
        return {"growth": "linear", "seasonality": "additive, auto", "samples": SAMPLES, "clipped_at_zero": True}


def _stock() -> Any:
    logging.getLogger("prophet.plot").setLevel(logging.CRITICAL)  # it complains at import that plotly is absent
    from prophet import Prophet as Stock

    for chatty in ("prophet", "cmdstanpy"):  # after the import, which sets a level of its own
        logging.getLogger(chatty).setLevel(logging.ERROR)
    return Stock


def _fitted(history: pd.DataFrame, seed: int) -> Any:
    model = _stock()(uncertainty_samples=SAMPLES)
    # Stan's output files would otherwise stay until the worker ends.
    with tempfile.TemporaryDirectory(prefix="prophet-") as folder:
        try:
            model.fit(history, seed=seed % 2**31, output_dir=folder, timeout=FIT_SECONDS)
        except (RuntimeError, TimeoutError, ValueError) as failure:
            raise MethodFailed("Prophet found no optimum for this series.") from failure
    return model


def _without_samples(model: Any, future: pd.DataFrame) -> pd.DataFrame:
    """Point forecast and components alone: Prophet would simulate a thousand futures a second time."""
    model.uncertainty_samples = 0
    try:
        predicted: pd.DataFrame = model.predict(future)
        return predicted
    finally:
        model.uncertainty_samples = SAMPLES


@contextmanager
def _random_state(seed: int) -> Iterator[None]:
    """Prophet draws from numpy's global generator: seed it, and give the caller's state back."""
    before = np.random.get_state()
    np.random.seed(seed % 2**32)
    try:
        yield
    finally:
        np.random.set_state(before)
