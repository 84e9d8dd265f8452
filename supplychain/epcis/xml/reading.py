"""Reads EPCIS XML piece by piece and translates each event to JSON, with the @context that its extensions need.

A document type declaration is refused, and with it every entity; so are elements too deep, too many, or too long.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import islice
from typing import Any
from xml.parsers import expat

from supplychain.epcis.contexts import EPCIS_CONTEXT, escape
from supplychain.epcis.documents import MAX_BODY, DocumentEvent, Head, too_large
from supplychain.epcis.errors import DocumentInvalid, Fault
from supplychain.epcis.parsing import read_event, read_outer_context
from supplychain.epcis.streaming import Source
from supplychain.epcis.values import Reader
from supplychain.epcis.xml import names
from supplychain.epcis.xml.elements import Element
from supplychain.epcis.xml.header import read_header
from supplychain.epcis.xml.translating import translate

MAX_DEPTH = 64
MAX_ELEMENTS = 50_000
"""Of one event or of the header."""
MAX_TEXT = 4 * 1024 * 1024
"""Characters of one event or of the header, names of elements included."""
MAX_TOKEN = 2 * 1024 * 1024
"""Bytes of one tag or comment: the parser must see its end before it goes on."""
_PIECE = 64 * 1024
_LISTS = {
    "EPCISDocument": ("EPCISDocument", "EPCISBody", "EventList"),
    "EPCISQueryDocument": ("EPCISQueryDocument", "EPCISBody", "QueryResults", "resultsBody", "EventList"),
}
_AT = {
    "EPCISDocument": "/epcisBody/eventList",
    "EPCISQueryDocument": "/epcisBody/queryResults/resultsBody/eventList",
}


class _Walk:
    """One walk through a document: collects the header, and each event when it is whole."""

    def __init__(self) -> None:
        self.parser = expat.ParserCreate(namespace_separator=" ")
        self.parser.namespace_prefixes = True
        self.parser.buffer_text = True
        self.parser.StartElementHandler = self._start
        self.parser.EndElementHandler = self._end
        self.parser.CharacterDataHandler = self._characters
        self.parser.StartDoctypeDeclHandler = self._doctype
        self.path: list[str] = []
        self.open: list[Element] = []
        self.events: list[Element] = []
        self.header: Element | None = None
        self.root: Element | None = None
        self.elements = self.text = 0

    def _doctype(self, *_: Any) -> None:
        raise self.fault("A document type declaration is not read here: it could define entities.")

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        element = Element.of(name, attributes, self.parser.CurrentLineNumber)
        if len(self.path) >= MAX_DEPTH:
            raise self.fault(f"Elements are nested more than {MAX_DEPTH} deep.")
        self.path.append(element.name)
        if self.root is None:
            self.root = self._checked_root(element)
        elif self.open:
            self._count(name, attributes)
            self.open[-1].children.append(element)
            self.open.append(element)
        elif self._begins(element):
            self.elements = self.text = 0
            self.open.append(element)

    def _begins(self, element: Element) -> bool:
        assert self.root is not None
        if self.path[1:] == ["EPCISHeader"]:
            self.header = element
            return True
        above = [name for name in self.path[:-1] if name != "extension"]
        if tuple(above) == _LISTS[self.root.name]:
            return element.name not in names.WRAPPERS
        return False

    def _count(self, name: str, attributes: dict[str, str]) -> None:
        self.elements += 1
        self.text += len(name) + sum(len(key) + len(value) for key, value in attributes.items())
        if self.elements > MAX_ELEMENTS:
            raise self.fault(f"There are more than {MAX_ELEMENTS:,} elements here.")
        if self.text > MAX_TEXT:
            raise self.fault(f"There are more than {MAX_TEXT:,} characters here.")

    def _characters(self, text: str) -> None:
        if self.open:
            self.text += len(text)
            if self.text > MAX_TEXT:
                raise self.fault(f"There are more than {MAX_TEXT:,} characters here.")
            self.open[-1].texts.append(text)

    def _end(self, _: str) -> None:
        self.path.pop()
        if self.open:
            element = self.open.pop()
            if not self.open and element is not self.header:
                self.events.append(element)

    def _checked_root(self, root: Element) -> Element:
        wanted = names.QUERY_NAMESPACES if root.name == "EPCISQueryDocument" else names.DOCUMENT_NAMESPACES
        if root.name not in _LISTS or root.uri not in wanted:
            shown = f"{{{root.uri}}}{root.name}" if root.uri else root.name
            raise self.fault(f"A document of EPCIS begins with EPCISDocument or EPCISQueryDocument, not {shown[:120]}.")
        version = root.attributes.get("schemaVersion", "")
        if version not in names.VERSIONS:
            said = f"schemaVersion {version[:20]!r} is not read here; 1.0 to 1.2 and 2.0 are."
            raise DocumentInvalid([Fault("/schemaVersion", said, version[:20], ("1.2", "2.0"))])
        return root

    def fault(self, message: str) -> DocumentInvalid:
        """A fault at this place of the document."""
        place = f"line {self.parser.CurrentLineNumber}, column {self.parser.CurrentColumnNumber + 1}"
        return DocumentInvalid([Fault("", f"{message} ({place})")])

    def feed(self, piece: bytes, *, fed: int, last: bool = False) -> None:
        """Take the next bytes; `fed` were taken before."""
        try:
            self.parser.Parse(piece, last)
        except expat.ExpatError as error:
            reason = expat.ErrorString(error.code)
            said = f"This is not well-formed XML: {reason} (line {error.lineno}, column {error.offset + 1})."
            raise DocumentInvalid([Fault("", said)]) from None
        except (LookupError, ValueError):
            raise self.fault("This encoding is not known; write UTF-8.") from None
        if fed + len(piece) - self.parser.CurrentByteIndex > MAX_TOKEN:
            raise self.fault(f"A tag or comment has more than {MAX_TOKEN:,} bytes.")


class XmlStream:
    """An XML document read one event at a time, as `documents.DocumentStream` reads JSON."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self._walk = _Walk()

    def survey(self, most: int | None = None) -> int:
        """Check all but the events themselves, and count them. Raises DocumentInvalid.

        With more than `most` events the check ends there, and the count is one more.
        """
        count = sum(1 for _ in islice(self._elements(), None if most is None else most + 1))
        if most is None or count <= most:
            self.head()
        return count

    def events(self) -> Iterator[DocumentEvent]:
        """Yield the events, translated. Raises DocumentInvalid as soon as the document is seen to be at fault."""
        for number, element in enumerate(self._elements()):
            assert self._walk.root is not None
            yield _read(element, f"{_AT[self._walk.root.name]}/{number}")
        self.head()

    def head(self) -> Head:
        """Check what surrounds the events, and return it. Raises DocumentInvalid."""
        root = self._walk.root
        if root is None:
            raise DocumentInvalid([Fault("", "The document is empty.")])
        reader = Reader(read_outer_context(EPCIS_CONTEXT, "/@context"))
        created = root.attributes.get("creationDate")
        if created is None:
            reader.fault("/creationDate", "A document needs creationDate, which is missing.")
        created_at = None if created is None else reader.time(created.strip(), "/creationDate")
        if reader.faults:
            raise DocumentInvalid(reader.faults)
        header = read_header(self._walk.header) if self._walk.header is not None else {}
        return Head(root.name, created_at, header, dict(root.attributes))

    def _elements(self) -> Iterator[Element]:
        walk = self._walk = _Walk()
        fed = 0
        for data in self._source():
            for start in range(0, len(data), _PIECE):
                piece = data[start : start + _PIECE]
                walk.feed(piece, fed=fed)
                fed += len(piece)
                yield from walk.events
                walk.events.clear()
        walk.feed(b"", fed=fed, last=True)
        yield from walk.events


def _read(element: Element, pointer: str) -> DocumentEvent:
    prefixes, event = translate(element)
    context: list[Any] = [EPCIS_CONTEXT, *([prefixes] if prefixes else [])]
    known = read_outer_context(context, f"{pointer}/@context")
    found, faults = read_event(event, known, pointer)
    faults = [*known.faults, *faults]
    body = json.dumps({"@context": context, "event": event}, ensure_ascii=False, separators=(",", ":")).encode()
    if len(body) > MAX_BODY:
        faults.append(too_large(pointer, len(body)))
    if element.uri:
        faults.append(Fault(f"{pointer}/{escape(element.name)}", "An element of EPCIS stands in no namespace here."))
    return DocumentEvent(pointer, body, None if faults else found, tuple(faults), element.line)
