"""Inventory and routes: the closed form as oracle, stock from changes and counts, routes that keep to limits."""

from datetime import UTC, datetime, timedelta
from math import sqrt
from statistics import NormalDist
from uuid import UUID

import numpy as np
import pytest

from forecasting.leadtime.journeys import LEVELS
from forecasting.planning.inventory import (
    Policy,
    PolicyRefused,
    Position,
    demand_over,
    demand_paths,
    lead_times,
    propose,
    rounded,
)
from forecasting.planning.routing import RoutingRefused, Stop, Travel, Vehicle, kilometres, plan
from forecasting.planning.simulation import min_max, play, together
from forecasting.planning.stock import Change, Key, positions
from forecasting.timeseries.likeness import Likeness

Z = np.array([NormalDist().inv_cdf(level) for level in LEVELS])
NOW = datetime(2026, 5, 4, 8, tzinfo=UTC)
KEY = Key(UUID(int=1), "site", "apples", "")


def normal(mean, spread, steps=12):
    return np.tile(mean + spread * Z, (steps, 1))


def fixed(length):
    return np.full(len(LEVELS), float(length))


def test_the_reorder_point_is_the_closed_form_for_normal_demand_and_a_fixed_lead_time():
    paths = demand_paths(LEVELS, normal(100, 20), draws=40_000, likeness=Likeness(0, 0))
    found = propose(Policy(0.95), Position(0), paths=paths, leads=lead_times(LEVELS, fixed(4), draws=40_000))
    z = NormalDist().inv_cdf(0.95)
    assert found.reorder_point == pytest.approx(400 + z * 20 * sqrt(4), rel=0.01)
    assert found.order_up_to == pytest.approx(500 + z * 20 * sqrt(5), rel=0.01)
    assert found.safety == pytest.approx(z * 20 * sqrt(5), rel=0.05)


def test_a_lead_time_that_varies_asks_for_more_as_the_closed_form_says():
    paths = demand_paths(LEVELS, normal(100, 20), draws=40_000, likeness=Likeness(0, 0))
    leads = lead_times(LEVELS, 4 + 0.5 * Z, draws=40_000)
    demand = demand_over(paths, leads)
    assert demand.mean() == pytest.approx(400, rel=0.01)
    assert demand.std() == pytest.approx(sqrt(4 * 20**2 + 100**2 * 0.5**2), rel=0.03)


def test_errors_that_persist_ask_for_more_than_independent_ones():
    alone, alike = (
        demand_over(demand_paths(LEVELS, normal(100, 20), likeness=Likeness(1, p)), np.full(4000, 6.0))
        for p in (0, 0.6)
    )
    assert alike.std() > 1.3 * alone.std()
    assert alike.mean() == pytest.approx(alone.mean(), rel=0.02)


def test_a_length_beyond_the_horizon_goes_on_with_the_last_step_and_a_part_counts_its_share():
    paths = np.array([[1.0, 2.0]])
    assert demand_over(paths, np.array([1.5])).tolist() == [2.0]
    assert demand_over(paths, np.array([4.0])).tolist() == [7.0]
    assert demand_over(paths, np.array([0.0])).tolist() == [0.0]


def test_what_is_there_and_coming_is_not_ordered_again_and_the_risk_follows():
    paths, leads = demand_paths(LEVELS, normal(10, 3)), lead_times(LEVELS, fixed(2))
    policy = Policy(0.95, pack=12, minimum=24)
    empty = propose(policy, Position(0), paths=paths, leads=leads)
    assert empty.quantity % 12 == 0
    assert 0 <= empty.quantity - empty.order_up_to < 12
    assert empty.risk == 1.0
    assert empty.risk_if_ordered <= 0.05
    covered = propose(policy, Position(20, on_order=30), paths=paths, leads=leads)
    assert (covered.quantity, covered.risk) == (0.0, 0.0)
    owed = propose(policy, Position(20, on_order=30, owed=40), paths=paths, leads=leads)
    assert owed.quantity >= 24


def test_an_order_is_whole_packs_at_least_the_minimum_and_at_most_what_may_be_ordered():
    assert rounded(0, Policy(minimum=50)) == 0
    assert rounded(3, Policy(pack=5, minimum=12)) == 15
    assert rounded(23, Policy(pack=5)) == 25
    assert rounded(99, Policy(pack=5, most=52)) == 50


@pytest.mark.parametrize("wrong", [{"target": 1.0}, {"target": 0.2}, {"pack": 0}, {"review": 0}, {"minimum": -1}])
def test_a_policy_that_makes_no_sense_is_refused(wrong):
    with pytest.raises(PolicyRefused):
        Policy(**wrong)


# --- stock -----------------------------------------------------------------------------------------------------------


def change(kind, quantity, minutes, source=""):
    return Change(KEY, kind, quantity, NOW + timedelta(minutes=minutes), source or f"{kind}{minutes}", minutes)


def test_a_count_sets_right_what_came_before_and_later_changes_go_on_from_it():
    told = [change("out", 5, 0), change("in", 100, 1), change("count", 80, 2), change("out", 10, 3), change("in", 7, 4)]
    held = positions(told, now=NOW + timedelta(hours=1))[KEY]
    assert (held.on_hand, held.counted_at) == (77, NOW + timedelta(minutes=2))
    assert positions(told, now=NOW + timedelta(minutes=1))[KEY].on_hand == 95
    assert not positions(told, now=NOW)[KEY].is_plausible


def test_what_comes_in_fills_open_orders_and_what_was_declared_wrong_counts_no_more():
    told = [change("order", 50, 0), change("in", 20, 1), change("order", 10, 2)]
    held = positions(told, now=NOW + timedelta(hours=1))[KEY]
    assert (held.on_hand, held.on_order) == (20, 40)
    assert positions(told, now=NOW + timedelta(hours=1), wrong=["order0"])[KEY].on_order == 10


# --- simulation ------------------------------------------------------------------------------------------------------


def test_a_level_of_the_right_quantile_achieves_its_service_and_a_lower_one_does_not():
    rng = np.random.default_rng(4)
    demand = np.round(np.maximum(rng.normal(100, 20, 3000), 0))
    z = NormalDist().inv_cdf(0.95)
    good = play(demand, lambda period: 200 + z * 20 * sqrt(2), lead=1, policy=Policy(), opening=230)
    poor = play(demand, lambda period: 200.0, lead=1, policy=Policy(), opening=230)
    assert good.service == pytest.approx(0.95, abs=0.015)
    assert poor.service < 0.7
    assert good.met / good.demand > 0.99
    assert good.stock > poor.stock


def test_demand_that_is_not_met_is_lost_and_an_order_takes_its_lead_time():
    played = play(np.array([5.0, 5.0, 5.0, 5.0]), lambda period: 10.0, lead=2, policy=Policy(), opening=5)
    assert played.short == 1  # ordered in the first period, there in the third
    assert played.met == 15
    achieved = together([played], [5.0])
    assert (achieved.service, achieved.fill) == (0.75, 0.75)
    assert min_max(np.full(12, 4.0), lead=1) == (12.0, 16.0)


# --- routes ----------------------------------------------------------------------------------------------------------

DEPOT = Stop("oensingen", 47.2876, 7.7167)
ZURICH = Stop("zurich", 47.3782, 8.5402, load=80, opens=300, closes=600)
LAUSANNE = Stop("lausanne", 46.5169, 6.6291, load=60, opens=300, closes=660)


def test_routes_keep_capacities_and_windows_and_serve_everybody():
    found = plan(DEPOT, [ZURICH, LAUSANNE], [Vehicle(f"V{n}", 70, 240, 960) for n in range(4)], iterations=200)
    assert not found.left_out
    assert sum(route.load for route in found.routes) == pytest.approx(140)
    for route in found.routes:
        assert route.load <= 70
        assert 240 <= route.departs < route.returns <= 960
        for visit in route.visits:
            assert visit.stop.opens <= visit.arrives <= visit.stop.closes
            assert visit.leaves == visit.arrives + visit.stop.service


def test_a_vehicle_comes_back_to_load_again_where_one_trip_does_not_do():
    found = plan(DEPOT, [ZURICH, LAUSANNE], [Vehicle("V", 80, 240, 960)], iterations=200)
    assert not found.left_out
    first, second = found.routes
    assert (first.vehicle.name, second.vehicle.name) == ("V", "V")
    assert first.load + second.load == 140
    assert second.departs >= first.returns
    assert second.returns <= 960


def test_travel_times_come_from_history_where_there_is_some():
    slow = Travel({("oensingen", "zurich"): 200.0})
    assert slow.minutes(ZURICH, DEPOT) == 200.0
    assert slow.minutes(DEPOT, LAUSANNE) == pytest.approx(kilometres(DEPOT, LAUSANNE))
    [route] = plan(DEPOT, [ZURICH], [Vehicle("V", 100)], travel=slow, iterations=50).routes
    assert route.returns - route.departs == 2 * 200 + 20


def test_what_cannot_be_reached_in_time_is_left_out_and_a_truck_back_late_starts_late():
    closes = Stop("zurich", 47.3782, 8.5402, load=10, opens=0, closes=30)
    assert plan(DEPOT, [closes], [Vehicle("V", 100, 0, 900)], iterations=50).left_out == (closes,)
    [route] = plan(DEPOT, [ZURICH], [Vehicle("V", 100, 400, 900)], iterations=50).routes
    assert route.departs >= 400


def test_nothing_can_be_planned_without_a_vehicle_and_nothing_is_planned_without_loads():
    with pytest.raises(RoutingRefused, match="no vehicle"):
        plan(DEPOT, [ZURICH], [Vehicle("V", 0)])
    assert plan(DEPOT, [], [Vehicle("V", 1)]).routes == ()
