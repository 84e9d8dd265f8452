"""The methods that are tried, and what an ensemble is made of."""

from __future__ import annotations

from forecasting.timeseries.classify import DemandClass
from forecasting.timeseries.combine import How
from forecasting.timeseries.methods import Method
from forecasting.timeseries.methods.ces import ComplexSmoothing
from forecasting.timeseries.methods.counts import WIDE, SmoothedCounts
from forecasting.timeseries.methods.empirical import Empirical
from forecasting.timeseries.methods.ets import ExponentialSmoothing
from forecasting.timeseries.methods.fast_prophet import FastProphet, FastProphetCorrected
from forecasting.timeseries.methods.prophet import Prophet
from forecasting.timeseries.methods.seasonal_naive import SeasonalNaive
from forecasting.timeseries.methods.theta import Theta

FOUR = ("theta", "ets", "ces", "fast_prophet_corrected")
ENSEMBLES: dict[str, tuple[tuple[str, ...], How]] = {
    "mean_3": (FOUR[:3], "mean"),
    "mean_4": (FOUR, "mean"),
    "mean_5": ((*FOUR, "seasonal_naive"), "mean"),
    "median_5": ((*FOUR, "seasonal_naive"), "median"),
    "mean_counts": (("counts", "empirical"), "mean"),
}
DEFAULT: dict[DemandClass, str] = {
    DemandClass.SMOOTH: "mean_5",
    DemandClass.ERRATIC: "mean_5",
    DemandClass.INTERMITTENT: "counts",
    DemandClass.LUMPY: "counts",
}
"""The ensemble of the class: what is used where the past is too short to choose."""
NEEDS_CALENDAR = {"prophet", "fast_prophet", "fast_prophet_corrected"}
FOR_SPARSE = {"empirical", "counts", "counts_wide", "mean_counts", "seasonal_naive"}


def methods(*, calendar: bool, stock: bool) -> list[Method]:
    """All methods, without stock Prophet unless asked for, and without any Prophet where steps have no calendar."""
    found: list[Method] = [
        SeasonalNaive(),
        Empirical(),
        SmoothedCounts(),
        SmoothedCounts("counts_wide", WIDE),
        Theta(),
        ExponentialSmoothing(),
        ComplexSmoothing(),
        FastProphet(),
        FastProphetCorrected(),
    ]
    if stock:
        found.append(Prophet())
    return [method for method in found if calendar or method.name not in NEEDS_CALENDAR]


def may_be_champion(name: str, demand_class: DemandClass) -> bool:
    """Sparse demand gets the methods made for it; other demand gets all but these."""
    return name in FOR_SPARSE if demand_class.is_sparse else name not in FOR_SPARSE - {"seasonal_naive"}
