"""Capture: what is signed and right is in the log and in the tables; what is not leaves nothing behind."""

import dataclasses
import json
import secrets
from collections.abc import Mapping
from datetime import timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

import pytest

from ledger import queries, tenancy
from ledger.admission import Appended, Refusal, Refused, Repeated
from ledger.tlog import envelope, keys, statement
from ledger.tlog.statement import Statement
from supplychain import operations
from supplychain.epcis import builders
from supplychain.epcis.events import Quantity
from supplychain.epcis.parsing import parse_body
from supplychain.models import Event, EventObject, SensorReading, Shipment, ShipmentLine
from tests.cast import APPLES_LOT, PEARS_LOT, Hand, World, sscc

UNIT = sscc(1)


def sign_by_hand(
    hand: Hand, event: Mapping[str, Any], *links: tuple[bytes, bytes], chains: Mapping[str, bytes] | None = None
) -> operations.CaptureItem:
    """Sign as a client of its own would: body, salt, commitment, links, statement, envelope."""
    key, body, salt = operations.held_key(hand.id), builders.body_bytes(event), secrets.token_bytes(32)
    payload = statement.format_statement(
        Statement(
            v=1,
            log=hand.world.origin,
            type="event",
            id=secrets.token_hex(16),
            key=keys.key_id(bytes(key.verify_key)),
            links=tuple(statement.link(chain, prev) for chain, prev in links),
            body=statement.commitment(salt, body),
            claims={},
        )
    )
    return operations.CaptureItem(envelope.parse_envelope(envelope.sign(payload, key)), body, salt, chains or {})


def pack(world: World, unit: str = UNIT, **more: Any) -> dict[str, Any]:
    contents = [Quantity(APPLES_LOT, 50)]
    return builders.pack_event(unit=unit, contents=contents, event_time=world.later(), event_id=new_id(), **more)


def accept(world: World, by: Hand, unit: str = UNIT, **more: Any) -> dict[str, Any]:
    return builders.accept_event(
        units=[unit], giver=world.grower.uri, taker=by.uri, event_time=world.later(), event_id=new_id(), **more
    )


def new_id() -> str:
    return f"urn:uuid:{uuid4()}"


def refused(code: str) -> Any:
    return pytest.raises(Refused, check=lambda error: error.code == code)


def error_of(outcome: object) -> Refused:
    assert isinstance(outcome, Refusal), outcome
    return outcome.error


def link_of(shipment: Shipment) -> tuple[bytes, bytes]:
    return bytes(shipment.chain), bytes(shipment.head)


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


# --- strangers and failures ------------------------------------------------------------------------------------------


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


# --- taking back -----------------------------------------------------------------------------------------------------


def raw(world: World, index: int) -> dict[str, Any]:
    from ledger import kept

    with tenancy.system():
        return json.loads(kept.bodies([index])[index].body)["event"]


def test_the_latest_act_is_corrected_and_the_shipment_is_as_before(world: World) -> None:
    world.grower.pack(UNIT)
    sent = world.grower.dispatch(UNIT, world.shop)
    declared = world.grower.correct(raw(world, sent.index))
    shipment = world.shipment(UNIT)
    assert (shipment.status, shipment.offered_to, shipment.custodian) == ("packed", None, world.grower.id)
    assert bytes(shipment.head) == declared.statement_hash
    assert world.event(sent.index).declared_in_error_by == declared.index
    assert world.event(declared.index).is_error_declaration
    world.grower.dispatch(UNIT, world.carrier)
    world.carrier.accept(UNIT, world.grower)


def test_a_correction_in_the_same_batch_as_its_event(world: World) -> None:
    signer, key = operations.EventSigner(world.origin), operations.held_key(world.grower.id)
    event = pack(world)
    wrong = builders.error_declaration(event, declaration_time=world.later())
    items = [signer.sign(each, signing_key=key).item for each in (event, wrong, pack(world))]
    outcomes = world.capture(items)
    assert all(isinstance(outcome, Appended) for outcome in outcomes), outcomes
    with tenancy.system():
        assert sorted(Shipment.objects.values_list("status", flat=True)) == ["packed", "void"]


def test_an_opening_act_that_is_taken_back_frees_the_unit(world: World) -> None:
    packed = world.grower.pack(UNIT)
    world.grower.correct(raw(world, packed.index))
    assert world.shipment(UNIT).status == "void"
    world.shop.pack(UNIT)


def test_an_unpacking_that_is_taken_back_opens_the_shipment_again(world: World) -> None:
    world.grower.pack(UNIT)
    world.grower.correct(raw(world, world.grower.unpack(UNIT).index))
    assert (world.shipment(UNIT).status, world.shipment(UNIT).is_open) == ("packed", True)


def test_an_unpacking_cannot_be_taken_back_once_the_unit_travels_again(world: World) -> None:
    world.grower.pack(UNIT)
    unpacked = world.grower.unpack(UNIT)
    world.grower.pack(UNIT)
    with refused("already_open"):
        world.grower.correct(raw(world, unpacked.index))


def test_an_act_that_another_party_built_upon_cannot_be_taken_back(world: World) -> None:
    world.grower.pack(UNIT)
    sent = world.grower.dispatch(UNIT, world.carrier)
    world.carrier.accept(UNIT, world.grower)
    with refused("built_upon"):
        world.grower.correct(raw(world, sent.index))


def test_an_event_of_another_party_cannot_be_declared_in_error(world: World) -> None:
    world.grower.pack(UNIT)
    sent = world.grower.dispatch(UNIT, world.carrier)
    declared = builders.error_declaration(raw(world, sent.index), declaration_time=world.later())
    item = sign_by_hand(world.carrier, declared, link_of(world.shipment(UNIT)))
    assert error_of(world.capture([item])[0]).code == "unknown_event"


def test_an_error_declaration_repeats_its_event_word_for_word(world: World) -> None:
    packed = world.grower.pack(UNIT)
    event = raw(world, packed.index) | {"bizLocation": {"id": world.shop.site}}
    with refused("event_id"):
        world.grower.correct(event)


def test_an_event_is_declared_in_error_once(world: World) -> None:
    world.grower.pack(UNIT)
    seen = raw(world, world.grower.observe(UNIT, 30).index)
    world.grower.correct(seen)
    with refused("event_id"):
        world.grower.correct(seen)


def test_a_reading_that_is_taken_back_counts_no_more(world: World) -> None:
    world.grower.pack(UNIT)
    hot = world.grower.observe(UNIT, 30)
    world.grower.observe(UNIT, 6)
    world.grower.correct(raw(world, hot.index))
    assert world.shipment(UNIT).temperature_max == 6
    assert world.shipment(UNIT).status == "packed"


# --- discrepancies, history, parties ---------------------------------------------------------------------------------


def test_the_giver_acknowledges_a_shortage_with_a_signature_of_its_own(world: World) -> None:
    world.grower.pack(UNIT)
    world.grower.dispatch(UNIT, world.carrier)
    accepted = world.carrier.accept(UNIT, world.grower, Quantity(APPLES_LOT, 48))
    assert world.shipment(UNIT).discrepancy == "open"
    world.carrier.unpack(UNIT)
    about = world.event(accepted.index).event_id
    with refused("not_giver"):
        world.carrier.answer(UNIT, about)
    world.grower.answer(UNIT, about)
    assert world.shipment(UNIT).discrepancy == "acknowledged"


def test_a_stranger_cannot_answer_a_shortage(world: World) -> None:
    world.grower.pack(UNIT)
    world.grower.dispatch(UNIT, world.carrier)
    accepted = world.carrier.accept(UNIT, world.grower, Quantity(APPLES_LOT, 48))
    with refused("unknown_shipment"):
        world.stranger.answer(UNIT, world.event(accepted.index).event_id)


def test_attested_history_is_known_when_its_source_says(world: World) -> None:
    known = world.now - timedelta(days=400)
    happened = known - timedelta(days=3)
    outsider = "https://example.org/countries/zm"
    sent = builders.dispatch_event(
        units=[UNIT],
        giver=world.grower.uri,
        taker=outsider,
        event_time=happened,
        contents=[Quantity(APPLES_LOT, 20)],
        known_at=known,
    )
    got = builders.accept_event(
        units=[UNIT],
        giver=world.grower.uri,
        taker=outsider,
        event_time=happened,
        counted=[Quantity(APPLES_LOT, 20)],
        known_at=known - timedelta(days=30),
    )
    first, second = world.grower.capture(sent), world.grower.capture(got)
    shipment = world.shipment(UNIT)
    assert (shipment.attested, shipment.custodian, shipment.status) == (True, None, "accepted")
    assert (world.event(first.index).known_at, world.event(first.index).attested) == (known, True)
    assert world.event(second.index).known_at == happened, "nothing is known before it happened"


def test_a_party_that_is_registered_later_can_accept_what_was_sent_to_it(world: World) -> None:
    uri = "https://example.org/parties/newcomer"
    world.grower.pack(UNIT)
    world.grower.dispatch(UNIT, uri)
    assert world.shipment(UNIT).offered_to is None
    newcomer = Hand(world, operations.register_party("Newcomer", uri, now=world.now))
    assert world.shipment(UNIT).offered_to == newcomer.id
    event = accept(world, newcomer)
    newcomer.capture(event)
    assert world.shipment(UNIT).custodian == newcomer.id


def test_a_party_cannot_take_the_identifier_of_another(world: World) -> None:
    size = queries.tree_size()
    with refused("refused"):
        operations.register_party("Impostor", world.shop.uri, now=world.now)
    assert queries.tree_size() == size


def test_a_party_has_further_identifiers(world: World) -> None:
    other = "https://example.org/gln/4711"
    dock = operations.register_party("Dock", "https://example.org/parties/dock", identifiers=[other], now=world.now)
    world.grower.pack(UNIT)
    world.grower.dispatch(UNIT, other)
    assert world.shipment(UNIT).offered_to == dock.id


def test_a_requested_key_signs_once_a_manager_approved_it(world: World) -> None:
    from nacl.signing import SigningKey

    key, party, statement_id = SigningKey.generate(), world.shop.id, secrets.token_hex(16)
    public, key_id = bytes(key.verify_key), keys.key_id(bytes(key.verify_key))
    pop = key.sign(keys.pop_message(world.origin, party.hex, "device", key_id, statement_id)).signature
    asked = {"public_key": public, "role": "device", "statement_id": statement_id, "now": world.now}
    with refused("invalid"):
        operations.request_key(party=party, pop=bytes(64), **asked)
    request = operations.request_key(party=party, pop=pop, **asked)
    with refused("key_request"):
        operations.approve_key(request.id, party=world.stranger.id, decided_by=None, now=world.now)
    operations.approve_key(request.id, party=party, decided_by=None, now=world.now)
    record = queries.key(key_id)
    assert record is not None and (record.role, UUID(record.party)) == ("device", party)
    event = builders.observe_event(units=[UNIT], event_time=world.later())
    operations.capture_one(event, party=party, now=world.now, signing_key=key)
    with refused("key_request"):
        operations.approve_key(request.id, party=party, decided_by=None, now=world.now)


# --- corners ---------------------------------------------------------------------------------------------------------


def test_a_unit_is_closed_and_opened_again_in_one_batch(world: World) -> None:
    world.grower.pack(UNIT)
    signer, key = operations.EventSigner(world.origin), operations.held_key(world.grower.id)
    out = builders.unpack_event(unit=UNIT, event_time=world.later(), event_id=new_id())
    signer.load([parse_body(builders.body_bytes(out))], party=world.grower.id)
    items = [signer.sign(each, signing_key=key).item for each in (out, pack(world))]
    assert all(isinstance(outcome, Appended) for outcome in world.capture(items))
    with tenancy.system():
        assert sorted(Shipment.objects.values_list("status", "is_open")) == [("packed", True), ("unpacked", False)]


def test_two_ways_of_a_unit_change_places_in_one_batch(world: World) -> None:
    packed = world.grower.pack(UNIT)
    closed = world.grower.unpack(UNIT)
    again = world.grower.pack(UNIT)
    signer, key = operations.EventSigner(world.origin), operations.held_key(world.grower.id)
    wrong = [builders.error_declaration(raw(world, each.index), declaration_time=world.now) for each in (again, closed)]
    signer.load([parse_body(builders.body_bytes(each)) for each in wrong], party=world.grower.id)
    outcomes = world.capture([signer.sign(each, signing_key=key).item for each in wrong])
    assert all(isinstance(outcome, Appended) for outcome in outcomes), outcomes
    with tenancy.system():
        states = dict(Shipment.objects.values_list("opened_index", "status"))
    assert states == {packed.index: "packed", again.index: "void"}


def test_an_acceptance_without_an_id_is_answered_under_the_id_beside_it(world: World) -> None:
    world.grower.pack(UNIT)
    world.grower.dispatch(UNIT, world.carrier)
    event = accept(world, world.carrier, counted=[Quantity(APPLES_LOT, 48)])
    del event["eventID"]
    [outcome] = world.capture([sign_by_hand(world.carrier, event, link_of(world.shipment(UNIT)))])
    assert isinstance(outcome, Appended)
    shipment = world.shipment(UNIT)
    assert shipment.discrepancy_event_id == world.event(outcome.index).event_id != ""
    world.grower.answer(UNIT, shipment.discrepancy_event_id)
    assert world.shipment(UNIT).discrepancy == "acknowledged"


def test_a_correction_remembers_parties_by_all_their_identifiers(world: World) -> None:
    other = "https://example.org/gln/4711"
    dock = Hand(
        world,
        operations.register_party("Dock", "https://example.org/parties/dock", identifiers=[other], now=world.now),
    )
    world.grower.pack(UNIT)
    world.grower.dispatch(UNIT, other)
    dock.capture(accept(world, dock))
    sent = dock.dispatch(UNIT, world.shop)
    dock.correct(raw(world, sent.index))
    assert (world.shipment(UNIT).status, world.shipment(UNIT).custodian) == ("accepted", dock.id)


@pytest.mark.parametrize("quantity", [1e12, 1e30, 1e300])
def test_a_quantity_beyond_all_measure_is_refused_wherever_it_stands(world: World, quantity: float) -> None:
    event = builders.observe_event(units=[UNIT], event_time=world.later()) | {
        "quantityList": [{"epcClass": APPLES_LOT, "quantity": quantity, "uom": "KGM"}]
    }
    error = error_of(world.capture([sign_by_hand(world.grower, event)])[0])
    assert (error.code, error.status) == ("quantity", 422)
