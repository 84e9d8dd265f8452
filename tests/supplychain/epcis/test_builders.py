"""Every act that we write is one that we read, and means what was asked for."""

from datetime import datetime, timedelta, timezone

import pytest

from supplychain.epcis import builders, parse_body
from supplychain.epcis.events import Quantity
from supplychain.epcis.identifiers import gln_uri, gtin_uri, party_uri, sscc_uri

UNIT = sscc_uri("376123450000042184")
GROWER = party_uri("4012345000009")
CARRIER = party_uri("4000001000005")
SHOP = party_uri("4023333000000")
DOCK = gln_uri("4012345000054")
LOT = gtin_uri("09521141012345", lot="A1")
CRATES = (Quantity(LOT, 52), Quantity(gtin_uri("09521141012345", lot="B/2"), 12.5, "KGM"))
AT = datetime(2026, 7, 22, 6, 45, tzinfo=timezone(timedelta(hours=2)))
COMMON = {
    "event_id": "urn:uuid:374d95fc-9457-4a51-bd6a-0bba133845a8",
    "read_point": DOCK,
    "biz_location": DOCK,
    "biz_transactions": [("po", "urn:epcglobal:cbv:bt:0614141073467:1152")],
    "known_at": AT + timedelta(days=3),
    "note": "Größe 2",
}
READING = builders.sensor_element(time=AT, measured="Temperature", value=4.1, uom="CEL", device_id=f"{UNIT}")

ACTS = {
    "commission": lambda **k: builders.commission_event(units=[UNIT], event_time=AT, **k),
    "commission a lot": lambda **k: builders.commission_event(
        quantities=CRATES, event_time=AT, ilmd={"cbvmda:lotNumber": "A1"}, **k
    ),
    "pack": lambda **k: builders.pack_event(unit=UNIT, contents=CRATES, event_time=AT, **k),
    "dispatch": lambda **k: builders.dispatch_event(
        units=[UNIT],
        giver=GROWER,
        taker=CARRIER,
        final_party=SHOP,
        final_location=DOCK,
        promised_time=AT + timedelta(days=1),
        event_time=AT,
        **k,
    ),
    "observe": lambda **k: builders.observe_event(units=[UNIT], event_time=AT, sensor_elements=[READING], **k),
    "accept": lambda **k: builders.accept_event(
        units=[UNIT],
        giver=GROWER,
        taker=CARRIER,
        event_time=AT,
        counted=CRATES,
        mismatch=True,
        damaged=[Quantity(LOT, 2)],
        seal="broken",
        **k,
    ),
    "answer": lambda **k: builders.discrepancy_event(
        units=[UNIT], about="urn:uuid:f81d4fae-7dec-11d0-a765-00a0c91e6bf6", answer="disputed", event_time=AT, **k
    ),
    "unpack": lambda **k: builders.unpack_event(unit=UNIT, event_time=AT, **k),
}


def parsed(act, **common):
    return parse_body(builders.body_bytes(ACTS[act](**common)))


@pytest.mark.parametrize("act", ACTS)
def test_every_act_is_an_event_that_we_accept(act):
    assert parsed(act).event_time == AT


@pytest.mark.parametrize("act", ACTS)
def test_every_act_carries_what_all_may_carry(act):
    event = parsed(act, **COMMON)
    assert event.event_id == COMMON["event_id"]
    assert (event.read_point, event.biz_location) == (DOCK, DOCK)
    assert event.biz_transaction_list[0].type == "po"
    assert (event.waylog.known_at, event.waylog.note) == (COMMON["known_at"], "Größe 2")
    assert event.event_time_zone_offset == "+02:00"


@pytest.mark.parametrize("act", ACTS)
def test_an_error_declaration_differs_from_its_event_in_the_declaration_alone(act):
    event = ACTS[act](**COMMON)
    declared = builders.error_declaration(
        event | {"recordTime": "2026-07-22T06:45:00Z"}, declaration_time=AT, corrective_event_ids=["urn:uuid:1"]
    )
    assert {name: value for name, value in declared.items() if name != "errorDeclaration"} == event
    declaration = parse_body(builders.body_bytes(declared)).error_declaration
    assert (declaration.declaration_time, declaration.reason) == (AT, "incorrect_data")
    assert declaration.corrective_event_ids == ("urn:uuid:1",)


def test_a_dispatch_says_from_whom_to_whom_and_by_when():
    event = parsed("dispatch")
    assert (event.action, event.biz_step, event.disposition) == ("OBSERVE", "shipping", "in_transit")
    assert event.epc_list == (UNIT,)
    assert (event.source("possessing_party"), event.destination("possessing_party")) == (GROWER, CARRIER)
    assert (event.destination("owning_party"), event.destination("location")) == (SHOP, DOCK)
    assert event.waylog.promised_time == AT + timedelta(days=1)


def test_an_acceptance_says_what_was_counted_and_what_was_wrong():
    event = parsed("accept")
    assert (event.action, event.biz_step) == ("OBSERVE", "receiving")
    assert event.quantity_list == CRATES
    assert event.persistent_disposition.set == ("mismatch_quantity", "damaged")
    assert event.waylog.damaged == (Quantity(LOT, 2),)
    assert event.waylog.seal == "broken"


def test_an_acceptance_of_everything_sets_no_disposition_that_lasts():
    event = builders.accept_event(units=[UNIT], giver=GROWER, taker=CARRIER, event_time=AT, counted=CRATES)
    assert "persistentDisposition" not in event
    assert "waylog:damaged" not in event


def test_an_answer_names_the_acceptance():
    terms = parsed("answer").waylog
    assert (terms.discrepancy, terms.about) == ("disputed", "urn:uuid:f81d4fae-7dec-11d0-a765-00a0c91e6bf6")


def test_packing_names_the_unit_and_its_contents():
    event = parsed("pack")
    assert (event.event_type, event.action, event.biz_step) == ("AggregationEvent", "ADD", "packing")
    assert (event.parent_id, event.child_quantity_list) == (UNIT, CRATES)


def test_unpacking_without_contents_empties_the_unit():
    event = parsed("unpack")
    assert (event.action, event.biz_step, event.child_epcs) == ("DELETE", "unpacking", ())


def test_an_observation_carries_readings():
    report = parsed("observe").sensor_element_list[0].reports[0]
    assert (report.type, report.value, report.uom) == ("Temperature", 4.1, "CEL")


def test_body_bytes_are_compact_and_declare_our_prefix():
    body = builders.body_bytes(ACTS["pack"](note="ü"))
    assert body.startswith(
        b'{"@context":["https://ref.gs1.org/standards/epcis/2.0.0/epcis-context.jsonld",'
        b'{"waylog":"urn:waylog:epcis:"}],"event":{"type":"AggregationEvent",'
    )
    assert "ü".encode() in body


def test_a_time_without_a_zone_is_a_bug():
    with pytest.raises(AssertionError):
        builders.unpack_event(unit=UNIT, event_time=AT.replace(tzinfo=None))
