"""Capture: what is signed and right is in the log and in the tables; what is not leaves nothing behind."""

import dataclasses
import secrets
from datetime import timedelta
from decimal import Decimal

from ledger import queries, tenancy
from ledger.admission import Appended, Refusal, Repeated
from ledger.tlog import envelope, statement
from supplychain import operations
from supplychain.epcis import builders
from supplychain.epcis.events import Quantity
from supplychain.epcis.parsing import parse_body
from supplychain.models import Event, EventObject, SensorReading, Shipment, ShipmentLine
from tests.cast import APPLES_LOT, PEARS_LOT, World, sscc
from tests.supplychain.byhand import UNIT, accept, error_of, new_id, pack, refused, sign_by_hand

# --- the straight way ------------------------------------------------------------------------------------------------


def test_a_shipment_goes_from_the_grower_to_the_shop(world: World) -> None:
    world.grower.commission(UNIT)
    world.grower.pack(UNIT, Quantity(APPLES_LOT, 50), Quantity(PEARS_LOT, 12.5, "KGM"))
    due = world.now + timedelta(days=1)
    world.grower.dispatch(UNIT, world.carrier, final_party=world.shop.uri, promised_time=due, max_temperature=8)
    world.carrier.observe(UNIT, 9.5)
    world.carrier.accept(UNIT, world.grower)
    world.carrier.dispatch(UNIT, world.shop)
    world.shop.accept(UNIT, world.carrier, Quantity(APPLES_LOT, 48), Quantity(PEARS_LOT, 12.5, "KGM"))
    last = world.shop.unpack(UNIT)
    shipment = world.shipment(UNIT)
    assert (shipment.status, shipment.is_open, shipment.custodian) == ("unpacked", False, world.shop.id)
    assert (shipment.shipper, shipment.consignee_uri) == (world.grower.id, world.shop.uri)
    assert (shipment.discrepancy, shipment.discrepancy_giver) == ("open", world.carrier.id)
    assert (shipment.temperature_max, shipment.temperature_limit, shipment.promised_at) == (9.5, 8.0, due)
    assert (shipment.last_index, bytes(shipment.head)) == (last.index, last.statement_hash)
    with tenancy.system():
        lines = list(shipment.lines.order_by("position").values_list("epc", "quantity", "counted"))
        acts = list(Event.objects.order_by("index").values_list("act", flat=True))
    assert lines == [
        (APPLES_LOT, Decimal(50), Decimal(48)),
        (PEARS_LOT, Decimal("12.5"), Decimal("12.5")),
    ]
    assert acts == ["commission", "pack", "dispatch", "observe", "accept", "dispatch", "accept", "unpack"]


def test_the_parties_of_a_shipment_see_it_and_a_stranger_does_not(world: World) -> None:
    world.grower.pack(UNIT)
    world.grower.dispatch(UNIT, world.carrier, final_party=world.shop.uri)
    world.carrier.observe(UNIT, 4)
    for hand in (world.grower, world.carrier, world.shop):
        with tenancy.acting_for(hand.id):
            counted = [model.objects.count() for model in (Shipment, ShipmentLine, Event, SensorReading)]
        assert counted == [1, 1, 3, 1]
    with tenancy.acting_for(world.stranger.id):
        assert not any(model.objects.exists() for model in (Shipment, ShipmentLine, Event, EventObject, SensorReading))


def test_an_observation_by_a_stranger_is_its_own_and_moves_nothing(world: World) -> None:
    world.grower.pack(UNIT)
    before = world.shipment(UNIT)
    index = world.stranger.observe(UNIT, 60).index
    after = world.shipment(UNIT)
    assert world.event(index).scopes == []
    assert (after.temperature_max, after.last_index) == (None, before.last_index)


def test_what_an_event_names_can_be_found(world: World) -> None:
    index = world.grower.pack(UNIT, biz_transactions=[("po", "https://example.org/po/7")]).index
    with tenancy.system():
        rows = list(
            EventObject.objects.filter(index=index).order_by("position").values_list("place", "epc", "quantity")
        )
    assert rows == [
        ("parent", UNIT, None),
        ("child", APPLES_LOT, Decimal(50)),
        ("reference", "https://example.org/po/7", None),
    ]


def test_a_unit_may_travel_again_after_it_was_unpacked(world: World) -> None:
    world.grower.pack(UNIT)
    first = world.shipment(UNIT).id
    world.grower.unpack(UNIT)
    world.grower.pack(UNIT)
    assert world.shipment(UNIT).id != first


def test_one_dispatch_moves_many_units(world: World) -> None:
    units = [sscc(number) for number in range(1, 6)]
    for unit in units:
        world.grower.pack(unit)
    event = builders.dispatch_event(
        units=units, giver=world.grower.uri, taker=world.carrier.uri, event_time=world.later()
    )
    outcome = world.grower.capture(event)
    assert {world.shipment(unit).status for unit in units} == {"dispatched"}
    assert len(queries.entry(outcome.index).statement.links) == 5


def test_private_uris_travel_like_ssccs(world: World) -> None:
    unit = "https://example.org/boxes/7"
    world.grower.dispatch(unit, world.carrier, contents=[Quantity("https://example.org/classes/tea", 3)])
    world.carrier.accept(unit, world.grower, Quantity("https://example.org/classes/tea", 3))
    assert world.shipment(unit).status == "accepted"


# --- identity --------------------------------------------------------------------------------------------------------


def test_the_same_event_again_answers_with_its_place_whatever_the_envelope(world: World) -> None:
    event, chain = pack(world), secrets.token_bytes(16)
    first, again = (sign_by_hand(world.grower, event, (chain, bytes(32)), chains={UNIT: chain}) for _ in range(2))
    [appended] = world.capture([first])
    size = queries.tree_size()
    for item in (first, again):
        [outcome] = world.capture([item])
        assert isinstance(outcome, Repeated) and isinstance(appended, Appended)
        assert outcome.index == appended.index
    assert queries.tree_size() == size


def test_other_bytes_under_the_same_id_are_refused(world: World) -> None:
    event = pack(world)
    world.grower.capture(event)
    with refused("event_id"):
        world.grower.capture({**event, "waylog:note": "another"})


def test_another_party_may_use_the_same_event_id(world: World) -> None:
    event_id = new_id()
    world.grower.observe(UNIT, event_id=event_id)
    world.shop.observe(UNIT, event_id=event_id)


def test_a_repeated_body_under_a_used_commitment_is_refused_when_it_says_something_else(world: World) -> None:
    event = builders.observe_event(units=[UNIT], event_time=world.later())
    item = sign_by_hand(world.grower, event)
    found = statement.parse_statement(item.envelope.payload)
    again = statement.format_statement(dataclasses.replace(found, id=secrets.token_hex(16)))
    signed = envelope.parse_envelope(envelope.sign(again, operations.held_key(world.grower.id)))
    [first, second] = world.capture([item, dataclasses.replace(item, envelope=signed)])
    assert isinstance(first, Appended)
    assert error_of(second).code == "commitment"
    with tenancy.system():
        assert Event.objects.count() == 1


# --- batches ---------------------------------------------------------------------------------------------------------


def history(world: World, count: int) -> list[operations.CaptureItem]:
    """Pack, dispatch and accept `count` units, signed ahead."""
    signer, items = operations.EventSigner(world.origin), []
    grower, carrier = (operations.held_key(hand.id) for hand in (world.grower, world.carrier))
    for number in range(count):
        unit = sscc(1000 + number)
        sent = builders.dispatch_event(
            units=[unit], giver=world.grower.uri, taker=world.carrier.uri, event_time=world.later()
        )
        items += [
            signer.sign(pack(world, unit), signing_key=grower).item,
            signer.sign(sent, signing_key=grower).item,
            signer.sign(accept(world, world.carrier, unit), signing_key=carrier).item,
        ]
    return items


def test_a_batch_chains_its_own_statements(world: World) -> None:
    outcomes = world.capture(history(world, 30))
    assert all(isinstance(outcome, Appended) for outcome in outcomes), outcomes[:3]
    with tenancy.system():
        assert Shipment.objects.filter(status="accepted", custodian=world.carrier.id).count() == 30


def test_a_refused_item_takes_those_that_build_on_it_with_it_and_no_other(world: World) -> None:
    items = history(world, 3)
    items[4] = dataclasses.replace(items[4], salt=bytes(32))
    outcomes = world.capture(items)
    assert [type(outcome) for outcome in outcomes] == [Appended] * 4 + [Refusal] * 2 + [Appended] * 3
    assert error_of(outcomes[5]).code in ("unknown_shipment", "stale_link")


def test_an_atomic_batch_is_taken_whole_or_not_at_all(world: World) -> None:
    items, size = history(world, 2), queries.tree_size()
    items[3] = dataclasses.replace(items[3], body=b"{}", parsed=None)
    outcomes = world.capture(items, atomic=True)
    assert [error_of(outcome).code for outcome in outcomes] == ["batch"] * 3 + ["body"] + ["batch"] * 2
    items = history(world, 2)
    items[3] = dataclasses.replace(items[3], salt=bytes(32))
    assert all(isinstance(outcome, Refusal) for outcome in world.capture(items, atomic=True))
    assert queries.tree_size() == size


def test_a_unit_is_closed_and_opened_again_in_one_batch(world: World) -> None:
    world.grower.pack(UNIT)
    signer, key = operations.EventSigner(world.origin), operations.held_key(world.grower.id)
    out = builders.unpack_event(unit=UNIT, event_time=world.later(), event_id=new_id())
    signer.load([parse_body(builders.body_bytes(out))], party=world.grower.id)
    items = [signer.sign(each, signing_key=key).item for each in (out, pack(world))]
    assert all(isinstance(outcome, Appended) for outcome in world.capture(items))
    with tenancy.system():
        assert sorted(Shipment.objects.values_list("status", "is_open")) == [("packed", True), ("unpacked", False)]
