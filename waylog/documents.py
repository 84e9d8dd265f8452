"""Bodies to sign, as they stand in a file: the bytes of each event and its context are taken over, never rewritten.

A file holds an EPCIS 2.0 document, a list of events, or one event or body (`{"@context": ..., "event": ...}`) a line.
It is read twice, an event at a time: a broken one is refused before anything is sent.
"""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from typing import BinaryIO

from waylog.errors import WaylogError
from waylog.reading import Reader

CONTEXT = '["https://ref.gs1.org/standards/epcis/2.0.0/epcis-context.jsonld"]'
"""For events that come without one."""


class Bodies:
    """The bodies of a file, in order, however often they are asked for. Raises WaylogError that names the place."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._context: str | None = None
        self._is_document = self._looks_like_a_document()
        self.total = sum(1 for _ in self._events())

    def __iter__(self) -> Iterator[bytes]:
        context = self._context or CONTEXT
        for event in self._events():
            yield _body(event, context) if self._is_document else _own_body(event)

    def _looks_like_a_document(self) -> bool:
        reader = Reader(self._file)
        if reader.peek() != "{":
            return False
        for name in reader.members():
            if name == "epcisBody":
                return True
            reader.value()
        return False

    def _events(self) -> Iterator[str]:
        reader = Reader(self._file)
        if self._is_document:
            yield from self._of_document(reader)
        elif reader.peek() == "[":
            for _ in reader.elements():
                yield reader.value()
            reader.end()
        else:
            while reader.peek():
                if reader.peek() != "{":
                    raise WaylogError(f"Line {reader.place()[0]}: an event is an object.")
                yield reader.value()

    def _of_document(self, reader: Reader) -> Iterator[str]:
        found = False
        for name in reader.members():
            if name == "@context":
                self._context = reader.value()
            elif name == "epcisBody":
                for event in _of_body(reader):
                    found = True
                    if event:
                        yield event
            else:
                reader.value()
        reader.end()
        if not found:
            raise WaylogError("The document has no eventList.")


def read_bodies(data: bytes) -> list[bytes]:
    """The bodies of a file's bytes, in order; raise WaylogError that names the line and column of what is no JSON."""
    return list(Bodies(io.BytesIO(data)))


def _of_body(reader: Reader) -> Iterator[str]:
    """The events below epcisBody; nothing at first for an eventList, so that an empty one counts as found."""
    for name in reader.members():
        if name == "event":
            yield reader.value()
        elif name == "eventList":
            yield ""
            for _ in reader.elements():
                yield reader.value()
        elif name in ("queryResults", "resultsBody"):
            yield from _of_body(reader)
        else:
            reader.value()


def _own_body(event: str) -> bytes:
    """The body of an event that brings its context, or is a body already."""
    members = json.loads(event)
    if not isinstance(members, dict) or "@context" not in members:
        return _body(event, CONTEXT)
    if "event" in members and "type" not in members:
        return event.encode()
    reader = Reader(io.BytesIO(event.encode()))
    written = {name: reader.value() for name in reader.members()}
    return _body(event, written["@context"])


def _body(event: str, context: str) -> bytes:
    return f'{{"@context":{context},"event":{event}}}'.encode()
