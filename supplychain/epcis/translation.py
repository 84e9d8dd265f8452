"""Identifiers of an event in the form that a reader asks for: Digital Links or EPC URNs (EPCIS 2.0, GS1-EPC-Format).

A URN becomes a Digital Link always. The way back needs to know how many digits the company prefix has, which the link
does not say; where nobody knows, the identifier stays as it is, and `Translation.left` counts it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from supplychain.epcis.errors import IdentifierInvalid
from supplychain.epcis.identifiers import canonical, parse_identifier, to_urn
from supplychain.epcis.keys import DIGITAL_LINK, Identifier

DIGITAL_LINKS, URNS, NO_PREFERENCE, NEVER = (
    "Always_GS1_Digital_Link",
    "Always_EPC_URN",
    "No_Preference",
    "Never_Translates",
)
FORMATS = (DIGITAL_LINKS, URNS, NO_PREFERENCE, NEVER)

PrefixLength = Callable[[Identifier], int | None]
"""Says how many digits the company prefix of an identifier has; None where that is not known."""

_LISTS = ("epcList", "childEPCs", "inputEPCList", "outputEPCList")
_QUANTITIES = ("quantityList", "childQuantityList", "inputQuantityList", "outputQuantityList")
_PAIRS = {"bizTransactionList": "bizTransaction", "sourceList": "source", "destinationList": "destination"}
_SENSOR = ("deviceID", "deviceMetadata", "rawData", "dataProcessingMethod", "bizRules")


def company_digits(identifier: Identifier) -> str:
    """The digits of a key from where its company prefix begins, which is behind an indicator or extension digit."""
    is_behind_one = identifier.scheme in ("sscc", "gtin", "lgtin", "sgtin", "upui", "itip")
    return identifier.key[1:] if is_behind_one else identifier.key


@dataclass(slots=True)
class Translation:
    """Translates identifiers into one form and counts those that had to stay as they were."""

    form: str = DIGITAL_LINKS
    prefix_length: PrefixLength | None = None
    left: int = 0

    @property
    def is_idle(self) -> bool:
        """Whether nothing is ever changed."""
        return self.form == NEVER

    def identifier(self, uri: Any) -> Any:
        """One identifier in the form asked for; what is no GS1 key stays as it is."""
        if type(uri) is not str:
            return uri
        if self.form == URNS:
            return self._urn(uri)
        return canonical(uri) if uri[:8] == "urn:epc:" and not self.is_idle else uri

    def _urn(self, uri: str) -> str:
        if not uri.startswith(("http://", "https://")):
            return uri
        try:
            found = parse_identifier(uri)
            if found.is_private:
                return uri
            length = self.prefix_length(found) if self.prefix_length is not None else None
            if length is not None:
                return to_urn(uri, length)
        except IdentifierInvalid:
            if not uri.startswith(DIGITAL_LINK):
                return uri
        self.left += 1
        return uri

    def event(self, event: dict[str, Any]) -> dict[str, Any]:
        """A copy of an event with its identifiers in the form asked for."""
        if self.is_idle:
            return event
        made = dict(event)
        for name in _LISTS:
            if name in made:
                made[name] = [self.identifier(epc) for epc in made[name]]
        for name in _QUANTITIES:
            if name in made:
                made[name] = [self._member(item, "epcClass") for item in made[name]]
        for name, inner in _PAIRS.items():
            if name in made:
                made[name] = [self._member(item, inner) for item in made[name]]
        for name in ("readPoint", "bizLocation"):
            if name in made:
                made[name] = self._member(made[name], "id")
        for name in ("parentID", "transformationID"):
            if name in made:
                made[name] = self.identifier(made[name])
        if "sensorElementList" in made:
            made["sensorElementList"] = [self._element(item) for item in made["sensorElementList"]]
        return made

    def _member(self, value: dict[str, Any], *names: str) -> dict[str, Any]:
        return value | {name: self.identifier(value[name]) for name in names if name in value}

    def _element(self, element: dict[str, Any]) -> dict[str, Any]:
        made = dict(element)
        if "sensorMetadata" in made:
            made["sensorMetadata"] = self._member(made["sensorMetadata"], *_SENSOR)
        if "sensorReport" in made:
            made["sensorReport"] = [self._member(report, *_SENSOR) for report in made["sensorReport"]]
        return made
