"""From JSON values to an `Event`, or to all the faults of the event at once (EPCIS 2.0, sections 7 and 10).

One pass: a table per event type says how each member is read; rules that need two members follow.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from ledger.tlog import strictjson
from ledger.tlog.errors import Malformed
from supplychain.epcis.contexts import EPCIS_CONTEXT, Context, escape, read_context
from supplychain.epcis.errors import EventInvalid, Fault
from supplychain.epcis.events import (
    BizTransaction,
    Destination,
    ErrorDeclaration,
    Event,
    PersistentDisposition,
    Source,
)
from supplychain.epcis.sensors import read_sensor_elements
from supplychain.epcis.terms import read_quantities, read_terms
from supplychain.epcis.values import SUGGESTIONS, Reader, shortened
from supplychain.epcis.vocabulary import (
    ACTIONS,
    BUSINESS_STEPS,
    BUSINESS_TRANSACTION_TYPES,
    DISPOSITIONS,
    ERROR_REASONS,
    EVENT_TYPES,
    SOURCE_DESTINATION_TYPES,
)

MAX_BODY = 1024 * 1024
_OFFSET = re.compile(r"[+-](?:0[0-9]|1[0-3]):[0-5][0-9]|[+-]14:00").fullmatch

ReadMember = Callable[[Reader, Any, str], Any]


def parse_event(event: Any, context: Any, *, at: str = "", context_at: str = "/@context") -> Event:
    """Parse one event as JSON gave it; `context` is its document's `@context` or an already read Context.

    Pointers start at `at`. Raise EventInvalid with every fault.
    """
    known = context if isinstance(context, Context) else read_outer_context(context, context_at)
    parsed, faults = read_event(event, known, at)
    faults = [*known.faults, *faults] if known is not context else faults
    if parsed is None or faults:
        raise EventInvalid(faults)
    return parsed


def parse_body(body: bytes) -> Event:
    """Parse the exact bytes of a body, `{"@context": ..., "event": {...}}`.

    Raise EventInvalid, also for what is not strict JSON; pointers start at the body.
    """
    return parse_body_value(read_json(body, MAX_BODY))


def read_json(data: bytes, max_bytes: int, max_nodes: int = 50_000, refusal: type[EventInvalid] = EventInvalid) -> Any:
    """Parse strict JSON; raise `refusal` with one fault that names the place."""
    try:
        return strictjson.parse(data, max_bytes=max_bytes, max_nodes=max_nodes)
    except Malformed as malformed:
        raise refusal([Fault(malformed.pointer, f"This is not strict JSON: {malformed}.")]) from None


def parse_body_value(value: Any) -> Event:
    """Parse a body that strict JSON was already read from. Raise EventInvalid."""
    if not isinstance(value, dict):
        raise EventInvalid([Fault("", 'A body is an object with "@context" and "event".')])
    reader = Reader(Context({}, is_epcis=False))
    for name in value:
        if name not in ("@context", "event"):
            reader.fault(
                f"/{escape(name)}", f'"{shortened(name)}" is not a member of a body.', name, ("@context", "event")
            )
    reader.required(value, ("event",), "", "A body")
    context = read_outer_context(value.get("@context"), "/@context")
    if "event" not in value:
        raise EventInvalid([*reader.faults, *context.faults])
    parsed, faults = read_event(value["event"], context, "/event")
    if parsed is None or reader.faults or context.faults or faults:
        raise EventInvalid([*reader.faults, *context.faults, *faults])
    return parsed


def read_outer_context(value: Any, at: str) -> Context:
    """Read a context that must be there and name EPCIS."""
    if value is None:
        return Context({}, is_epcis=False, faults=(Fault(at, "@context is missing; it says that this is EPCIS 2.0."),))
    context = read_context(value, at)
    if not context.is_epcis and not context.faults:
        fault = Fault(at, f"@context does not name the context of EPCIS 2.0, {EPCIS_CONTEXT}.")
        return Context(context.prefixes, is_epcis=False, faults=(fault,))
    return context


def read_event(
    event: Any, context: Context, at: str, *, own_context: bool = False, suggestions: int = SUGGESTIONS
) -> tuple[Event | None, list[Fault]]:
    """Read one event within an already read context; return it, or None, and its faults.

    With `own_context` the context was read from the event itself, which is not done again. Looking for the words that
    were meant takes time: it stops at `suggestions` faults.
    """
    reader = Reader(context, suggestions)
    if type(event) is not dict:
        reader.wrong_kind(event, at, "an event")
        return None, reader.faults
    if "@context" in event and not own_context:
        reader.context = context.with_inner(event["@context"], f"{at}/@context")
        reader.faults += reader.context.faults[len(context.faults) :]
    event_type = event.get("type")
    kind = _KINDS.get(event_type) if type(event_type) is str else None
    if kind is None:
        _refuse_type(reader, event, at)
        kind = _ANY
    found = _read_members(reader, event, at, kind)
    for name in kind.required:
        if name not in event:
            reader.fault(f"{at}/{name}", f"{kind.title} needs {name}, which is missing.", None, _ALLOWED.get(name, ()))
    kind.check(reader, event, found, at)
    if reader.faults:
        return None, reader.faults
    return Event(event_type=kind.name, prefixes=reader.context.prefixes, raw=event, **found), []


def _refuse_type(reader: Reader, event: dict[str, Any], at: str) -> None:
    if "type" not in event:
        reader.fault(f"{at}/type", "An event needs type, which is missing.", None, EVENT_TYPES)
    else:
        reader.choice(EVENT_TYPES, "a type of event", event["type"], f"{at}/type")


def _read_members(reader: Reader, event: dict[str, Any], at: str, kind: _Kind) -> dict[str, Any]:
    found: dict[str, Any] = {}
    extensions: dict[str, Any] = {}
    for name, value in event.items():
        known = kind.members.get(name)
        if known is not None:
            field, read = known
            if field:
                found[field] = read(reader, value, f"{at}/{name}")
        elif name in _ANY.members:
            reader.fault(f"{at}/{name}", f"{name} does not belong in {kind.a_title}.", None, kind.names)
        elif reader.extension(name, value, at, kind.a_title, kind.names):
            extensions[name] = value
    if extensions:
        found["extensions"] = extensions
        found["waylog"] = read_terms(reader, extensions, at)
    return found


# --- single members -------------------------------------------------------------------------------------------------


def _offset(reader: Reader, value: Any, at: str) -> str | None:
    if type(value) is not str:
        reader.wrong_kind(value, at, "a time zone offset")
    elif _OFFSET(value):
        return value
    else:
        reader.fault(at, f'"{shortened(value)}" is not a time zone offset; write it as +02:00 or -06:00.', value)
    return None


def _action(reader: Reader, value: Any, at: str) -> str | None:
    return reader.choice(ACTIONS, "an action", value, at)


def _biz_step(reader: Reader, value: Any, at: str) -> str | None:
    return reader.word(BUSINESS_STEPS, value, at)


def _disposition(reader: Reader, value: Any, at: str) -> str | None:
    return reader.word(DISPOSITIONS, value, at)


def _place(of: str) -> ReadMember:
    names = ("id",)

    def read(reader: Reader, value: Any, at: str) -> str | None:
        if type(value) is str:
            reader.fault(at, 'This must be an object, as in {"id": "https://id.gs1.org/414/..."}, not text.', value)
            return None
        members = reader.members(value, at)
        if members is None:
            return None
        reader.required(members, names, at, f"A {of}")
        place = None
        for name, item in members.items():
            if name == "id":
                place = reader.identifier(item, f"{at}/id")
            else:
                reader.extension(name, item, at, f"a {of}", names)
        return place

    return read


def _dispositions(reader: Reader, value: Any, at: str) -> tuple[str, ...]:
    items = reader.items(value, at)
    words = (reader.word(DISPOSITIONS, item, f"{at}/{i}") for i, item in enumerate(items))
    return tuple(word for word in words if word is not None)


def _persistent_disposition(reader: Reader, value: Any, at: str) -> PersistentDisposition | None:
    members = reader.members(value, at)
    if members is None:
        return None
    names = ("set", "unset")
    if not any(members.get(name) for name in names):
        reader.fault(f"{at}/set", "A persistentDisposition needs set or unset; both are missing or empty.")
    lists: dict[str, tuple[str, ...]] = {}
    for name, item in members.items():
        if name in names:
            lists[name] = _dispositions(reader, item, f"{at}/{name}")
        else:
            reader.extension(name, item, at, "a persistentDisposition", names)
    return PersistentDisposition(**lists)


def _pairs(member: str, of: str, *, needs_type: bool) -> Callable[[Reader, Any, str], list[tuple[str | None, str]]]:
    """Make the reader of a list of {type, `member`}: bizTransactionList, sourceList, destinationList."""
    names = ("type", member)
    types = SOURCE_DESTINATION_TYPES if needs_type else BUSINESS_TRANSACTION_TYPES
    required = names if needs_type else (member,)

    def read(reader: Reader, value: Any, at: str) -> list[tuple[str | None, str]]:
        pairs: list[tuple[str | None, str]] = []
        for i, item in enumerate(reader.items(value, at)):
            place = f"{at}/{i}"
            members = reader.members(item, place)
            if members is None:
                continue
            reader.required(members, required, place, f"A {of}")
            word = uri = None
            for name, inner in members.items():
                if name == "type":
                    word = reader.word(types, inner, f"{place}/type")
                elif name == member:
                    uri = reader.identifier(inner, f"{place}/{member}")
                else:
                    reader.extension(name, inner, place, f"a {of}", names)
            if uri is not None:
                pairs.append((word, uri))
        return pairs

    return read


_read_transactions = _pairs("bizTransaction", "business transaction", needs_type=False)
_read_sources = _pairs("source", "source", needs_type=True)
_read_destinations = _pairs("destination", "destination", needs_type=True)


def _biz_transaction_list(reader: Reader, value: Any, at: str) -> tuple[BizTransaction, ...]:
    return tuple(BizTransaction(*pair) for pair in _read_transactions(reader, value, at))


def _source_list(reader: Reader, value: Any, at: str) -> tuple[Source, ...]:
    return tuple(Source(word or "", uri) for word, uri in _read_sources(reader, value, at))


def _destination_list(reader: Reader, value: Any, at: str) -> tuple[Destination, ...]:
    return tuple(Destination(word or "", uri) for word, uri in _read_destinations(reader, value, at))


def _ilmd(reader: Reader, value: Any, at: str) -> dict[str, Any]:
    members = reader.members(value, at) or {}
    for name, item in members.items():
        reader.extension(name, item, at, "ilmd", ())
    return members


def _certification_info(reader: Reader, value: Any, at: str) -> tuple[str, ...]:
    if type(value) is list:
        return reader.uris(value, at)
    uri = reader.uri(value, at)
    return (uri,) if uri is not None else ()


def _error_declaration(reader: Reader, value: Any, at: str) -> ErrorDeclaration | None:
    members = reader.members(value, at)
    if members is None:
        return None
    reader.required(members, ("declarationTime",), at, "An errorDeclaration")
    declared = reason = None
    corrective: tuple[str, ...] = ()
    extensions: dict[str, Any] = {}
    names = ("declarationTime", "reason", "correctiveEventIDs")
    for name, item in members.items():
        if name == "declarationTime":
            declared = reader.time(item, f"{at}/{name}")
        elif name == "reason":
            reason = reader.word(ERROR_REASONS, item, f"{at}/{name}")
        elif name == "correctiveEventIDs":
            corrective = reader.uris(item, f"{at}/{name}")
        elif reader.extension(name, item, at, "an errorDeclaration", names):
            extensions[name] = item
    return ErrorDeclaration(declared, reason, corrective, extensions) if declared is not None else None


def _skip(reader: Reader, value: Any, at: str) -> None:
    """Read nothing: the member was dealt with before."""


# --- rules between members ------------------------------------------------------------------------------------------


def _lacks(event: dict[str, Any], *names: str) -> bool:
    return not any(event.get(name) for name in names)


def _check_object(reader: Reader, event: dict[str, Any], found: dict[str, Any], at: str) -> None:
    """An event about nothing is refused, unless sensors speak of a place (EPCIS 2.0, 7.4.2)."""
    sensed = not _lacks(event, "sensorElementList") and not _lacks(event, "readPoint", "bizLocation")
    if not sensed and _lacks(event, "epcList", "quantityList"):
        reader.fault(f"{at}/epcList", "An ObjectEvent names its objects in epcList or quantityList; both are empty.")
    if "ilmd" in event and found.get("action") in ("OBSERVE", "DELETE"):
        reader.fault(f"{at}/ilmd", "ilmd describes objects when they come into being: only with action ADD.")


def _check_children(reader: Reader, event: dict[str, Any], found: dict[str, Any], at: str) -> None:
    """DELETE without children means all of them (EPCIS 2.0, 7.4.3)."""
    if found.get("action") in ("ADD", "OBSERVE") and _lacks(event, "childEPCs", "childQuantityList"):
        names = "childEPCs or childQuantityList"
        reader.fault(f"{at}/childEPCs", f"With action {found['action']} the children stand in {names}; both are empty.")


def _check_aggregation(reader: Reader, event: dict[str, Any], found: dict[str, Any], at: str) -> None:
    if found.get("action") in ("ADD", "DELETE") and "parentID" not in event:
        reader.fault(f"{at}/parentID", f"With action {found['action']} the parent must be named in parentID.")
    _check_children(reader, event, found, at)


def _check_transaction(reader: Reader, event: dict[str, Any], found: dict[str, Any], at: str) -> None:
    if "bizTransactionList" in event and _lacks(event, "bizTransactionList"):
        reader.fault(f"{at}/bizTransactionList", "A TransactionEvent needs at least one business transaction.")
    if found.get("action") in ("ADD", "OBSERVE") and _lacks(event, "epcList", "quantityList", "parentID"):
        reader.fault(
            f"{at}/epcList", "A TransactionEvent names its objects in epcList or quantityList; both are empty."
        )


def _check_transformation(reader: Reader, event: dict[str, Any], found: dict[str, Any], at: str) -> None:
    """Without a transformationID there must be both what went in and what came out (EPCIS 2.0, 7.4.5)."""
    no_input, no_output = (
        _lacks(event, "inputEPCList", "inputQuantityList"),
        _lacks(event, "outputEPCList", "outputQuantityList"),
    )
    open_ended = "transformationID" in event
    if no_input and (no_output or not open_ended):
        reader.fault(f"{at}/inputEPCList", "Nothing went in: inputEPCList and inputQuantityList are empty.")
    if no_output and (no_input or not open_ended):
        reader.fault(f"{at}/outputEPCList", "Nothing came out: outputEPCList and outputQuantityList are empty.")


def _check_nothing(reader: Reader, event: dict[str, Any], found: dict[str, Any], at: str) -> None:
    """Check no rule: the type of the event is not known."""


# --- the five types -------------------------------------------------------------------------------------------------

_COMMON: dict[str, tuple[str, ReadMember]] = {
    "@context": ("", _skip),
    "type": ("", _skip),
    "eventTime": ("event_time", Reader.time),
    "recordTime": ("record_time", Reader.time),
    "eventTimeZoneOffset": ("event_time_zone_offset", _offset),
    "eventID": ("event_id", Reader.uri),
    "certificationInfo": ("certification_info", _certification_info),
    "errorDeclaration": ("error_declaration", _error_declaration),
    "bizStep": ("biz_step", _biz_step),
    "disposition": ("disposition", _disposition),
    "readPoint": ("read_point", _place("readPoint")),
    "bizLocation": ("biz_location", _place("bizLocation")),
    "bizTransactionList": ("biz_transaction_list", _biz_transaction_list),
    "sourceList": ("source_list", _source_list),
    "destinationList": ("destination_list", _destination_list),
    "sensorElementList": ("sensor_element_list", read_sensor_elements),
    "persistentDisposition": ("persistent_disposition", _persistent_disposition),
}
_OF_TYPE: dict[str, tuple[str, ReadMember]] = {
    "action": ("action", _action),
    "epcList": ("epc_list", Reader.instances),
    "quantityList": ("quantity_list", read_quantities),
    "parentID": ("parent_id", Reader.instance),
    "childEPCs": ("child_epcs", Reader.instances),
    "childQuantityList": ("child_quantity_list", read_quantities),
    "inputEPCList": ("input_epc_list", Reader.instances),
    "inputQuantityList": ("input_quantity_list", read_quantities),
    "outputEPCList": ("output_epc_list", Reader.instances),
    "outputQuantityList": ("output_quantity_list", read_quantities),
    "transformationID": ("transformation_id", Reader.uri),
    "ilmd": ("ilmd", _ilmd),
}
_ALLOWED = {"action": ACTIONS}
_TIMES = ("eventTime", "eventTimeZoneOffset")

Check = Callable[[Reader, dict[str, Any], dict[str, Any], str], None]


class _Kind:
    """What one type of event may and must hold."""

    __slots__ = ("a_title", "check", "members", "name", "names", "required", "title")

    def __init__(self, title: str, own: str, required: str, check: Check) -> None:
        self.title = title
        self.name = title.partition(" ")[2]
        self.a_title = title[0].lower() + title[1:]
        self.members = _COMMON | {name: _OF_TYPE[name] for name in own.split()}
        self.names = tuple(self.members)
        self.required = _TIMES + tuple(required.split())
        self.check = check


_KINDS = {
    "ObjectEvent": _Kind("An ObjectEvent", "action epcList quantityList ilmd", "action", _check_object),
    "AggregationEvent": _Kind(
        "An AggregationEvent", "action parentID childEPCs childQuantityList", "action", _check_aggregation
    ),
    "TransactionEvent": _Kind(
        "A TransactionEvent",
        "action parentID epcList quantityList",
        "action bizTransactionList",
        _check_transaction,
    ),
    "TransformationEvent": _Kind(
        "A TransformationEvent",
        "inputEPCList inputQuantityList outputEPCList outputQuantityList transformationID ilmd",
        "",
        _check_transformation,
    ),
    "AssociationEvent": _Kind(
        "An AssociationEvent", "action parentID childEPCs childQuantityList", "action parentID", _check_children
    ),
}
_ANY = _Kind("An event", " ".join(_OF_TYPE), "", _check_nothing)
