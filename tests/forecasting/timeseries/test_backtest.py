"""Origins see what was known then; the past is scored, never the future."""

from datetime import UTC, date, datetime, timedelta

import numpy as np
import pytest

from forecasting.timeseries.backtest import actuals, backtest, methods_for, origins_of
from forecasting.timeseries.classify import DemandClass
from forecasting.timeseries.methods import LEVELS, Forecast
from forecasting.timeseries.methods.empirical import Empirical
from forecasting.timeseries.methods.prophet import Prophet
from forecasting.timeseries.methods.seasonal_naive import SeasonalNaive
from forecasting.timeseries.series import NothingToForecast, series_as_known

NIGHT = datetime(2025, 5, 26, 2, tzinfo=UTC)  # 140 days after the first Monday of the fixtures


class Spy:
    """Remembers what it was shown."""

    name = "spy"

    def __init__(self):
        self.shown = []

    def forecast(self, series, horizon, *, levels=LEVELS, seed=0):
        self.shown.append(series)
        return Forecast(np.zeros(horizon), np.zeros((horizon, len(levels))), levels)

    def parameters(self):
        return {}


def as_known(observations):
    def build(cutoff):
        return series_as_known(observations, cutoff=cutoff, key="k", frequency="D", unit="EA", kind="r")

    return build


def test_origins_overlap_and_lie_as_far_into_a_period_as_the_run(weekly_pattern):
    found = origins_of(weekly_pattern(), cutoff=NIGHT, horizon=14, origins=3)
    assert found == [NIGHT - timedelta(days=days) for days in (14, 19, 24)]


def test_no_method_sees_what_was_not_known_at_its_origin(observed):
    observations = observed(range(1, 141), late=timedelta(days=3))
    spy = Spy()
    backtest(as_known(observations), [spy], cutoff=NIGHT, horizon=14, origins=3)
    for shown in spy.shown:
        assert shown.values[-3:].tolist() == [0, 0, 0]  # happened, but not known yet
        assert shown.values[-4] == len(shown) - 3


def test_a_late_event_changes_the_score_and_no_forecast(observed):
    observations = observed(np.random.default_rng(4).uniform(1, 9, 140))
    late = observed([1000], start=date(2025, 5, 20))[0]
    late = type(late)(late.at, NIGHT - timedelta(hours=1), late.quantity)
    before = backtest(as_known(observations), [Empirical()], cutoff=NIGHT, horizon=7, origins=2)
    after = backtest(as_known([*observations, late]), [Empirical()], cutoff=NIGHT, horizon=7, origins=2)
    for old, new in zip(before.trials["empirical"], after.trials["empirical"], strict=True):
        assert old.forecast.point.tobytes() == new.forecast.point.tobytes()
    assert after.scores()["empirical"].mase > before.scores()["empirical"].mase


def test_the_seasonal_naive_is_perfect_on_a_perfect_season(observed, weekly_pattern):
    found = backtest(as_known(observed(weekly_pattern().values)), [SeasonalNaive()], cutoff=NIGHT, horizon=14)
    scores = found.scores()["seasonal_naive"]
    assert found.origins == scores.origins == 4 and scores.steps == 56
    assert scores.wape == 0 and scores.coverage_80 == 1 and scores.bias == 0
    assert scores.mase is None  # a scale of zero: counted, not scored


def test_methods_are_compared_on_the_same_origins_and_left_out_ones_are_named(observed):
    observations = observed(np.random.default_rng(0).uniform(5, 9, 45), start=date(2025, 4, 11))
    found = backtest(as_known(observations), [SeasonalNaive(), Empirical()], cutoff=NIGHT, horizon=14)
    assert {len(trials) for trials in found.trials.values()} == {1}
    assert len(found.left_out) == 3 and "a forecast needs 28" in found.left_out[0]


def test_what_has_not_come_yet_is_not_scored(weekly_pattern):
    whole = weekly_pattern(days=30)
    assert np.isnan(actuals(whole, after=whole, horizon=3)).all()


def test_a_series_that_does_not_exist_is_refused():
    with pytest.raises(NothingToForecast):
        backtest(as_known([]), [SeasonalNaive()], cutoff=NIGHT, horizon=7)


@pytest.mark.parametrize("found", list(DemandClass))
def test_sparse_demand_never_gets_prophet(found):
    names = {method.name for method in methods_for([SeasonalNaive(), Empirical(), Prophet()], found)}
    assert ("prophet" in names) is (found in {DemandClass.SMOOTH, DemandClass.ERRATIC})
