"""How the champion and the yardstick did on one series at its past origins, for the page that shows it."""

from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from datetime import UTC
from typing import Any

from forecasting.runs import ORIGINS, Chosen, RunSettings, horizon_of
from forecasting.timeseries.backtest import Trial, actuals, score
from forecasting.timeseries.champion import Pool
from forecasting.timeseries.engine import Choice, Item, Past, forecast_pool
from forecasting.timeseries.methods import Forecast
from forecasting.timeseries.methods.seasonal_naive import SeasonalNaive
from forecasting.timeseries.series import DemandSeries, Frequency, SeriesRefused, begins_at


@dataclass(frozen=True, slots=True, eq=False)
class TestedSeries:
    """One series at its past origins."""

    method: str
    scores: dict[str, Any]
    backtest: dict[str, Any]


def tested(chosen: Chosen, settings: RunSettings) -> list[TestedSeries | None]:
    """Score what was chosen, with the intervals that it got, on each series at each past origin.

    These origins are those the choice was made from: the figures explain it, and the accuracy watch judges it.
    """
    found: list[TestedSeries | None] = [None] * len(chosen.past)
    by_frequency: dict[Frequency, list[tuple[int, Past, DemandSeries]]] = {}
    for place, past in enumerate(chosen.past):
        whole = chosen.looked_at[place].series
        if past is not None and past.then and whole is not None:
            chose = replace(past, then=past.then[-ORIGINS:])  # older ones only taught how wide intervals must be
            by_frequency.setdefault(whole.frequency, []).append((place, chose, whole))
    for frequency, some in by_frequency.items():
        horizon = horizon_of(settings, frequency)
        answers = iter(_answers([past for _, past, _ in some], chosen.choice, horizon, settings.seed))
        for place, past, whole in some:
            mine = [next(answers) for _ in past.then]
            found[place] = _scored(past, whole, mine, chosen.choice, horizon)
    return found


def _answers(pasts: list[Past], choice: Choice, horizon: int, seed: int) -> Iterator[Forecast | None]:
    items: list[Item] = [replace(past.now, series=then) for past in pasts for then in past.then]
    for outcome in forecast_pool(items, choice, horizon=horizon, explain=False, seed=seed):
        yield outcome.forecast


def _scored(
    past: Past, whole: DemandSeries, answers: list[Forecast | None], choice: Choice, horizon: int
) -> TestedSeries | None:
    pool = Pool.of(whole)
    name, naive = choice.champion(pool), SeasonalNaive()
    mine, yardstick = [], []
    for then, forecast in zip(past.then, answers, strict=True):
        if forecast is None:
            continue
        actual = actuals(whole, after=then, horizon=horizon)
        mine.append(_trial(then, forecast, actual))
        try:
            yardstick.append(_trial(then, naive.forecast(then, horizon), actual))
        except SeriesRefused:
            continue
    if not mine:
        return None
    scores = {name: asdict(score(mine))}
    if yardstick and name != naive.name:
        scores[naive.name] = asdict(score(yardstick))
    return TestedSeries(name, scores, {"origins": [_told(one) for one in mine]})


def _trial(then: DemandSeries, forecast: Forecast, actual: Any) -> Trial:
    return Trial(begins_at(then.end), then.end, forecast, actual, then.values, then.season_length)


def _told(trial: Trial) -> dict[str, Any]:
    lower, upper = trial.forecast.interval(80)
    return {
        "cutoff": trial.cutoff.astimezone(UTC).isoformat(),
        "first_period": trial.first_period.isoformat(),
        "point": trial.forecast.point.tolist(),
        "lower_80": lower.tolist(),
        "upper_80": upper.tolist(),
        "actual": [None if value != value else float(value) for value in trial.actual.tolist()],
    }
