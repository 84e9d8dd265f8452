"""Reads the path of a GS1 Digital Link, `/01/09521141012345/21/7` (GS1 Digital Link 1.3, section 4)."""

from __future__ import annotations

from urllib.parse import unquote

from supplychain.epcis.errors import IdentifierInvalid
from supplychain.epcis.keys import (
    DIGITAL_LINK,
    FIXED_LENGTH,
    KEY_WITH_SERIAL,
    NAMES,
    Identifier,
    checked_text,
    component_serial,
    parse_primary,
    starts_with_prefix,
)

_QUALIFIERS = {
    "01": ("22", "10", "21", "235"),
    "414": ("254",),
    "417": ("7040",),
    "8006": ("22", "10", "21"),
    "8010": ("8011",),
    "8017": ("8019",),
    "8018": ("8019",),
}


def parse_path(path: str, *, ours: bool) -> Identifier:
    """Parse `/01/09521141012345/21/7`; other domains may have a stem before it (GS1 Digital Link 1.3, section 4)."""
    segments = [unquote(segment) for segment in path.strip("/").split("/")]
    starts = [0] if ours else range(len(segments) - 1)
    refused = IdentifierInvalid(f"{DIGITAL_LINK}{path} is not a GS1 Digital Link")
    for start in starts:
        ai = segments[start]
        if ai not in NAMES or (len(segments) - start) % 2:
            continue
        if not ours and not _may_be_key(ai, segments[start + 1], start):
            continue
        try:
            return _with_qualifiers(ai, segments[start + 1 :])
        except IdentifierInvalid as error:
            refused = error
    raise refused


def _may_be_key(ai: str, value: str, start: int) -> bool:
    """Doubt links of strangers: only whole keys, and keys without a check digit only right behind the domain."""
    if ai in FIXED_LENGTH:
        return len(value) == FIXED_LENGTH[ai]
    if ai in KEY_WITH_SERIAL or ai == "8006":
        return True
    return start == 0 and starts_with_prefix(value) is not None


def _with_qualifiers(ai: str, values: list[str]) -> Identifier:
    primary = parse_primary(ai, values[0])
    allowed = _QUALIFIERS.get(ai, ())
    found: dict[str, str] = {}
    for qualifier, value in zip(values[1::2], values[2::2], strict=True):
        if qualifier not in allowed or qualifier in found:
            raise IdentifierInvalid(f"({qualifier}) does not belong behind {NAMES[ai]} in a Digital Link")
        found[qualifier] = checked_text(qualifier, value)
    return _qualified(primary, found) if found else primary


def _qualified(primary: Identifier, found: dict[str, str]) -> Identifier:
    """Choose the finest level: a serial number makes lot and variant superfluous (CBV 2.0, section 8)."""
    scheme, key = primary.scheme, primary.key
    if scheme == "sgln":
        return Identifier(scheme, key, extension=None if found["254"] == "0" else found["254"])
    if scheme == "pgln":
        return Identifier(scheme, key, extension=found["7040"])
    if scheme in ("gsrn", "gsrnp"):
        return Identifier(scheme, key, serial=found["8019"])
    if scheme == "cpi":
        return Identifier(scheme, key, serial=component_serial(found["8011"]))
    if scheme == "itip":
        return Identifier(scheme, key, serial=found.get("21"), lot=found.get("10"), pieces=primary.pieces)
    if "235" in found:
        return Identifier("upui", key, serial=found["235"])
    if "21" in found:
        return Identifier("sgtin", key, serial=found["21"])
    return Identifier("lgtin" if "10" in found else "gtin", key, lot=found.get("10"), variant=found.get("22"))
