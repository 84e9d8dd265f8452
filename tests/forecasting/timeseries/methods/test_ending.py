"""Three distributions averaged, and the chance that demand has ended."""

from datetime import date

import numpy as np
import pytest

from forecasting.timeseries.methods import LEVELS
from forecasting.timeseries.methods.empirical import Empirical, FadingEmpirical
from forecasting.timeseries.methods.ending import CLUSTERED, ENDS, Ending, chance_of_end
from forecasting.timeseries.series import DemandSeries, NothingToForecast


def series(values):
    return DemandSeries("k", "MS", 12, date(2020, 1, 1), np.array(values, dtype=float), "EA", "receipts")


def test_the_chance_is_that_of_all_the_ways_in_which_it_may_have_ended():
    orders, silent = [5.0] * 20, 6
    share = CLUSTERED * 1.0
    lasting = (1 - share) ** silent
    ended = sum(
        ENDS * (1 - share) ** before for before in range(silent)
    )  # after so many silent periods that were chance
    assert chance_of_end(np.array(orders + [0.0] * silent)) == pytest.approx(ended / (ended + lasting), abs=1e-9)


def test_the_longer_the_silence_and_the_more_often_it_was_bought_the_more_likely_it_ended():
    often = [chance_of_end(np.array([3.0] * 24 + [0.0] * silent)) for silent in (0, 1, 3, 12, 40)]
    rarely = [chance_of_end(np.array([0.0, 0.0, 0.0, 3.0] * 6 + [0.0] * silent)) for silent in (0, 1, 3, 12, 40)]
    assert often[0] == rarely[0] == 0
    assert often == sorted(often) and often[3] > 0.9 and often[-1] <= 1
    assert all(rare < many for rare, many in zip(rarely[1:4], often[1:4], strict=True))


def test_missing_periods_are_no_silence():
    assert chance_of_end(np.array([3.0] * 24 + [np.nan] * 12)) == 0


def test_a_customer_who_left_is_forecast_nothing_before_a_window_forgets_him():
    left = series([40.0, 60.0] * 20 + [0.0] * 12)
    assert Empirical().forecast(left, 3).quantile(0.8) == pytest.approx(60, abs=1)
    found = Ending().forecast(left, 3)
    assert (found.quantile(0.8) == 0).all() and (found.point < 2).all()


def test_what_still_comes_is_the_mean_of_three():
    steady = series(np.random.default_rng(1).poisson(30, 48))
    found = Ending().forecast(steady, 6)
    told = [member.forecast(steady, 6).quantiles for member in Ending.members]
    assert found.quantiles == pytest.approx(np.mean(told, axis=0))
    assert found.levels == LEVELS and (found.quantiles == found.quantiles[0]).all()


def test_a_level_is_nothing_where_both_pasts_had_nothing():
    half = series(([0.0] * 3 + [90.0] * 2) * 10)
    found = Ending().forecast(half, 1).quantiles[0]
    pasts = [method.forecast(half, 1).quantiles[0] for method in (Empirical(), FadingEmpirical())]
    nothing = (np.array(pasts) == 0).all(axis=0)
    assert nothing.sum() >= 5 and (found[nothing] == 0).all() and (found[~nothing] > 0).all()


def test_no_demand_at_all_and_nothing_known():
    assert (Ending().forecast(series([0.0] * 30), 4).quantiles == 0).all()
    with pytest.raises(NothingToForecast):
        Ending().forecast(series([np.nan] * 5), 4)
