"""The methods that are tried, the ensembles made of them, and which a class of demand may get."""

from collections.abc import Iterable, Sequence

from forecasting.timeseries.classify import DemandClass
from forecasting.timeseries.combine import How
from forecasting.timeseries.methods import Method
from forecasting.timeseries.methods.ces import ComplexSmoothing
from forecasting.timeseries.methods.counts import WIDE, SmoothedCounts
from forecasting.timeseries.methods.empirical import Empirical
from forecasting.timeseries.methods.ets import ExponentialSmoothing
from forecasting.timeseries.methods.fast_prophet import FastProphet, FastProphetCorrected
from forecasting.timeseries.methods.seasonal_naive import SeasonalNaive
from forecasting.timeseries.methods.theta import Theta

METHODS: dict[str, Method] = {
    method.name: method
    for method in (
        SeasonalNaive(),
        Empirical(),
        SmoothedCounts(),
        SmoothedCounts("counts_wide", WIDE),
        Theta(),
        ExponentialSmoothing(),
        ComplexSmoothing(),
        FastProphet(),
        FastProphetCorrected(),
    )
}
"""All but stock Prophet, which is the oracle, a hundred times slower and no better."""
DEAR = {"ets"}
"""Milliseconds a series: for the choice run, and for champions that need it; the cheap set is all the others."""

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


def may_be_champion(name: str, demand_class: DemandClass) -> bool:
    """Sparse demand gets the methods made for it; other demand gets all but these."""
    return name in FOR_SPARSE if demand_class.is_sparse else name not in FOR_SPARSE - {"seasonal_naive"}


def members_of(names: Iterable[str]) -> list[str]:
    """The methods that answers of these names are made of, each once, in the order of METHODS."""
    wanted = {member for name in names for member in (ENSEMBLES[name][0] if name in ENSEMBLES else (name,))}
    return [name for name in METHODS if name in wanted]


def names_for(demand_class: DemandClass, available: Sequence[str] = tuple(METHODS)) -> list[str]:
    """Methods and ensembles that may forecast this class, from the available methods alone."""
    names = [name for name in available if may_be_champion(name, demand_class)]
    for name, (members, _) in ENSEMBLES.items():
        if may_be_champion(name, demand_class) and set(members) <= set(available):
            names.append(name)
    return names
