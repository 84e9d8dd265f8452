"""What a party comes to read only after it was captured is sent to it then: in order, once, and to nobody else."""

from datetime import timedelta

import pytest
from django.db import connection

from ledger import tenancy
from supplychain.epcis import builders
from supplychain.epcis.query import read_query
from supplychain.models import LateEvent, Subscription
from supplychain.operations import rebuild
from supplychain.operations.subscriptions import manage
from supplychain.queries.candidates import Opened
from supplychain.queries.epcis_events import opened_since
from tests.cast import sscc


def ids_of(desk, *made):
    return [desk.world.event(each.index).event_id for each in made]


@pytest.fixture
def passed(desk):
    """A subscription of the carrier's that has gone past two packings it could not read; both, and an own event."""
    row = desk.subscribe(desk.world.carrier)
    packed = [desk.world.packer.pack(sscc(number)) for number in (1, 2)]
    own = desk.world.carrier.pack(sscc(9))
    after = desk.work(row)
    assert desk.receiver.taken == ids_of(desk, own) and after.position == own.index + 1
    desk.receiver.got.clear()
    return row, packed


def test_an_event_that_is_opened_late_is_sent_then_before_the_one_that_opened_it(desk, passed):
    row, packed = passed
    dispatched = desk.world.packer.dispatch(sscc(1), desk.world.carrier)
    after = desk.work(row)
    assert desk.receiver.taken == ids_of(desk, packed[0], dispatched)
    assert (after.position, after.within) == (dispatched.index + 1, 0)
    seen = desk.world.packer.observe(sscc(1))
    desk.work(row)
    desk.work(row)
    assert desk.receiver.taken == ids_of(desk, packed[0], dispatched, seen)


def test_a_delivery_of_late_events_tells_which_indexes_it_holds(desk, passed):
    row, packed = passed
    dispatched = desk.world.packer.dispatch(sscc(1), desk.world.carrier)
    desk.work(row)
    [request] = desk.receiver.got
    assert request.headers["Waylog-Indexes"] == f"{packed[0].index}-{dispatched.index}"


def test_a_restart_in_the_middle_of_what_one_entry_opened_repeats_and_leaves_out_nothing(desk, passed):
    row, packed = passed
    seen = [desk.world.packer.observe(sscc(1)) for _ in range(3)]
    dispatched = desk.world.packer.dispatch(sscc(1), desk.world.carrier)
    with tenancy.system():
        Subscription.objects.update(batch=2)
    desk.receiver.answers = [204, 500]
    broken = desk.work(row)
    assert (broken.position, broken.within) == (dispatched.index, seen[0].index + 1)
    assert broken.failures == 1
    desk.world.later(minutes=10)
    done = desk.work(row)
    refused = desk.receiver.got.pop(1)
    assert [event["eventID"] for event in refused.events] == ids_of(desk, *seen[1:], dispatched)
    assert desk.receiver.taken == ids_of(desk, packed[0], *seen, dispatched)
    assert (done.position, done.within) == (dispatched.index + 1, 0)


def test_each_subscriber_is_sent_it_when_it_may_read_it_and_a_stranger_never(desk, passed):
    row, packed = passed
    world = desk.world
    buyer, stranger = desk.subscribe(world.shop), desk.subscribe(world.stranger)
    world.packer.dispatch(sscc(1), world.carrier)
    for each in (buyer, stranger):
        desk.work(each)
    assert desk.receiver.taken == []
    accepted = world.carrier.accept(sscc(1), world.packer)
    desk.work(row)
    to_carrier = desk.receiver.taken
    assert to_carrier[0] == ids_of(desk, packed[0])[0] and to_carrier[-1] == ids_of(desk, accepted)[0]
    desk.receiver.got.clear()
    world.carrier.dispatch(sscc(1), world.shop)
    desk.work(buyer)
    assert desk.receiver.taken[:3] == to_carrier and len(desk.receiver.taken) == 4
    desk.receiver.got.clear()
    desk.work(stranger)
    assert desk.receiver.got == []


def test_an_event_of_two_shipments_is_sent_with_the_first_that_is_opened_alone(desk, passed):
    row, packed = passed
    world = desk.world
    both = world.packer.capture(builders.observe_event(units=[sscc(1), sscc(2)], event_time=world.later()))
    first = world.packer.dispatch(sscc(1), world.carrier)
    desk.work(row)
    assert desk.receiver.taken == ids_of(desk, packed[0], both, first)
    desk.receiver.got.clear()
    second = world.packer.dispatch(sscc(2), world.carrier)
    desk.work(row)
    assert desk.receiver.taken == ids_of(desk, packed[1], second)
    with tenancy.system():
        assert not list(rebuild.differences())


def test_only_late_events_that_the_query_finds_are_sent(desk, passed):
    _, packed = passed
    query = desk.query(desk.world.carrier, "packed", EQ_bizStep=["packing"])
    row = desk.subscribe(desk.world.carrier, query=query)
    desk.world.packer.observe(sscc(1))
    desk.world.packer.dispatch(sscc(1), desk.world.carrier)
    desk.work(row)
    assert desk.receiver.taken == ids_of(desk, packed[0])


def test_a_schedule_sends_them_at_its_time(desk):
    row = desk.subscribe(desk.world.carrier, schedule={"hour": "12"})
    packed = desk.world.packer.pack(sscc(1))
    desk.world.now = desk.world.now.replace(hour=12, minute=0, second=0) + timedelta(days=1)
    desk.work(row)
    assert desk.receiver.got == []
    dispatched = desk.world.packer.dispatch(sscc(1), desk.world.carrier)
    desk.work(row)
    assert desk.receiver.got == []
    desk.world.now = desk.world.now.replace(hour=12, minute=0, second=0) + timedelta(days=1)
    desk.work(row)
    assert desk.receiver.taken == ids_of(desk, packed, dispatched)


def test_goods_dispatched_to_a_party_before_it_was_registered_are_sent_once_it_is(desk):
    from supplychain.operations import register_party

    world = desk.world
    packed, dispatched = world.packer.pack(sscc(1)), world.packer.dispatch(sscc(1), "https://example.org/parties/new")
    party = register_party("Newcomer", "https://example.org/parties/new", now=world.later())
    with tenancy.system():
        rows = list(LateEvent.objects.filter(party=party.id).order_by("index").values_list("index", "opened_index"))
    assert [index for index, _ in rows] == [packed.index, dispatched.index]
    assert {opened for _, opened in rows} == {dispatched.index + 1}
    found = opened_since(read_query({}), party=party.id, since=Opened(dispatched.index + 1), limit=9)
    assert [each.index for each in found.events] == [packed.index, dispatched.index]


def test_replay_sends_what_was_opened_from_that_time_on(desk, passed):
    row, packed = passed
    since = desk.world.later()
    dispatched = desk.world.packer.dispatch(sscc(1), desk.world.carrier)
    desk.work(row)
    index = manage.first_index_since(since)
    manage.replay(row.id, party=desk.world.carrier.id, index=index, now=desk.world.now)
    desk.work(row)
    assert desk.receiver.taken == ids_of(desk, packed[0], dispatched) * 2


def test_stepping_over_a_late_event_that_is_too_large_goes_on_behind_it(desk, passed):
    row, packed = passed
    dispatched = desk.world.packer.dispatch(sscc(1), desk.world.carrier)
    late = ids_of(desk, packed[0])[0]
    desk.receiver.answers = [lambda request: 413 if late in str(request.body) else 204] * 9
    assert desk.work(row).stuck_at == packed[0].index
    manage.step_over(row.id, party=desk.world.carrier.id, now=desk.world.now)
    assert desk.work(row).position == dispatched.index + 1
    assert desk.receiver.taken[-1:] == ids_of(desk, dispatched)


def test_the_rows_are_a_strangers_secret_and_follow_from_the_log(desk, passed):
    world = desk.world
    world.packer.dispatch(sscc(1), world.carrier)
    with tenancy.system():
        kept = sorted(LateEvent.objects.values_list("party", "index", "opened_index"))
        assert kept and not list(rebuild.differences())
    with tenancy.acting_for(world.stranger.id), connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM supplychain_lateevent")
        assert cursor.fetchone() == (0,)
    rebuild.rebuild()
    with tenancy.system():
        assert sorted(LateEvent.objects.values_list("party", "index", "opened_index")) == kept
