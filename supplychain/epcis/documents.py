"""Reads whole documents and keeps each event's bytes as they were received (EPCIS 2.0, section 10).

An EPCISDocument, an EPCISQueryDocument and a single event are read alike, in one pass. Each event comes with its body,
`{"@context": <as written>, "event": <as written>}`, cut out of the document's own bytes.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from ledger.tlog import strictjson
from supplychain.epcis.contexts import Context
from supplychain.epcis.errors import MAX_FAULTS, DocumentInvalid, Fault
from supplychain.epcis.events import Event
from supplychain.epcis.parsing import read_event, read_json, read_outer_context
from supplychain.epcis.streaming import Envelope, JsonDocument, Source, WrittenEvent
from supplychain.epcis.values import SUGGESTIONS, Reader, shortened
from supplychain.epcis.vocabulary import EVENT_TYPES

MAX_DOCUMENT = 16 * 1024 * 1024
MAX_BODY = 1024 * 1024
DOCUMENT_TYPES = ("EPCISDocument", "EPCISQueryDocument")
_VERSION = re.compile(r"2(?:\.[0-9]+){0,2}").fullmatch


@dataclass(frozen=True, slots=True)
class DocumentEvent:
    """One event of a document: the body that is signed, and the event or what is wrong with it."""

    pointer: str
    body: bytes
    event: Event | None
    faults: tuple[Fault, ...]
    line: int | None = None
    """Where it begins, of a document that was translated: the pointer leads into the translation."""


@dataclass(frozen=True, slots=True)
class Head:
    """What a document says beside its events; `header` is the epcisHeader, with master data, as written."""

    type: str
    created_at: datetime | None
    header: dict[str, Any]
    members: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Document:
    """A document, read."""

    head: Head
    events: tuple[DocumentEvent, ...]

    def body(self, number: int) -> bytes:
        """Return the body of the event of this number."""
        return self.events[number].body


def parse_document(data: bytes, *, max_bytes: int = MAX_DOCUMENT) -> Document:
    """Parse a document all of whose events are good. Raise DocumentInvalid with the faults of all of them."""
    document = read_document(data, max_bytes=max_bytes)
    faults = [fault for event in document.events for fault in event.faults]
    if faults:
        raise DocumentInvalid(faults)
    return document


def read_document(data: bytes, *, max_bytes: int = MAX_DOCUMENT) -> Document:
    """Read a document whose events stand or fall alone. Raise DocumentInvalid where the document itself is at fault."""
    if len(data) > max_bytes:
        raise DocumentInvalid([Fault("", f"{len(data):,} bytes are more than the {max_bytes:,} allowed.")])
    stream = DocumentStream(lambda: (data,))
    events = tuple(stream.events())
    return Document(stream.head(), events)


class DocumentStream:
    """A JSON document read one event at a time; `head()` is known when all of `events()` were taken."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self._document = JsonDocument(source)

    def survey(self, most: int | None = None) -> int:
        """Check all but the events themselves, and count them. Raises DocumentInvalid.

        With more than `most` events the check ends there, and the count is one more.
        """
        count = self._document.survey(most).count
        if most is not None and count > most:
            return count
        if self._is_single():
            return 1
        self.head()
        return count

    def events(self) -> Iterator[DocumentEvent]:
        """Yield the events. Raises DocumentInvalid as soon as the document itself is seen to be at fault."""
        context, found = None, 0
        for written in self._document.events():
            if context is None:
                context = self._context()
            left = SUGGESTIONS if found < MAX_FAULTS else 0
            each = _read(written, self._document.envelope, context, left)
            found += len(each.faults)
            yield each
        if self._is_single():
            yield _read_single(b"".join(self._source()))
        else:
            self.head()

    def head(self) -> Head:
        """Check what surrounds the events, and return it. Raises DocumentInvalid with all that is wrong there."""
        members = self._document.envelope.members
        if self._is_single():
            return Head(members["type"], None, {}, members)
        context = read_outer_context(members.get("@context"), "/@context")
        reader = Reader(context)
        reader.faults += context.faults
        items = _read_envelope(reader, members)
        if reader.faults or items is None:
            raise DocumentInvalid(reader.faults)
        created_at = Reader(context).time(members["creationDate"], "/creationDate")
        return Head(members["type"], created_at, members.get("epcisHeader") or {}, members)

    def _context(self) -> Context:
        envelope = self._document.envelope
        value = envelope.members.get("@context")
        if value is None and envelope.context:
            value = read_json(envelope.context.encode(), MAX_BODY, refusal=DocumentInvalid)
        context = read_outer_context(value, "/@context")
        if context.faults:
            raise DocumentInvalid(context.faults)
        return context

    def _is_single(self) -> bool:
        members = self._document.envelope.members
        return members.get("type") in EVENT_TYPES and "epcisBody" not in members


def _read(written: WrittenEvent, envelope: Envelope, context: Context, suggestions: int) -> DocumentEvent:
    event, faults = read_event(written.value, context, written.pointer, suggestions=suggestions)
    body = f'{{"@context":{envelope.context},"event":{written.text}}}'.encode()
    if len(body) > MAX_BODY:
        faults = [*faults, too_large(written.pointer, len(body))]
    return DocumentEvent(written.pointer, body, None if faults else event, tuple(faults))


def too_large(pointer: str, size: int) -> Fault:
    """The fault of an event that does not fit into a body."""
    return Fault(pointer, f"An event has at most {MAX_BODY:,} bytes with its @context; this one has {size:,}.")


def _read_single(data: bytes) -> DocumentEvent:
    """Read an event that came alone, with a context of its own."""
    value = read_json(data, MAX_BODY, refusal=DocumentInvalid)
    context = read_outer_context(value.get("@context"), "/@context")
    event, faults = read_event(value, context, "", own_context=True)
    faults = [*context.faults, *faults]
    ranges = strictjson.member_ranges(data)
    start, end = ranges.get("@context", (0, 0))
    body = b'{"@context":' + data[start:end] + b',"event":' + data.strip(b" \t\r\n") + b"}"
    if len(body) > MAX_BODY:
        faults.append(too_large("", len(body)))
    return DocumentEvent("", body, None if faults else event, tuple(faults))


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
