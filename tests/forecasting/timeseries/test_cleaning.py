"""What nobody can have wanted is capped and flagged; what may be true is kept."""

import numpy as np
import pytest

from forecasting.timeseries.cleaning import cleaned


def demand(seed=1, days=365):
    rng = np.random.default_rng(seed)
    week = np.array([1.0, 1.05, 1.0, 1.1, 1.3, 1.5, 0.6])
    return rng.poisson(40 * week[np.arange(days) % 7]).astype(float)


def test_ordinary_demand_is_left_alone():
    for seed in range(20):
        values = demand(seed)
        used, flags = cleaned(values, 7)
        assert used is values and [flag for flag in flags if flag.kind == "capped"] == []


def test_a_slip_of_the_pen_is_capped_and_its_number_kept_in_the_flag():
    values = demand()
    values[200] = 50_000
    used, [flag] = cleaned(values, 7)
    assert (flag.place, flag.told, flag.kind) == (200, 50_000, "capped") and used[200] == flag.used < 300
    assert values[200] == 50_000, "what was told is not touched"


def test_some_slips_do_not_hide_one_another():
    values = demand()
    values[[20, 90, 200, 364]] = [40_000, 50_000, 60_000, 70_000]
    _, flags = cleaned(values, 7)
    assert {flag.place for flag in flags if flag.kind == "capped"} == {20, 90, 200, 364}


def test_a_peak_of_each_year_is_no_slip():
    months = np.full(48, 100.0) + np.arange(48) % 5
    months[11::12] = 900
    used, flags = cleaned(months, 12)
    assert used is months and flags == ()


def test_sparse_demand_is_judged_by_the_periods_that_have_some():
    values = np.zeros(60)
    values[::5] = [4, 6, 4, 8, 4, 6, 4, 4, 6, 8, 4, 6]
    assert cleaned(values)[1] == ()
    values[31] = 4000
    assert [flag.place for flag in cleaned(values)[1] if flag.kind == "capped"] == [31]


def test_a_level_that_has_just_jumped_is_flagged_and_kept():
    values = demand()
    values[-3:] *= 3
    used, flags = cleaned(values, 7)
    assert used is values and {flag.kind for flag in flags} == {"jump"} and {f.place for f in flags} <= {362, 363, 364}


def test_a_delivery_that_came_a_day_late_is_no_jump():
    late, more = demand(days=364), demand(days=364)
    late[-2], late[-1] = 0.0, late[-1] + late[-2] * 1.3
    more[-1] = late[-1]
    assert cleaned(late, 7)[1] == ()
    assert [flag.kind for flag in cleaned(more, 7)[1]] == ["jump"]


def test_uneven_demand_is_judged_by_what_it_did_before():
    """A week of a tenth or of thrice the usual comes now and then: one more is nothing to look at."""
    dice = np.random.default_rng(2)
    found = [
        cleaned(np.round(demand(seed, 300) * dice.choice([0.1, 1.0, 1.0, 1.0, 3.0], 300)), 7)[1] for seed in range(40)
    ]
    assert sum(any(flag.kind == "jump" for flag in flags) for flags in found) <= 2


@pytest.mark.parametrize("values", [np.zeros(0), np.full(40, np.nan), np.ones(5), np.zeros(40), np.full(40, 7.0)])
def test_what_tells_nothing_is_left_alone(values):
    used, flags = cleaned(values, 7)
    assert used is values and flags == ()
