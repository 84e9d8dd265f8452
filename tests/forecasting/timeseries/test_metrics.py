"""The figures, against hand-computed ones."""

import numpy as np
import pytest

from forecasting.timeseries import metrics

TRAIN = np.array([1.0, 2, 3, 4, 3, 5])  # lag 2: |3-1|, |4-2|, |3-3|, |5-4| = 2, 2, 0, 1
ACTUAL = np.array([4.0, 6.0])
FORECAST = np.array([5.0, 4.0])
LEVELS = (0.025, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.975)


def test_mase_is_scaled_by_the_seasonal_naive_error_of_the_training_part():
    assert metrics.mase(ACTUAL, FORECAST, train=TRAIN, season_length=2) == pytest.approx(1.5 / 1.25)


def test_rmsse_is_scaled_by_the_squared_seasonal_naive_error():
    assert metrics.rmsse(ACTUAL, FORECAST, train=TRAIN, season_length=2) == pytest.approx(np.sqrt(2.5 / 2.25))


def test_a_zero_scale_gives_no_figure():
    flat = np.full(9, 4.0)
    assert metrics.mase(ACTUAL, FORECAST, train=flat, season_length=2) is None
    assert metrics.rmsse(ACTUAL, FORECAST, train=flat, season_length=2) is None
    assert metrics.mase(ACTUAL, FORECAST, train=TRAIN, season_length=6) is None


def test_a_positive_bias_means_that_too_much_was_forecast():
    assert metrics.bias(np.array([1.0]), np.array([3.0])) == 2


def test_wape_and_smape():
    assert metrics.wape(ACTUAL, FORECAST) == pytest.approx(3 / 10)
    assert metrics.smape(ACTUAL, FORECAST) == pytest.approx((200 / 9 + 400 / 10) / 2)
    assert metrics.smape(np.zeros(2), np.zeros(2)) == 0
    assert metrics.wape(np.zeros(2), FORECAST) is None


def test_pinball_charges_a_low_quantile_less_for_being_low():
    assert metrics.pinball(np.array([10.0]), np.array([8.0]), 0.1) == pytest.approx(0.2)
    assert metrics.pinball(np.array([8.0]), np.array([10.0]), 0.1) == pytest.approx(1.8)


def test_wql_of_a_point_forecast_is_its_wape():
    quantiles = np.tile(FORECAST[:, None], (1, len(LEVELS)))
    assert metrics.wql(ACTUAL, quantiles, LEVELS) == pytest.approx(metrics.wape(ACTUAL, FORECAST))


def test_wql_leaves_the_outer_levels_out():
    quantiles = np.tile(FORECAST[:, None], (1, len(LEVELS)))
    quantiles[:, 0], quantiles[:, -1] = -1e6, 1e6
    assert metrics.wql(ACTUAL, quantiles, LEVELS) == pytest.approx(0.3)


def test_an_actual_on_the_bound_is_covered():
    assert metrics.coverage(np.array([1.0, 2, 3, 9]), np.full(4, 1.0), np.full(4, 3.0)) == 0.75


def test_missing_actuals_are_left_out():
    actual = np.array([4.0, np.nan])
    assert metrics.bias(actual, FORECAST) == 1
    assert metrics.coverage(actual, np.zeros(2), np.full(2, 9.0)) == 1
    assert metrics.smape(actual, FORECAST) == pytest.approx(200 / 9)
    assert metrics.mase(np.array([np.nan]), np.array([1.0]), train=TRAIN, season_length=2) is None


def test_a_zero_is_inside_an_interval_that_begins_there_with_its_share_alone():
    quantiles = np.tile([0.0] * 5 + [3.0, 4, 5, 6, 7, 9], (3, 1))  # nothing with a probability of .4 to .5
    zero, inside, above = np.array([0.0]), np.array([4.5]), np.array([8.0])
    assert metrics.split_coverage(zero, quantiles[:1], LEVELS, 80) == pytest.approx((0.45 - 0.1) / 0.45)
    assert metrics.split_coverage(inside, quantiles[:1], LEVELS, 80) == 1
    assert metrics.split_coverage(above, quantiles[:1], LEVELS, 80) == 0
    assert metrics.split_coverage(above, quantiles[:1], LEVELS, 95) == 1
    assert metrics.split_coverage(np.array([0.0, 4.5, np.nan]), quantiles, LEVELS, 80) == pytest.approx(1 + 0.35 / 0.45)


@pytest.mark.parametrize("mean", [0.7, 5.0])
def test_true_quantiles_of_counts_cover_what_they_say_once_ties_are_split(mean):
    dice = np.random.default_rng(4)
    quantiles = np.tile(np.quantile(dice.poisson(mean, 50_000), LEVELS, method="inverted_cdf"), (5000, 1))
    actual = dice.poisson(mean, 5000).astype(float)
    assert metrics.coverage(actual, quantiles[:, 1], quantiles[:, -2]) > 0.87
    assert metrics.split_coverage(actual, quantiles, LEVELS, 80) / 5000 == pytest.approx(0.8, abs=0.04)
