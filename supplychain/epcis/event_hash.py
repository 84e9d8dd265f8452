"""The hash id of an event (CBV 2.0, section 8.9): the same for every way of writing the same event.

Example: `ni:///sha-256;f6a9d89f...d01e?ver=CBV2.0`, the SHA-256 of the pre-hash string
`eventType=ObjectEventeventTime=2021-04-01T14:00:00.000Z...`. What says nothing about the event itself is left out:
recordTime, eventID, errorDeclaration and whatever the caller names.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Collection, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from supplychain.epcis.contexts import STANDARD_PREFIXES
from supplychain.epcis.events import Event
from supplychain.epcis.identifiers import canonical
from supplychain.epcis.vocabulary import (
    BUSINESS_STEPS,
    BUSINESS_TRANSACTION_TYPES,
    COMPONENTS,
    DISPOSITIONS,
    MEASUREMENT_TYPES,
    SENSOR_ALERTS,
    SOURCE_DESTINATION_TYPES,
    Vocabulary,
)

_NUMBER = re.compile(r"[+-]?[0-9]+(?:\.[0-9]+)?").fullmatch
_TIME = re.compile(r"([0-9-]+T[0-9:]+)(?:\.([0-9]+))?(Z|[+-][0-9:]+)").fullmatch
_IN_UTC = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{3}Z").fullmatch
"""How most times are written already."""
_CBV_URNS = {
    "urn:epcglobal:cbv:bizstep:": BUSINESS_STEPS,
    "urn:epcglobal:cbv:disp:": DISPOSITIONS,
    "urn:epcglobal:cbv:btt:": BUSINESS_TRANSACTION_TYPES,
    "urn:epcglobal:cbv:sdt:": SOURCE_DESTINATION_TYPES,
}
_CBV_URN = "urn:epcglobal:cbv:"
_IDENTIFIERS = ("urn:epc:", "https://")
"""How most values begin, and no number nor word does."""
_LEFT_OUT = frozenset({"@context", "type", "recordTime", "eventID", "errorDeclaration"})


def event_hash_id(event: Event, *, ignore: Collection[str] = ()) -> str:
    """Return the hash id of an event; `ignore` names extensions, as written, that do not belong to it."""
    return f"ni:///sha-256;{event_digest(event, ignore=ignore).hex()}?ver=CBV2.0"


def event_digest(event: Event, *, ignore: Collection[str] = ()) -> bytes:
    """Return the 32 bytes inside the hash id."""
    return hashlib.sha256(pre_hash(event, ignore=ignore).encode()).digest()


def pre_hash(event: Event, *, ignore: Collection[str] = ()) -> str:
    """Return the string whose hash is the hash id."""
    writer = _Writer({**STANDARD_PREFIXES, **event.prefixes} if event.prefixes else STANDARD_PREFIXES)
    members = {name: value for name, value in event.raw.items() if name not in _LEFT_OUT and name not in ignore}
    return f"eventType={event.event_type}" + writer.members(members, _EVENT)


def ignored_names(document: Mapping[str, Any]) -> frozenset[str]:
    """Return the names that a document asks to leave out, in any member called `<prefix>:ignoreFields`."""
    names: set[str] = set()
    for name, value in document.items():
        if name.endswith(":ignoreFields") and isinstance(value, list):
            names.update(item for item in value if isinstance(item, str))
    return frozenset(names)


def format_utc(text: str) -> str:
    """Write a time in UTC with milliseconds, the rest rounded half up: .9996 s carries over."""
    if _IN_UTC(text):
        return text
    parts = _TIME(text)
    if parts is None:
        return text
    moment = datetime.fromisoformat(parts[1] + parts[3]).astimezone(UTC)
    fraction = (parts[2] or "").ljust(4, "0")
    moment += timedelta(milliseconds=int(fraction[:3]) + (fraction[3] >= "5"))
    return moment.isoformat(timespec="milliseconds")[:-6] + "Z"


class _Writer:
    """Writes members in the order of the standard; needs to know what the prefixes stand for."""

    __slots__ = ("prefixes",)

    def __init__(self, prefixes: Mapping[str, str]) -> None:
        self.prefixes = prefixes

    def members(self, members: Mapping[str, Any], order: _Order) -> str:
        """Write the known members in their order, then the others, sorted."""
        known = [write(self, name, members[name]) for name, write in order.items() if name in members]
        others = [text for name, value in members.items() if name not in order for text in self.extension(name, value)]
        return "".join(known) + "".join(sorted(others))

    def extension(self, name: str, value: Any) -> Iterator[str]:
        """Write an extension: once an item of a list, with its own members inside."""
        if isinstance(value, list):
            for item in value:
                yield from self.extension(name, item)
        elif isinstance(value, dict):
            inner = [text for key, item in value.items() for text in self.extension(key, item)]
            yield self.name(name) + "".join(sorted(inner))
        elif value is not None:
            text = self.text(value)
            yield f"{self.name(name)}={text}" if text else self.name(name)

    def name(self, name: str) -> str:
        prefix, colon, local = name.partition(":")
        uri = self.prefixes.get(prefix) if colon else None
        return f"{{{uri}}}{local}" if uri else name

    def text(self, value: Any) -> str:
        """Write one value: numbers without idle zeros, keys as Digital Links, words of CBV as web URIs."""
        if isinstance(value, bool):
            return "true" if value else "false"
        if isinstance(value, (int, float)):
            return _number(repr(value))
        text = str(value).strip()
        if text.startswith(_IDENTIFIERS):
            return canonical(text)
        if _NUMBER(text):
            return _number(text)
        if text.startswith(_CBV_URN):
            for urn, vocabulary in _CBV_URNS.items():
                if text.startswith(urn):
                    return vocabulary.uri(text[len(urn) :])
        return canonical(text)

    def word(self, vocabulary: Vocabulary, value: str) -> str:
        word = vocabulary.resolve(value) or value
        prefix, colon, local = word.partition(":")
        uri = self.prefixes.get(prefix) if colon and not local.startswith("//") else None
        return uri + local if uri else vocabulary.uri(word)


def _number(text: str) -> str:
    number = format(Decimal(text).normalize(), "f")
    return "0" if number == "-0" else number


# --- how each member is written -------------------------------------------------------------------------------------

_Write = Callable[[_Writer, str, Any], str]
_Order = dict[str, _Write]


def _value(writer: _Writer, name: str, value: Any) -> str:
    return f"{name}={writer.text(value)}"


def _time(writer: _Writer, name: str, value: str) -> str:
    return f"{name}={format_utc(value)}"


def _plain(writer: _Writer, name: str, value: str) -> str:
    return f"{name}={value.strip()}"


def _word(vocabulary: Vocabulary) -> _Write:
    return lambda writer, name, value: f"{name}={writer.word(vocabulary, value)}"


def _values(writer: _Writer, name: str, value: Any) -> str:
    """Write one value, or each of a list of them under the same name."""
    items = value if isinstance(value, list) else [value]
    return "".join(sorted(f"{name}={writer.text(item)}" for item in items))


def _words(vocabulary: Vocabulary) -> _Write:
    def write(writer: _Writer, name: str, value: list[str]) -> str:
        return "".join(sorted(f"{name}={writer.word(vocabulary, item)}" for item in value))

    return write


def _epcs(writer: _Writer, name: str, value: list[str]) -> str:
    texts = sorted(f"epc={writer.text(item)}" for item in value)
    return name + "".join(texts) if texts else ""


def _object(order: _Order) -> _Write:
    def write(writer: _Writer, name: str, value: dict[str, Any]) -> str:
        text = writer.members(value, order)
        return name + text if text else ""

    return write


def _objects(order: _Order, each: str = "", *, listed: bool = True) -> _Write:
    """Write a list of objects, sorted, each under the name `each`, and all of them under the list's own name."""

    def write(writer: _Writer, name: str, value: list[dict[str, Any]]) -> str:
        texts = sorted(f"{each}{writer.members(item, order)}" for item in value)
        return (name if listed else "") + "".join(texts) if texts else ""

    return write


_quantities = _objects({"epcClass": _value, "quantity": _value, "uom": _value}, "quantityElement")
_ilmd: _Write = _object({})
_METADATA: _Order = {
    "time": _time,
    "startTime": _time,
    "endTime": _time,
    **dict.fromkeys(("deviceID", "deviceMetadata", "rawData", "dataProcessingMethod", "bizRules"), _value),
}
_REPORT: _Order = {
    "type": _word(MEASUREMENT_TYPES),
    "exception": _word(SENSOR_ALERTS),
    **dict.fromkeys(("deviceID", "deviceMetadata", "rawData", "dataProcessingMethod"), _value),
    "time": _time,
    **dict.fromkeys(("microorganism", "chemicalSubstance", "value"), _value),
    "component": _word(COMPONENTS),
    "stringValue": _value,
    "booleanValue": _value,
    "hexBinaryValue": _value,
    "uriValue": _value,
    **dict.fromkeys(("minValue", "maxValue", "meanValue", "sDev", "percRank", "percValue"), _value),
    "uom": _value,
    "coordinateReferenceSystem": _value,
    "bizRules": _value,
}
_SENSOR_ELEMENT: _Order = {
    "sensorMetadata": _object(_METADATA),
    "sensorReport": _objects(_REPORT, "sensorReport", listed=False),
}
_EVENT: _Order = {
    "eventTime": _time,
    "eventTimeZoneOffset": _plain,
    "certificationInfo": _values,
    "epcList": _epcs,
    "parentID": _value,
    "inputEPCList": _epcs,
    "childEPCs": _epcs,
    "quantityList": _quantities,
    "childQuantityList": _quantities,
    "inputQuantityList": _quantities,
    "outputEPCList": _epcs,
    "outputQuantityList": _quantities,
    "action": _plain,
    "transformationID": _value,
    "bizStep": _word(BUSINESS_STEPS),
    "disposition": _word(DISPOSITIONS),
    "persistentDisposition": _object({"set": _words(DISPOSITIONS), "unset": _words(DISPOSITIONS)}),
    "readPoint": _object({"id": _value}),
    "bizLocation": _object({"id": _value}),
    "bizTransactionList": _objects({"type": _word(BUSINESS_TRANSACTION_TYPES), "bizTransaction": _value}),
    "destinationList": _objects({"type": _word(SOURCE_DESTINATION_TYPES), "destination": _value}),
    "sourceList": _objects({"type": _word(SOURCE_DESTINATION_TYPES), "source": _value}),
    "sensorElementList": _objects(_SENSOR_ELEMENT, "sensorElement"),
    "ilmd": _ilmd,
}
