"""Arrivals of shipments under way: learnt from the verified log, said anew with each event, read by its parties."""

import json
from dataclasses import replace
from datetime import timedelta

import pytest
from django.core.management import CommandError, call_command
from django.urls import reverse

from forecasting import arrivalproof, jobs
from forecasting import arrivals as said
from forecasting.leadtime import arrivals as heart
from forecasting.leadtime.trips import trips
from forecasting.operations import reproduce_arrivals
from ledger import queries as log
from ledger import tenancy
from ledger.admission import Appended
from ledger.models import Body
from ledger.verified import LogBroken, verified_few
from supplychain import operations
from supplychain.epcis.builders import accept_event as accept
from supplychain.epcis.builders import dispatch_event as dispatch
from supplychain.movements import Movement, Wrong, decode
from supplychain.operations import arrivals
from supplychain.queries import arrivals as queries
from tests.cast import START, sscc
from tests.people import person
from tests.supplychain.api.conftest import caller_for

HOURS = (2.8, 3.0, 3.1, 3.3)


def start(world, unit, promised_in=5.0):
    """Packed, handed to the carrier, on the road to the centre."""
    way = {"final_party": world.centre.uri, "final_location": world.centre.site}
    world.grower.pack(unit)
    promised = world.now + timedelta(hours=promised_in)
    world.grower.dispatch(unit, world.carrier, promised_time=promised, **way)
    world.carrier.accept(unit, world.grower)
    world.carrier.dispatch(unit, world.centre, promised_time=promised, **way)


@pytest.fixture
def history(world):
    """Twenty-four trips of about three hours, every second day."""
    signer, items = operations.EventSigner(log.origin()), []

    def add(hand, event):
        items.append(signer.sign(event, signing_key=operations.held_key(hand.id)).item)

    for number in range(24):
        unit, promised = sscc(100 + number), world.now + timedelta(hours=5)
        way = {"units": [unit], "final_party": world.centre.uri, "final_location": world.centre.site}
        way |= {"promised_time": promised, "read_point": world.grower.site}
        carrier, centre = world.carrier.uri, world.centre.uri
        add(world.grower, dispatch(giver=world.grower.uri, taker=carrier, event_time=world.later(), **way))
        add(world.carrier, accept(units=[unit], giver=world.grower.uri, taker=carrier, event_time=world.later()))
        add(world.carrier, dispatch(giver=carrier, taker=centre, event_time=world.later(), **way))
        arrived = world.later(hours=HOURS[number % 4])
        add(world.centre, accept(units=[unit], giver=carrier, taker=centre, event_time=arrived))
        world.later(hours=40)
    assert all(isinstance(outcome, Appended) for outcome in world.capture(items))
    return world


def perform(world):
    """Do the job that the clock asks for."""
    with tenancy.system():
        job = arrivals.ring_if_stale(now=world.now)
        assert job is not None
        done = jobs.perform(job.id, clock=lambda: world.now)
        assert done.status == "done", done.error
        return done.result


def test_a_shipment_under_way_is_expected_when_its_lane_says_and_waits_with_the_clock(history):
    world, unit = history, sscc(1)
    start(world, unit)
    assert perform(world)["said"] == 1
    shipment = world.shipment(unit)
    with tenancy.acting_for(world.centre.id):
        found = queries.of_shipment(shipment, now=world.now)
        late = queries.of_shipment(shipment, now=world.now + timedelta(hours=4.5))
    assert abs(found.expected.middle - world.now - timedelta(hours=3.05)) < timedelta(minutes=20)
    assert found.expected.risk < 0.1
    assert found.row.tree_size == shipment.last_index + 1
    assert found.row.drivers["lane_passages"] == 24
    assert late.expected.lower95 > world.now + timedelta(hours=4.5)
    assert late.expected.risk > found.expected.risk


def test_every_event_of_a_shipment_is_followed_by_a_new_estimate_and_other_shipments_keep_theirs(history):
    world = history
    start(world, sscc(1))
    start(world, sscc(2))
    assert perform(world)["said"] == 2
    with tenancy.system():
        assert arrivals.ring_if_stale(now=world.now) is None
    world.later(minutes=30)
    world.carrier.observe(sscc(1), biz_step="arriving")
    assert perform(world)["said"] == 1
    with tenancy.system():
        row = said.latest([world.shipment(sscc(1)).id])[world.shipment(sscc(1)).id]
    assert row.last_index == world.shipment(sscc(1)).last_index
    assert row.stage == "dispatch 2"  # no finished trip was seen arriving, so the stage before speaks
    world.carrier.observe(sscc(2), degrees=4.0)
    assert perform(world)["said"] == 1


def learn_again(world):
    """The night's learning."""
    with tenancy.system():
        job = arrivals.request_learning(now=world.now)
        done = jobs.perform(job.id, clock=lambda: world.now)
        assert done.status == "done", done.error
        return done.result


def signed_twice(world):
    """A model that is learnt and signed with what was said at once, and a night later what was said by it since."""
    start(world, sscc(1))
    start(world, sscc(2))
    first = perform(world)
    world.later(minutes=30)
    world.carrier.observe(sscc(1), biz_step="arriving")
    perform(world)
    world.later(hours=20)
    return first["entry"], learn_again(world)["entry"]


def test_what_was_learnt_and_said_is_one_signed_entry_a_night_and_comes_out_again_from_the_log(history):
    world = history
    first, second = signed_twice(world)
    with tenancy.system():
        model = arrivalproof.newest()
        assert (model.statement_index, second > first) == (second, True)
        [entry] = verified_few([second])
        assert entry.statement.type == "forecast" and entry.statement.claims["kind"] == "arrivals"
        assert json.loads(entry.body)["said"] == 1
        assert sorted(said.Arrival.objects.values_list("signed_index", flat=True)) == [first, first, second]
        assert list(arrivalproof.faults()) == []
        earlier = said.ArrivalModel.objects.get(statement_index=first)
        for each, count in ((earlier, 2), (model, 1)):
            again = reproduce_arrivals(each)
            assert (again.differences, again.said) == ([], count)
            assert again.same_versions and again.largest_difference < 1e-9


def test_what_is_changed_of_arrivals_afterwards_is_noticed(history):
    world = history
    _, second = signed_twice(world)
    with tenancy.system():
        row = said.Arrival.objects.filter(signed_index=second).exclude(quantiles=[]).first()
        wrongs = {
            "quantiles": [value * 2 for value in row.quantiles],
            "promised_at": row.made_at,
            "entries": [row.last_index + 10_000],
            "drivers": {"lane_passages": 1_000},
            "signed_index": None,
        }
        for name, wrong in wrongs.items():
            said.Arrival.objects.filter(pk=row.pk).update(**{name: wrong})
            assert any("said of shipments" in what for _, what in arrivalproof.faults()), name
            said.Arrival.objects.filter(pk=row.pk).update(**{name: getattr(row, name)})
        model = arrivalproof.newest()
        for name, wrong in {"method": "guess", "shift": [9.0] * 11, "tree_size": 3, "manifest": b"{}"}.items():
            said.ArrivalModel.objects.filter(pk=model.pk).update(**{name: wrong})
            assert list(arrivalproof.faults()) != [], name
            said.ArrivalModel.objects.filter(pk=model.pk).update(**{name: getattr(model, name)})
        assert list(arrivalproof.faults()) == []


def test_an_estimate_that_was_made_up_with_its_own_root_does_not_come_out_again(history, monkeypatch):
    world = history
    honest = heart.ask
    doubled = lambda *given, **named: [replace(one, quantiles=one.quantiles * 2) for one in honest(*given, **named)]  # noqa: E731
    with monkeypatch.context() as forging:
        forging.setattr(heart, "ask", doubled)
        signed_twice(world)
    with tenancy.system():
        assert list(arrivalproof.faults()) == [], "what was signed is what is stored"
        again = reproduce_arrivals(arrivalproof.newest())
    assert any("comes out otherwise" in what for what in again.differences)


def test_the_command_reproduces_and_verifies_arrivals_and_says_when_they_do_not_hold(history, capsys):
    with pytest.raises(CommandError, match="nothing was signed"):
        call_command("forecast", "verify", "arrivals")
    signed_twice(history)
    call_command("forecast", "verify", "arrivals")
    call_command("forecast", "reproduce", "arrivals")
    out = capsys.readouterr().out
    assert "signed as entry" in out and "1 estimates said again from theirs: the same but for rounding" in out
    with tenancy.system():
        said.Arrival.objects.update(stage="made up")
    with pytest.raises(SystemExit):
        call_command("forecast", "verify", "arrivals")


def test_two_jobs_that_speak_of_the_same_events_keep_what_was_said_first_and_whole(history):
    world = history
    start(world, sscc(1))
    start(world, sscc(2))
    with tenancy.system():
        model = said.learn(now=world.now)
        asked = arrivals._asked(arrivals.stale())
        one, other = (said.say(asked[:count], model=model, now=world.now) for count in (1, 2))
        assert said.store(one) == 1
        assert said.store(other) == 0, "they were said together: the second waits for the next job"
        assert [shipment.id for shipment in arrivals.stale()] == [other[1].scope]


def test_with_a_handful_of_trips_the_reason_is_said_instead(world):
    start(world, sscc(1))
    perform(world)
    with tenancy.system():
        row = said.latest([world.shipment(sscc(1)).id]).popitem()[1]
        assert row.quantiles == []
        assert "Fewer than 20 finished trips" in row.reason
        assert arrivals.stale() == []


def test_only_entries_that_are_there_are_verified(history):
    world = history
    start(world, sscc(1))
    last = world.shipment(sscc(1)).last_index
    perform(world)
    with tenancy.system():
        assert [entry.index for entry in verified_few([last, 3, last])] == [3, last]
        assert verified_few([]) == []
        with pytest.raises(LogBroken, match="not all"):
            verified_few([10**6])


def test_an_entry_is_verified_alone_as_with_the_whole_log(world):
    start(world, sscc(1))
    last = world.shipment(sscc(1)).last_index
    with tenancy.system():
        [entry] = verified_few([last])
        body = Body.objects.get(index=last)
        assert entry.body == bytes(body.body)
        assert entry.checkpoint.tree_size == last + 1
        assert entry.key.party == world.carrier.id.hex


def test_the_decoder_tells_of_hand_overs_and_of_what_was_declared_wrong(world):
    start(world, sscc(1))
    indices = range(world.shipment(sscc(1)).last_index + 1)
    with tenancy.system():
        entries = [entry for entry in verified_few(indices) if entry.statement.type == "event"]
    told = [each for entry in entries for each in decode(entry, signer=world.grower.id)]
    assert [each.kind for each in told] == ["dispatch", "accept", "dispatch"]
    assert told[0].consignee == world.centre.uri
    assert told[0].destination == world.centre.site
    assert told[0].promised is not None
    assert all(isinstance(each, Movement) for each in told)
    assert not any(isinstance(each, Wrong) for each in told)
    assert [trip.is_open for trip in trips(said.Movement(*_fields(each)) for each in told)] == [True]


def _fields(told):
    values = {name: getattr(told, name) for name in told.__slots__}
    return [value.hex if name == "by" else value for name, value in values.items()]


def test_strangers_read_no_arrival_and_parties_read_theirs(history):
    world = history
    start(world, sscc(1))
    perform(world)
    shipment = world.shipment(sscc(1))
    answer = caller_for(world.centre).get(f"/shipments/{shipment.id}/arrival")
    assert answer.status_code == 200
    told = answer.json()
    assert [each["level"] for each in told["quantiles"]] == [0.025, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.975]
    assert told["quantiles"] == sorted(told["quantiles"], key=lambda each: each["at"])
    assert told["tree_size"] == shipment.last_index + 1
    assert 0 <= told["risk"] <= 1
    assert caller_for(world.stranger).get(f"/shipments/{shipment.id}/arrival").status_code == 404
    with tenancy.acting_for(world.stranger.id):
        assert not said.Arrival.objects.exists()
        assert not said.ArrivalModel.objects.exists()
    with tenancy.acting_for(world.centre.id):
        assert said.Arrival.objects.count() == 1
        assert not said.ArrivalModel.objects.exists()


def test_the_page_shows_the_interval_the_risk_and_what_drives_it(history, client):
    world = history
    start(world, sscc(1), promised_in=1.0)
    perform(world)
    shipment = world.shipment(sscc(1))
    client.force_login(person(world.centre, "operator"))
    page = client.get(reverse("shipment", args=[shipment.pk])).content.decode()
    assert 'id="arrival"' in page
    assert "24 earlier trips on this lane" in page
    assert "Made only from this shipment&#x27;s verified events" in page or "verified events under" in page


def test_capture_rings_once_for_all_that_moves_in_a_moment(world):
    arrivals._rung.clear()
    before = jobs.Job.objects.filter(kind=arrivals.KIND).count()
    arrivals.ring(now=START)
    arrivals.ring(now=START + timedelta(seconds=1))
    arrivals.ring(now=START + timedelta(seconds=6))
    assert jobs.Job.objects.filter(kind=arrivals.KIND).count() == before + 2
    arrivals._rung.clear()
