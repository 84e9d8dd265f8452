"""EPC patterns, which stand for many identifiers: `urn:epc:idpat:sgtin:4012345.098765.*` (EPCIS 2.0, 8.2.7.1.1).

Identifiers are compared in their canonical form, so a pattern finds a Digital Link too: how many digits the company
prefix has is what the pattern says itself. Ours besides: a Digital Link that ends in `/*`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from supplychain.epcis.epc_urn import format_urn
from supplychain.epcis.errors import IdentifierInvalid
from supplychain.epcis.identifiers import parse_identifier
from supplychain.epcis.keys import DIGITAL_LINK, PRIMARY, check_digit, is_digits

_URN = re.compile(r"urn:epc:(?:idpat|id|class):([a-z]+):(.+)").fullmatch
_LINK = re.compile(r"(?i:https?)://[^/?#]+(/[^?#*]+/)\*").fullmatch
_PARTS = {"sgtin": 3, "lgtin": 3, "upui": 3, "itip": 5, "sgln": 3, "grai": 3, "gdti": 3, "sgcn": 3, "cpi": 3}
_TRADE_ITEMS = ("sgtin", "lgtin", "upui", "itip")
_INDICATORS = "0123456789"


@dataclass(frozen=True, slots=True)
class Pattern:
    """The parts of its URN, `*` for any (none: it is a link), and how canonical forms begin that may fit."""

    scheme: str = ""
    parts: tuple[str, ...] = ()
    prefixes: tuple[str, ...] = ()

    def fits(self, canonical_uri: str) -> bool:
        """Tell whether an identifier, in its canonical form, is one of those that the pattern stands for."""
        if self.prefixes and not canonical_uri.startswith(self.prefixes):
            return False
        if not self.parts:
            return True
        found = self._parts_of(canonical_uri)
        return found is not None and all(want in ("*", have) for want, have in zip(self.parts, found, strict=True))

    def _parts_of(self, uri: str) -> tuple[str, ...] | None:
        """The parts of an identifier's URN, its company prefix cut where the pattern's ends."""
        try:
            found = parse_identifier(uri)
            if not found.is_private:
                company = self.parts[0]
                if company != "*" and not (is_digits(company) and 6 <= len(company) <= 12):
                    return None
                uri = format_urn(found, 7 if company == "*" else len(company))
        except IdentifierInvalid:
            return None
        read = _URN(uri)
        parts = _split(read[1], read[2]) if read else ()
        return parts if read and read[1] == self.scheme and len(parts) == len(self.parts) else None


def _prefixes(scheme: str, parts: tuple[str, ...]) -> tuple[str, ...]:
    """How the canonical forms begin that may fit; none where that cannot be said."""
    company, reference = parts[0], parts[1] if len(parts) > 1 else "*"
    if not is_digits(company) or not 6 <= len(company) <= 12 or scheme not in PRIMARY:
        return ()
    stem = f"{DIGITAL_LINK}/{PRIMARY[scheme]}/"
    if scheme in _TRADE_ITEMS and is_digits(reference) and len(company + reference) == 13:
        key = reference[0] + company + reference[1:]
        return (stem + key + check_digit(key),)
    if scheme in (*_TRADE_ITEMS, "sscc"):
        return tuple(stem + digit + company for digit in _INDICATORS)
    known = company + reference if is_digits(reference) else company
    return (stem + ("0" if scheme == "grai" else "") + known,)


def parse_pattern(uri: str) -> Pattern | None:
    """Return the pattern that `uri` is; None where it names one thing or one class."""
    link = _LINK(uri)
    if link:
        return Pattern(prefixes=(DIGITAL_LINK + link[1],))
    read = _URN(uri)
    if read is None or "*" not in read[2]:
        return None
    scheme, parts = read[1], _split(read[1], read[2])
    return Pattern(scheme, parts, _prefixes(scheme, parts))


def _split(scheme: str, body: str) -> tuple[str, ...]:
    """The parts; a serial number may have dots of its own."""
    count = _PARTS.get(scheme)
    return tuple(body.split(".", count - 1)) if count else tuple(body.split(".", 1 if scheme in PRIMARY else -1))
