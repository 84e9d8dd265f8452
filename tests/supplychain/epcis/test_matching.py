"""What a query finds: each parameter of EPCIS 2.0 (8.2.7.1), with events that have what it asks for or have not."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from supplychain.epcis import QueryInvalid, parse_body_value
from supplychain.epcis.contexts import EPCIS_CONTEXT
from supplychain.epcis.matching import matches
from supplychain.epcis.query import Query, read_parameters, read_query

CONTEXT = [EPCIS_CONTEXT, {"ex": "https://example.org/ex/"}]
EX = {"@context": {"ex": "https://example.org/ex/"}}
RECORDED = datetime(2026, 7, 22, 8, 0, tzinfo=UTC)
GIVEN = "urn:uuid:00000000-0000-4000-8000-000000000001"

OBJECT = {
    "type": "ObjectEvent",
    "eventTime": "2026-07-22T06:45:00+02:00",
    "eventTimeZoneOffset": "+02:00",
    "action": "ADD",
    "bizStep": "https://ref.gs1.org/cbv/BizStep-commissioning",
    "disposition": "urn:epcglobal:cbv:disp:active",
    "persistentDisposition": {"set": ["completeness_verified"], "unset": ["damaged"]},
    "epcList": ["urn:epc:id:sgtin:9521141.001234.7", "https://example.com/01/09521141012345/21/8"],
    "quantityList": [{"epcClass": "urn:epc:class:lgtin:9521141.001234.A1", "quantity": 2, "uom": "KGM"}],
    "readPoint": {"id": "urn:epc:id:sgln:9521141.00100.0", "ex:dock": 3},
    "bizLocation": {"id": "https://id.gs1.org/414/9521141001004"},
    "bizTransactionList": [{"type": "po", "bizTransaction": "urn:x:po:1"}, {"bizTransaction": "urn:x:any"}],
    "sourceList": [{"type": "owning_party", "source": "urn:epc:id:pgln:9521141.00100"}],
    "destinationList": [{"type": "urn:x:kind", "destination": "urn:x:there"}],
    "ilmd": {"ex:grade": "A", "ex:origin": {"ex:country": "CH", "ex:altitude": "1200"}},
    "ex:score": 7.5,
    "ex:checked": "2026-07-22T04:45:00Z",
    "ex:tags": ["red", "round"],
    "ex:ok": True,
    "sensorElementList": [
        {
            "sensorMetadata": {
                "time": "2026-07-22T06:40:00Z",
                "startTime": "2026-07-22T06:00:00Z",
                "endTime": "2026-07-22T06:40:00Z",
                "deviceID": "urn:epc:id:giai:9521141.111",
                "bizRules": "https://example.org/rules",
                "ex:battery": 80,
            },
            "ex:casing": "steel",
            "sensorReport": [
                {
                    "type": "Temperature",
                    "value": 4,
                    "minValue": 3,
                    "maxValue": 5,
                    "meanValue": 4,
                    "sDev": 0.5,
                    "percRank": 50,
                    "percValue": 4.1,
                    "uom": "CEL",
                    "component": "x",
                    "ex:quality": "good",
                },
                {"type": "Mass", "value": 500, "uom": "GRM", "dataProcessingMethod": "https://example.org/dpm"},
                {
                    "exception": "ALARM_CONDITION",
                    "type": "Count",
                    "booleanValue": True,
                    "stringValue": "SOME",
                    "hexBinaryValue": "F0F0",
                    "uriValue": "https://id.gs1.org/414/9521141001004",
                    "microorganism": "https://example.org/listeria",
                    "chemicalSubstance": "https://example.org/ethanol",
                    "coordinateReferenceSystem": "https://example.org/crs",
                },
            ],
        }
    ],
}
PACKING = {
    "type": "AggregationEvent",
    "eventID": "urn:uuid:2",
    "eventTime": "2026-07-23T06:45:00Z",
    "eventTimeZoneOffset": "+00:00",
    "action": "OBSERVE",
    "parentID": "urn:epc:id:sscc:9521141.1234567890",
    "childEPCs": ["urn:epc:id:sgtin:9521141.099999.9"],
    "childQuantityList": [{"epcClass": "urn:epc:idpat:sgtin:9521141.001234.*", "quantity": 50}],
    "errorDeclaration": {
        "declarationTime": "2026-07-24T00:00:00Z",
        "reason": "incorrect_data",
        "correctiveEventIDs": ["urn:uuid:3"],
        "ex:by": "Kim",
    },
}
MAKING = {
    "type": "TransformationEvent",
    "eventTime": "2026-07-24T06:45:00Z",
    "eventTimeZoneOffset": "+00:00",
    "transformationID": "urn:x:making:1",
    "inputEPCList": ["urn:epc:id:sgtin:9521141.011111.1"],
    "inputQuantityList": [{"epcClass": "urn:epc:class:lgtin:9521141.001234.B2", "quantity": 5, "uom": "KGM"}],
    "outputEPCList": ["urn:epc:id:sgtin:9521321.011111.2"],
    "outputQuantityList": [{"epcClass": "urn:epc:class:lgtin:9521321.012345.C3", "quantity": 9, "uom": "KGM"}],
}


def parsed(event: dict[str, Any]) -> Any:
    return parse_body_value({"@context": CONTEXT, "event": event})


EVENTS = {"object": parsed(OBJECT), "packing": parsed(PACKING), "making": parsed(MAKING)}


def found(query: Query) -> str:
    """The names of the events that a query finds."""
    names = [name for name, event in EVENTS.items() if matches(query, event, event_id=GIVEN, record_time=RECORDED)]
    return " ".join(names)


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ({}, "object packing making"),
        ({"eventType": ["AggregationEvent", "TransformationEvent"]}, "packing making"),
        ({"GE_eventTime": "2026-07-22T04:45:00Z", "LT_eventTime": "2026-07-23T06:45:00Z"}, "object"),
        ({"LT_eventTime": "2026-07-22T06:45:00+02:00"}, ""),
        ({"GE_recordTime": "2026-07-22T08:00:00Z"}, "object packing making"),
        ({"LT_recordTime": "2026-07-22T08:00:00Z"}, ""),
        ({"EQ_action": ["ADD", "DELETE"]}, "object"),
        ({"EQ_bizStep": ["commissioning"]}, "object"),
        ({"EQ_disposition": ["https://ref.gs1.org/cbv/Disp-active"]}, "object"),
        ({"EQ_persistentDisposition_set": ["completeness_verified"]}, "object"),
        ({"EQ_persistentDisposition_set": ["damaged"]}, ""),
        ({"EQ_persistentDisposition_unset": ["damaged"]}, "object"),
        ({"EQ_readPoint": ["https://id.gs1.org/414/9521141001004"]}, "object"),
        ({"WD_readPoint": ["urn:epc:id:sgln:9521141.00100.0"]}, "object"),
        ({"EQ_bizLocation": ["urn:epc:id:sgln:9521141.00100.0"]}, "object"),
        ({"EQ_bizLocation": ["urn:epc:id:sgln:9521141.00200.0"]}, ""),
        ({"EQ_transformationID": ["urn:x:making:1"]}, "making"),
        ({"EQ_eventID": [GIVEN]}, "object making"),
        ({"EQ_eventID": ["urn:uuid:2"]}, "packing"),
        ({"EQ_bizTransaction_po": ["urn:x:po:1"]}, "object"),
        ({"EQ_bizTransaction_inv": ["urn:x:po:1"]}, ""),
        ({"EQ_bizTransaction": ["urn:x:any"]}, "object"),
        ({"EQ_source_owning_party": ["https://id.gs1.org/417/9521141001004"]}, "object"),
        ({"EQ_source_location": ["https://id.gs1.org/417/9521141001004"]}, ""),
        ({"EQ_destination_urn:x:kind": ["urn:x:there"]}, "object"),
        # EPCs: by name, by Digital Link, by pattern
        ({"MATCH_epc": ["https://id.gs1.org/01/09521141012345/21/7"]}, "object"),
        ({"MATCH_epc": ["urn:epc:id:sgtin:9521141.001234.8"]}, "object"),
        ({"MATCH_epc": ["urn:epc:idpat:sgtin:9521141.*.*"]}, "object packing"),
        ({"MATCH_epc": ["urn:epc:idpat:sgtin:9521141.001234.*"]}, "object"),
        ({"MATCH_epc": ["urn:epc:idpat:sgtin:95211.*.*"]}, ""),
        ({"MATCH_epc": ["urn:epc:id:sscc:9521141.1234567890"]}, ""),
        ({"MATCH_parentID": ["urn:epc:idpat:sscc:9521141.*"]}, "packing"),
        ({"MATCH_inputEPC": ["urn:epc:id:sgtin:9521141.011111.1"]}, "making"),
        ({"MATCH_outputEPC": ["urn:epc:id:sgtin:9521141.011111.1"]}, ""),
        ({"MATCH_outputEPC": ["urn:epc:idpat:sgtin:9521321.*.*"]}, "making"),
        ({"MATCH_anyEPC": ["urn:epc:idpat:sgtin:9521141.*.*"]}, "object packing making"),
        ({"MATCH_anyEPC": ["urn:epc:id:sscc:9521141.1234567890"]}, "packing"),
        ({"MATCH_anyEPC": ["https://id.gs1.org/01/09521141012345/21/*"]}, "object"),
        ({"MATCH_epcClass": ["urn:epc:class:lgtin:9521141.001234.A1"]}, "object"),
        ({"MATCH_epcClass": ["urn:epc:class:lgtin:9521141.001234.*"]}, "object"),
        ({"MATCH_epcClass": ["urn:epc:idpat:sgtin:9521141.001234.*"]}, "packing"),
        ({"MATCH_epcClass": ["urn:epc:class:lgtin:9521141.001234.B2"]}, ""),
        ({"MATCH_inputEPCClass": ["https://id.gs1.org/01/09521141012345/10/B2"]}, "making"),
        ({"MATCH_outputEPCClass": ["urn:epc:class:lgtin:9521321.*.*"]}, "making"),
        ({"MATCH_anyEPCClass": ["urn:epc:class:lgtin:9521141.*.*"]}, "object making"),
        # quantities, in any unit
        ({"EQ_quantity": [50, 51]}, "packing"),
        ({"GE_quantity": 5, "LT_quantity": 50}, "making"),
        ({"EQ_quantity_GRM": [2000]}, "object"),
        ({"GT_quantity_LBR": 15}, "making"),
        ({"LE_quantity_MTR": 100}, ""),
        # declarations
        ({"EXISTS_errorDeclaration": None}, "packing"),
        ({"EXISTS_errorDeclaration": False}, "object packing making"),
        ({"GE_errorDeclaration_Time": "2026-07-24T00:00:00Z"}, "packing"),
        ({"LT_errorDeclarationTime": "2026-07-24T00:00:00Z"}, ""),
        ({"EQ_errorReason": ["incorrect_data"]}, "packing"),
        ({"EQ_correctiveEventID": ["urn:uuid:3"]}, "packing"),
        ({"EQ_ERROR_DECLARATION_ex:by": ["Kim"]} | EX, "packing"),
        ({"EXISTS_ERROR_DECLARATION_ex:by": None} | EX, "packing"),
        # members that are there
        ({"EXISTS_ilmd": None}, "object"),
        ({"EXISTS_parentID": True}, "packing"),
        ({"EXISTS_eventID": True}, "object packing making"),
        ({"EXISTS_sensorElementList": None}, "object"),
        # sensors: a query in KEL finds an event in CEL
        ({"EQ_value_CEL": [4]}, "object"),
        ({"EQ_value_KEL": [277.15]}, "object"),
        ({"GE_value_KEL": 277.15, "LE_value_FAH": 39.2}, "object"),
        ({"GT_value_KEL": 277.15, "EQ_type": ["Temperature"]}, ""),
        ({"EQ_value_KGM": [0.5]}, "object"),
        ({"LT_minValue_KEL": 277}, "object"),
        ({"GE_maxValue_FAH": 41}, "object"),
        ({"EQ_meanValue_A48": [498.87]}, "object"),
        ({"EQ_sDev_KEL": [0.5]}, "object"),
        ({"EQ_sDev_FAH": [0.9]}, "object"),
        ({"GE_percRank": 50}, "object"),
        ({"LT_percRank": 50}, ""),
        ({"GT_percValue_CEL": 4}, "object"),
        ({"EQ_value_MTR": [4]}, ""),
        ({"EQ_type": ["https://gs1.org/voc/Mass"]}, "object"),
        ({"EQ_exception": ["ALARM_CONDITION"]}, "object"),
        ({"EQ_component": ["x"]}, "object"),
        ({"EQ_deviceID": ["https://id.gs1.org/8004/9521141111"]}, "object"),
        ({"EQ_bizRules": ["https://example.org/rules"]}, "object"),
        ({"EQ_dataProcessingMethod": ["https://example.org/dpm"]}, "object"),
        ({"EQ_microorganism": ["https://example.org/listeria"]}, "object"),
        ({"EQ_chemicalSubstance": ["https://example.org/ethanol"]}, "object"),
        ({"EQ_coordinateReferenceSystem": ["https://example.org/crs"]}, "object"),
        ({"EQ_stringValue": ["SOME"]}, "object"),
        ({"EQ_hexBinaryValue": ["F0F0"]}, "object"),
        ({"EQ_uriValue": ["urn:epc:id:sgln:9521141.00100.0"]}, "object"),
        ({"EQ_booleanValue": True}, "object"),
        ({"EQ_booleanValue": False}, ""),
        ({"GE_time": "2026-07-22T06:40:00Z"}, "object"),
        ({"LT_startTime": "2026-07-22T06:00:00Z"}, ""),
        ({"GE_endTime": "2026-07-22T06:40:00Z"}, "object"),
        ({"EQ_SENSORELEMENT_ex:casing": ["steel"]} | EX, "object"),
        ({"GT_SENSORMETADATA_ex:battery": 79} | EX, "object"),
        ({"EQ_SENSORREPORT_ex:quality": ["good"]} | EX, "object"),
        ({"EXISTS_SENSORREPORT_ex:casing": None} | EX, ""),
        # fields of somebody's own
        ({"EQ_ex:tags": ["blue", "red"]} | EX, "object"),
        ({"GE_ex:score": 7.5} | EX, "object"),
        ({"LT_ex:score": 7.5} | EX, ""),
        ({"EQ_ex:score": 7.5} | EX, "object"),
        ({"EQ_ex:ok": True} | EX, "object"),
        ({"GE_ex:checked": "2026-07-22T06:45:00+02:00"} | EX, "object"),
        ({"EXISTS_ex:score": None} | EX, "object"),
        ({"EXISTS_ex:grade": None} | EX, ""),
        ({"EQ_ILMD_ex:grade": ["A"]} | EX, "object"),
        ({"EQ_ILMD_ex:country": ["CH"]} | EX, ""),
        ({"EQ_INNER_ILMD_ex:country": ["CH"]} | EX, "object"),
        ({"GT_INNER_ILMD_ex:altitude": 1000} | EX, "object"),
        ({"EXISTS_INNER_ILMD_ex:grade": None} | EX, ""),
        ({"EQ_readPoint_ex:dock": ["3"]} | EX, "object"),
        # a prefix is only a shorthand for what it stands for
        ({"EQ_other:score": 7.5, "@context": {"other": "https://example.org/ex/"}}, "object"),
        ({"EQ_ex:score": 7.5, "@context": {"ex": "https://other.example/"}}, ""),
        ({"EQ_https://example.org/ex/score": 7.5}, "object"),
        ({"EQ_ex:score": 7.5}, "object"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, dict) else None,
)
def test_a_query_finds_what_it_asks_for(query: dict[str, Any], names: str):
    assert found(read_query(query)) == names


@pytest.mark.parametrize(
    ("pairs", "names"),
    [
        ([("eventType", "ObjectEvent|TransformationEvent")], "object making"),
        ([("EQ_bizStep", "shipping"), ("EQ_bizStep", "commissioning")], "object"),
        ([("GE_eventTime", "2026-07-24T06:45:00+00:00")], "making"),
        ([("GE_eventTime", "2026-07-24T08:45:00 02:00")], "making"),
        ([("EQ_quantity", "50|1e2")], "packing"),
        ([("EQ_value_KEL", "277.15")], "object"),
        ([("EXISTS_errorDeclaration", "")], "packing"),
        ([("EXISTS_errorDeclaration", "false")], "object packing making"),
        ([("EQ_booleanValue", "true")], "object"),
        ([("GE_ex:score", "7")], "object"),
        ([("LT_ex:checked", "2026-07-22T04:45:01Z")], "object"),
        ([("EQ_ex:score", "7.50")], "object"),
        ([("EQ_ex:ok", "true")], "object"),
    ],
)
def test_an_address_asks_the_same(pairs: list[tuple[str, str]], names: str):
    assert found(read_parameters(pairs, {"ex": "https://example.org/ex/"})) == names


@pytest.mark.parametrize(
    ("pairs", "pointer", "offered"),
    [
        ([("GE_quantity", "many")], "/GE_quantity", None),
        ([("GE_quantity", "1"), ("GE_quantity", "2")], "/GE_quantity", None),
        ([("GE_quantity", "1e999")], "/GE_quantity", None),
        ([("eventCountLimit", "3")], "/eventCountLimit", None),
        ([("EQ_bizStep", "shiping")], "/EQ_bizStep/0", "shipping"),
        ([("EQ_bizstep", "shipping")], "/EQ_bizstep", "EQ_bizStep"),
        ([("GT_eventTime", "2026-07-24T06:45:00Z")], "/GT_eventTime", "LT_eventTime"),
        ([("MATCH_epc", "")], "/MATCH_epc/0", None),
        ([("orderBy", "eventTime"), ("eventCountLimit", "2"), ("maxEventCount", "2")], "/maxEventCount", None),
    ],
)
def test_what_an_address_says_wrong_is_named(pairs: list[tuple[str, str]], pointer: str, offered: str | None):
    with pytest.raises(QueryInvalid) as refused:
        read_parameters(pairs)
    [fault] = refused.value.faults
    assert (fault.pointer, fault.did_you_mean) == (pointer, offered)


class Known:
    """Master data of one place."""

    def attributes(self, uri: str) -> dict[str, tuple[str, ...]]:
        known = {"urn:epcglobal:cbv:mda#countryCode": ("CH",), "https://example.org/ex/cold": ("yes",)}
        return known if uri == "https://id.gs1.org/414/9521141001004" else {}


@pytest.mark.parametrize(
    ("query", "is_found"),
    [
        ({"HASATTR_bizLocation": ["cbvmda:countryCode"]}, True),
        ({"HASATTR_readPoint": ["urn:epcglobal:cbv:mda:countryCode"]}, True),
        ({"HASATTR_bizLocation": ["ex:cold"]} | EX, True),
        ({"HASATTR_bizStep": ["ex:cold"]} | EX, False),
        ({"EQATTR_bizLocation_cbvmda:countryCode": ["DE", "CH"]}, True),
        ({"EQ_ATTR_bizLocation_cbvmda:countryCode": ["DE"]}, False),
        ({"EQATTR_bizLocation_ex:cold": ["yes"]} | EX, True),
        ({"EQATTR_source_ex:cold": ["yes"]} | EX, False),
    ],
)
def test_attributes_are_those_of_master_data(query: dict[str, Any], is_found: bool):
    assert matches(read_query(query), EVENTS["object"], master_data=Known()) is is_found
    assert not matches(read_query(query), EVENTS["object"])


def test_places_within_a_place_are_what_master_data_says():
    query = read_query({"WD_bizLocation": ["urn:x:campus"]})
    inside = {"urn:x:campus": {"https://id.gs1.org/414/9521141001004"}}
    assert found(query) == ""
    assert found(query.with_descendants(lambda uri: inside.get(uri, set()))) == "object"


def test_order_and_limits_are_read():
    query = read_query({"orderBy": "recordTime", "orderDirection": "ASC", "eventCountLimit": 5})
    assert (query.order_by, query.descending, query.event_count_limit, query.max_event_count) == (
        "recordTime",
        False,
        5,
        None,
    )
    assert read_query({"orderBy": "eventTime"}).descending


def test_a_query_is_bounded():
    with pytest.raises(QueryInvalid, match="at most 1,000 values"):
        read_query({"MATCH_epc": ["urn:x:1"] * 1001})
    with pytest.raises(QueryInvalid, match="at most 100 parameters"):
        read_query({f"EQ_ex:a{number}": "1" for number in range(101)})
