"""Bodies to sign, as they stand in a file: the bytes of each event and of its context are taken over, never rewritten.

A file holds an EPCIS 2.0 document, a list of events, or one event or body (`{"@context": ..., "event": ...}`) a line.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

from waylog.errors import WaylogError

CONTEXT = '["https://ref.gs1.org/standards/epcis/2.0.0/epcis-context.jsonld"]'
"""For events that come without one."""
_SPACE = re.compile(r"[ \t\n\r]*")
_DECODER = json.JSONDecoder()


def read_bodies(data: bytes) -> list[bytes]:
    """The bodies of a file, in order; raise WaylogError that names the line and column of what is no JSON."""
    try:
        text = data.decode()
    except UnicodeDecodeError as fault:
        raise WaylogError(f"Byte {fault.start:,} is not UTF-8.") from None
    try:
        return _read(text)
    except json.JSONDecodeError as fault:
        raise WaylogError(f"Line {fault.lineno}, column {fault.colno}: {fault.msg}.") from None
    except RecursionError:
        raise WaylogError("The file is nested too deeply.") from None


def _read(text: str) -> list[bytes]:
    at = _skip(text, 0)
    if text[at : at + 1] == "[":
        spans = list(_elements(text, at))
        _end(text, spans[-1][1] if spans else at + 1, "]")
        return [_body(text[start:end], CONTEXT) for start, end in spans]
    first = dict(_members(text, at)) if text[at : at + 1] == "{" else {}
    if "epcisBody" in first:
        return _of_document(text, first)
    return [_of_line(text, start, end) for start, end in _values(text, at)]


def _of_document(text: str, members: dict[str, tuple[int, int]]) -> list[bytes]:
    context = text[slice(*members["@context"])] if "@context" in members else CONTEXT
    body = dict(_members(text, members["epcisBody"][0]))
    if "queryResults" in body:
        body = dict(_members(text, dict(_members(text, body["queryResults"][0])).get("resultsBody", (0, 0))[0]))
    if "event" in body:
        return [_body(text[slice(*body["event"])], context)]
    if "eventList" not in body or text[body["eventList"][0]] != "[":
        raise WaylogError("The document has no eventList.")
    return [_body(text[start:end], context) for start, end in _elements(text, body["eventList"][0])]


def _of_line(text: str, start: int, end: int) -> bytes:
    if text[start] != "{":
        raise WaylogError(f"Line {text.count(chr(10), 0, start) + 1}: an event is an object.")
    members = dict(_members(text, start))
    if "event" in members and "type" not in members:
        return text[start:end].encode()
    context = text[slice(*members["@context"])] if "@context" in members else CONTEXT
    return _body(text[start:end], context)


def _body(event: str, context: str) -> bytes:
    return f'{{"@context":{context},"event":{event}}}'.encode()


def _values(text: str, at: int) -> Iterator[tuple[int, int]]:
    """The values of a text that holds one after the other."""
    while at < len(text):
        _, end = _DECODER.raw_decode(text, at)
        yield at, end
        at = _skip(text, end)


def _elements(text: str, at: int) -> Iterator[tuple[int, int]]:
    """The places of the elements of the array at `at`."""
    at = _skip(text, at + 1)
    while text[at : at + 1] != "]":
        _, end = _DECODER.raw_decode(text, at)
        yield at, end
        at = _after_comma(text, end, "]")


def _members(text: str, at: int) -> Iterator[tuple[str, tuple[int, int]]]:
    """The names of the object at `at`, with the places of their values."""
    if text[at : at + 1] != "{":
        raise json.JSONDecodeError("an object is wanted", text, at)
    at = _skip(text, at + 1)
    while text[at : at + 1] != "}":
        name, end = _DECODER.raw_decode(text, at)
        at = _skip(text, end)
        if not isinstance(name, str) or text[at : at + 1] != ":":
            raise json.JSONDecodeError("a name and a colon are wanted", text, at)
        at = _skip(text, at + 1)
        _, end = _DECODER.raw_decode(text, at)
        yield name, (at, end)
        at = _after_comma(text, end, "}")


def _after_comma(text: str, at: int, closing: str) -> int:
    at = _skip(text, at)
    if text[at : at + 1] == closing:
        return at
    if text[at : at + 1] != ",":
        raise json.JSONDecodeError(f"a comma or {closing} is wanted", text, at)
    return _skip(text, at + 1)


def _end(text: str, at: int, closing: str) -> None:
    at = _skip(text, at)
    at = _skip(text, at + 1) if text[at : at + 1] == closing else at
    if at != len(text):
        raise json.JSONDecodeError("something follows", text, at)


def _skip(text: str, at: int) -> int:
    found = _SPACE.match(text, at)
    assert found is not None
    return found.end()
