"""The simulated trade: believable, whole, and lawful by the rules of custody."""

from collections import Counter, defaultdict
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest

from supplychain.custody import CustodyRefused, Happened, Parties, Party, act_of, decide, undo, units_of
from supplychain.demo.cast import PARTIES, PRODUCTS, SITES
from supplychain.demo.script import swiss_day, swiss_time
from supplychain.demo.world import World, simulate
from supplychain.epcis import parse_event
from supplychain.epcis.builders import body_bytes
from supplychain.epcis.contexts import WAYLOG_CONTEXT
from supplychain.epcis.identifiers import parse_identifier
from supplychain.observations import Observation, choose_kinds, decode

NOW = datetime(2026, 7, 22, 11, 30, tzinfo=UTC)
DAYS = 40


@pytest.fixture(scope="module")
def world() -> World:
    return simulate(NOW, days=DAYS)


class Custody:
    """Plays acts by the product's rules, as capture would."""

    def __init__(self) -> None:
        self.cast = {key: Party(uuid4(), each.name, each.uri) for key, each in PARTIES.items()}
        self.parties = Parties(
            {each.id: each for each in self.cast.values()}, {each.uri: each for each in self.cast.values()}
        )
        self.states = {}
        self.happened = defaultdict(list)
        self.acts = Counter()

    def play(self, index, act):
        event, signer = parse_event(act.event, WAYLOG_CONTEXT), self.cast[act.by]
        self.acts[act_of(event).value] += 1
        for unit in units_of(event):
            if event.error_declaration is None:
                made = decide(self.states.get(unit), event, unit=unit, signer=signer, parties=self.parties)
                self.happened[unit].append(Happened(index, event, signer))
            else:
                wrong = next(each.index for each in self.happened[unit] if each.event.event_id == event.event_id)
                made = undo(
                    self.states[unit],
                    self.happened[unit],
                    index=wrong,
                    at=act.at,
                    signer=signer,
                    parties=self.parties,
                )
                self.happened[unit] = [each for each in self.happened[unit] if each.index != wrong]
            self.states[unit] = made.state


@pytest.fixture(scope="module")
def custody(world: World) -> Custody:
    custody = Custody()
    for index, act in enumerate(world.acts):
        custody.play(index, act)
    return custody


def test_every_act_is_admitted_by_custody_in_the_order_of_time(world, custody):
    assert [act.at for act in world.acts] == sorted(act.at for act in world.acts)
    assert max(act.at for act in world.acts) <= NOW
    assert len(custody.states) > 5 * DAYS


def test_the_same_seed_gives_the_same_world_and_another_gives_another():
    first, again = simulate(NOW, days=6), simulate(NOW, days=6)
    assert first == again
    assert simulate(NOW, days=6, seed=7) != first


@pytest.mark.parametrize("hours", [0, 5, 13, 21])
def test_the_present_is_alive_at_any_hour(hours):
    custody, now = Custody(), NOW + timedelta(hours=hours)
    world = simulate(now, days=8)
    for index, act in enumerate(world.acts):
        custody.play(index, act)
    going = [state for state in custody.states.values() if state.is_open]
    statuses = Counter(state.status for state in going)
    assert statuses["packed"] >= 2
    assert statuses["accepted"] >= 2
    late = [state for state in going if state.status == "dispatched" and state.promised_at < now]
    assert len(late) >= 2
    assert statuses["dispatched"] - len(late) >= 4
    assert any(state.discrepancy and state.discrepancy.answer == "open" for state in going)
    assert any(state.temperature_limit and (state.temperature_max or 0) > state.temperature_limit for state in going)


def test_what_went_wrong_is_there_to_see(custody):
    answers = Counter(each.answer for state in custody.states.values() for each in state.discrepancies)
    assert answers["disputed"] == 1
    assert answers["acknowledged"] >= 2
    assert answers["open"] >= 1
    closed = [state for state in custody.states.values() if not state.is_open]
    breached = [s for s in closed if s.temperature_limit and (s.temperature_max or 0) > s.temperature_limit]
    assert len(breached) == 1
    late = sum(state.accepted_at > state.promised_at for state in closed if state.accepted_at and state.promised_at)
    assert 0.02 < late / len(closed) < 0.2


def test_a_year_holds_a_corrected_event_and_enough_to_learn_from():
    world = simulate(NOW)
    kinds = Counter("errorDeclaration" in act.event for act in world.acts)
    assert kinds[True] >= 1
    assert 14_500 <= len(world.acts) <= 16_500
    units = {act.event["parentID"] for act in world.acts if act.event.get("bizStep") == "packing"}
    assert 2_900 <= len(units) <= 3_300
    sold = defaultdict(dict)
    for each in demand(world):
        assert each.known_at >= each.at
        if each.kind == "consumption":
            day = swiss_day(each.at)
            sold[each.product, each.site][day] = sold[each.product, each.site].get(day, 0) + each.quantity
    assert len(sold) == 8
    for days in sold.values():
        assert len(days) > 380
        fridays = [amount for day, amount in days.items() if day.weekday() == 4]
        sundays = [amount for day, amount in days.items() if day.weekday() == 6]
        assert sum(fridays) / len(fridays) > 1.2 * sum(sundays) / len(sundays)


def demand(world: World) -> list[Observation]:
    """What forecasts see of it."""

    @dataclass
    class Entry:
        index: int
        record_time: datetime
        body: bytes

    signers = {key: uuid4() for key in PARTIES}
    told = (
        each
        for index, act in enumerate(world.acts)
        for each in decode(Entry(index, NOW, body_bytes(act.event)), signer=signers[act.by])
    )
    return choose_kinds(each for each in told if isinstance(each, Observation))


def test_nothing_is_sold_that_was_not_packed_and_nothing_packed_that_was_not_harvested(world):
    packed, sold, used, harvested = Counter(), Counter(), Counter(), Counter()
    for act in world.acts:
        event = act.event
        for item in event.get("outputQuantityList", ()):
            packed[item["epcClass"]] += item["quantity"]
        for item in event.get("inputQuantityList", ()):
            used[item["epcClass"]] += item["quantity"]
        if event.get("bizStep") == "retail_selling":
            for item in event["quantityList"]:
                sold[item["epcClass"]] += item["quantity"]
        if event.get("bizStep") == "packing" and act.by in ("seeland", "rhone"):
            for item in event["childQuantityList"]:
                harvested[item["epcClass"]] += item["quantity"]
    assert sold and all(packed[lot] >= amount for lot, amount in sold.items())
    assert used and all(harvested[lot] >= amount for lot, amount in used.items())


def test_the_past_is_attested_and_the_last_day_is_live(world):
    for act in world.acts:
        known_at = act.event.get("waylog:knownAt")
        if "errorDeclaration" in act.event:
            continue
        assert (known_at is None) == (act.at >= NOW - timedelta(hours=24))
        if known_at is not None:
            assert act.at <= datetime.fromisoformat(known_at) <= NOW


def test_what_is_tried_in_vain_breaks_the_rules_of_custody(world, custody):
    assert len(world.attempts) == 2
    for act in world.attempts:
        event = parse_event(act.event, WAYLOG_CONTEXT)
        [unit] = units_of(event)
        with pytest.raises(CustodyRefused):
            decide(custody.states[unit], event, unit=unit, signer=custody.cast[act.by], parties=custody.parties)


def test_all_keys_are_well_formed_and_of_the_prefix_for_demonstrations():
    for uri in [party.uri for party in PARTIES.values()] + [site.uri for site in SITES.values()]:
        assert parse_identifier(uri).key.startswith("952")
    for product in PRODUCTS.values():
        assert parse_identifier(product.uri).key[1:].startswith("952")


def test_summer_time_follows_the_rule():
    assert swiss_time(NOW.date(), 60).utcoffset() == timedelta(hours=2)
    assert swiss_time(datetime(2026, 3, 28).date(), 60).utcoffset() == timedelta(hours=1)
    assert swiss_time(datetime(2026, 3, 29).date(), 300).utcoffset() == timedelta(hours=2)
    assert swiss_time(datetime(2026, 10, 25).date(), 300).utcoffset() == timedelta(hours=1)
