"""The query language: one check a parameter, each finding some events and leaving out others (EPCIS 2.0, 8.2.7.1)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tests.conformance.material import Run
from tests.conformance.suite import Examined, check, refused

ALL = {"made", "stored", "measured", "declared", "joined", "billed", "turned", "attached", "checked"}
EX = "https://ns.example.org/epcis/"
Query = Callable[[Run], dict[str, Any]]

FINDS: tuple[tuple[str, str, Query, set[str]], ...] = (
    ("eventType", "events of one type", lambda r: {"eventType": "AggregationEvent"}, {"joined"}),
    (
        "eventType-list",
        "events of several types",
        lambda r: {"eventType": "AggregationEvent|TransactionEvent"},
        {"joined", "billed"},
    ),
    ("GE_eventTime", "not before a time", lambda r: {"GE_eventTime": "2026-01-01T07:00:00Z"}, {"attached", "checked"}),
    ("LT_eventTime", "before a time", lambda r: {"LT_eventTime": "2026-01-01T02:00:00Z"}, {"made"}),
    ("eventTime-offset", "a time in another zone", lambda r: {"LT_eventTime": "2026-01-01T03:00:00+01:00"}, {"made"}),
    ("GE_recordTime", "recorded not before a time", lambda r: {"GE_recordTime": "2026-01-01T00:00:00Z"}, ALL),
    ("LT_recordTime", "recorded before a time", lambda r: {"LT_recordTime": "2020-01-01T00:00:00Z"}, set()),
    ("EQ_action", "actions", lambda r: {"EQ_action": "ADD"}, {"made", "billed", "attached"}),
    ("EQ_action-list", "any of several values", lambda r: {"EQ_action": "ADD|DELETE"}, {"made", "billed", "attached"}),
    ("EQ_bizStep", "business steps", lambda r: {"EQ_bizStep": "storing"}, {"stored"}),
    (
        "EQ_bizStep-uri",
        "business steps by their URI",
        lambda r: {"EQ_bizStep": "https://ref.gs1.org/cbv/BizStep-storing"},
        {"stored"},
    ),
    ("EQ_disposition", "dispositions", lambda r: {"EQ_disposition": "active"}, {"made"}),
    (
        "EQ_persistentDisposition_set",
        "lasting dispositions set",
        lambda r: {"EQ_persistentDisposition_set": "completeness_verified"},
        {"checked"},
    ),
    (
        "EQ_persistentDisposition_unset",
        "lasting dispositions unset",
        lambda r: {"EQ_persistentDisposition_unset": "completeness_inferred"},
        {"checked"},
    ),
    ("EQ_bizLocation", "locations", lambda r: {"EQ_bizLocation": r.biz_location}, ALL),
    ("EQ_bizLocation-other", "no other location", lambda r: {"EQ_bizLocation": r.read_point}, set()),
    ("WD_readPoint", "read points and what is below them", lambda r: {"WD_readPoint": r.read_point}, ALL),
    ("WD_bizLocation", "locations and what is below them", lambda r: {"WD_bizLocation": r.biz_location}, ALL),
    ("EQ_bizTransaction_type", "business transactions", lambda r: {"EQ_bizTransaction_po": r.order}, {"made"}),
    (
        "EQ_bizTransaction_other",
        "no business transaction of another type",
        lambda r: {"EQ_bizTransaction_inv": r.order},
        set(),
    ),
    ("EQ_source_type", "sources", lambda r: {"EQ_source_owning_party": r.giver}, {"stored"}),
    ("EQ_destination_type", "destinations", lambda r: {"EQ_destination_owning_party": r.taker}, {"stored"}),
    ("EQ_transformationID", "transformations", lambda r: {"EQ_transformationID": r.recipe}, {"turned"}),
    (
        "MATCH_epc",
        "a thing that is observed",
        lambda r: {"MATCH_epc": r.first},
        {"made", "measured", "declared", "joined"},
    ),
    (
        "MATCH_epc-list",
        "one of several things",
        lambda r: {"MATCH_epc": f"{r.first}|{r.second}"},
        {"made", "measured", "declared", "joined", "billed", "attached"},
    ),
    ("MATCH_parentID", "a parent", lambda r: {"MATCH_parentID": r.unit}, {"joined"}),
    ("MATCH_inputEPC", "an input", lambda r: {"MATCH_inputEPC": r.first}, {"turned"}),
    ("MATCH_outputEPC", "an output", lambda r: {"MATCH_outputEPC": r.made}, {"turned"}),
    ("MATCH_anyEPC", "a thing, wherever it stands", lambda r: {"MATCH_anyEPC": r.made}, {"turned", "checked"}),
    ("MATCH_anyEPC-parent", "a parent is a thing too", lambda r: {"MATCH_anyEPC": r.asset}, {"attached"}),
    (
        "MATCH_epc-pattern",
        "a pattern of things",
        lambda r: {"MATCH_epc": "urn:epc:idpat:sgtin:9521321.012342.*"},
        {"made", "joined", "billed", "attached"},
    ),
    ("MATCH_epcClass", "a class", lambda r: {"MATCH_epcClass": r.lot}, {"stored", "joined"}),
    ("MATCH_inputEPCClass", "a class of inputs", lambda r: {"MATCH_inputEPCClass": r.lot}, {"turned"}),
    (
        "MATCH_anyEPCClass",
        "a class, wherever it stands",
        lambda r: {"MATCH_anyEPCClass": r.lot},
        {"stored", "joined", "turned"},
    ),
    (
        "MATCH_epcClass-pattern",
        "a pattern of classes",
        lambda r: {"MATCH_epcClass": "urn:epc:idpat:lgtin:9521321.012345.*"},
        {"stored", "joined"},
    ),
    ("EQ_quantity", "an exact quantity", lambda r: {"EQ_quantity": 10}, {"stored"}),
    ("GT_quantity", "more than a quantity", lambda r: {"GT_quantity": 5}, {"stored"}),
    ("GE_quantity", "at least a quantity", lambda r: {"GE_quantity": 5}, {"stored", "joined"}),
    ("LT_quantity", "less than a quantity", lambda r: {"LT_quantity": 10}, {"joined", "turned"}),
    ("LE_quantity", "at most a quantity", lambda r: {"LE_quantity": 3}, {"turned"}),
    ("EQ_eventID", "an event by its id", lambda r: {"EQ_eventID": r.id_of("billed")}, {"billed"}),
    (
        "EQ_eventID-list",
        "events by their ids",
        lambda r: {"EQ_eventID": f"{r.id_of('billed')}|{r.id_of('made')}"},
        {"billed", "made"},
    ),
    ("EXISTS_errorDeclaration", "error declarations", lambda r: {"EXISTS_errorDeclaration": ""}, {"declared"}),
    (
        "GE_errorDeclaration_Time",
        "declared not before a time",
        lambda r: {"GE_errorDeclaration_Time": "2026-01-01T10:00:00Z"},
        {"declared"},
    ),
    (
        "LT_errorDeclaration_Time",
        "declared before a time",
        lambda r: {"LT_errorDeclaration_Time": "2026-01-01T10:00:00Z"},
        set(),
    ),
    ("EQ_errorReason", "why it was wrong", lambda r: {"EQ_errorReason": "incorrect_data"}, {"declared"}),
    ("EQ_correctiveEventID", "what corrects it", lambda r: {"EQ_correctiveEventID": r.id_of("checked")}, {"declared"}),
    ("EQ_field", "an extension", lambda r: {f"EQ_{EX}#shift": "early", "": ""}, {"made"}),
    ("EQ_field-number", "a number in an extension", lambda r: {f"EQ_{EX}#line": 9}, {"stored"}),
    ("GT_field", "more than a number in an extension", lambda r: {f"GT_{EX}#line": 7}, {"stored"}),
    ("GE_field", "at least a number in an extension", lambda r: {f"GE_{EX}#line": 7}, {"made", "stored"}),
    ("LT_field", "less than a number in an extension", lambda r: {f"LT_{EX}#line": 9}, {"made"}),
    ("LE_field", "at most a number in an extension", lambda r: {f"LE_{EX}#line": 9}, {"made", "stored"}),
    ("EXISTS_field", "whether there is an extension", lambda r: {f"EXISTS_{EX}#box": ""}, {"stored"}),
    ("EQ_INNER_field", "an extension inside another", lambda r: {f"EQ_INNER_{EX}#colour": "red"}, {"stored"}),
    ("EQ_ILMD_field", "instance and lot master data", lambda r: {f"EQ_ILMD_{EX}#batch": f"B{r.number}"}, {"made"}),
    (
        "EQ_INNER_ILMD_field",
        "inside instance and lot master data",
        lambda r: {f"EQ_INNER_ILMD_{EX}#country": "CH"},
        {"made"},
    ),
    ("EXISTS_ILMD_field", "whether there is such master data", lambda r: {f"EXISTS_ILMD_{EX}#batch": ""}, {"made"}),
    ("EQ_type", "a kind of measurement", lambda r: {"EQ_type": "Temperature"}, {"measured", "declared"}),
    ("EQ_deviceID", "a sensor", lambda r: {"EQ_deviceID": r.device}, {"measured", "declared"}),
    (
        "GE_value_uom",
        "a measured value in its own unit",
        lambda r: {"EQ_type": "Temperature", "GE_value_CEL": 25},
        {"measured", "declared"},
    ),
    (
        "LT_value_uom",
        "no measured value that is larger",
        lambda r: {"EQ_type": "Temperature", "LT_value_CEL": 25},
        set(),
    ),
    (
        "value-converted",
        "a measured value in another unit",
        lambda r: {"EQ_type": "Temperature", "GE_value_KEL": 299.0, "LE_value_KEL": 299.2},
        {"measured", "declared"},
    ),
    (
        "value-converted-fahrenheit",
        "a measured value in a third unit",
        lambda r: {"EQ_type": "Temperature", "GT_value_FAH": 78, "LT_value_FAH": 79},
        {"measured", "declared"},
    ),
    (
        "and",
        "several parameters are all to hold",
        lambda r: {"EQ_bizStep": "inspecting", "MATCH_epc": r.made},
        {"checked"},
    ),
)


def _finds(name: str, title: str, query: Query, wanted: set[str]) -> None:
    @check(f"query.{name}", "8.2.7.1", f"{name.partition('-')[0]}: {title}")
    def _(to: Examined) -> None:
        asked = {key: value for key, value in query(to.run).items() if key}
        found = to.found(**asked)
        assert found == wanted, f"{asked} finds {sorted(found)}, not {sorted(wanted)}"


for _each in FINDS:
    _finds(*_each)


@check("query.orderBy", "8.2.7.1", "orderBy and orderDirection order by event time, both ways")
def _(to: Examined) -> None:
    assert to.capture
    for direction, backwards in (("ASC", False), ("DESC", True)):
        query = {"EQ_readPoint": to.run.read_point, "orderBy": "eventTime", "orderDirection": direction}
        times = [each["eventTime"] for each in to.server.events(query)]
        assert len(times) == 9 and times == sorted(times, reverse=backwards), f"{direction}: {times}"


@check("query.eventCountLimit", "8.2.7.1", "eventCountLimit gives the first ones of an order")
def _(to: Examined) -> None:
    assert to.found(orderBy="eventTime", orderDirection="ASC", eventCountLimit=2) == {"made", "stored"}


@check("query.maxEventCount", "8.2.7.1", "more events than maxEventCount are QueryTooLargeException")
def _(to: Examined) -> None:
    assert to.found(maxEventCount=9) == ALL
    answer = to.server.get("/events", {"EQ_readPoint": to.run.read_point, "maxEventCount": 8})
    refused(answer, 413, "QueryTooLargeException")


@check("query.both-limits", "8.2.7.1", "maxEventCount and eventCountLimit together are refused")
def _(to: Examined) -> None:
    answer = to.server.get("/events", {"maxEventCount": 8, "eventCountLimit": 8, "orderBy": "eventTime"})
    refused(answer, 400, "QueryParameterException", "QueryValidationException")


@check("query.unknown", "8.2.7.1", "a parameter that is none is QueryParameterException")
def _(to: Examined) -> None:
    refused(to.server.get("/events", {"EQ_bizStp": "storing"}), 400, "QueryParameterException")


@check("query.bad-time", "8.2.7.1", "a time that is none is QueryParameterException")
def _(to: Examined) -> None:
    refused(to.server.get("/events", {"GE_eventTime": "yesterday"}), 400, "QueryParameterException")


@check("query.bad-action", "8.2.7.1", "an action that is none is QueryParameterException")
def _(to: Examined) -> None:
    refused(to.server.get("/events", {"EQ_action": "MAYBE"}), 400, "QueryParameterException")


@check("query.bad-number", "8.2.7.1", "a number that is none is QueryParameterException")
def _(to: Examined) -> None:
    refused(to.server.get("/events", {"GE_quantity": "much"}), 400, "QueryParameterException")
