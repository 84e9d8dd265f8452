"""Public EPCIS 2.0 documents: the good ones are read, the bad ones refused at the right place."""

import json

import pytest

from ledger.tlog import strictjson
from supplychain.epcis import (
    DocumentInvalid,
    EventInvalid,
    QueryInvalid,
    parse_body,
    parse_document,
    parse_query,
    read_document,
)
from tests.conftest import shared

SHARED = shared("epcis")

BEYOND_CBV = {"SensorData_with_combined_events.json", "TransactionEvent_with_userExtensions.json"}
E = "/epcisBody/eventList"
R = "/epcisBody/queryResults/resultsBody/eventList"

# where each invalid document is at fault
PLACES = {
    "Combination_of_events_with_missing_mandatory_fields.json": [
        f"{E}/0/action",
        f"{E}/1/eventTimeZoneOffset",
        f"{E}/1/action",
    ],
    "Combination_of_multiple_invalid_fields.json": [
        f"{E}/0/bizStep",
        f"{E}/1/disposition",
        f"{E}/2/sourceList/0/type",
        f"{E}/3/ilmd/materialType",
        f"{E}/4/eventTime",
        f"{E}/4/action",
    ],
    "Combination_of_non_standard_bizStep_and_disposition.json": [f"{E}/0/bizStep", f"{E}/1/disposition"],
    "EPCISDocument_without_context.json": ["/@context"],
    "ObjectEvent_with_ilmd_field_without_namespace.json": [f"{E}/0/ilmd/materialType"],
    "ObjectEvent_with_invalid_action.json": [f"{E}/0/action"],
    "ObjectEvent_with_invalid_certificationInfo.json": [f"{E}/0/certificationInfo/0", f"{E}/0/certificationInfo/1"],
    "ObjectEvent_with_invalid_eventTime_format.json": [f"{E}/0/eventTime"],
    "ObjectEvent_with_non_standard_bizStep.json": [f"{E}/0/bizStep"],
    "ObjectEvent_with_non_standard_bizStep_in_second_event.json": [f"{E}/1/bizStep"],
    "ObjectEvent_with_non_standard_disposition.json": [f"{E}/0/disposition"],
    "ObjectEvent_with_quantity_as_text.json": [f"{E}/0/quantityList/0/quantity"],
    "ObjectEvent_with_unknown_field_in_quantityList.json": [f"{E}/0/quantityList/0/weight"],
    "ObjectEvent_without_action_and_eventTime.json": [
        f"{E}/0/eventTime",
        f"{E}/0/eventTimeZoneOffset",
        f"{E}/0/action",
    ],
    "ObjectEvent_without_identifier_list.json": [f"{E}/0/epcList"],
    "QueryDocument_with_invalid_action.json": [f"{R}/0/action"],
    "QueryDocument_with_invalid_eventType.json": [f"{R}/0/type"],
}
QUERY_PLACES = {
    "Query_with_invalid_values.json": ["/GE_eventTime", "/EQ_action/0", "/orderDirection"],
    "Query_with_unknown_parameter.json": ["/GE_eventDate"],
}


def files(folder):
    return sorted((SHARED / folder).glob("*.json"))


def good(folder):
    return [path for path in files(folder) if path.name not in BEYOND_CBV]


def named(path):
    return path.name


@pytest.mark.parametrize("path", good("Capture/Documents"), ids=named)
def test_a_good_document_is_read_whole(path):
    document = parse_document(path.read_bytes())
    assert len(document.events) == len(json.loads(path.read_bytes())["epcisBody"]["eventList"])


def test_thirty_six_of_the_documents_are_good():
    assert len(good("Capture/Documents")) == 36


@pytest.mark.parametrize("path", files("Capture/Events"), ids=named)
def test_an_event_alone_is_a_document_of_one(path):
    document = parse_document(path.read_bytes())
    assert [event.pointer for event in document.events] == [""]
    assert document.events[0].event.event_type == path.stem


@pytest.mark.parametrize("path", good("Query"), ids=named)
def test_a_query_document_is_read_like_a_captured_one(path):
    assert parse_document(path.read_bytes()).events


@pytest.mark.parametrize("path", good("Capture/Documents") + files("Capture/Events") + good("Query"), ids=named)
def test_a_body_is_cut_out_byte_for_byte_and_parses_to_the_same_event(path):
    data = path.read_bytes()
    document = read_document(data)
    for number, event in enumerate(document.events):
        body = document.body(number)
        begin, end = strictjson.member_ranges(body)["event"]
        assert body[begin:end] in data
        assert parse_body(body) == event.event
        assert json.loads(body[begin:end]) == event.event.raw


@pytest.mark.parametrize("name", sorted(BEYOND_CBV))
@pytest.mark.parametrize("folder", ["Capture/Documents", "Query"])
def test_measurement_types_beyond_cbv_are_refused_where_they_stand(folder, name):
    with pytest.raises(DocumentInvalid) as refused:
        parse_document((SHARED / folder / name).read_bytes())
    assert all(fault.pointer.endswith("/type") for fault in refused.value.faults)
    assert {fault.value for fault in refused.value.faults} <= {"Molar_concentration", "EffectiveDoseRate"}


@pytest.mark.parametrize("path", files("Capture/Invalid") + files("Query/Invalid"), ids=named)
def test_a_bad_document_is_refused_at_the_right_places(path):
    with pytest.raises(DocumentInvalid) as refused:
        parse_document(path.read_bytes())
    assert [fault.pointer for fault in refused.value.faults] == PLACES[path.name]


def test_the_nearest_word_is_offered():
    with pytest.raises(DocumentInvalid) as refused:
        parse_document((SHARED / "Capture/Invalid/Combination_of_multiple_invalid_fields.json").read_bytes())
    offered = [fault.did_you_mean for fault in refused.value.faults]
    assert offered[:2] == ["transporting", "in_transit"]


@pytest.mark.parametrize("path", files("Query/Queries"), ids=named)
def test_a_good_query_is_read(path):
    assert parse_query(json.loads(path.read_bytes()))["eventType"] == ["ObjectEvent", "AggregationEvent"]


@pytest.mark.parametrize("path", files("Query/Queries/Invalid"), ids=named)
def test_a_bad_query_is_refused_at_the_right_places(path):
    with pytest.raises(QueryInvalid) as refused:
        parse_query(json.loads(path.read_bytes()))
    assert [fault.pointer for fault in refused.value.faults] == QUERY_PLACES[path.name]


def test_one_bad_event_does_not_spoil_the_others():
    name = "Capture/Invalid/ObjectEvent_with_non_standard_bizStep_in_second_event.json"
    first, second = read_document((SHARED / name).read_bytes()).events
    assert first.event and not first.faults
    assert second.event is None and second.faults


def test_what_is_no_json_is_refused_as_a_document():
    with pytest.raises(DocumentInvalid):
        parse_document(b'{"type":"EPCISDocument","type":"EPCISDocument"}')
    with pytest.raises(EventInvalid):
        parse_body(b"{")
