"""One champion a pool, from past origins."""

from datetime import UTC, date, datetime

import numpy as np
import pytest

from forecasting.timeseries.backtest import Backtest, Trial
from forecasting.timeseries.champion import Pool, champions, choose, forecast_with
from forecasting.timeseries.classify import DemandClass
from forecasting.timeseries.methods import LEVELS, Forecast, MethodFailed
from forecasting.timeseries.methods.seasonal_naive import SeasonalNaive

SMOOTH = Pool("D", DemandClass.SMOOTH, "long")
SPARSE = Pool("MS", DemandClass.INTERMITTENT, "long")
TRAIN = np.tile([1.0, 3.0], 20)


def backtested(origins=3, **errors):
    """A backtest in which each method was off by so much at every origin."""

    def trial(error):
        point = np.array([10.0 + error])
        forecast = Forecast(point, np.repeat(point[:, None], len(LEVELS), axis=1))
        return Trial(datetime(2025, 1, 1, tzinfo=UTC), date(2025, 1, 1), forecast, np.array([10.0]), TRAIN, 1)

    return Backtest({name: tuple(trial(error) for _ in range(origins)) for name, error in errors.items()})


def test_the_champion_is_the_best_over_all_series_of_the_pool():
    found = champions(
        {"a": (SMOOTH, backtested(prophet=1, seasonal_naive=2)), "b": (SMOOTH, backtested(prophet=9, seasonal_naive=2))}
    )
    assert found == {SMOOTH: "seasonal_naive"}


def test_fewer_than_three_origins_get_the_default_of_the_class():
    assert champions({"a": (SMOOTH, backtested(origins=2, prophet=9, seasonal_naive=1))}) == {SMOOTH: "prophet"}
    assert champions({"a": (SPARSE, backtested(origins=2, empirical=9, seasonal_naive=1))}) == {SPARSE: "empirical"}


def test_the_default_wins_a_tie():
    assert champions({"a": (SMOOTH, backtested(prophet=1, a_rival=1))}) == {SMOOTH: "prophet"}


def test_sparse_pools_are_chosen_by_quantile_loss():
    assert champions({"a": (SPARSE, backtested(empirical=3, seasonal_naive=1))}) == {SPARSE: "seasonal_naive"}


def test_a_series_leaves_the_champion_only_by_a_margin():
    assert choose(SMOOTH, backtested(prophet=1.0, seasonal_naive=0.95), "prophet") == "prophet"
    assert choose(SMOOTH, backtested(prophet=1.0, seasonal_naive=0.5), "prophet") == "seasonal_naive"
    assert choose(SMOOTH, backtested(origins=2, prophet=1.0, seasonal_naive=0.1), "prophet") == "prophet"


def test_another_method_stands_in_when_the_chosen_one_fails(weekly_pattern):
    class Failing:
        name = "failing"

        def forecast(self, series, horizon, *, levels=LEVELS, seed=0):
            raise MethodFailed("no")

        def parameters(self):
            return {}

    name, _ = forecast_with("failing", [Failing(), SeasonalNaive()], weekly_pattern(), horizon=3, seed=0)
    assert name == "seasonal_naive"
    with pytest.raises(MethodFailed):
        forecast_with("failing", [Failing()], weekly_pattern(), horizon=3, seed=0)


def test_the_pool_of_a_series_follows_from_its_length_in_seasons(weekly_pattern):
    assert Pool.of(weekly_pattern(days=20)).length == "short"
    assert Pool.of(weekly_pattern(days=28)).length == "medium"
    assert Pool.of(weekly_pattern(days=140)) == SMOOTH
