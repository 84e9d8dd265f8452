"""The methods that are tried, the ensembles made of them, and which a class of demand may get."""

from collections.abc import Iterable, Sequence

from forecasting.timeseries.classify import DemandClass
from forecasting.timeseries.combine import How
from forecasting.timeseries.methods import Method
from forecasting.timeseries.methods.ces import ComplexSmoothing
from forecasting.timeseries.methods.counts import WIDE, SmoothedCounts
from forecasting.timeseries.methods.empirical import Empirical, FadingEmpirical
from forecasting.timeseries.methods.ets import ExponentialSmoothing
from forecasting.timeseries.methods.fast_prophet import FastProphet, FastProphetCorrected
from forecasting.timeseries.methods.seasonal_naive import SeasonalNaive
from forecasting.timeseries.methods.theta import Theta

METHODS: dict[str, Method] = {
    method.name: method
    for method in (
        SeasonalNaive(),
        Empirical(),
        FadingEmpirical(),
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
    "mean_counts": (("counts", "empirical", "empirical_fading"), "mean"),
    "mean_empirical": (("empirical", "empirical_fading"), "mean"),
    "mean_wild": (("counts", "empirical_fading", "theta"), "mean"),
}
DEFAULT: dict[DemandClass, str] = {
    DemandClass.SMOOTH: "mean_5",
    DemandClass.ERRATIC: "mean_empirical",
    DemandClass.INTERMITTENT: "mean_empirical",
    DemandClass.LUMPY: "mean_empirical",
}
"""The ensemble of the class: what is used where the past is too short, or too lopsided, to choose."""
NEEDS_CALENDAR = {"prophet", "fast_prophet", "fast_prophet_corrected"}
DISTRIBUTIONS = {"empirical", "empirical_fading", "counts", "counts_wide", "mean_counts", "mean_empirical"}
"""They tell a distribution, the same at every step, and no path."""


def may_be_champion(name: str, demand_class: DemandClass) -> bool:
    """Sparse demand gets distributions, smooth demand gets paths, erratic demand may get either."""
    if demand_class.is_sparse:
        return name in DISTRIBUTIONS or name == "seasonal_naive"
    if demand_class is DemandClass.ERRATIC:
        return True
    return name not in DISTRIBUTIONS and name != "mean_wild"


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
