"""Results as SQL and the judge of events find them: the own and the shared, in order, whole, and nobody else's."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest

from ledger import tenancy
from supplychain.epcis.query import read_query
from supplychain.operations import rebuild
from supplychain.queries import epcis_events
from supplychain.queries.candidates import Opened, Order, Place
from supplychain.queries.epcis_events import opened_since, search
from tests.cast import World, gtin, sscc
from tests.supplychain.epcis_api.conftest import EpcisClient, document, event, packed


def item(number: int) -> str:
    return f"urn:epc:id:sgtin:9521141.001234.{number}"


def found(query: dict[str, Any], party: UUID, order: Order | None = None) -> list[str]:
    """Event ids of a whole result."""
    with tenancy.acting_for(party):
        page = search(read_query(query), party=party).page(order=order or Order(), after=None, limit=1000)
    assert page.next is None
    return [each.candidate.event_id for each in page.events]


@pytest.fixture
def captured(grower: EpcisClient, stranger: EpcisClient) -> EpcisClient:
    events = [
        event(1, eventID="urn:x:1", epcList=[item(1), item(2)], bizStep="shipping", bizLocation={"id": "urn:x:here"}),
        event(2, eventID="urn:x:2", epcList=[item(2)], quantityList=None, bizStep="receiving"),
        event(
            3,
            eventID="urn:x:3",
            type="TransactionEvent",
            bizTransactionList=[{"type": "po", "bizTransaction": "urn:x:po:7"}],
            **{"ex:grade": "A"},
        ),
        event(
            4,
            eventID="urn:x:4",
            sensorElementList=[{"sensorReport": [{"type": "Temperature", "value": 21, "uom": "CEL"}]}],
        ),
        event(5, eventID="urn:x:5", quantityList=[{"epcClass": gtin(101, "B7"), "quantity": 1.5, "uom": "KGM"}]),
    ]
    wrong = event(
        1, eventID="urn:x:1", epcList=[item(1), item(2)], bizStep="shipping", bizLocation={"id": "urn:x:here"}
    )
    wrong["errorDeclaration"] = {"declarationTime": "2026-03-02T00:00:00Z", "reason": "incorrect_data"}
    assert grower.job(document(*events, wrong))["success"]
    assert stranger.job(document(event(6, eventID="urn:x:1", epcList=[item(1)], bizStep="shipping")))["success"]
    return grower


QUERIES = [
    ({"EQ_bizStep": ["shipping"]}, "1 1"),
    ({"EQ_bizStep": ["shipping", "receiving"], "LT_eventTime": "2026-03-01T06:00:02Z"}, "1 1"),
    ({"EQ_bizLocation": ["urn:x:here"]}, "1 1"),
    ({"MATCH_epc": [item(2)]}, "1 1 2"),
    ({"MATCH_epc": [item(2)], "EXISTS_errorDeclaration": None}, "1"),
    ({"MATCH_epc": ["urn:epc:idpat:sgtin:9521141.*.*"]}, "1 1 2"),
    ({"MATCH_epc": ["urn:epc:idpat:sgtin:9521141.001234.*"], "EQ_bizStep": ["receiving"]}, "2"),
    ({"MATCH_parentID": [item(2)]}, ""),
    ({"MATCH_anyEPCClass": [gtin(101, "B7")]}, "5"),
    ({"EQ_bizTransaction_po": ["urn:x:po:7"]}, "3"),
    ({"EQ_bizTransaction_inv": ["urn:x:po:7"]}, ""),
    ({"EQ_value_KEL": [294.15]}, "4"),
    ({"GE_value_FAH": 69.8}, "4"),
    ({"GT_value_FAH": 69.8}, ""),
    ({"EQ_type": ["Temperature"]}, "4"),
    ({"EXISTS_sensorElementList": None}, "4"),
    ({"EQ_quantity_GRM": [1500]}, "5"),
    ({"GE_quantity": 4, "LE_quantity": 4}, "3"),
    ({"EQ_ex:grade": ["A"]}, "3"),
    ({"EQ_errorReason": ["incorrect_data"]}, "1"),
    ({"EQ_eventID": ["urn:x:1", "urn:x:4"]}, "1 1 4"),
    ({"EQ_readPoint": ["https://id.gs1.org/414/9521141001004"], "eventType": ["TransactionEvent"]}, "3"),
    ({"GE_recordTime": "2000-01-01T00:00:00Z"}, "1 1 2 3 4 5"),
    ({"LT_recordTime": "2000-01-01T00:00:00Z"}, ""),
]


def test_sql_leaves_nothing_out_and_lets_nothing_in(captured: EpcisClient, world: World):
    """One world for all of them: filling it takes longer than asking."""
    for query, names in QUERIES:
        ids = [each for each in found(query, world.grower.id, Order(descending=False)) if each.startswith("urn:x:")]
        assert ids == [f"urn:x:{name}" for name in names.split()], query
    assert found({"MATCH_epc": [item(1)]}, world.stranger.id) == ["urn:x:1"]
    assert found({"MATCH_epc": [item(2)]}, world.stranger.id) == []
    before = found({}, world.grower.id)
    rebuild.rebuild()
    assert found({}, world.grower.id) == before


def test_a_partner_finds_the_events_of_shared_shipments_alone(grower: EpcisClient, world: World):
    gone = event(
        9,
        epcList=[sscc(5)],
        quantityList=None,
        bizStep="shipping",
        disposition="in_transit",
        sourceList=[{"type": "possessing_party", "source": world.grower.uri}],
        destinationList=[{"type": "possessing_party", "destination": world.carrier.uri}],
    )
    assert grower.job(document(packed(5), gone, event(1)))["success"]
    asked = {"MATCH_anyEPC": [sscc(5)]}
    own = found(asked, world.grower.id)
    assert len(own) == 2
    assert found(asked, world.carrier.id) == own
    assert found({"EQ_bizStep": ["packing"]}, world.carrier.id) == own[1:]
    assert found({"EQ_bizStep": ["cycle_counting"]}, world.carrier.id) == []
    assert found(asked, world.stranger.id) == []


def test_pages_follow_each_other_whatever_is_captured_meanwhile(grower: EpcisClient, world: World):
    grower.job(document(*(event(number, eventID=f"urn:x:{number}") for number in range(7))))
    with tenancy.acting_for(world.grower.id):
        whole = search(read_query({"EQ_bizStep": ["cycle_counting"]}), party=world.grower.id)
        seen: list[str] = []
        after: Place | None = None
        for _ in range(4):
            page = whole.page(order=Order(), after=after, limit=2)
            seen += [each.candidate.event_id for each in page.events]
            after = page.next
            grower.job(document(event(3, eventID=f"urn:x:new:{len(seen)}")))
    assert after is None
    assert seen == [f"urn:x:{number}" for number in reversed(range(7))]


def test_a_page_may_be_short_of_events_but_not_of_work(captured: EpcisClient, world: World):
    with tenancy.acting_for(world.grower.id):
        sought = search(read_query({"EQ_ex:grade": ["A"]}), party=world.grower.id)
        pages, after = 0, None
        seen: list[str] = []
        while True:
            page = sought.page(order=Order(), after=after, limit=5, most=2)
            pages, after = pages + 1, page.next
            seen += [each.candidate.event_id for each in page.events]
            if after is None:
                break
    assert seen == ["urn:x:3"]
    assert pages > 2


def test_what_came_after_an_index_is_told_once_and_in_order(captured: EpcisClient, world: World):
    query, since = read_query({"EQ_bizStep": ["cycle_counting"]}), Opened(0)
    seen: list[str] = []
    for _ in range(10):
        batch = opened_since(query, party=world.grower.id, since=since, limit=2, most=3)
        seen += [each.candidate.event_id for each in batch.events]
        since = batch.end
    assert seen == ["urn:x:3", "urn:x:4", "urn:x:5"]
    captured.job(document(event(7, eventID="urn:x:7")))
    batch = opened_since(query, party=world.grower.id, since=since, limit=2)
    assert [each.candidate.event_id for each in batch.events] == ["urn:x:7"]
    assert opened_since(query, party=world.stranger.id, since=Opened(0), limit=9).events == []


def test_what_is_too_much_is_said(captured: EpcisClient, world: World, monkeypatch: pytest.MonkeyPatch):
    with tenancy.acting_for(world.grower.id):
        everything = search(read_query({}), party=world.grower.id)
        epcis_events.check_count(everything, 1000)
        with pytest.raises(epcis_events.TooMany):
            epcis_events.check_count(everything, 2)
        monkeypatch.setattr(epcis_events, "MOST_SORTED", 2)
        with pytest.raises(epcis_events.TooMany):
            epcis_events.sorted_page(everything, by="ex:grade", descending=True, offset=0, limit=1)
