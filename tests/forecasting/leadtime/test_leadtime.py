"""The heart of lead times: nothing is used before it was known, and distributions are what they say."""

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from forecasting.arrivalrows import ArrivalModel
from forecasting.arrivals import _learnt
from forecasting.leadtime import arrivals
from forecasting.leadtime.durations import Duration, censored_quantile, log_normal, log_normal_duration
from forecasting.leadtime.journeys import LEVELS, Journeys
from forecasting.leadtime.models import log_normal_method, table_method
from forecasting.leadtime.promotion import Score, calibrated, held, out_of_time, promoted, score, spreads
from forecasting.leadtime.risk import RiskSettings, auc, lateness
from forecasting.leadtime.running import Grouping, running_mean
from forecasting.leadtime.trips import Movement, passages, trips, under_way

EPOCH = datetime(2026, 1, 5, 6, tzinfo=UTC)


def journeys(start, duration, lane=None, known=None):
    start, duration = np.array(start, dtype=float), np.array(duration, dtype=float)
    known = np.where(np.isnan(duration), np.inf, start + duration) if known is None else np.array(known)
    return Journeys(start, known, duration, {"lane": tuple(lane or ["a"] * len(start))}, {})


def test_a_running_mean_knows_no_outcome_before_it_was_known():
    start, known, value = np.array([0.0, 1.0, 5.0]), np.array([4.0, 2.0, 9.0]), np.array([10.0, 20.0, 99.0])
    found = running_mean(start, known, value, np.zeros(3, dtype=int), strength=0.0001, parent=np.zeros(3))
    assert found.weight.tolist() == [0, 0, 2]
    assert found.mean[2] == pytest.approx(15.0, abs=1e-3)
    assert found.mean[1] == 0.0


def test_a_running_mean_forgets_by_half_in_a_half_life():
    start, known = np.array([0.0, 1.0, 12.0]), np.array([0.5, 10.5, 13.0])
    found = running_mean(
        start, known, np.array([0.0, 3.0, 0.0]), np.zeros(3, dtype=int), half_life=10, strength=1e-9, parent=np.zeros(3)
    )
    assert found.mean[2] == pytest.approx(3.0 / 1.5, rel=1e-6)  # the first is ten days older, so weighs half


def test_the_running_mean_of_all_is_shrunk_to_the_prior():
    found = running_mean(np.array([1.0]), np.array([2.0]), np.array([5.0]), np.zeros(1, dtype=int), prior=0.1)
    assert found.mean.tolist() == [0.1]


def test_a_table_is_shrunk_from_all_to_the_lane():
    history = journeys([0] * 10 + [1] * 10 + [20], [1] * 10 + [3] * 10 + [np.nan], ["a"] * 10 + ["b"] * 11)
    wanted = history.start == 20
    [row] = table_method(history, [("lane",)])(20.0)(wanted)
    assert row[LEVELS.index(0.5)] == pytest.approx((3 + 2) / 2)  # ten of its own weigh as much as the table of all
    [early] = table_method(history, [("lane",)])(0.5)(wanted)
    assert np.isnan(early).all()  # nothing was known then


def test_an_open_journey_counts_as_longer_than_its_age():
    rng = np.random.default_rng(7)
    logs = rng.normal(1.0, 0.5, 4000)
    limit = np.full(4000, 1.2)
    closed = logs <= limit
    mean, spread = log_normal(np.minimum(logs, limit), closed)
    assert mean == pytest.approx(1.0, abs=0.04)
    assert spread == pytest.approx(0.5, abs=0.04)
    assert logs[closed].mean() < 0.8  # what those who forget the open ones would say


def test_the_censored_quantile_is_the_plain_one_without_censoring_and_larger_with_it():
    values = np.arange(1.0, 101.0)
    everything = np.ones(100, dtype=bool)
    assert censored_quantile(values, everything, 0.8) == 80.0
    assert censored_quantile(values, values % 3 != 0, 0.8) > 80.0
    assert censored_quantile(values, values < 50, 0.9) == 100.0


def test_a_duration_that_is_not_over_yet_is_longer():
    day = log_normal_duration(0.0, 0.4)
    assert day.at(0.5) == pytest.approx(1.0)
    assert day.below(1.0) == pytest.approx(0.5)
    later = day.beyond(1.0)
    assert later.at(0.5) == pytest.approx(day.at(0.75), rel=0.01)
    assert (later.quantiles > 1.0).all()
    forgotten = day.beyond(50.0)
    assert (np.diff(forgotten.quantiles) > 0).all()
    assert forgotten.quantiles[0] > 50.0


def test_a_constant_duration_has_a_distribution_too():
    fixed = Duration(np.full(len(LEVELS), 2.0))
    assert fixed.below(1.5) < 0.01
    assert fixed.below(2.5) > 0.99
    assert fixed.beyond(3.0).at(0.5) > 3.0


def test_calibration_makes_too_narrow_quantiles_true_on_later_journeys():
    rng = np.random.default_rng(3)
    n = 3000
    history = journeys(np.sort(rng.uniform(0, 900, n)), np.exp(rng.normal(1, 0.6, n)))
    narrow = np.tile(
        np.exp(1 + 0.2 * np.array([-1.96, -1.28, -0.84, -0.52, -0.25, 0, 0.25, 0.52, 0.84, 1.28, 1.96])), (n, 1)
    )
    judged = history.start >= 450
    before = score(history, narrow, judged=judged)
    after = score(history, calibrated(history, narrow, since=450), judged=judged)
    assert before.cover80 < 0.5
    assert after.cover80 == pytest.approx(0.8, abs=0.03)
    assert after.pinball < before.pinball


def test_what_was_wrong_again_and_again_is_spread_until_it_holds():
    """Each month is slower or quicker than all before, by chance: a calibration on any of them holds too little."""
    rng = np.random.default_rng(11)
    n = 6000
    start = np.sort(rng.uniform(0, 3600, n))
    level = rng.normal(0, 0.4, 120)[(start // 30).astype(int)]
    history = journeys(start, np.exp(1 + level + rng.normal(0, 0.4, n)))
    z = np.array([-1.96, -1.28, -0.84, -0.52, -0.25, 0, 0.25, 0.52, 0.84, 1.28, 1.96])
    narrow = np.exp(1 + 0.4 * np.tile(z, (n, 1)))
    told = np.ones(n, dtype=bool)
    spread = held(history, narrow, told=told, since=900)
    before, after = (score(history, each, judged=start >= 1800) for each in (narrow, spread))
    assert before.cover80 < 0.7
    assert before.cover80 + 0.6 * (0.8 - before.cover80) < after.cover80 < 0.83  # what is seen is not believed at once
    assert after.pinball < before.pinball * 1.01
    assert spread[:, LEVELS.index(0.5)] == pytest.approx(narrow[:, LEVELS.index(0.5)])


def test_what_held_is_not_spread_and_few_journeys_spread_nothing():
    rng = np.random.default_rng(12)
    history = journeys(np.sort(rng.uniform(0, 900, 3000)), np.exp(rng.normal(1, 0.4, 3000)))
    z = np.array([-1.96, -1.28, -0.84, -0.52, -0.25, 0, 0.25, 0.52, 0.84, 1.28, 1.96])
    true, told = np.exp(1 + 0.4 * np.tile(z, (3000, 1))), np.ones(3000, dtype=bool)
    assert spreads(history, true, told=told, at=900) == pytest.approx(1.0, abs=0.06)
    assert spreads(history, true, told=told, at=10) is None
    assert spreads(history, true, told=~told, at=900) is None


def test_the_table_stays_unless_a_challenger_was_better_on_as_many_journeys():
    table, better, lucky = Score(2.0, 0.8, 0.95, 100), Score(1.9, 0.8, 0.95, 100), Score(0.1, 0.8, 0.95, 5)
    assert promoted({"table": table, "boosted": better, "log-normal": lucky}, baseline="table") == "boosted"
    assert promoted({"table": table, "boosted": Score(2.0, 0.8, 0.95, 100)}, baseline="table") == "table"
    assert promoted({"table": table, "boosted": None}, baseline="table") == "table"


def test_out_of_time_quantiles_do_not_change_when_the_future_does():
    rng = np.random.default_rng(5)
    start, duration = np.sort(rng.uniform(0, 100, 400)), rng.uniform(1, 5, 400)
    changed = np.where(start > 60, duration * 50, duration)
    for method in (table_method, log_normal_method):
        one, two = journeys(start, duration), journeys(start, changed)
        a = out_of_time(one, method(one, [("lane",)]), since=40, every=20)
        b = out_of_time(two, method(two, [("lane",)]), since=40, every=20)
        early = (start >= 40) & (start < 60)
        assert np.isfinite(a[early]).all()
        assert (a[early] == b[early]).all()


def test_auc_counts_ordered_pairs():
    assert auc([False, False, True, True], np.array([0.1, 0.4, 0.35, 0.8])) == 0.75
    assert auc([False, True], np.array([0.5, 0.5])) == 0.5
    assert auc([True, True], np.array([0.1, 0.2])) is None


def test_the_challenger_finds_what_the_lane_alone_does_not_tell_and_uses_no_later_outcome():
    rng = np.random.default_rng(1)
    n = 1500
    start = np.sort(rng.uniform(0, 1000, n))
    maker = rng.integers(0, 6, n)
    late = (rng.random(n) < np.where(maker == 0, 0.7, 0.05)).astype(float)
    labels = {"lane": tuple(str(i) for i in rng.integers(0, 5, n)), "maker": tuple(map(str, maker))}
    history = Journeys(start, start + 10, np.full(n, 10.0), labels, {})
    settings = RiskSettings(("lane",), (Grouping(("maker",)), Grouping(("lane",))))
    found = lateness(history, late, settings, since=500)
    judged = start >= 500
    assert auc(late[judged], found.combined[judged]) > auc(late[judged], found.rate[judged]) + 0.15
    flipped = late.copy()
    flipped[start > 700] = 1 - flipped[start > 700]
    again = lateness(history, flipped, settings, since=500)
    early = judged & (start < 590)
    assert (again.combined[early] == found.combined[early]).all()


# --- trips -----------------------------------------------------------------------------------------------------------


def moved(unit, kind, hours, by, taker="", index=0, **more):
    at = EPOCH + timedelta(hours=hours)
    return Movement(unit, kind, at, at, by, taker=taker, index=index, source=f"{unit} {kind} {hours}", **more)


def carried(unit, hours, takes, **more):
    promised = EPOCH + timedelta(hours=hours + 5)
    way = {"origin": "lyss", "destination": "oensingen", "consignee": "centre"}
    return [
        moved(unit, "dispatch", hours, "packer", "carrier", promised=promised, **way),
        moved(unit, "accept", hours + 1, "carrier", "carrier"),
        moved(unit, "dispatch", hours + 1.5, "carrier", "centre", **way),
        *([moved(unit, "accept", hours + takes, "centre", "centre")] if takes else []),
    ]


def test_a_trip_ends_where_the_one_it_is_for_takes_it_and_not_with_the_carrier():
    [trip] = trips(carried("u", 0, 4.0))
    assert trip.arrived_at == EPOCH + timedelta(hours=4)
    assert trip.lane == "lyss > oensingen"
    assert [stage.name for stage in trip.stages] == ["dispatch 1", "accept 1", "dispatch 2"]
    assert trip.is_late is False
    assert trips(carried("u", 0, 6.0))[0].is_late is True
    assert trips(carried("u", 0, None))[0].is_open


def test_a_unit_that_is_used_again_makes_a_second_trip():
    again = trips([*carried("u", 0, 4.0), *carried("u", 100, 5.0)])
    assert [trip.arrived_at for trip in again] == [EPOCH + timedelta(hours=h) for h in (4, 105)]


def test_what_was_declared_wrong_counts_no_more():
    movements = carried("u", 0, 4.0)
    [trip] = trips(movements, wrong=[movements[-1].source])
    assert trip.is_open
    [asked] = under_way([trip])
    assert asked.stage.name == "dispatch 2"


def world(count=60):
    rng = np.random.default_rng(2)
    found = []
    for number in range(count):
        found += carried(f"u{number}", 24.0 * number, float(3.0 * np.exp(rng.normal(0, 0.15))))
    return found


def test_a_shipment_under_way_gets_times_that_sharpen_and_wait():
    done = passages(trips(world()))
    now = EPOCH + timedelta(days=60, hours=2)
    learnt = arrivals.learn(done, now=now)
    assert learnt.scores["table"].journeys > 80
    first, last = (under_way(trips(carried("new", 24.0 * 60, None)[:n]))[0] for n in (1, 3))
    spreads = []
    for asked in (first, last):
        [duration] = arrivals.ask(done, [asked], learnt, now=now)
        expected = arrivals.expect(duration, since=asked.stage.at, now=now, promised=asked.trip.promised)
        assert expected.lower95 <= expected.lower80 <= expected.middle <= expected.upper80 <= expected.upper95
        assert expected.lower95 > now
        assert abs(expected.middle - (EPOCH + timedelta(days=60, hours=3))) < timedelta(minutes=25)
        assert expected.risk < 0.05
        spreads.append(expected.upper80 - expected.lower80)
    late = arrivals.expect(duration, since=last.stage.at, now=now + timedelta(hours=2.5), promised=last.trip.promised)
    assert late.middle > now + timedelta(hours=2.5)
    assert late.risk > 0.05
    passed = arrivals.expect(duration, since=last.stage.at, now=now + timedelta(days=2), promised=last.trip.promised)
    assert passed.risk == 1.0
    assert passed.middle > now + timedelta(days=2)
    why = arrivals.drivers(done, last, duration, now=now)
    assert (why.lane_passages, why.promised, why.late) == (60, 60, 0)


def test_what_is_learnt_is_kept_and_spreads_what_is_said():
    done, now = passages(trips(world())), EPOCH + timedelta(days=60, hours=2)
    asked = under_way(trips(carried("new", 24.0 * 60, None)))[0]
    said = []
    for told in ([0.0] * 11, {"shift": [0.0] * 11, "spread": None}, {"shift": [0.0] * 11, "spread": [1.5] * 11}):
        learnt = _learnt(ArrivalModel(method="table", shift=told, passages=len(done)))
        [duration] = arrivals.ask(done, [asked], learnt, now=now)
        said.append(np.log(duration.quantiles))
    old, same, wider = said  # a list: learnt before there were spreads
    middle = LEVELS.index(0.5)
    assert (old == same).all()
    assert wider - wider[middle] == pytest.approx(1.5 * (old - old[middle]))
    assert _learnt(ArrivalModel(method="", passages=3)) is None


def test_nothing_is_said_of_a_handful_of_trips():
    done = passages(trips(world(5)))
    assert arrivals.learn(done, now=EPOCH + timedelta(days=9)) is None
