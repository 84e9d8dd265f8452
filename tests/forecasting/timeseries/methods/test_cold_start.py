"""A young series stands between its parent's level and its own, as far as its parent's children ask for."""

from datetime import date

import numpy as np
import pytest

from forecasting.timeseries.methods.cold_start import BETWEEN, WITHIN, ColdStart, Kin
from forecasting.timeseries.series import DemandSeries, step_from

START = date(2022, 1, 1)


def monthly(values, end=36):
    start = step_from(START, "MS", end - len(values))
    return DemandSeries("k", "MS", 12, start, np.array(values, dtype=float), "EA", "receipts")


def family(spread, noise, count=6, seed=1):
    """Children of one product: their levels lie apart by `spread`, their periods by `noise`, both of logarithms."""
    dice = np.random.default_rng(seed)
    levels = 50 * np.exp(dice.normal(0, spread, count))
    return [level * np.exp(dice.normal(0, noise, 36)) for level in levels]


def test_what_children_are_like_is_learnt_and_shrunk_to_what_is_usual_while_they_are_few():
    alike, apart = Kin.of(family(0.05, 0.1, count=30)), Kin.of(family(0.9, 0.6, count=30))
    assert alike.between < 0.05 < 0.4 < apart.between
    assert alike.within < 0.03 < 0.2 < apart.within
    assert Kin.of([]) == Kin.of([np.full(3, np.nan)]) == Kin.of([np.zeros(9)]) == Kin() == Kin(BETWEEN, WITHIN)
    assert Kin.of([np.full(36, 9.0)]).between == BETWEEN, "one child says nothing of how far children lie apart"
    assert Kin.of([np.full(36, 9.0)]).within == pytest.approx(WITHIN * 2 / 3)


def test_where_children_are_alike_two_periods_change_little_and_where_they_lie_apart_much():
    young = monthly([100.0, 100.0])
    points = {}
    for spread in (0.05, 0.9):
        children = family(spread, 0.2, count=30)
        parent = monthly(np.full(36, 50.0) + np.arange(36) % 3)
        points[spread] = ColdStart(parent, Kin.of(children)).forecast(young, 3).point.mean()
    untold = ColdStart(parent).forecast(young, 3).point.mean()
    assert 50 < points[0.05] < 80 < untold < points[0.9] < 105


def test_a_child_of_a_silent_parent_gets_no_level_beyond_reason():
    """The parent sold nothing in the periods that the child is known of: a share of nothing says nothing."""
    parent = monthly([30.0, 0.0, 0.0] * 11 + [30.0, 0.0, 0.0])
    found = ColdStart(parent).forecast(monthly([4.0, 3.0]), 6)
    assert found.point.max() < 100


@pytest.mark.parametrize(("spread", "noise"), [(0.1, 0.2), (0.5, 0.3), (1.0, 0.4)])
def test_what_is_learnt_is_nearer_than_what_is_usual(spread, noise):
    told, untold = [], []
    for seed in range(40):
        child, *children = family(spread, noise, count=9, seed=seed)
        kin, parent = Kin.of(children), monthly(np.mean(children, axis=0))
        for known, errors in ((kin, told), (None, untold)):
            found = ColdStart(parent, known).forecast(monthly(child[34:36]), 3)
            level = child.mean()
            loss = np.abs(level - found.quantiles[:, [1, 5, 9]]).mean() / level
            errors.append(loss)
    assert np.mean(told) <= np.mean(untold) * 1.01
