"""The header of an XML document as JSON: master data, and who sent it to whom."""

from __future__ import annotations

from typing import Any

from supplychain.epcis.xml.elements import Element
from supplychain.epcis.xml.translating import Json, translate

_VOCABULARIES = "vocabularyList"


def read_header(header: Element) -> Json:
    """Write `EPCISHeader` as the epcisHeader of JSON (EPCIS 2.0, 9.8 and 10.3)."""
    made: Json = {}
    for data in header.named("EPCISMasterData"):
        listed = [_vocabulary(each) for listing in data.named("VocabularyList") for each in listing.named("Vocabulary")]
        made["epcisMasterData"] = {_VOCABULARIES: listed}
    return made


def _vocabulary(element: Element) -> Json:
    elements = [each for listing in element.named("VocabularyElementList") for each in listing.members()]
    return {
        "type": element.attributes.get("type", "").strip(),
        "vocabularyElementList": [_vocabulary_element(each) for each in elements],
    }


def _vocabulary_element(element: Element) -> Json:
    made: Json = {
        "id": element.attributes.get("id", "").strip(),
        "attributes": [
            {"id": each.attributes.get("id", "").strip(), "attribute": _value(each)}
            for each in element.named("attribute")
        ],
    }
    children = [item.text for listing in element.named("children") for item in listing.members()]
    return made | ({"children": children} if children else {})


def _value(attribute: Element) -> Any:
    if not attribute.children:
        return attribute.text
    _, made = translate(attribute)
    made.pop("type", None)
    made.pop("id", None)
    return made
