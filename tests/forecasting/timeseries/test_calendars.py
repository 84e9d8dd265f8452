"""Holidays by country, promotions and stockouts, as columns beside a series."""

from collections import Counter
from datetime import date

import numpy as np
import pytest

from forecasting.timeseries.calendars import Days, columns_for, holidays_between, missing_periods
from forecasting.timeseries.engine import Item, answers_of
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


def test_months_are_told_of_holidays_that_move_between_them():
    """Good Friday and Easter Monday: March and April of 2024, April alone in 2023 and 2025."""
    [months] = columns_for(series("MS", date(2023, 1, 1), 24), 12, country="DE", days=())
    found = {(2023 + place // 12, 1 + place % 12): value for place, value in enumerate(months.values.tolist()) if value}
    assert found[2024, 3] == pytest.approx(2 / 3 / 31) and found[2025, 3] == pytest.approx(-1 / 3 / 31)
    assert found[2024, 4] == pytest.approx((1 - 5 / 3) / 30) and found[2023, 4] > 0
    assert {month for _, month in found} <= {3, 4, 5, 6}  # Ascension and Whit Monday too; Christmas stays where it is
    assert columns_for(series("MS", date(2023, 1, 1), 24), 12, country="", days=()) == ()


def test_an_easter_that_moves_is_forecast_where_it_will_be():
    """Every free day takes eight of a hundred from its month."""
    free = Counter(day.replace(day=1) for day, _ in holidays_between("DE", date(2012, 1, 1), date(2025, 1, 1)))
    months = [date(year, month, 1) for year in range(2012, 2025) for month in range(1, 13)]
    wanted = 100.0 - 8 * np.array([free[month] for month in months]) + np.random.default_rng(3).normal(0, 1, 156)
    past = DemandSeries("k", "MS", 12, date(2012, 1, 1), wanted[:144], "EA", "receipts")
    items = [Item(past, ahead=columns_for(past, 6, country="DE", days=())), Item(past)]
    told, untold = answers_of(["theta"], items, 6)["theta"]
    march = 2  # with Good Friday in 2024, as in few years
    assert abs(told.point - wanted[144:150])[march] < 0.5 * abs(untold.point - wanted[144:150])[march]
    assert np.abs(told.point - wanted[144:150]).mean() < np.abs(untold.point - wanted[144:150]).mean()


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
