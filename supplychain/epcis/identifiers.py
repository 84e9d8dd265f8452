"""GS1 keys: check digits, EPC URNs, GS1 Digital Links, and one canonical form of each.

`urn:epc:id:sscc:7612345.3000004218` and `https://example.com/00/376123450000042184` name the same pallet; its canonical
form is `https://id.gs1.org/00/376123450000042184`. (GS1 EPC Tag Data Standard 2.0, section 6; GS1 Digital Link 1.3.)
A URI that is no GS1 key is private and stays as it is.
"""

from __future__ import annotations

import re
from functools import lru_cache

from supplychain.epcis.digital_link import parse_path
from supplychain.epcis.epc_urn import format_urn, parse_urn
from supplychain.epcis.errors import IdentifierInvalid
from supplychain.epcis.keys import (
    DIGITAL_LINK,
    ID_DOMAIN,
    Identifier,
    check_digit,
    checked,
    checked_text,
    parse_primary,
    shown,
)

__all__ = [
    "DIGITAL_LINK",
    "MAX_LENGTH",
    "Identifier",
    "canonical",
    "check_digit",
    "giai_uri",
    "gln_uri",
    "grai_uri",
    "gtin_uri",
    "is_uri",
    "parse_identifier",
    "party_uri",
    "sscc_uri",
    "to_urn",
]

MAX_LENGTH = 2000  # of a URI that identifies something

_URI = re.compile(r"[A-Za-z][A-Za-z0-9+.\-]*:[A-Za-z0-9\-._~:/?#\[\]@!$&'()*+,;=%]+").fullmatch
_BAD_ESCAPE = re.compile(r"%(?![0-9A-Fa-f]{2})").search
_WEB = re.compile(r"(?i:https?)://([^/?#]+)(/[^?#]*)(?:\?[^#]*)?(?:#.*)?").fullmatch


def is_uri(value: object) -> bool:
    """Tell whether `value` is an absolute URI (RFC 3986) with something after its scheme."""
    if type(value) is not str or _URI(value) is None:
        return False
    if "%" in value and _BAD_ESCAPE(value):
        return False
    return "#" not in value or value.count("#") == 1


def parse_identifier(uri: str) -> Identifier:
    """Parse an EPC URN, a GS1 Digital Link of any domain or a private URI.

    Raise IdentifierInvalid for what is no URI, for an EPC URN of a GS1 scheme that breaks its rules, and for a link on
    id.gs1.org that is no key. A link of another domain with a wrong check digit is taken as private.
    """
    found = _parsed(uri) if type(uri) is str and len(uri) <= MAX_LENGTH else _refused(uri)
    if isinstance(found, Identifier):
        return found
    raise IdentifierInvalid(found)


@lru_cache(maxsize=16384)
def _parsed(uri: str) -> Identifier | str:
    """The identifier, or the sentence that says why it is none: each is asked for several times on its way."""
    try:
        return _parse(uri)
    except IdentifierInvalid as invalid:
        return str(invalid)


def _refused(uri: object) -> str:
    if not is_uri(uri):
        return f"{shown(uri)} is not a URI"
    return f"{shown(uri)} has more than {MAX_LENGTH} characters"


def _parse(uri: str) -> Identifier:
    if not is_uri(uri):
        raise IdentifierInvalid(f"{shown(uri)} is not a URI")
    if uri[:8].lower() == "urn:epc:":
        return parse_urn(uri)
    web = _WEB(uri)
    if web is None:
        return Identifier("private", uri)
    if web[1].lower() == ID_DOMAIN:
        return parse_path(web[2], ours=True)
    try:
        return parse_path(web[2], ours=False)
    except IdentifierInvalid:
        return Identifier("private", uri)


def canonical(uri: str) -> str:
    """Return the one form under which this identifier is kept; what cannot be parsed comes back as it is."""
    return _canonical(uri) if len(uri) <= MAX_LENGTH else uri


@lru_cache(maxsize=65536)
def _canonical(uri: str) -> str:
    try:
        return parse_identifier(uri).uri
    except IdentifierInvalid:
        return uri


def to_urn(uri: str, company_prefix_length: int) -> str:
    """Return the EPC URN of a Digital Link, whose company prefix has `company_prefix_length` digits (6 to 12).

    Raise IdentifierInvalid where the key has no URN form. A private URI comes back as it is.
    """
    identifier = parse_identifier(uri)
    if identifier.is_private:
        return uri
    if not 6 <= company_prefix_length <= 12:
        raise IdentifierInvalid(f"a GS1 company prefix has 6 to 12 digits, not {company_prefix_length}")
    return format_urn(identifier, company_prefix_length)


def sscc_uri(sscc: str) -> str:
    """Return the URI of a logistic unit: `sscc_uri("376123450000042184")`. Raise IdentifierInvalid."""
    return Identifier("sscc", checked("00", sscc)).uri


def gtin_uri(gtin: str, lot: str | None = None, serial: str | None = None) -> str:
    """Return the URI of a product, of a lot of it, or of one item of it. Raise IdentifierInvalid."""
    key = checked("01", gtin)
    if serial is not None:
        return Identifier("sgtin", key, serial=checked_text("21", serial)).uri
    if lot is not None:
        return Identifier("lgtin", key, lot=checked_text("10", lot)).uri
    return Identifier("gtin", key).uri


def gln_uri(gln: str, extension: str | None = None) -> str:
    """Return the URI of a location, or of a place inside it. Raise IdentifierInvalid."""
    return Identifier("sgln", checked("414", gln), extension=extension and checked_text("254", extension)).uri


def party_uri(gln: str) -> str:
    """Return the URI of a party by its GLN. Raise IdentifierInvalid."""
    return Identifier("pgln", checked("417", gln)).uri


def grai_uri(grai: str, serial: str | None = None) -> str:
    """Return the URI of a returnable asset, `grai` being its 13 digits. Raise IdentifierInvalid."""
    return parse_primary("8003", f"0{grai}{serial or ''}").uri


def giai_uri(giai: str) -> str:
    """Return the URI of an individual asset. Raise IdentifierInvalid."""
    return parse_primary("8004", giai).uri
