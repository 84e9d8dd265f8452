"""How often and how evenly demand comes."""

import numpy as np
import pytest

from forecasting.timeseries.classify import DemandClass, average_interval, demand_class, squared_variation
from forecasting.timeseries.series import NothingToForecast


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([10, 11, 9, 10], "smooth"),
        ([1, 1, 1, 30], "erratic"),
        ([10, 0, 0, 10, 0, 0], "intermittent"),
        ([1, 0, 0, 1, 0, 0, 30, 0, 0], "lumpy"),
    ],
)
def test_the_four_classes(values, expected):
    assert demand_class(np.array(values, dtype=float)) == expected


def test_missing_periods_are_no_empty_periods():
    assert average_interval(np.array([5, np.nan, np.nan, 5.0])) == 1
    assert demand_class(np.array([5, np.nan, np.nan, 5.0])) is DemandClass.SMOOTH


def test_the_limit_itself_is_intermittent():
    values = np.array([1.0] * 25 + [0.0] * 8)  # 33 / 25 = 1.32
    assert average_interval(values) == 1.32
    assert demand_class(values).is_sparse


def test_huge_quantities_do_not_overflow():
    assert squared_variation(np.array([1e300, 3e300])) == pytest.approx(0.25)


@pytest.mark.parametrize("values", [[0.0, 0.0], [np.nan], []])
def test_without_demand_there_is_no_class(values):
    with pytest.raises(NothingToForecast):
        demand_class(np.array(values))
