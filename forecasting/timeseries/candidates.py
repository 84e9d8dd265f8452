"""The methods that are tried, the ensembles made of them, and which a class of demand may get."""

from collections.abc import Iterable, Sequence

from forecasting.timeseries.classify import DemandClass
from forecasting.timeseries.combine import How
from forecasting.timeseries.methods import Method
from forecasting.timeseries.methods.arima import AutoArima
from forecasting.timeseries.methods.ces import ComplexSmoothing
from forecasting.timeseries.methods.counts import WIDE, Imapa, SmoothedCounts, Tsb
from forecasting.timeseries.methods.empirical import Empirical, FadingEmpirical
from forecasting.timeseries.methods.ending import Ending
from forecasting.timeseries.methods.ets import ExponentialSmoothing
from forecasting.timeseries.methods.fast_prophet import FastProphet, FastProphetCorrected
from forecasting.timeseries.methods.mstl import Mstl
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
        Tsb(),
        Imapa(),
        Ending(),
        Theta(),
        Mstl(),
        ExponentialSmoothing(),
        AutoArima(),
        ComplexSmoothing(),
        FastProphet(),
        FastProphetCorrected(),
    )
}
"""All but stock Prophet, which is the oracle, a hundred times slower and no better."""
DEAR = {"ets", "arima"}
"""Five milliseconds a series, where each of the others costs less than one."""
CHEAP_METHODS = {name: method for name, method in METHODS.items() if name not in DEAR}
"""The cheap set: what the nightly run chooses among and forecasts with."""

FOUR = ("theta", "ets", "ces", "fast_prophet_corrected")
CHEAP = ("theta", "mstl", "ces")
SLOW = ("tsb", "empirical_fading")
"""Levels that follow slowly: where the others see trends and seasons in what is mostly noise, they hold them back."""
ENSEMBLES: dict[str, tuple[tuple[str, ...], How]] = {
    "mean_3": (FOUR[:3], "mean"),
    "mean_4": (FOUR, "mean"),
    "mean_5": ((*FOUR, "seasonal_naive"), "mean"),
    "median_5": ((*FOUR, "seasonal_naive"), "median"),
    "mean_cheap": (CHEAP, "mean"),
    "mean_cheap_4": ((*CHEAP, "fast_prophet_corrected"), "mean"),
    "mean_cheap_5": ((*CHEAP, "fast_prophet_corrected", "seasonal_naive"), "mean"),
    "mean_6": ((*FOUR, "mstl", "arima"), "mean"),
    "mean_7": ((*FOUR, "mstl", "arima", "seasonal_naive"), "mean"),
    "mean_paths_4": (("theta", "mstl", "ets", "ces"), "mean"),
    "mean_paths_5": (("theta", "mstl", "ets", "ces", "arima"), "mean"),
    "mean_slow_7": ((*CHEAP, "fast_prophet_corrected", "seasonal_naive", *SLOW), "mean"),
    "mean_slow_9": ((*FOUR, "mstl", "arima", "seasonal_naive", *SLOW), "mean"),
    "median_7": ((*FOUR, "mstl", "arima", "seasonal_naive"), "median"),
    "mean_counts": (("counts", "empirical", "empirical_fading"), "mean"),
    "mean_empirical": (("empirical", "empirical_fading"), "mean"),
    "mean_wild": (("counts", "empirical_fading", "theta"), "mean"),
}
DEFAULT: dict[DemandClass, str] = {
    DemandClass.SMOOTH: "mean_7",
    DemandClass.ERRATIC: "ending",
    DemandClass.INTERMITTENT: "ending",
    DemandClass.LUMPY: "ending",
}
"""What a class gets where its past is too short, or too lopsided, to choose.

For demand that is not smooth: what lost least at past origins of four data sets (docs/decisions/0014)."""
CHEAP_DEFAULT = "mean_cheap_5"
"""Instead of a default with dear members, where those are not at hand. On M3 and hospital series cut to 18 to 66 months
its error was up to 4 % larger, its quantile loss at most 1 %, at a tenth of the cost."""
NEEDS_CALENDAR = {"prophet", "fast_prophet", "fast_prophet_corrected"}
COUNTS = ("empirical", "empirical_fading", "counts", "counts_wide", "tsb", "imapa", "ending")
DISTRIBUTIONS = {*COUNTS, "mean_counts", "mean_empirical"}
"""They tell a distribution, the same at every step, and no path."""


def may_be_champion(name: str, demand_class: DemandClass) -> bool:
    """Sparse demand gets distributions, smooth demand gets paths, erratic demand may get either."""
    if demand_class.is_sparse:
        return name in DISTRIBUTIONS or name == "seasonal_naive"
    if demand_class is DemandClass.ERRATIC:
        return True
    return name not in DISTRIBUTIONS and name != "mean_wild"


def default_for(demand_class: DemandClass, available: Iterable[str] = tuple(METHODS)) -> str:
    """The default of a class; the cheap one where that is at hand and the default is not."""
    at_hand = set(available)
    for name in (DEFAULT[demand_class], CHEAP_DEFAULT):
        if set(members_of([name])) <= at_hand:
            return name
    return DEFAULT[demand_class]


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
