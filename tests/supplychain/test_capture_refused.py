"""What capture refuses: strangers, acts that do not follow, keys of others, bodies that are no events."""

import dataclasses
import secrets
from datetime import timedelta

import pytest

from ledger.admission import Appended
from ledger.tlog import statement
from supplychain import operations
from supplychain.epcis import builders
from tests.cast import APPLES_LOT, World, sscc
from tests.supplychain.byhand import UNIT, accept, error_of, link_of, pack, refused, sign_by_hand


def test_an_acceptance_by_a_stranger_is_refused_as_if_there_were_no_shipment(world: World) -> None:
    world.grower.pack(UNIT)
    world.grower.dispatch(UNIT, world.carrier)
    known, unknown = sscc(1), sscc(99)
    answers = [
        error_of(world.capture([sign_by_hand(world.stranger, accept(world, world.stranger, unit))])[0])
        for unit in (known, unknown)
    ]
    assert [(error.code, error.status) for error in answers] == [("unknown_shipment", 404)] * 2
    texts = [str(error).replace("000000001", "#").replace("000000099", "#") for error in answers]
    assert [text[:20] for text in texts] == ["No shipment of SSCC "] * 2
    assert all(not error.detail for error in answers)


def test_a_stranger_with_a_guessed_link_learns_nothing(world: World) -> None:
    world.grower.pack(UNIT)
    world.grower.dispatch(UNIT, world.carrier)
    item = sign_by_hand(world.stranger, accept(world, world.stranger), (secrets.token_bytes(16), bytes(32)))
    assert error_of(world.capture([item])[0]).code == "unknown_shipment"


def test_a_stranger_who_knows_the_chain_is_no_reader_all_the_same(world: World) -> None:
    world.grower.pack(UNIT)
    world.grower.dispatch(UNIT, world.carrier)
    item = sign_by_hand(world.stranger, accept(world, world.stranger), link_of(world.shipment(UNIT)))
    assert error_of(world.capture([item])[0]).code == "unknown_shipment"


def test_a_party_of_the_chain_that_was_not_handed_the_goods_is_told_who_was(world: World) -> None:
    world.grower.pack(UNIT)
    world.grower.dispatch(UNIT, world.carrier, final_party=world.shop.uri)
    item = sign_by_hand(world.shop, accept(world, world.shop), link_of(world.shipment(UNIT)))
    error = error_of(world.capture([item])[0])
    assert error.code == "not_offered"
    assert "was handed to Carrier by Grower, not to Shop" in str(error)


def test_a_stranger_cannot_open_a_unit_that_is_on_its_way(world: World) -> None:
    world.grower.pack(UNIT)
    with refused("unknown_shipment"):
        world.stranger.unpack(UNIT)
    chain = secrets.token_bytes(16)
    item = sign_by_hand(world.stranger, pack(world), (chain, bytes(32)), chains={UNIT: chain})
    error = error_of(world.capture([item])[0])
    assert error.code == "unit_taken" and not error.detail


def test_an_act_without_its_link_is_refused_with_the_head(world: World) -> None:
    world.grower.pack(UNIT)
    world.grower.dispatch(UNIT, world.carrier)
    error = error_of(world.capture([sign_by_hand(world.carrier, accept(world, world.carrier))])[0])
    assert (error.code, error.status) == ("link_missing", 409)
    assert error.detail["head"] == bytes(world.shipment(UNIT).head).hex()


def test_a_stale_link_tells_a_party_of_the_chain_what_happened_since(world: World) -> None:
    world.grower.pack(UNIT)
    world.grower.dispatch(UNIT, world.carrier, final_party=world.shop.uri)
    before = link_of(world.shipment(UNIT))
    accepted = world.carrier.accept(UNIT, world.grower)
    item = sign_by_hand(world.carrier, accept(world, world.carrier), before)
    error = error_of(world.capture([item])[0])
    assert error.code == "stale_link"
    assert error.detail["head"] == accepted.statement_hash.hex()
    assert [(news["index"], news["act"], news["party_name"]) for news in error.detail["since"]] == [
        (accepted.index, "accept", "Carrier")
    ]


def test_an_observation_does_not_make_a_signature_stale(world: World) -> None:
    world.grower.pack(UNIT)
    world.grower.dispatch(UNIT, world.carrier)
    item = sign_by_hand(world.carrier, accept(world, world.carrier), link_of(world.shipment(UNIT)))
    world.carrier.observe(UNIT, 5)
    assert isinstance(world.capture([item])[0], Appended)


def test_an_observation_with_a_link_is_refused(world: World) -> None:
    world.grower.pack(UNIT)
    event = builders.observe_event(units=[UNIT], event_time=world.later())
    item = sign_by_hand(world.grower, event, link_of(world.shipment(UNIT)))
    assert error_of(world.capture([item])[0]).code == "invalid"


def test_opening_without_a_chain_secret_is_refused(world: World) -> None:
    error = error_of(world.capture([sign_by_hand(world.grower, pack(world))])[0])
    assert (error.status, error.pointer) == (422, "/chains")


def test_a_chain_secret_is_used_once(world: World) -> None:
    chain = secrets.token_bytes(16)
    items = [
        sign_by_hand(world.grower, pack(world, unit), (chain, bytes(32)), chains={unit: chain})
        for unit in (sscc(1), sscc(2))
    ]
    first, second = world.capture(items)
    assert isinstance(first, Appended) and error_of(second).pointer == "/chains"
    assert error_of(world.capture([items[1]])[0]).pointer == "/chains"


def test_a_key_of_another_party_than_the_tokens_is_refused(world: World) -> None:
    item = world.grower.sign(pack(world)).item
    error = error_of(world.capture([item], party=world.shop.id)[0])
    assert (error.code, error.status) == ("key", 403)


def test_a_key_that_was_revoked_signs_no_more(world: World) -> None:
    item = world.grower.sign(pack(world)).item
    key_id = statement.parse_statement(item.envelope.payload).key
    operations.revoke_key(key_id, party=world.grower.id, now=world.now)
    assert error_of(world.capture([item])[0]).code == "key"


def test_every_fault_of_a_body_is_named_with_its_place(world: World) -> None:
    event = pack(world) | {"bizStep": "packin", "action": "ADDD"}
    item = world.grower.sign(pack(world)).item
    outcome = world.capture([dataclasses.replace(item, body=builders.body_bytes(event), parsed=None)])[0]
    error = error_of(outcome)
    assert (error.code, error.status) == ("body", 422)
    assert {fault["pointer"] for fault in error.detail["faults"]} == {"/body/event/bizStep", "/body/event/action"}


@pytest.mark.parametrize("body", [b"", b"[]", b"{", b'{"a":1,"a":2}', b"\xff", b'{"event":{}}', b"null"])
def test_a_body_that_is_no_event_is_refused(world: World, body: bytes) -> None:
    item = world.grower.sign(pack(world)).item
    assert error_of(world.capture([dataclasses.replace(item, body=body, parsed=None)])[0]).code == "body"


def test_an_event_from_the_day_after_tomorrow_is_refused(world: World) -> None:
    event = builders.observe_event(units=[UNIT], event_time=world.now + timedelta(days=2))
    with refused("time"):
        world.grower.capture(event)


def test_an_identifier_beyond_all_measure_is_refused(world: World) -> None:
    event = builders.observe_event(units=["https://example.org/" + "x" * 3000], event_time=world.later())
    assert error_of(world.capture([sign_by_hand(world.grower, event)])[0]).status == 422


@pytest.mark.parametrize("quantity", [1e12, 1e30, 1e300])
def test_a_quantity_beyond_all_measure_is_refused_wherever_it_stands(world: World, quantity: float) -> None:
    event = builders.observe_event(units=[UNIT], event_time=world.later()) | {
        "quantityList": [{"epcClass": APPLES_LOT, "quantity": quantity, "uom": "KGM"}]
    }
    error = error_of(world.capture([sign_by_hand(world.grower, event)])[0])
    assert (error.code, error.status) == ("quantity", 422)
