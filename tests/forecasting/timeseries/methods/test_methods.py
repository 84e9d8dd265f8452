"""What holds for every method, and what each one is."""

from datetime import date

import numpy as np
import pytest

from forecasting.timeseries.methods import LEVELS, Forecast, HorizonRefused, MethodFailed
from forecasting.timeseries.methods.empirical import Empirical
from forecasting.timeseries.methods.prophet import Prophet
from forecasting.timeseries.methods.seasonal_naive import SeasonalNaive
from forecasting.timeseries.series import DemandSeries, NothingToForecast, TooShort

pytestmark = pytest.mark.filterwarnings("ignore:The inplace keyword:DeprecationWarning")  # Prophet's own

ALL = [SeasonalNaive(), Empirical(), Prophet()]
named = pytest.mark.parametrize("method", ALL, ids=lambda method: method.name)


def monthly(values):
    return DemandSeries("k", "MS", 12, date(2020, 1, 1), np.array(values, dtype=float), "EA", "receipts")


@named
def test_quantiles_rise_and_none_is_negative(method, weekly_pattern):
    found = method.forecast(weekly_pattern(noise=15), 10, seed=3)
    assert found.quantiles.shape == (10, 11) and found.levels == LEVELS
    assert (np.diff(found.quantiles, axis=1) >= 0).all()
    assert (found.quantiles >= 0).all() and (found.point >= 0).all()


@named
def test_the_same_seed_gives_the_same_bits(method, weekly_pattern):
    series = weekly_pattern(noise=5)
    one, two = method.forecast(series, 5, seed=7), method.forecast(series, 5, seed=7)
    assert one.quantiles.tobytes() == two.quantiles.tobytes() and one.point.tobytes() == two.point.tobytes()


@named
def test_missing_periods_are_bridged(method, weekly_pattern):
    full = weekly_pattern(noise=1)
    values = full.values.copy()
    values[[3, 50, 136]] = np.nan
    holed = DemandSeries("k", "D", 7, full.start, values, "EA", "receipts")
    assert np.isfinite(method.forecast(holed, 14).quantiles).all()


@named
@pytest.mark.parametrize("horizon", [0, -1, 10**9])
def test_a_senseless_horizon_is_refused(method, horizon, weekly_pattern):
    with pytest.raises(HorizonRefused):
        method.forecast(weekly_pattern(), horizon)


def test_seasonal_naive_repeats_the_last_season(weekly_pattern):
    found = SeasonalNaive().forecast(weekly_pattern(), 14)
    assert found.point.tolist() == [20, 20, 20, 20, 20, 50, 20] * 2


def test_seasonal_naive_takes_the_latest_known_value_of_the_same_place_in_the_season(weekly_pattern):
    series = weekly_pattern()
    values = series.values.copy()
    values[-2] = np.nan  # the last Saturday
    found = SeasonalNaive().forecast(DemandSeries("k", "D", 7, series.start, values, "EA", "r"), 7)
    assert found.point[5] == 50


def test_seasonal_naive_grows_less_sure_each_season(weekly_pattern):
    lower, upper = SeasonalNaive().forecast(weekly_pattern(noise=2), 14).interval(80)
    width = upper - lower
    assert width[7] == pytest.approx(width[0] * np.sqrt(2))


def test_seasonal_naive_needs_more_than_a_season():
    with pytest.raises(TooShort):
        SeasonalNaive().forecast(monthly([1] * 12), 3)


def test_empirical_looks_at_the_last_24_periods_alone():
    found = Empirical().forecast(monthly([900] * 12 + [0] * 18 + [10] * 6), 2)
    assert found.point.tolist() == [2.5, 2.5]
    assert found.quantile(0.5).tolist() == [0, 0]
    assert found.quantile(0.9)[0] == 10


def test_empirical_refuses_what_was_never_known():
    with pytest.raises(NothingToForecast):
        Empirical().forecast(monthly([np.nan] * 30), 2)


def test_prophet_finds_the_weekly_season_and_explains_it(weekly_pattern):
    found = Prophet().forecast(weekly_pattern(noise=1), 7, seed=1)
    assert int(np.argmax(found.point)) == 5
    assert set(found.components) == {"trend", "weekly"}
    np.testing.assert_allclose(found.components["trend"] + found.components["weekly"], found.point, rtol=1e-9)


def test_prophet_gives_the_callers_random_state_back(weekly_pattern):
    np.random.seed(5)
    expected = np.random.rand()
    np.random.seed(5)
    Prophet().forecast(weekly_pattern(days=40), 2, seed=9)
    assert np.random.rand() == expected


def test_prophet_says_when_there_is_too_little():
    with pytest.raises(TooShort):
        Prophet().forecast(monthly([1, 2, 3]), 2)


def test_a_method_cannot_hand_out_numbers_that_are_none():
    with pytest.raises(MethodFailed):
        Forecast(np.array([np.nan]), np.zeros((1, 11)))


def test_intervals_are_the_outer_quantiles():
    found = Forecast(np.array([5.0]), np.arange(11.0)[None, :])
    assert [bound[0] for bound in found.interval(95)] == [0, 10]
    assert [bound[0] for bound in found.interval(80)] == [1, 9]
    with pytest.raises(KeyError):
        found.quantile(0.33)
