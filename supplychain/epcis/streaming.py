"""Reads an EPCIS document of any size piece by piece: one pass, one event in memory at a time (EPCIS 2.0, section 10).

`JsonDocument(source).events()` yields each event with the text it was written as. What surrounds the events is checked
when the walk is over; so whoever must not act on half a document gathers the events first, or asks `survey()`.
"""

from __future__ import annotations

import codecs
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from ledger.tlog import strictjson
from ledger.tlog.errors import Malformed
from supplychain.epcis.contexts import escape
from supplychain.epcis.errors import DocumentInvalid, Fault

MAX_EVENT = 1024 * 1024
"""Characters of one event, as written: its body may have as many bytes."""
MAX_MEMBER = 16 * 1024 * 1024
"""Characters of any other member, such as the header with its master data."""
MAX_DEPTH = 31
"""Of an event: one less than a body may have."""
MAX_HEADER_NODES = 2_000_000
MAX_EVENT_NODES = 45_000
_AHEAD = 64 * 1024
_PIECE = 512 * 1024
_SPACE = " \t\n\r"
_NESTED = {
    "": ("epcisBody",),
    "/epcisBody": ("queryResults",),
    "/epcisBody/queryResults": ("resultsBody",),
}
_LISTS = ("/epcisBody/eventList", "/epcisBody/queryResults/resultsBody/eventList")

Source = Callable[[], Iterable[bytes]]
"""Gives the pieces of a document, from its beginning, each time it is called."""


@dataclass(frozen=True, slots=True)
class WrittenEvent:
    """One item of an eventList: where it stands, how it was written, and the value that strict JSON reads there."""

    pointer: str
    text: str
    value: Any


@dataclass(slots=True)
class Envelope:
    """What surrounds the events: its members, their lists emptied; `context` is `@context` as written."""

    members: dict[str, Any] = field(default_factory=dict)
    context: str = ""
    count: int = 0


class _Window:
    """The part of the text that is looked at; what was read is dropped, what is needed is decoded."""

    def __init__(self, pieces: Iterable[bytes]) -> None:
        self._pieces = iter(pieces)
        self._decoder = codecs.getincrementaldecoder("utf-8")("strict")
        self._is_whole = False
        self._lines_before, self._column_before = 0, 0
        self.text = ""
        self.at = 0

    def fill(self, wanted: int) -> None:
        """Have `wanted` characters from here on, or all there are."""
        if self._is_whole or len(self.text) - self.at >= wanted:
            return
        self._drop()
        parts, have = [self.text], len(self.text)
        while have < wanted + _PIECE and not self._is_whole:
            part = self._next_piece()
            parts.append(part)
            have += len(part)
        is_first = not self._lines_before and not self._column_before and not self.text
        self.text = "".join(parts)
        if is_first and self.text.startswith("\ufeff"):
            raise Malformed("a byte order mark is not allowed", line=1, column=1)

    def _next_piece(self) -> str:
        piece = next(self._pieces, None)
        try:
            if piece is None:
                self._is_whole = True
                return self._decoder.decode(b"", True)
            return self._decoder.decode(piece)
        except UnicodeDecodeError:
            raise Malformed("this is not UTF-8") from None

    def _drop(self) -> None:
        read = self.text[: self.at]
        self.text, self.at = self.text[self.at :], 0
        lines = read.count("\n")
        self._lines_before += lines
        self._column_before = len(read) - read.rfind("\n") - 1 if lines else self._column_before + len(read)

    def char(self) -> str:
        """The next character that is no space; empty at the end."""
        while True:
            while self.at < len(self.text):
                if self.text[self.at] not in _SPACE:
                    return self.text[self.at]
                self.at += 1
            if self._is_whole:
                return ""
            self.fill(1)

    def value(self, *, longest: int, depth: int, nodes: int) -> tuple[Any, str]:
        """The value that begins here, and how it is written."""
        self.char()
        ahead, seen = _AHEAD, None
        while True:
            self.fill(ahead + 1)
            try:
                value, end = strictjson.parse_at(self.text, self.at, max_depth=depth, max_nodes=nodes)
            except Malformed as fault:
                same = (fault.reason, fault.line, fault.column)
                if self._is_whole or seen == same:  # else more of the text may heal it
                    raise self._placed(fault) from None
                seen = same
            else:
                if end - self.at > longest:
                    raise self.fault(f"this value has more than {longest:,} characters")
                if end < len(self.text) or self._is_whole:  # else it may go on in the next piece
                    text = self.text[self.at : end]
                    self.at = end
                    return value, text
            if ahead > longest:
                raise self.fault(f"this value has more than {longest:,} characters")
            ahead *= 8

    def take(self, expected: str) -> None:
        """Go past the one character that must come next."""
        if self.char() != expected:
            raise self.fault(f"{expected} is missing" if self.char() else "the document ends too early")
        self.at += 1

    def fault(self, reason: str) -> Malformed:
        """A fault at this place."""
        return self._placed(Malformed(reason, line=1, column=1))

    def _placed(self, fault: Malformed) -> Malformed:
        """The fault with line and column counted from the document's beginning."""
        read = self.text[: self.at]
        lines = read.count("\n")
        column = len(read) - read.rfind("\n") - 1 if lines else self._column_before + len(read)
        if fault.line is None or fault.column is None:
            return fault
        line = self._lines_before + lines + fault.line
        return Malformed(
            fault.reason, pointer=fault.pointer, line=line, column=fault.column + (column if fault.line == 1 else 0)
        )


class JsonDocument:
    """An EPCISDocument or EPCISQueryDocument in JSON, read as a stream."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self.envelope = Envelope()

    def survey(self, most: int | None = None) -> Envelope:
        """Walk through the whole, count the events, and return what surrounds them. Raises DocumentInvalid.

        With more events than `most` the walk ends, and the count is one more.
        """
        for _ in self._walk():
            if most is not None and self.envelope.count > most:
                break
        return self.envelope

    def events(self) -> Iterator[WrittenEvent]:
        """Yield each event; `envelope.context` is known then. Raises DocumentInvalid, at the latest at the end.

        A document whose context is written behind its events is walked through twice.
        """
        if not self._is_context_first():
            context = self.survey().context
            yield from self._walk(context)
            return
        yield from self._walk()

    def _is_context_first(self) -> bool:
        window = _Window(self._source())
        try:
            window.take("{")
            while window.char() == '"':
                name, _ = window.value(longest=MAX_MEMBER, depth=1, nodes=1)
                if name in ("@context", "epcisBody"):
                    return bool(name == "@context")
                window.take(":")
                window.value(longest=MAX_MEMBER, depth=MAX_DEPTH, nodes=MAX_HEADER_NODES)
                window.take(",")
        except Malformed:
            pass  # the walk says what is wrong
        return True

    def _walk(self, context: str = "") -> Iterator[WrittenEvent]:
        self.envelope = Envelope(context=context)
        window = _Window(self._source())
        try:
            if window.char() != "{":
                window.value(longest=MAX_MEMBER, depth=MAX_DEPTH, nodes=MAX_HEADER_NODES)
                raise DocumentInvalid([Fault("", "A document is an object with @context and type.")])
            yield from self._object(window, "", self.envelope.members)
            if window.char():
                raise window.fault("something follows the document")
        except Malformed as malformed:
            raise DocumentInvalid([Fault(malformed.pointer, f"This is not strict JSON: {malformed}.")]) from None

    def _object(self, window: _Window, at: str, members: dict[str, Any]) -> Iterator[WrittenEvent]:
        window.take("{")
        while window.char() != "}":
            if members:
                window.take(",")
            if window.char() != '"':
                raise window.fault(
                    "a name in quotation marks is missing" if window.char() else "the document ends too early"
                )
            name, _ = window.value(longest=MAX_MEMBER, depth=1, nodes=1)
            if name in members:
                raise window.fault(f'the name "{name[:60]}" stands twice in one object')
            window.take(":")
            place = f"{at}/{escape(name)}"
            if place in _LISTS and window.char() == "[":
                members[name] = []
                yield from self._items(window, place)
            elif name in _NESTED.get(at, ()) and window.char() == "{":
                members[name] = {}
                yield from self._object(window, place, members[name])
            else:
                try:
                    members[name], text = window.value(longest=MAX_MEMBER, depth=MAX_DEPTH, nodes=MAX_HEADER_NODES)
                except Malformed as fault:
                    raise _inside(fault, place) from None
                if place == "/@context":
                    self.envelope.context = text
        window.take("}")

    def _items(self, window: _Window, at: str) -> Iterator[WrittenEvent]:
        window.take("[")
        number = 0
        while window.char() != "]":
            if number:
                window.take(",")
            place = f"{at}/{number}"
            try:
                value, text = window.value(longest=MAX_EVENT, depth=MAX_DEPTH, nodes=MAX_EVENT_NODES)
            except Malformed as fault:
                raise _inside(fault, place) from None
            number += 1
            self.envelope.count += 1
            yield WrittenEvent(place, text, value)
        window.take("]")


def _inside(fault: Malformed, place: str) -> Malformed:
    return Malformed(fault.reason, pointer=place + fault.pointer, line=fault.line, column=fault.column)
