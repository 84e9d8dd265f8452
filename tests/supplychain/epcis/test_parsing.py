"""An event is read whole, or all its faults are named: one message, one place, one hint a fault."""

import copy
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from supplychain.epcis import EventInvalid, parse_body, parse_body_value, parse_event
from supplychain.epcis.contexts import EPCIS_CONTEXT, WAYLOG_CONTEXT
from supplychain.epcis.events import Quantity

GOOD = {
    "type": "ObjectEvent",
    "eventID": "urn:uuid:374d95fc-9457-4a51-bd6a-0bba133845a8",
    "eventTime": "2026-07-22T06:45:00.123+02:00",
    "eventTimeZoneOffset": "+02:00",
    "action": "OBSERVE",
    "epcList": ["https://id.gs1.org/00/376123450000042184"],
    "quantityList": [{"epcClass": "urn:epc:class:lgtin:4012345.012345.A1", "quantity": 2.5, "uom": "KGM"}],
    "bizStep": "https://ref.gs1.org/cbv/BizStep-shipping",
    "disposition": "urn:epcglobal:cbv:disp:in_transit",
    "persistentDisposition": {"set": ["cbv:Disp-recalled"], "unset": ["completeness_inferred"]},
    "readPoint": {"id": "urn:epc:id:sgln:4012345.00005.0"},
    "bizLocation": {"id": "https://example.com/sites/7"},
    "bizTransactionList": [{"type": "po", "bizTransaction": "urn:x:1"}, {"bizTransaction": "urn:x:2"}],
    "sourceList": [{"type": "possessing_party", "source": "https://id.gs1.org/417/4012345000009"}],
    "destinationList": [{"type": "cbv:SDT-location", "destination": "https://id.gs1.org/414/4012345000054"}],
    "sensorElementList": [
        {
            "sensorMetadata": {"time": "2026-07-22T06:40:00Z", "deviceID": "urn:epc:id:giai:4000001.111"},
            "sensorReport": [{"type": "gs1:Temperature", "value": 4, "uom": "CEL", "component": "cbv:Comp-x"}],
        }
    ],
    "certificationInfo": "https://certificates.example/7",
    "errorDeclaration": {
        "declarationTime": "2026-07-23T06:45:00Z",
        "reason": "did_not_occur",
        "correctiveEventIDs": ["urn:uuid:1"],
    },
    "waylog:promisedTime": "2026-07-24T06:45:00Z",
}
PACKING = {
    "type": "AggregationEvent",
    "eventTime": "2026-07-22T06:45:00Z",
    "eventTimeZoneOffset": "+00:00",
    "action": "ADD",
    "parentID": "https://id.gs1.org/00/376123450000042184",
    "childEPCs": ["urn:epc:id:sgtin:4012345.011111.1"],
}
MAKING = {
    "type": "TransformationEvent",
    "eventTime": "2026-07-22T06:45:00Z",
    "eventTimeZoneOffset": "+00:00",
    "inputQuantityList": [{"epcClass": "urn:epc:class:lgtin:4012345.012345.A1", "quantity": 5, "uom": "KGM"}],
    "outputEPCList": ["urn:epc:id:sgtin:4012345.011111.1"],
}
BUYING = {
    "type": "TransactionEvent",
    "eventTime": "2026-07-22T06:45:00Z",
    "eventTimeZoneOffset": "+00:00",
    "action": "ADD",
    "bizTransactionList": [{"type": "po", "bizTransaction": "urn:x:1"}],
    "epcList": ["urn:epc:id:sgtin:4012345.011111.1"],
}


def changed(event, **members):
    """`event` with members set, or taken away where the value is ...; a name with __ goes deeper."""
    copied = copy.deepcopy(event)
    for name, value in members.items():
        *path, last = [int(part) if part.isdigit() else part for part in name.split("__")]
        target = copied
        for part in path:
            target = target[part]
        if value is ...:
            del target[last]
        else:
            target[last] = value
    return copied


def refused(event, context=WAYLOG_CONTEXT):
    with pytest.raises(EventInvalid) as invalid:
        parse_event(event, context)
    return invalid.value.faults


def test_an_event_is_read_whole():
    event = parse_event(GOOD, WAYLOG_CONTEXT)
    zone = timezone(timedelta(hours=2))
    assert event.event_time == datetime(2026, 7, 22, 6, 45, 0, 123000, zone)
    assert event.event_time.utcoffset() == timedelta(hours=2)
    assert (event.biz_step, event.disposition, event.action) == ("shipping", "in_transit", "OBSERVE")
    assert event.persistent_disposition.set == ("recalled",)
    assert event.persistent_disposition.unset == ("completeness_inferred",)
    assert event.quantity_list == (Quantity("urn:epc:class:lgtin:4012345.012345.A1", 2.5, "KGM"),)
    assert [document.type for document in event.biz_transaction_list] == ["po", None]
    assert event.source("possessing_party") == "https://id.gs1.org/417/4012345000009"
    assert event.destination("location") == "https://id.gs1.org/414/4012345000054"
    assert event.source("owning_party") is None
    report = event.sensor_element_list[0].reports[0]
    assert (report.type, report.value, report.uom, report.component) == ("Temperature", 4, "CEL", "x")
    assert event.certification_info == ("https://certificates.example/7",)
    assert event.error_declaration.reason == "did_not_occur"
    assert event.waylog.promised_time == datetime(2026, 7, 24, 6, 45, tzinfo=UTC)
    assert event.extensions == {"waylog:promisedTime": "2026-07-24T06:45:00Z"}
    assert event.raw is GOOD


@pytest.mark.parametrize(
    "event",
    [
        PACKING,
        MAKING,
        BUYING,
        changed(PACKING, type="AssociationEvent"),
        changed(PACKING, action="DELETE", childEPCs=...),
        changed(PACKING, type="AssociationEvent", action="DELETE", childEPCs=...),
        changed(PACKING, action="OBSERVE", parentID=...),
        changed(BUYING, action="DELETE", epcList=...),
        changed(BUYING, epcList=..., parentID="urn:x:7"),
        changed(MAKING, outputEPCList=..., transformationID="urn:x:7"),
        changed(MAKING, inputQuantityList=..., transformationID="urn:x:7"),
        changed(GOOD, epcList=[], quantityList=...),  # sensors speak of a place
        changed(GOOD, action="ADD", ilmd={"cbvmda:lotNumber": "A1"}),
    ],
    ids=lambda event: f"{event['type']} {event.get('action', '')}",
)
def test_what_each_type_and_action_needs_is_enough(event):
    assert parse_event(event, WAYLOG_CONTEXT).event_type == event["type"]


# what was written, where the fault lies, what the message says, which word is offered
MISTAKES = [
    (changed(GOOD, type=...), "/type", "needs type", None),
    (changed(GOOD, type="objectevent"), "/type", "not a type of event", "ObjectEvent"),
    (changed(GOOD, type=["ObjectEvent"]), "/type", "not a list", None),
    (changed(GOOD, eventTime=...), "/eventTime", "needs eventTime", None),
    (changed(GOOD, eventTime="2026-07-22T06:45:00"), "/eventTime", "has no time zone", None),
    (changed(GOOD, eventTime="2026-07-22 06:45:00Z"), "/eventTime", "not a date and time", None),
    (changed(GOOD, eventTime="2026-02-30T06:45:00Z"), "/eventTime", "no moment", None),
    (changed(GOOD, eventTime="0001-01-01T00:00:00+14:00"), "/eventTime", "no moment", None),
    (changed(GOOD, eventTime=1784695500), "/eventTime", "must be a date and time, not a number", None),
    (changed(GOOD, eventTime=None), "/eventTime", "not null; leave the member out", None),
    (changed(GOOD, eventTimeZoneOffset="02:00"), "/eventTimeZoneOffset", "write it as", None),
    (changed(GOOD, eventTimeZoneOffset="+15:00"), "/eventTimeZoneOffset", "write it as", None),
    (changed(GOOD, action="observe"), "/action", "not an action", "OBSERVE"),
    (changed(GOOD, action=...), "/action", "needs action", None),
    (changed(GOOD, bizStep="Shipped"), "/bizStep", "not a business step", "shipping"),
    (changed(GOOD, bizStep=""), "/bizStep", "not a business step", None),
    (changed(GOOD, disposition="urn:epcglobal:cbv:disp:in_transport"), "/disposition", "disposition", "in_transit"),
    (changed(GOOD, epcList="urn:x:1"), "/epcList", "must be a list, not text", None),
    (changed(GOOD, epcList__0="376123450000042184"), "/epcList/0", "is not a URI", None),
    (changed(GOOD, epcList__0="https://id.gs1.org/00/376123450000042185"), "/epcList/0", "should end in 4", None),
    (changed(GOOD, epcList__0="urn:epc:id:sscc:7612345.300000421"), "/epcList/0", "17 digits", None),
    (changed(GOOD, epcList__0="https://id.gs1.org/01/04012345999990"), "/epcList/0", "class of things", None),
    (changed(GOOD, epcList=["urn:x:1", "urn:x:1"]), "/epcList/1", "listed twice", None),
    (changed(GOOD, epcLst=["urn:x:1"]), "/epcLst", "not a member of an ObjectEvent", "epcList"),
    (changed(GOOD, bizstep="shipping"), "/bizstep", "needs a prefix", "bizStep"),
    (changed(GOOD, parentID="urn:x:1"), "/parentID", "does not belong in an ObjectEvent", None),
    (
        changed(GOOD, quantityList__0__quantity=-1),
        "/quantityList/0/quantity",
        "cannot be negative",
        None,
    ),
    (changed(GOOD, quantityList__0__quantity=True), "/quantityList/0/quantity", "not true or false", None),
    (changed(GOOD, quantityList__0__uom=...), "/quantityList/0/quantity", "must be whole", None),
    (changed(GOOD, quantityList__0__uom="kg"), "/quantityList/0/uom", "not a unit code", "KGM"),
    (changed(GOOD, quantityList__0__quantity=...), "/quantityList/0/quantity", "A unit needs a quantity", None),
    (changed(GOOD, quantityList__0__epcClass=...), "/quantityList/0/epcClass", "needs epcClass", None),
    (
        changed(GOOD, quantityList__0__epcClass="urn:epc:id:sgtin:4012345.011111.1"),
        "/quantityList/0/epcClass",
        "names one thing",
        None,
    ),
    (changed(GOOD, readPoint="urn:x:1"), "/readPoint", "must be an object", None),
    (changed(GOOD, readPoint={"ID": "urn:x:1"}), "/readPoint/id", "needs id", None),
    (changed(GOOD, readPoint__name="Dock 3"), "/readPoint/name", "needs a prefix", None),
    (changed(GOOD, sourceList__0__type="owner"), "/sourceList/0/type", "source or destination type", None),
    (changed(GOOD, sourceList__0__type=...), "/sourceList/0/type", "needs type", None),
    (changed(GOOD, sourceList=[{"type": "location", "destination": "urn:x:1"}]), "/sourceList/0/source", "needs", None),
    (changed(GOOD, bizTransactionList__0__type="order"), "/bizTransactionList/0/type", "transaction type", "prodorder"),
    (changed(GOOD, persistentDisposition={}), "/persistentDisposition/set", "missing or empty", None),
    (changed(GOOD, sensorElementList=[]), "/sensorElementList", "must not be empty", None),
    (
        changed(GOOD, sensorElementList__0__sensorReport=[]),
        "/sensorElementList/0/sensorReport",
        "at least one report",
        None,
    ),
    (
        changed(GOOD, sensorElementList__0__sensorReport__0__type="temprature"),
        "/sensorElementList/0/sensorReport/0/type",
        "not a measurement type",
        "Temperature",
    ),
    (
        changed(GOOD, sensorElementList__0__sensorReport__0__uom="KGM"),
        "/sensorElementList/0/sensorReport/0/uom",
        "not a unit of Temperature",
        "CEL",
    ),
    (
        changed(GOOD, sensorElementList__0__sensorReport__0__uom="°C"),
        "/sensorElementList/0/sensorReport/0/uom",
        "not a unit code",
        "CEL",
    ),
    (
        changed(GOOD, sensorElementList__0__sensorReport__0__value="4.1"),
        "/sensorElementList/0/sensorReport/0/value",
        "must be a number, not text",
        None,
    ),
    (
        changed(GOOD, sensorElementList__0__sensorReport__0__type=...),
        "/sensorElementList/0/sensorReport/0/type",
        "needs a type or an exception",
        None,
    ),
    (
        changed(
            GOOD,
            sensorElementList__0__sensorMetadata={"startTime": GOOD["eventTime"], "endTime": "2020-01-01T00:00:00Z"},
        ),
        "/sensorElementList/0/sensorMetadata/endTime",
        "before startTime",
        None,
    ),
    (changed(GOOD, errorDeclaration__declarationTime=...), "/errorDeclaration/declarationTime", "missing", None),
    (
        changed(GOOD, errorDeclaration__reason="incorrect"),
        "/errorDeclaration/reason",
        "error reason",
        "incorrect_data",
    ),
    (changed(GOOD, eventID="374d95fc"), "/eventID", "not a URI", None),
    (changed(GOOD, ilmd={"cbvmda:lotNumber": "A1"}), "/ilmd", "only with action ADD", None),
    (changed(GOOD, certificationInfo=["x"]), "/certificationInfo/0", "not a URI", None),
    (changed(GOOD, **{"acme:color": "red"}), "/acme:color", 'prefix "acme" is not declared', None),
    (changed(GOOD, **{"wailog:seal": "intact"}), "/wailog:seal", "not declared", "waylog"),
    (changed(GOOD, **{"waylog:x/y": {"acme:z": 1}}), "/waylog:x~1y/acme:z", "not declared", None),
    (changed(GOOD, **{"waylog:seal": "opened"}), "/waylog:seal", "not a state of a seal", None),
    (changed(GOOD, **{"waylog:promisedTime": "tomorrow"}), "/waylog:promisedTime", "not a date and time", None),
    (changed(GOOD, **{"waylog:sael": "intact"}), "/waylog:sael", "not a member of the waylog namespace", "seal"),
    (changed(PACKING, parentID=...), "/parentID", "With action ADD the parent", None),
    (changed(PACKING, parentID=..., action="DELETE"), "/parentID", "With action DELETE the parent", None),
    (changed(PACKING, childEPCs=[]), "/childEPCs", "both are empty", None),
    (changed(PACKING, type="AssociationEvent", action="OBSERVE", parentID=...), "/parentID", "needs parentID", None),
    (changed(PACKING, epcList=["urn:x:1"]), "/epcList", "does not belong in an AggregationEvent", None),
    (changed(MAKING, action="ADD"), "/action", "does not belong in a TransformationEvent", None),
    (changed(MAKING, outputEPCList=[]), "/outputEPCList", "Nothing came out", None),
    (changed(MAKING, inputQuantityList=...), "/inputEPCList", "Nothing went in", None),
    (changed(BUYING, bizTransactionList=...), "/bizTransactionList", "needs bizTransactionList", None),
    (changed(BUYING, bizTransactionList=[]), "/bizTransactionList", "at least one", None),
    (changed(BUYING, epcList=...), "/epcList", "names its objects", None),
]


@pytest.mark.parametrize(
    ("event", "pointer", "words", "offered"), MISTAKES, ids=[f"{place} {words}" for _, place, words, _ in MISTAKES]
)
def test_a_usual_mistake_is_named_where_it_stands(event, pointer, words, offered):
    faults = refused(event)
    found = [fault for fault in faults if fault.pointer == pointer]
    assert len(found) == 1, [str(fault) for fault in faults]
    assert words in found[0].message
    assert found[0].did_you_mean == offered
    others = {fault.pointer for fault in faults} - {pointer}
    assert not others or pointer in ("/type", "/waylog:x~1y/acme:z", "/readPoint/id", "/sourceList/0/source")


def test_all_faults_come_at_once():
    event = changed(GOOD, action="PUT", bizStep="sent", eventTime="today", epcList=[1])
    assert [fault.pointer for fault in refused(event)] == ["/eventTime", "/action", "/epcList/0", "/bizStep"]


def test_faults_are_capped_at_a_hundred():
    assert len(refused(changed(GOOD, epcList=[f"no uri {i}" for i in range(1000)]))) == 100


def test_a_long_value_is_shortened_in_its_fault():
    (fault,) = refused(changed(GOOD, bizStep="x" * 5000))
    assert len(fault.message) < 300
    assert len(fault.value) == 100


def test_an_identifier_without_end_is_refused():
    (fault,) = refused(changed(GOOD, epcList=["https://a.example/" + "x" * 5000]))
    assert (fault.pointer, fault.message) == ("/epcList/0", "This identifier is too long.")


def test_a_fault_says_what_is_allowed():
    (fault,) = refused(changed(GOOD, action="observe"))
    assert fault.as_dict() == {
        "pointer": "/action",
        "message": '"observe" is not an action.',
        "value": "observe",
        "allowed": ["ADD", "OBSERVE", "DELETE"],
        "didYouMean": "OBSERVE",
    }
    assert str(fault) == '/action: "observe" is not an action. Did you mean "OBSERVE"?'


@pytest.mark.parametrize(
    ("context", "pointer"),
    [
        (None, "/@context"),
        ("https://schema.org", "/@context"),
        ([EPCIS_CONTEXT, 7], "/@context/1"),
        ([EPCIS_CONTEXT, {"waylog": "no uri"}], "/@context/1/waylog"),
        ([EPCIS_CONTEXT, {"9 9": "urn:x:"}], "/@context/1/9 9"),
        (["epcis-context.jsonld"], "/@context/0"),
    ],
)
def test_a_context_that_is_missing_or_wrong_is_refused(context, pointer):
    assert pointer in [fault.pointer for fault in refused(PACKING, context)]


def test_a_prefix_that_the_event_declares_itself_is_enough():
    event = changed(PACKING, **{"@context": [{"acme": "https://acme.example/ns/"}], "acme:color": "red"})
    parsed = parse_event(event, EPCIS_CONTEXT)
    assert parsed.extensions == {"acme:color": "red"}
    assert parsed.prefixes["acme"] == "https://acme.example/ns/"


def test_our_members_are_known_by_their_namespace_and_not_by_their_prefix():
    ours = parse_event(changed(PACKING, **{"w:seal": "broken"}), [EPCIS_CONTEXT, {"w": "urn:waylog:epcis:"}])
    assert ours.waylog.seal == "broken"
    theirs = parse_event(changed(PACKING, **{"waylog:seal": "?"}), [EPCIS_CONTEXT, {"waylog": "urn:else:"}])
    assert theirs.waylog.seal is None


def test_a_member_of_ours_written_twice_is_refused():
    event = changed(PACKING, **{"waylog:seal": "broken", "w:seal": "intact"})
    context = [EPCIS_CONTEXT, {"w": "urn:waylog:epcis:", "waylog": "urn:waylog:epcis:"}]
    assert [fault.pointer for fault in refused(event, context)] == ["/w:seal"]


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        (b"", ""),
        (b"[]", ""),
        (b'{"event":{}}', "/@context"),
        (b'{"@context":"https://ref.gs1.org/standards/epcis/epcis-context.jsonld"}', "/event"),
        (b'{"@context":[],"event":7}', "/event"),
        (b'{"@context":[],"event":{},"more":1}', "/more"),
        (b'{"@context":[],"event":{"type":"ObjectEvent","type":"ObjectEvent"}}', "/event/type"),
        (b'{"@context":[],"event":{"x":1e999}}', "/event/x"),
    ],
)
def test_a_body_that_is_none_is_refused_at_its_place(body, pointer):
    with pytest.raises(EventInvalid) as invalid:
        parse_body(body)
    assert pointer in [fault.pointer for fault in invalid.value.faults]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | st.sampled_from(["urn:x:1", "ADD"]),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)


@given(JSON)
def test_any_value_is_an_event_or_refused_as_one(value):
    for parse in (lambda: parse_event(value, WAYLOG_CONTEXT), lambda: parse_body_value(value)):
        try:
            parse()
        except EventInvalid as invalid:
            assert invalid.faults


@given(st.sampled_from([GOOD, PACKING, MAKING, BUYING]), st.data())
def test_any_member_with_any_value_is_read_or_refused(event, data):
    name = data.draw(st.sampled_from([*GOOD, *PACKING, *MAKING, "ilmd", "@context", "acme:x", "waylog:damaged"]))
    context = data.draw(st.just(WAYLOG_CONTEXT) | JSON)
    try:
        parse_event(changed(event) | {name: data.draw(JSON)}, context)
    except EventInvalid as invalid:
        assert all(fault.pointer == "" or fault.pointer.startswith("/") for fault in invalid.faults)
