"""Intervals learnt from past errors hold over a pool."""

import numpy as np
import pytest

from forecasting.timeseries.conformal import PastErrors, PastQuantiles, bucket_of, calibrated, scales_of, widened
from forecasting.timeseries.methods import LEVELS, Forecast
from forecasting.timeseries.metrics import coverage


def past(count, horizon=12, seed=1):
    """Errors that grow with the step, heavy-tailed, of series of many sizes."""
    dice = np.random.default_rng(seed)
    size = dice.lognormal(3, 1, count)
    errors = dice.standard_t(4, (count, horizon)) * np.sqrt(np.arange(1, horizon + 1)) * size[:, None]
    return [PastErrors(row, np.full(horizon, scale)) for row, scale in zip(errors, size, strict=True)]


@pytest.mark.parametrize("level", [80, 95])
def test_intervals_hold_on_series_not_seen(level):
    learnt = calibrated(past(400))
    inside = []
    for one in past(400, seed=2):
        lower, upper = learnt.applied(np.full(12, 1e6), one.scales).interval(level)
        inside.append(coverage(1e6 + one.errors, lower, upper))
    assert np.mean(inside) == pytest.approx(level / 100, abs=0.02)


def test_the_middle_is_the_point_forecast_and_levels_rise():
    found = calibrated(past(100)).applied(np.full(20, 50.0), np.full(20, 2.0))
    assert found.quantile(0.5) == pytest.approx(found.point)
    assert found.levels == LEVELS and (np.diff(found.quantiles, axis=1) >= 0).all()


def test_too_few_errors_teach_nothing():
    assert calibrated(past(2)) is None
    assert calibrated([]) is None
    assert calibrated([PastErrors(np.full(200, np.nan), np.ones(200))]) is None


def test_a_bucket_without_errors_takes_its_neighbours():
    learnt = calibrated(past(100, horizon=6))
    assert learnt.offsets[bucket_of(9)] is learnt.offsets[bucket_of(6)]


def test_steps_fall_into_buckets():
    assert [bucket_of(step) for step in (1, 3, 4, 6, 7, 12, 13, 18, 19, 10**6)] == [0, 0, 1, 1, 2, 2, 3, 3, 4, 6]


def test_a_series_that_never_changed_has_no_scale():
    forecast = Forecast(np.ones(3), np.ones((3, 11)))
    assert scales_of(np.ones(40), 12, forecast) is None
    assert (scales_of(np.arange(40.0), 12, forecast) > 0).all()


# --- distributions ---------------------------------------------------------------------------------------------------


def _counted(mean, told, count=400, seed=3):
    """Poisson counts of one mean, beside the quantiles that another mean would have."""
    dice = np.random.default_rng(seed)
    quantiles = np.quantile(dice.poisson(told, 20_000), LEVELS)
    return [PastQuantiles(np.tile(quantiles, (6, 1)), dice.poisson(mean, 6).astype(float), mean) for _ in range(count)]


def test_a_distribution_that_was_too_narrow_is_widened_until_it_is_true():
    past = _counted(20, told=14)
    moved = widened(past)
    fresh = _counted(20, told=14, seed=4)
    actual = np.concatenate([one.actual for one in fresh])
    forecasts = [moved.applied(Forecast(np.full(6, 14.0), one.quantiles), one.size) for one in fresh]
    found = np.concatenate([one.quantiles for one in forecasts])
    for i, level in enumerate(LEVELS):
        if level > 0.5:
            assert (actual <= found[:, i]).mean() >= level - 0.03


def test_a_true_distribution_stays_what_it_is():
    assert (widened(_counted(3, told=3)).offsets == 0).all()


def test_few_outcomes_widen_nothing():
    assert widened(_counted(3, told=1, count=10)) is None


def test_a_small_class_borrows_from_all():
    all_of_them, few = widened(_counted(20, told=14)), _counted(20, told=20, count=50, seed=7)
    alone, beside = widened(few), widened(few, among=all_of_them)
    assert alone.offsets[-2] < beside.offsets[-2] < all_of_them.offsets[-2]
    weight = 300 / (300 + 50 * 6)
    assert beside.offsets == pytest.approx((1 - weight) * alone.offsets + weight * all_of_them.offsets)
    assert widened(few[:3], among=all_of_them) is all_of_them
