"""A forecast series as pages show it: its picture, its table, its scores against seasonal naive."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, cast

from forecasting.queries import ForecastRun, SeriesForecast, Tested
from forecasting.timeseries.series import DemandSeries, Frequency
from supplychain.web import charts, words
from supplychain.web.names import Names

NAIVE = "seasonal_naive"
METHODS = {
    NAIVE: "seasonal naive (last season repeated)",
    "fast_prophet": "Prophet",
    "fast_prophet_corrected": "Prophet, moved to the latest level",
    "theta": "Theta",
    "ets": "exponential smoothing (ETS)",
    "ces": "complex smoothing (CES)",
    "mean_3": "mean of Theta, ETS and CES",
    "mean_4": "mean of Theta, ETS, CES and Prophet",
    "mean_5": "mean of five methods",
    "median_5": "median of five methods",
    "mean_6": "mean of six methods",
    "mean_7": "mean of seven methods",
    "median_7": "median of seven methods",
    "mean_paths_4": "mean of Theta, MSTL, ETS and CES",
    "mean_paths_5": "mean of Theta, MSTL, ETS, CES and ARIMA",
    "mean_slow_7": "mean of five quick methods and two slow levels",
    "mean_slow_9": "mean of seven methods and two slow levels",
    "mean_cheap": "mean of Theta, MSTL and CES",
    "mean_cheap_4": "mean of Theta, MSTL, CES and Prophet",
    "mean_cheap_5": "mean of five quick methods",
    "mean_empirical": "mean of two empirical quantiles",
    "mean_wild": "mean of counts, empirical quantiles and Theta",
    "ending": "mean of empirical quantiles and IMAPA, and the chance that demand has ended",
    "empirical_fading": "empirical quantiles that fade",
    "mstl": "seasons by loess (MSTL)",
    "arima": "ARIMA",
    "tsb": "Teunter, Syntetos and Babai (TSB)",
    "imapa": "multiple aggregation (IMAPA)",
    "empirical": "empirical quantiles of the last 24 periods",
    "counts": "smoothed counts",
    "counts_wide": "smoothed counts, wide",
    "mean_counts": "mean of counts and empirical quantiles",
    "cold_start": "borrowed from the same product elsewhere",
}
KINDS = {
    "consumption": "consumption recorded at the site",
    "receipts": "what the site accepted",
    "dispatches": "what was dispatched to the site (censored by stock)",
}
FREQUENCIES = {"D": "day", "W": "week", "MS": "month"}
SHOWN = {"D": 56, "W": 52, "MS": 36}


@dataclass(frozen=True, slots=True)
class ScoreRow:
    """One method's backtest."""

    method: str
    chosen: bool
    origins: int
    cells: tuple[str, ...]


def method_name(name: str) -> str:
    """What a method is called on pages."""
    return METHODS.get(name, name.replace("_", " "))


def kind_name(kind: str) -> str:
    """What counted as demand, in words."""
    return KINDS.get(kind, kind)


def every(frequency: str) -> str:
    """`day`, `week`, `month`."""
    return FREQUENCIES.get(frequency, frequency)


def title(row: SeriesForecast, names: Names) -> str:
    """`Apricots at Basel`."""
    return f"{names.product(row.product)} at {names.place(row.site) or words.short_identifier(row.site)}"


def unit(row: SeriesForecast, names: Names) -> str:
    """What is counted: `cases`, `kg`."""
    return words.quantity(0, row.unit).removeprefix("0").strip() or f"{names.unit_name(row.product)}s"


def observed(row: SeriesForecast) -> list[charts.Observed]:
    """The history, one value a period; None where it is not known."""
    if row.history_start is None or not row.history:
        return []
    values = [math.nan if value is None else float(value) for value in row.history]
    import numpy as np  # not at the top: most pages show no series

    frequency = cast(Frequency, row.frequency)
    series = DemandSeries(
        "", frequency, row.season_length or 0, row.history_start, np.array(values), row.unit, row.kind
    )
    return [charts.Observed(at, value) for at, value in zip(series.periods, row.history, strict=True)]


def steps(row: SeriesForecast) -> list[charts.Step]:
    """The forecast, one step a period, with the bounds of its 80 % and 95 % intervals."""
    columns = [_column(row.levels, level) for level in (0.1, 0.9, 0.025, 0.975)]
    if any(column is None for column in columns):
        return []
    found = []
    for each in row.steps:
        bounds = [float(each["quantiles"][cast(int, column)]) for column in columns]
        found.append(charts.Step(date.fromisoformat(each["period"]), float(each["point"]), *bounds))
    return found


def pictures(row: SeriesForecast) -> dict[str, charts.BandChart | None]:
    """The band chart in both sizes, with as much history as is legible."""
    history, ahead = observed(row), steps(row)
    shown = SHOWN.get(row.frequency, 52)
    return {
        "wide": charts.band_chart(history[-shown:], ahead, charts.WIDE),
        "narrow": charts.band_chart(history[-shown // 2 :], ahead, charts.NARROW),
    }


def score_rows(row: SeriesForecast, tested: Tested | None) -> list[ScoreRow]:
    """The backtest: the chosen method first, seasonal naive last."""
    if tested is None:
        return []
    ordered = sorted(tested.scores, key=lambda name: (name != row.method, name == NAIVE, name))
    found = []
    for name in ordered:
        scores = tested.scores[name]
        numbers = [_number(scores.get(key)) for key in ("mase", "wql", "bias")]
        shares = [_share(scores.get(key)) for key in ("coverage_80", "coverage_95")]
        found.append(ScoreRow(method_name(name), name == row.method, scores.get("origins", 0), (*numbers, *shares)))
    return found


def against_naive(tested: Tested | None) -> float | None:
    """The champion's MASE over that of seasonal naive, on the same past origins; None where either is unknown."""
    if tested is None:
        return None
    chosen = tested.scores.get(tested.method, {}).get("mase")
    naive = tested.scores.get(NAIVE, {}).get("mase")
    return None if chosen is None or not naive else chosen / naive


def _column(levels: Sequence[Any], level: float) -> int | None:
    return next((at for at, each in enumerate(levels) if abs(float(each) - level) < 1e-9), None)


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:,.3f}"


def _share(value: float | None) -> str:
    return "–" if value is None else f"{100 * value:.0f} %"


COMPONENTS = {
    "trend": "trend",
    "weekly": "day of the week",
    "yearly": "time of the year",
    "holidays": "holidays",
    "correction": "what the champion adds",
}
WHY = {
    "capped": "it lies far above everything else of this series",
    "jump": "further above the usual for that time than ever before; it counts in full, so check that it is right",
}


def components(row: SeriesForecast) -> dict[str, Any]:
    """What each forecast is made of: names, and one row a step; they add up to the forecast."""
    told = {name: values for name, values in row.components.items() if any(abs(value) > 1e-9 for value in values)}
    if not told:
        return {}
    order = [name for name in COMPONENTS if name in told]
    order[-1:-1] = sorted(set(told) - set(order))
    names = [COMPONENTS.get(name, name) for name in order]
    periods = [date.fromisoformat(step["period"]) for step in row.steps]
    columns = [told[name] for name in order]
    rows = [
        (at, [f"{value:+,.1f}" if i else f"{value:,.1f}" for i, value in enumerate(values)])
        for at, values in zip(periods, zip(*columns, strict=True), strict=True)
    ]
    spans = [(name, min(column), max(column)) for name, column in zip(names, columns, strict=True)]
    return {"names": names, "rows": rows, "spans": spans}


def flags(row: SeriesForecast) -> list[dict[str, Any]]:
    """What was capped, or should be looked at."""
    return [
        {**flag, "period": date.fromisoformat(flag["period"]), "why": WHY.get(flag["kind"], flag["kind"])}
        for flag in row.flags
    ]


def known_ahead(row: SeriesForecast) -> list[tuple[str, date, float]]:
    """Holidays and promotions among the steps ahead, and what each is expected to do there."""
    found = []
    for name, values in row.components.items():
        if name == "holidays" or name.startswith("promotion: "):
            found += [
                (name.removeprefix("promotion: "), date.fromisoformat(step["period"]), float(value))
                for step, value in zip(row.steps, values, strict=True)
                if abs(value) > 1e-9
            ]
    return sorted(found, key=lambda one: (one[1], one[0]))


def lanes(row: SeriesForecast) -> list[tuple[str, float]]:
    """Where the goods came from lately, the largest share first."""
    return sorted(row.shares.items(), key=lambda one: -one[1])


def candidates(pool: dict[str, Any] | None) -> list[tuple[str, bool, str, str, int]]:
    """Every method that was tried for the pool of a series: name, whether champion, MASE, WQL, series."""
    if pool is None:
        return []
    measure = "wql" if pool["class"] in ("intermittent", "lumpy") else "mase"
    ordered = sorted(
        pool["scores"].items(),
        key=lambda one: (one[0] != pool["champion"], one[1][measure] is None, one[1][measure] or 0.0),
    )
    return [
        (method_name(name), name == pool["champion"], _number(one["mase"]), _number(one["wql"]), one["series"])
        for name, one in ordered
    ]


def pools(choice: ForecastRun | None) -> list[dict[str, Any]]:
    """What a choice settled, in words, one line a pool."""
    if choice is None:
        return []
    found = []
    for pool in choice.chosen.told["choice"]["pools"]:
        score = pool["scores"].get(pool["champion"], {})
        naive = pool["scores"].get(NAIVE, {})
        found.append(
            {
                "what": f"{pool['class']} demand a {every(pool['frequency'])}, {pool['length']} history",
                "champion": method_name(pool["champion"]),
                "series": max((one["series"] for one in pool["scores"].values()), default=0),
                "mase": _number(score.get("mase")),
                "naive": _number(naive.get("mase")),
                "wql": _number(score.get("wql")),
            }
        )
    return found
