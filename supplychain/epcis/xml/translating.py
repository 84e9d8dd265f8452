"""From an event in XML to the same event in JSON (EPCIS 2.0, sections 9 and 10).

Numbers become numbers, words of CBV bare words; what 1.x nests in `extension` stands where 2.0 puts it, and its
QuantityEvent becomes the ObjectEvent that replaced it. What is not known passes as it is, and is refused by the parser
of events like anybody's: one place says what an event may hold.
"""

from __future__ import annotations

import re
from typing import Any

from supplychain.epcis.vocabulary import Vocabulary
from supplychain.epcis.xml import names
from supplychain.epcis.xml.elements import Element

_INTEGER = re.compile(r"[+-]?[0-9]{1,15}").fullmatch
_NUMBER = re.compile(r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]{1,3})?").fullmatch

Json = dict[str, Any]


def translate(element: Element) -> tuple[dict[str, str], Json]:
    """Return the prefixes that the event's extensions use, and the event."""
    translator = _Translator()
    event = translator.event(element)
    return translator.prefixes, event


class _Translator:
    def __init__(self) -> None:
        self.prefixes: dict[str, str] = {}

    def event(self, element: Element) -> Json:
        event: Json = {"type": element.name}
        for local, uri, prefix, value in element.own_attributes():
            event[self.name(local, uri, prefix)] = value
        for child in element.members():
            if child.uri:
                self.extend(event, child)
            else:
                _put(event, child.name, self.member(child))
        if element.name == "QuantityEvent":
            return _without_quantity_event(event)
        return event

    def member(self, child: Element) -> Any:
        name = child.name
        if name in names.EPC_LISTS:
            return [item.text for item in child.members()]
        if name in names.QUANTITY_LISTS:
            return [self.quantity(item) for item in child.members()]
        if name in names.PAIR_LISTS:
            inner, types = names.PAIR_LISTS[name]
            return [self.pair(item, inner, types) for item in child.members()]
        if name in names.PLACES:
            return self.object(child)
        if name in names.WORDS:
            return _word(names.WORDS[name], child.text)
        if name == "sensorElementList":
            return [self.sensor_element(item) for item in child.members()]
        if name == "persistentDisposition":
            return self.persistent_disposition(child)
        if name == "errorDeclaration":
            return self.error_declaration(child)
        if name == "ilmd":
            return self.object(child)
        return child.text if not child.children else self.object(child)

    def object(self, element: Element) -> Json:
        """What holds plain members and extensions: readPoint, bizLocation, ilmd."""
        made: Json = {}
        for child in element.members():
            if child.uri:
                self.extend(made, child)
            else:
                _put(made, child.name, child.text if not child.children else self.object(child))
        return made

    def quantity(self, element: Element) -> Json:
        made = self.object(element)
        if isinstance(made.get("quantity"), str):
            made["quantity"] = _number(made["quantity"])
        return made

    def pair(self, element: Element, name: str, types: Vocabulary) -> Json:
        made: Json = {}
        for local, uri, prefix, value in element.own_attributes():
            made[self.name(local, uri, prefix)] = _word(types, value) if local == "type" and not uri else value
        made[name] = element.text
        return made

    def persistent_disposition(self, element: Element) -> Json:
        made: Json = {}
        for child in element.members():
            made.setdefault(child.name, []).append(_word(names.SET_DISPOSITIONS, child.text))
        return made

    def error_declaration(self, element: Element) -> Json:
        made: Json = {}
        for child in element.members():
            if child.uri:
                self.extend(made, child)
            elif child.name == "reason":
                _put(made, "reason", _word(names.REASONS, child.text))
            elif child.name == "correctiveEventIDs":
                _put(made, child.name, [item.text for item in child.members()])
            else:
                _put(made, child.name, child.text)
        return made

    def sensor_element(self, element: Element) -> Json:
        made: Json = {}
        for child in element.members():
            if child.uri:
                self.extend(made, child)
            elif child.name == "sensorReport":
                made.setdefault("sensorReport", []).append(self.attributes(child))
            else:
                _put(made, child.name, self.attributes(child))
        return made

    def attributes(self, element: Element) -> Json:
        """What stands in attributes: sensorMetadata and sensorReport."""
        made: Json = {}
        for local, uri, prefix, value in element.own_attributes():
            made[self.name(local, uri, prefix)] = value if uri else _sensor_value(local, value)
        for child in element.members():
            if child.uri:
                self.extend(made, child)
            else:
                _put(made, child.name, child.text)
        return made

    # --- extensions --------------------------------------------------------------------------------------------------

    def extend(self, made: Json, element: Element) -> None:
        """Add an extension; what stands there twice becomes a list."""
        _put(made, self.name(element.name, element.uri, element.prefix), self.extension(element))

    def extension(self, element: Element) -> Any:
        made: Json = {}
        for local, uri, prefix, value in element.own_attributes():
            made["@" + self.name(local, uri, prefix)] = value
        for child in element.children:
            _put(made, self.name(child.name, child.uri, child.prefix), self.extension(child))
        if not made:
            return element.text
        if element.text:
            made["#text"] = element.text
        return made

    def name(self, local: str, uri: str, prefix: str) -> str:
        """The name under a prefix that the event's @context will declare."""
        if not uri:
            return local
        standard = names.STANDARD.get(uri)
        if standard is not None:
            return f"{standard}:{local}"
        taken = prefix or "ns"
        number = 0
        while self.prefixes.get(taken, uri) != uri or taken in names.STANDARD.values():
            number += 1
            taken = f"{prefix or 'ns'}{number}"
        self.prefixes[taken] = uri
        return f"{taken}:{local}"


def _put(made: Json, name: str, value: Any) -> None:
    """Set a member; a second one of the same name makes a list of both."""
    if name not in made:
        made[name] = value
    elif isinstance(made[name], list) and isinstance(value, list):
        made[name] += value
    elif isinstance(made[name], list):
        made[name].append(value)
    else:
        made[name] = [made[name], value]


def _word(vocabulary: Vocabulary, text: str) -> str:
    return vocabulary.resolve(text) or text


def _sensor_value(name: str, value: str) -> Any:
    if name in names.REPORT_WORDS:
        return _word(names.REPORT_WORDS[name], value)
    if name in names.NUMBERS:
        return _number(value)
    if name in names.BOOLEANS and value in ("true", "1", "false", "0"):
        return value in ("true", "1")
    return value


def _number(text: str) -> int | float | str:
    """The number that a text says; the text itself where it says none."""
    if _INTEGER(text):
        return int(text)
    return float(text) if _NUMBER(text) else text


def _without_quantity_event(event: Json) -> Json:
    """QuantityEvent left EPCIS in 2.0: an observation of so many of a class (EPCIS 1.2, 7.4.5)."""
    quantity = {"epcClass": event.pop("epcClass", None), "quantity": _number(str(event.pop("quantity", "")))}
    listed = {name: value for name, value in quantity.items() if value is not None}
    return event | {"type": "ObjectEvent", "action": "OBSERVE", "quantityList": [listed]}
