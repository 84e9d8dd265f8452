"""Sums add up whichever way they are added, and their intervals are neither the sum nor the root of the parts'."""

from datetime import date, timedelta

import numpy as np
import pytest

from forecasting.timeseries.hierarchy import LEVELS_OF, Leaf, add_up, correlation, spread_days
from forecasting.timeseries.methods import LEVELS

END = date(2025, 9, 22)  # a Monday


def leaf(product, site, frequency="D", steps=28, seed=1, level=20.0, lanes=None, history=None):
    rng = np.random.default_rng(seed)
    point = level + rng.uniform(-5, 5, steps)
    distances = np.linspace(-6, 6, len(LEVELS))
    first = END if frequency != "MS" else date(2025, 9, 1)
    told = rng.normal(level, 3, 200) if history is None else history
    return Leaf(product, site, frequency, first, point, point[:, None] + distances, LEVELS, told, END, 7, lanes or {})


@pytest.fixture
def leaves():
    return [
        leaf("apples", "basel", seed=1, lanes={"farm": 0.7, "port": 0.3}),
        leaf("apples", "bern", seed=2, lanes={"farm": 1.0}),
        leaf("pears", "basel", seed=3),
        leaf("pears", "bern", "W", steps=13, seed=4, level=140.0, lanes={"port": 0.4, "": 0.6}),
        leaf("salt", "bern", "MS", steps=6, seed=5, level=600.0),
    ]


@pytest.mark.parametrize("every", ["D", "W", "MS"])
def test_every_level_adds_up_to_the_total(leaves, every):
    [total] = add_up(leaves, level="total", every=every)
    for level in LEVELS_OF:
        nodes = add_up(leaves, level=level, every=every)
        for place, cell in enumerate(total.cells):
            assert sum(node.cells[place].point for node in nodes) == pytest.approx(cell.point, abs=1e-6)


@pytest.mark.parametrize("level", LEVELS_OF)
def test_days_add_up_to_weeks_and_months(leaves, level):
    days = {node.name: node for node in add_up(leaves, level=level, every="D")}
    for every, length in (("W", 7), ("MS", None)):
        for node in add_up(leaves, level=level, every=every):
            told = [cell.point for cell in days[node.name].cells]
            assert sum(cell.point for cell in node.cells) == pytest.approx(sum(told), abs=1e-6)
            if length:
                assert node.cells[0].point == pytest.approx(sum(told[:length]), abs=1e-6)
                assert all(cell.is_whole and cell.days == 7 for cell in node.cells)


def test_a_month_that_is_not_forecast_whole_says_so(leaves):
    [total] = add_up(leaves, level="total", every="MS")
    assert [(cell.period.month, cell.days, cell.is_whole) for cell in total.cells] == [(9, 9, False), (10, 19, False)]


def test_the_sum_is_that_of_the_days_of_the_series(leaves):
    [total] = add_up(leaves, level="total", every="D")
    by_day = dict.fromkeys((END + timedelta(days=i) for i in range(28)), 0.0)
    for one in leaves:
        for day, amount in spread_days(one):
            if day in by_day:
                by_day[day] += amount
    assert [cell.point for cell in total.cells] == pytest.approx(list(by_day.values()), abs=1e-9)


def test_the_interval_of_a_sum_lies_between_independence_and_all_erring_alike():
    rng = np.random.default_rng(8)
    common = rng.normal(0, 3, 200)
    alike = [leaf("p", f"s{i}", seed=i, history=20 + common + rng.normal(0, 0.3, 200)) for i in range(9)]
    apart = [leaf("p", f"s{i}", seed=i) for i in range(9)]
    assert correlation(alike) > 0.9 and correlation(apart) < 0.1
    widths = []
    for some in (apart, alike):
        [total] = add_up(some, level="total", every="D")
        widths.append(total.cells[0].quantiles[-2] - total.cells[0].quantiles[1])
    one = 12 * 0.8
    assert 3 * one * 0.99 <= widths[0] < widths[1] <= 9 * one * 1.001


def test_a_week_is_less_uncertain_than_seven_times_a_day():
    [node] = add_up([leaf("p", "s")], level="total", every="W")
    assert 7**0.5 * 9 < node.cells[0].quantiles[-2] - node.cells[0].quantiles[1] < 7 * 9


def test_no_quantile_is_negative_or_below_a_lower_one(leaves):
    for level in LEVELS_OF:
        for node in add_up(leaves, level=level, every="D"):
            for cell in node.cells:
                assert cell.quantiles[0] >= 0 and list(cell.quantiles) == sorted(cell.quantiles)


def test_nothing_in_common_is_no_sum():
    late = Leaf("p", "s", "D", date(2026, 1, 1), np.ones(3), np.ones((3, 11)), LEVELS, np.ones(30), END)
    assert add_up([leaf("p", "t"), late], level="total", every="D") == [] == add_up([], level="total", every="D")
