"""Choose on past origins, then forecast a batch: the same bits in any batch, a reason for what cannot be."""

import json
from dataclasses import replace
from datetime import date

import numpy as np
import pytest

from forecasting.timeseries.candidates import (
    CHEAP_DEFAULT,
    CHEAP_METHODS,
    DEAR,
    DEFAULT,
    METHODS,
    default_for,
    members_of,
)
from forecasting.timeseries.champion import Pool
from forecasting.timeseries.classify import DemandClass
from forecasting.timeseries.engine import (
    NO_CHOICE,
    Choice,
    Column,
    Item,
    Past,
    choose,
    forecast_pool,
    format_choice,
    parse_choice,
    past_of,
)
from forecasting.timeseries.engine.answers import answers_of
from forecasting.timeseries.methods import LEVELS, Forecast
from forecasting.timeseries.series import DemandSeries

CHEAP = {name: METHODS[name] for name in ("seasonal_naive", "theta", "fast_prophet", "empirical", "counts")}


def monthly(key, values, start=date(2018, 1, 1)):
    return DemandSeries(key, "MS", 12, start, np.asarray(values, dtype=float), "EA", "receipts")


def seasonal(number, months=72, noise=6.0):
    dice, t = np.random.default_rng(number), np.arange(months)
    return monthly(f"s{number:02}", 100 + t / 2 + 30 * np.sin(2 * np.pi * t / 12) + dice.normal(0, noise, months))


def sparse(number, months=60):
    dice = np.random.default_rng(number)
    return monthly(f"c{number:02}", dice.poisson(2, months) * (dice.random(months) < 0.3) + (np.arange(months) == 0))


@pytest.fixture(scope="module")
def choice():
    past = [past_of(Item(seasonal(i)), 6) for i in range(30)] + [past_of(Item(sparse(i)), 6) for i in range(25)]
    return choose(past, horizon=6, methods=CHEAP)


def test_the_champion_is_the_method_with_the_lowest_pooled_error(choice):
    pool = Pool("MS", DemandClass.SMOOTH, "long")
    scores = choice.scores[pool]
    assert set(scores) == {"seasonal_naive", "theta", "fast_prophet"}
    assert choice.champions[pool] == min(scores, key=lambda name: scores[name].mase)
    assert scores["theta"].series == 30 and scores["theta"].trials == 90
    assert scores["seasonal_naive"].mase > scores[choice.champions[pool]].mase


def test_sparse_demand_is_judged_by_its_quantiles_and_never_gets_prophet(choice):
    [pool] = [pool for pool in choice.champions if pool.demand_class.is_sparse]
    scores = choice.scores[pool]
    assert not any("prophet" in name for name in scores)
    assert choice.champions[pool] == min(scores, key=lambda name: scores[name].wql)


def test_a_pool_of_few_series_keeps_the_default_of_its_class():
    found = choose([past_of(Item(seasonal(i)), 6) for i in range(5)], horizon=6, methods=CHEAP)
    assert set(found.champions.values()) == {DEFAULT[DemandClass.SMOOTH]}
    assert found.champion(Pool("D", DemandClass.LUMPY, "long")) == DEFAULT[DemandClass.LUMPY]


def test_a_pool_that_nobody_looked_at_gets_what_its_class_chose(choice):
    seen = Pool("MS", DemandClass.SMOOTH, "long")
    unseen = Pool("MS", DemandClass.SMOOTH, "short")
    assert unseen not in choice.champions
    assert choice.champion(unseen) == choice.champion(seen) != DEFAULT[DemandClass.SMOOTH]
    assert choice.champion(Pool("D", DemandClass.SMOOTH, "short")) == DEFAULT[DemandClass.SMOOTH]
    told = json.loads(json.dumps(format_choice(choice)))
    assert parse_choice(told).champion(unseen) == choice.champion(unseen)
    del told["defaults"]  # as before there were any
    assert parse_choice(told).champion(unseen) == DEFAULT[DemandClass.SMOOTH]


def test_where_dear_methods_are_not_at_hand_no_default_has_them():
    assert default_for(DemandClass.SMOOTH) == DEFAULT[DemandClass.SMOOTH]
    assert default_for(DemandClass.SMOOTH, CHEAP_METHODS) == CHEAP_DEFAULT
    assert not DEAR & set(members_of([CHEAP_DEFAULT]))
    assert default_for(DemandClass.LUMPY, CHEAP_METHODS) == DEFAULT[DemandClass.LUMPY]
    assert default_for(DemandClass.SMOOTH, ["theta"]) == DEFAULT[DemandClass.SMOOTH], "of its members those at hand"


def test_what_came_after_the_last_origin_chooses_nothing():
    """Only what is known at the cutoff is passed in; and what lies behind every origin's horizon is not looked at."""
    past = [past_of(Item(seasonal(i)), 6) for i in range(22)]
    one = choose(past, horizon=6, methods=CHEAP)
    early = [replace(p, then=tuple(replace(s, values=s.values[:-12]) for s in p.then)) for p in past]
    wild = [Past(Item(replace(p.now.series, values=_tail(p.now.series.values, 6))), p.then) for p in early]
    same = [Past(p.now, p.then) for p in early]
    assert format_choice(choose(wild, horizon=6, methods=CHEAP)) == format_choice(
        choose(same, horizon=6, methods=CHEAP)
    )
    assert format_choice(one) != format_choice(choose(same, horizon=6, methods=CHEAP))


def _tail(values, steps):
    return np.concatenate([values[:-steps], values[-steps:] * 3])


def test_a_choice_reads_back_to_the_same_bits(choice):
    told = json.loads(json.dumps(format_choice(choice)))
    again = parse_choice(told)
    assert format_choice(again) == format_choice(choice)
    items = [Item(seasonal(40))]
    assert _bits(forecast_pool(items, again, horizon=6)) == _bits(forecast_pool(items, choice, horizon=6))


@pytest.mark.parametrize(
    "wrong", [{}, {"pools": [{"frequency": "H"}], "calibrations": [], "widenings": [], "unreached": 0}]
)
def test_a_choice_that_is_none_is_refused(wrong):
    with pytest.raises((KeyError, ValueError)):
        parse_choice(wrong)


def test_a_budget_ends_the_choice_and_says_what_it_left(choice):
    past = [past_of(Item(seasonal(i)), 6) for i in range(21)] + [past_of(Item(sparse(i)), 6) for i in range(25)]
    found = choose(past, horizon=6, methods=CHEAP, enough=lambda: True)
    assert found.unreached in (21, 25) and len(found.champions) == 1


def test_a_forecast_is_the_same_alone_and_in_any_batch(choice):
    items = [Item(seasonal(i, months)) for i, months in enumerate((60, 60, 72, 48, 72))] + [Item(sparse(3))]
    together = forecast_pool(items, choice, horizon=6)
    assert [one.key for one in together] == [item.series.key for item in items]
    backwards = forecast_pool(items[::-1], choice, horizon=6)[::-1]
    alone = [forecast_pool([item], choice, horizon=6)[0] for item in items]
    assert _bits(together) == _bits(backwards) == _bits(alone)


def _bits(outcomes):
    return [(one.method, one.forecast.point.tobytes(), one.forecast.quantiles.tobytes()) for one in outcomes]


def test_intervals_hold_on_series_that_were_not_calibrated_on(choice):
    found, hits = [seasonal(i, 78) for i in range(100, 160)], {80: [], 95: []}
    known = [replace(series, values=series.values[:72]) for series in found]
    for series, outcome in zip(found, forecast_pool([Item(one) for one in known], choice, horizon=6), strict=True):
        for level, inside in hits.items():
            lower, upper = outcome.forecast.interval(level)
            inside.append(np.mean((lower <= series.values[72:]) & (series.values[72:] <= upper)))
    assert np.mean(hits[80]) == pytest.approx(0.8, abs=0.06)
    assert np.mean(hits[95]) == pytest.approx(0.95, abs=0.04)


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        ([], "has any demand"),
        ([5.0], "1 months of history"),
        ([0.0] * 60, "has any demand"),
        ([np.nan] * 60, "has any demand"),
        ([9.0] * 30 + [0.0] * 30, "no demand in the last 24"),
    ],
)
def test_what_cannot_be_forecast_says_why(values, reason):
    [outcome] = forecast_pool([Item(monthly("x", values))], NO_CHOICE, horizon=6)
    assert outcome.forecast is None and reason in outcome.reason


def test_an_absurd_horizon_is_refused_and_nothing_is_reserved_for_it():
    [outcome] = forecast_pool([Item(seasonal(1))], NO_CHOICE, horizon=10**9)
    assert outcome.forecast is None and "1000000000" in outcome.reason


@pytest.mark.parametrize("values", [[7.0] * 60, [1e15] * 59 + [2e15], [1e-9, 2e-9] * 30])
def test_constant_huge_and_tiny_demand_gets_finite_quantiles(values):
    [outcome] = forecast_pool([Item(monthly("x", values))], NO_CHOICE, horizon=6)
    assert np.isfinite(outcome.forecast.quantiles).all()
    assert outcome.forecast.point == pytest.approx(np.mean(values[-12:]), rel=0.6)


def test_stockouts_are_missing_and_not_zero(choice):
    series = seasonal(7)
    values = series.values.copy()
    values[[20, 41, 65, 66]] = np.nan
    whole, gaps = forecast_pool([Item(series), Item(replace(series, values=values))], choice, horizon=6)
    assert gaps.forecast.point == pytest.approx(whole.forecast.point, rel=0.1)


def test_quantiles_are_whole_where_units_are(choice):
    [outcome] = forecast_pool([Item(seasonal(3), whole_units=True)], choice, horizon=6)
    assert (outcome.forecast.quantiles == np.round(outcome.forecast.quantiles)).all()
    assert not (outcome.forecast.point == np.round(outcome.forecast.point)).all()


# --- known ahead and explained ---------------------------------------------------------------------------------------


def promoted(effect=80.0, months=72, horizon=6):
    """A seasonal series, with 80 more in each month of a promotion; one comes in the third month ahead."""
    flags = np.zeros(months + horizon)
    flags[[5, 17, 30, 41, 50, 61, months + 2]] = 1
    base = seasonal(11, months + horizon)
    return replace(base, values=base.values[:months] + effect * flags[:months]), Column("promotion", base.start, flags)


def test_a_promotion_known_ahead_moves_its_month_alone(choice):
    series, column = promoted()
    with_it, without = forecast_pool([Item(series, ahead=(column,)), Item(series)], choice, horizon=6)
    base = seasonal(11, 78).values[72:]
    assert with_it.forecast.point[2] == pytest.approx(base[2] + 80, abs=25)
    assert with_it.forecast.point[[0, 1, 3, 4, 5]] == pytest.approx(base[[0, 1, 3, 4, 5]], abs=25)
    assert without.forecast.point[2] < base[2] + 45
    assert with_it.forecast.components["promotion"] == pytest.approx([0, 0, 80, 0, 0, 0], abs=20)


def test_components_add_up_to_the_point_forecast(choice):
    series, column = promoted()
    for outcome in forecast_pool([Item(series, ahead=(column,)), Item(series)], choice, horizon=6):
        assert {"trend", "yearly", "correction"} <= set(outcome.forecast.components)
        assert sum(outcome.forecast.components.values()) == pytest.approx(outcome.forecast.point)


@pytest.mark.parametrize("values", [np.zeros(70), np.full(78, np.nan)])
def test_a_column_that_does_not_reach_is_refused_by_name(values):
    series, _ = promoted()
    [outcome] = forecast_pool([Item(series, ahead=(Column("price", series.start, values),))], NO_CHOICE, horizon=6)
    assert outcome.forecast is None and outcome.reason.startswith("price:")


def test_a_column_learnt_at_past_origins_reaches_them_too():
    series, column = promoted()
    past = [past_of(Item(replace(series, key=str(i)), ahead=(column,)), 6) for i in range(20)]
    found = choose(past, horizon=6, methods=CHEAP)
    bare = choose([Past(Item(p.now.series), p.then) for p in past], horizon=6, methods=CHEAP)
    [pool] = found.champions
    assert found.scores[pool]["theta"].mase < bare.scores[pool]["theta"].mase


# --- cold start ------------------------------------------------------------------------------------------------------


def test_a_young_series_borrows_its_parents_shape_at_its_own_level(choice):
    parent = seasonal(20, 72, noise=0)
    young = replace(parent, key="young", start=date(2023, 9, 1), values=parent.values[-4:] * 2)
    bare, borrowed = forecast_pool([Item(young), Item(young, parent=parent)], choice, horizon=6)
    assert bare.forecast is None and "4 months" in bare.reason
    assert borrowed.method == "cold_start"
    truth = seasonal(20, 78, noise=0).values[72:]
    assert (borrowed.forecast.point > 1.4 * truth).all() and (borrowed.forecast.point < 2.1 * truth).all()


def test_answers_are_refusals_and_not_exceptions():
    answers = answers_of(["theta", "mean_3"], [Item(monthly("x", [1.0, 2.0])), Item(seasonal(1))], 6)
    assert "8 known periods" in str(answers["theta"][0]) and isinstance(answers["mean_3"][1], Forecast)
    assert answers["mean_3"][1].levels == LEVELS
    assert isinstance(NO_CHOICE, Choice)
