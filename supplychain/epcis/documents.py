"""Reads whole documents and keeps each event's bytes as they were received (EPCIS 2.0, section 10).

An EPCISDocument, an EPCISQueryDocument and a single event are read alike. `Document.body(i)` cuts the body that is
signed, `{"@context": <as written>, "event": <as written>}`, out of the document's own bytes.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from ledger.tlog import strictjson
from supplychain.epcis.contexts import Context
from supplychain.epcis.errors import MAX_FAULTS, DocumentInvalid, Fault
from supplychain.epcis.events import Event
from supplychain.epcis.parsing import read_event, read_json, read_outer_context
from supplychain.epcis.values import SUGGESTIONS, Reader, shortened
from supplychain.epcis.vocabulary import EVENT_TYPES

MAX_DOCUMENT = 16 * 1024 * 1024
MAX_NODES = 2_000_000
DOCUMENT_TYPES = ("EPCISDocument", "EPCISQueryDocument")
_VERSION = re.compile(r"2(?:\.[0-9]+){0,2}").fullmatch

_Path = tuple[str, ...]
_EVENTS_AT: dict[str, _Path] = {
    "EPCISDocument": ("epcisBody", "eventList"),
    "EPCISQueryDocument": ("epcisBody", "queryResults", "resultsBody", "eventList"),
}


@dataclass(frozen=True, slots=True)
class DocumentEvent:
    """One event of a document: where its bytes lie, and the event or what is wrong with it."""

    pointer: str
    start: int
    end: int
    event: Event | None
    faults: tuple[Fault, ...]


@dataclass(frozen=True, slots=True)
class Document:
    """A document as received; `context_range` is where its `@context` lies in `data`."""

    data: bytes
    type: str
    context_range: tuple[int, int]
    events: tuple[DocumentEvent, ...]
    created_at: datetime | None
    header: dict[str, Any]  # epcisHeader, with master data, as written
    raw: dict[str, Any]

    def body(self, number: int) -> bytes:
        """Return the body of the event of this number, cut out of the document's own bytes."""
        start, end = self.context_range
        event = self.events[number]
        return b'{"@context":' + self.data[start:end] + b',"event":' + self.data[event.start : event.end] + b"}"


def parse_document(data: bytes, *, max_bytes: int = MAX_DOCUMENT) -> Document:
    """Parse a document all of whose events are good. Raise DocumentInvalid with the faults of all of them."""
    document = read_document(data, max_bytes=max_bytes)
    faults = [fault for event in document.events for fault in event.faults]
    if faults:
        raise DocumentInvalid(faults)
    return document


def read_document(data: bytes, *, max_bytes: int = MAX_DOCUMENT) -> Document:
    """Read a document whose events stand or fall alone. Raise DocumentInvalid where the document itself is at fault."""
    value = read_json(data, max_bytes, MAX_NODES, DocumentInvalid)
    if not isinstance(value, dict):
        raise DocumentInvalid([Fault("", "A document is an object with @context and type.")])
    context = read_outer_context(value.get("@context"), "/@context")
    kind = value.get("type")
    if kind in EVENT_TYPES:
        return _read_single_event(data, value, context)
    reader = Reader(context)
    reader.faults += context.faults
    items = _read_envelope(reader, value)
    if reader.faults or items is None:
        raise DocumentInvalid(reader.faults)
    path = _EVENTS_AT[value["type"]]
    pointer = "/" + "/".join(path)
    ranges = strictjson.item_ranges(data, _find(data, path))
    events = []
    found = 0
    for number, (item, (start, end)) in enumerate(zip(items, ranges, strict=True)):
        left = SUGGESTIONS if found < MAX_FAULTS else 0
        event, faults = read_event(item, context, f"{pointer}/{number}", suggestions=left)
        found += len(faults)
        events.append(DocumentEvent(f"{pointer}/{number}", start, end, event, tuple(faults)))
    created_at = Reader(context).time(value["creationDate"], "/creationDate")
    header = value.get("epcisHeader") or {}
    return Document(data, value["type"], _context_range(data), tuple(events), created_at, header, value)


def _read_single_event(data: bytes, value: dict[str, Any], context: Context) -> Document:
    event, faults = read_event(value, context, "", own_context=True)
    faults = [*context.faults, *faults]
    start = len(data) - len(data.lstrip(b" \t\r\n"))
    single = DocumentEvent("", start, len(data.rstrip(b" \t\r\n")), None if faults else event, tuple(faults))
    context_range = _context_range(data) if "@context" in value else (0, 0)
    return Document(data, value["type"], context_range, (single,), None, {}, value)


def _context_range(data: bytes) -> tuple[int, int]:
    return strictjson.member_ranges(data)["@context"]


def _find(data: bytes, path: _Path) -> int:
    """Return where the value at `path` begins."""
    start = 0
    for name in path:
        start = strictjson.member_ranges(data, start)[name][0]
    return start


# --- the envelope ---------------------------------------------------------------------------------------------------


def _type(reader: Reader, value: Any, at: str) -> None:
    reader.choice((*DOCUMENT_TYPES, *EVENT_TYPES), "a type of document or event", value, at)


def _version(reader: Reader, value: Any, at: str) -> None:
    if type(value) is not str:
        reader.wrong_kind(value, at, 'text such as "2.0"')
    elif not _VERSION(value):
        reader.fault(at, f'"{shortened(value)}" is not a version of EPCIS that is read here.', value, ("2.0",))


def _any(reader: Reader, value: Any, at: str) -> None:
    """Read nothing: what stands there is looked at later, or is the sender's business."""


_Read = Callable[[Reader, Any, str], Any]
_ENVELOPE: dict[str, _Read] = {
    "@context": _any,
    "type": _type,
    "schemaVersion": _version,
    "creationDate": Reader.time,
    "id": Reader.uri,
    "sender": Reader.uri,
    "receiver": Reader.uri,
    "instanceIdentifier": Reader.text,
    "epcisHeader": Reader.members,
    "epcisBody": _any,
}
_RESULTS: dict[str, _Read] = {"queryName": Reader.text, "subscriptionID": Reader.text, "resultsBody": _any}


def _read_envelope(reader: Reader, value: dict[str, Any]) -> list[Any] | None:
    """Check what surrounds the events; return the list of them."""
    _read_object(reader, value, "", "a document", _ENVELOPE, ("type", "schemaVersion", "creationDate", "epcisBody"))
    if "epcisBody" not in value or value.get("type") not in DOCUMENT_TYPES:
        return None
    at, inner = "/epcisBody", value["epcisBody"]
    if value["type"] == "EPCISQueryDocument":
        if not _read_object(reader, inner, at, "the epcisBody", {"queryResults": _any}, ("queryResults",)):
            return None
        at, inner = f"{at}/queryResults", inner["queryResults"]
        if not _read_object(reader, inner, at, "queryResults", _RESULTS, ("queryName", "resultsBody")):
            return None
        at, inner = f"{at}/resultsBody", inner["resultsBody"]
    if not _read_object(reader, inner, at, at.rpartition("/")[2], {"eventList": Reader.items}, ("eventList",)):
        return None
    items = inner["eventList"]
    return items if type(items) is list else None


def _read_object(
    reader: Reader, value: Any, at: str, of: str, table: dict[str, _Read], required: tuple[str, ...]
) -> bool:
    """Check the members of one object of the envelope; tell whether those that are required are there."""
    members = reader.members(value, at)
    if members is None:
        return False
    reader.required(members, required, at, of[0].upper() + of[1:])
    for name, item in members.items():
        read = table.get(name)
        if read is not None:
            read(reader, item, f"{at}/{name}")
        else:
            reader.extension(name, item, at, of, tuple(table))
    return all(name in members for name in required)
