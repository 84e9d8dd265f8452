"""Holidays by country, promotions and stockouts, as columns beside a series."""

from datetime import date

import numpy as np
import pytest

from forecasting.timeseries.calendars import Days, columns_for, holidays_between, missing_periods
from forecasting.timeseries.series import DemandSeries


def series(frequency="D", start=date(2025, 12, 1), periods=20):
    return DemandSeries("k", frequency, 7, start, np.ones(periods), "EA", "receipts")


def test_the_holidays_of_a_country_are_known():
    found = dict(holidays_between("CH", date(2025, 1, 1), date(2026, 1, 1)))
    assert found[date(2025, 8, 1)] == "National Day" and date(2025, 12, 25) in found
    assert date(2025, 7, 14) in dict(holidays_between("FR", date(2025, 1, 1), date(2026, 1, 1)))


@pytest.mark.parametrize("country", ["", "XX", "ZZ"])
def test_an_unknown_country_has_none(country):
    assert holidays_between(country, date(2025, 1, 1), date(2026, 1, 1)) == ()


def test_a_column_reaches_over_the_past_and_the_steps_ahead():
    [column] = columns_for(series(), 10, country="CH", days=())
    assert (column.name, column.start, column.values.size) == ("holidays", date(2025, 12, 1), 30)
    assert np.flatnonzero(column.values).tolist() == [24]


def test_weeks_tell_what_share_of_them_is_free_and_months_know_it_by_their_season():
    [weeks] = columns_for(series("W", periods=2), 3, country="DE", days=())
    assert weeks.values.tolist() == pytest.approx([0, 0, 0, 2 / 7, 1 / 7])
    assert columns_for(series("MS", periods=2), 3, country="DE", days=()) == ()


def test_promotions_of_one_name_are_one_column_and_ones_own_holidays_join_the_public_ones():
    days = (
        Days("promotion", "half price", date(2025, 12, 3), date(2025, 12, 4)),
        Days("promotion", "half price", date(2025, 12, 22), date(2025, 12, 22)),
        Days("promotion", "coupon", date(2026, 5, 1), date(2026, 5, 2)),
        Days("holiday", "inventory", date(2025, 12, 8), date(2025, 12, 8)),
    )
    found = {
        column.name: np.flatnonzero(column.values).tolist()
        for column in columns_for(series(), 10, country="CH", days=days)
    }
    assert found == {"holidays": [7, 24], "promotion: half price": [2, 3, 21]}


def test_a_period_is_missing_when_a_stockout_took_half_of_it():
    out = (Days("stockout", "empty", date(2025, 12, 9), date(2025, 12, 12)),)
    assert missing_periods(out, "D", date(2025, 12, 1), date(2025, 12, 12)) == [date(2025, 12, d) for d in (9, 10, 11)]
    assert missing_periods(out, "W", date(2025, 12, 1), date(2025, 12, 15)) == [date(2025, 12, 8)]
    assert missing_periods(out, "MS", date(2025, 11, 1), date(2026, 1, 1)) == []
