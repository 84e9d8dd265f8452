"""How alike errors are is found again where it is known, and what is learnt makes sums of steps come out true."""

import numpy as np
import pytest

from forecasting.planning.inventory import demand_over, demand_paths
from forecasting.timeseries.engine import Item, choose, format_choice, parse_choice, past_of
from forecasting.timeseries.likeness import USUAL, Likeness, learnt, scores
from forecasting.timeseries.methods import LEVELS
from tests.forecasting.timeseries.engine.test_engine import CHEAP, monthly, seasonal

Z = np.array([-1.96, -1.2816, -0.8416, -0.5244, -0.2533, 0, 0.2533, 0.5244, 0.8416, 1.2816, 1.96])


def errors(share, fade, rows=400, steps=12, seed=3):
    dice = np.random.default_rng(seed)
    lasting = dice.standard_normal((rows, steps))
    for step in range(1, steps):
        lasting[:, step] = fade * lasting[:, step - 1] + np.sqrt(1 - fade**2) * lasting[:, step]
    return np.sqrt(share) * lasting + np.sqrt(1 - share) * dice.standard_normal((rows, steps))


@pytest.mark.parametrize(("share", "fade"), [(0.0, 0.5), (0.4, 0.85), (0.8, 0.95)])
def test_what_is_learnt_correlates_as_the_errors_do(share, fade):
    found = learnt(list(errors(share, fade)))
    for lag in (1, 3, 6):
        assert found.correlation(lag) == pytest.approx(share * fade**lag, abs=0.06)


def test_from_few_or_unknown_errors_nothing_is_learnt():
    assert learnt(list(errors(0.5, 0.9, rows=20))) is None
    assert learnt([np.full(12, np.nan)] * 500) is None
    assert learnt([]) is None


def test_scores_lie_where_the_actual_falls_and_ties_share_the_middle():
    quantiles = np.tile(100 + 10 * Z, (4, 1))
    found = scores(np.array([100, 110, np.nan, 1000]), quantiles, LEVELS)
    assert found[:2] == pytest.approx([0, 1], abs=0.05)
    assert np.isnan(found[2]) and 2 < found[3] < 3
    counts = np.array([[0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 3]] * 2, dtype=float)
    nothing, one = scores(np.array([0.0, 1.0]), counts, LEVELS)
    assert nothing == pytest.approx(-0.25, abs=0.15)  # the middle of all that is not above .8
    assert one == pytest.approx(1.28, abs=0.05)


def test_a_sum_is_exceeded_as_often_as_it_says_only_with_the_likeness_that_is_learnt():
    quantiles = np.tile(100 + 10 * Z, (12, 1))
    past, after = errors(0.7, 0.95), errors(0.7, 0.95, seed=4)
    came = (100 + 10 * after)[:, :4].sum(axis=1)
    lengths = np.full(4_000, 4.0)
    held = [
        (came <= np.quantile(demand_over(demand_paths(LEVELS, quantiles, likeness=one), lengths), 0.95)).mean()
        for one in (learnt(list(past)), Likeness(0, 0))
    ]
    assert held[0] == pytest.approx(0.95, abs=0.02)
    assert held[1] < 0.88


def drifting(number, months=72):
    dice = np.random.default_rng(number)
    level = 200 + np.cumsum(dice.normal(0, 6, months))
    return monthly(f"d{number:02}", np.maximum(level + dice.normal(0, 2, months), 1))


def test_a_choice_learns_it_of_its_champions_and_reads_it_back():
    steady = choose([past_of(Item(seasonal(i)), 6) for i in range(40)], horizon=6, methods=CHEAP)
    wandering = choose([past_of(Item(drifting(i)), 6) for i in range(40)], horizon=6, methods=CHEAP)
    one, other = (found.likeness("MS", "smooth").correlation(1) for found in (steady, wandering))
    assert one < 0.35 < 0.6 < other
    assert parse_choice(format_choice(wandering)).likenesses == wandering.likenesses
    assert wandering.likeness("D", "smooth") == USUAL


def test_a_choice_that_was_signed_before_there_were_any_reads_and_writes_as_it_was():
    told = {"pools": [], "calibrations": [], "widenings": [], "unreached": 0}
    assert format_choice(parse_choice(told)) == told


def test_a_likeness_that_makes_no_sense_is_refused():
    with pytest.raises(ValueError, match="between 0 and 1"):
        Likeness(1.2, 0.5)
