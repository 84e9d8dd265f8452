"""Ensembles of forecasts."""

from datetime import date

import numpy as np
import pytest

from forecasting.timeseries.combine import Ensemble, combined
from forecasting.timeseries.methods import LEVELS, Forecast
from forecasting.timeseries.methods.empirical import Empirical
from forecasting.timeseries.methods.seasonal_naive import SeasonalNaive
from forecasting.timeseries.series import DemandSeries, TooShort


def flat(value):
    return Forecast(np.full(2, value), np.tile(value + np.arange(11.0), (2, 1)))


def monthly(values):
    return DemandSeries("k", "MS", 12, date(2015, 1, 1), np.array(values, dtype=float), "EA", "receipts")


def test_mean_and_median_are_taken_step_by_step_and_level_by_level():
    found = [flat(10.0), flat(20.0), flat(60.0)]
    assert combined(found, "mean").point.tolist() == [30, 30]
    assert combined(found, "median").quantile(0.975).tolist() == [30, 30]


def test_forecasts_of_other_steps_are_not_combined():
    with pytest.raises(ValueError, match="same steps"):
        combined([flat(1.0), Forecast(np.ones(3), np.ones((3, 11)))], "mean")
    with pytest.raises(ValueError, match="same steps"):
        combined([], "mean")


def test_a_member_that_cannot_is_left_out():
    series = monthly(np.arange(10))
    both = Ensemble("both", [SeasonalNaive(), Empirical()])
    assert both.forecast(series, 3).point.tolist() == Empirical().forecast(series, 3).point.tolist()
    assert both.parameters() == {"members": "seasonal_naive, empirical", "how": "mean"}


def test_when_no_member_can_the_reason_is_told():
    with pytest.raises(TooShort):
        Ensemble("one", [SeasonalNaive()]).forecast(monthly([1, 2]), 3, levels=LEVELS)
