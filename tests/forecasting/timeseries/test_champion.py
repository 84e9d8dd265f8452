"""Which series share a champion."""

from forecasting.timeseries.champion import Pool
from forecasting.timeseries.classify import DemandClass


def test_the_pool_of_a_series_follows_from_its_length_in_seasons(weekly_pattern):
    assert Pool.of(weekly_pattern(days=20)).length == "short"
    assert Pool.of(weekly_pattern(days=28)).length == "medium"
    assert Pool.of(weekly_pattern(days=140)) == Pool("D", DemandClass.SMOOTH, "long")


def test_without_a_season_every_period_is_one():
    assert [Pool.length_of(n, 1) for n in (2, 4, 5)] == ["short", "medium", "long"]
