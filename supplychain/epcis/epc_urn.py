"""Reads and writes EPC URNs, `urn:epc:id:sscc:7612345.3000004218` (GS1 EPC Tag Data Standard 2.0, section 6)."""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import quote, unquote

from supplychain.epcis.errors import IdentifierInvalid
from supplychain.epcis.keys import (
    KEY_WITH_SERIAL,
    PRIMARY,
    Identifier,
    check_digit,
    checked_text,
    component_serial,
    is_digits,
    parse_primary,
    piece_and_total,
    shown,
)

EPC_ID = "urn:epc:id:"
EPC_CLASS = "urn:epc:class:"
EPC_PATTERN = "urn:epc:idpat:"
_URN_SAFE = "!'()+,-.:;=_"  # and not *, which stands for anything in a pattern


def _split_urn(body: str, count: int, uri: str) -> list[str]:
    parts = body.split(".", count - 1)
    if len(parts) != count:
        raise IdentifierInvalid(f"{shown(uri)} should have {count} parts divided by dots")
    if not is_digits(parts[0]) or not 6 <= len(parts[0]) <= 12:
        raise IdentifierInvalid(f"{shown(uri)} should start with a GS1 company prefix of 6 to 12 digits")
    return parts


def _joined(parts: list[str], digits: int, uri: str) -> tuple[str, str]:
    prefix, reference = parts[0], parts[1]
    if (reference and not is_digits(reference)) or len(prefix) + len(reference) != digits:
        raise IdentifierInvalid(
            f"company prefix and reference have {digits} digits together; {shown(uri)} has"
            f" {len(prefix)} and {len(reference)}"
        )
    return prefix, reference


def _gtin(parts: list[str], uri: str) -> str:
    prefix, reference = _joined(parts, 13, uri)
    body = reference[0] + prefix + reference[1:]
    return body + check_digit(body)


def _thirteen(parts: list[str], uri: str) -> str:
    body = "".join(_joined(parts, 12, uri))
    return body + check_digit(body)


def _urn_serial(value: str, ai: str, longest: int | None = None) -> str | None:
    return None if value == "*" else checked_text(ai, unquote(value), longest)


def _urn_sgtin(body: str, uri: str) -> Identifier:
    parts = _split_urn(body, 3, uri)
    serial = _urn_serial(parts[2], "21")
    return Identifier("sgtin" if serial else "gtin", _gtin(parts, uri), serial=serial)


def _urn_lgtin(body: str, uri: str) -> Identifier:
    parts = _split_urn(body, 3, uri)
    return Identifier("lgtin", _gtin(parts, uri), lot=checked_text("10", unquote(parts[2])))


def _urn_upui(body: str, uri: str) -> Identifier:
    parts = _split_urn(body, 3, uri)
    serial = _urn_serial(parts[2], "235")
    return Identifier("upui" if serial else "gtin", _gtin(parts, uri), serial=serial)


def _urn_itip(body: str, uri: str) -> Identifier:
    parts = _split_urn(body, 5, uri)
    pieces = piece_and_total(parts[2] + parts[3])
    return Identifier("itip", _gtin(parts, uri), serial=_urn_serial(parts[4], "21"), pieces=pieces)


def _urn_sscc(body: str, uri: str) -> Identifier:
    prefix, reference = _joined(_split_urn(body, 2, uri), 17, uri)
    digits = reference[0] + prefix + reference[1:]
    return Identifier("sscc", digits + check_digit(digits))


def _urn_sgln(body: str, uri: str) -> Identifier:
    parts = _split_urn(body, 3, uri)
    extension = None if parts[2] == "0" else checked_text("254", unquote(parts[2]))
    return Identifier("sgln", _thirteen(parts, uri), extension=extension)


def _urn_pgln(body: str, uri: str) -> Identifier:
    return Identifier("pgln", _thirteen(_split_urn(body, 2, uri), uri))


def _urn_with_serial(scheme: str) -> Callable[[str, str], Identifier]:
    ai = PRIMARY[scheme]

    def parse(body: str, uri: str) -> Identifier:
        parts = _split_urn(body, 3, uri)
        serial = _urn_serial(parts[2], ai, KEY_WITH_SERIAL[ai])
        return Identifier(scheme, _thirteen(parts, uri), serial=serial)

    return parse


def _urn_digits(scheme: str, digits: int) -> Callable[[str, str], Identifier]:
    def parse(body: str, uri: str) -> Identifier:
        joined = "".join(_joined(_split_urn(body, 2, uri), digits, uri))
        return Identifier(scheme, joined + check_digit(joined))

    return parse


def _urn_free(scheme: str) -> Callable[[str, str], Identifier]:
    def parse(body: str, uri: str) -> Identifier:
        prefix, reference = _split_urn(body, 2, uri)
        return Identifier(scheme, checked_text(PRIMARY[scheme], prefix + unquote(reference), 30))

    return parse


def _urn_cpi(body: str, uri: str) -> Identifier:
    prefix, reference, serial = _split_urn(body, 3, uri)
    primary = parse_primary("8010", prefix + unquote(reference))
    return Identifier("cpi", primary.key, serial=None if serial == "*" else component_serial(serial))


_URN_SCHEMES: dict[str, Callable[[str, str], Identifier]] = {
    "sgtin": _urn_sgtin,
    "upui": _urn_upui,
    "itip": _urn_itip,
    "sscc": _urn_sscc,
    "sgln": _urn_sgln,
    "pgln": _urn_pgln,
    "grai": _urn_with_serial("grai"),
    "gdti": _urn_with_serial("gdti"),
    "sgcn": _urn_with_serial("sgcn"),
    "gsrn": _urn_digits("gsrn", 17),
    "gsrnp": _urn_digits("gsrnp", 17),
    "gsin": _urn_digits("gsin", 16),
    "giai": _urn_free("giai"),
    "ginc": _urn_free("ginc"),
    "cpi": _urn_cpi,
}
_PATTERN_SCHEMES = frozenset({"sgtin", "upui", "itip", "grai", "gdti", "sgcn", "cpi"})
_OTHER_SCHEMES = frozenset({"gid", "usdod", "adi", "bic", "imovn"})  # EPC schemes that are no GS1 keys


def parse_urn(uri: str) -> Identifier:
    kind, _, rest = uri[8:].partition(":")
    scheme, _, body = rest.partition(":")
    if scheme in _OTHER_SCHEMES:
        return Identifier("private", uri)
    if kind == "class" and scheme == "lgtin":
        return _urn_lgtin(body, uri)
    known = _URN_SCHEMES.get(scheme)
    if known and (kind == "id" or (kind == "idpat" and scheme in _PATTERN_SCHEMES)):
        identifier = known(body, uri)
        is_pattern = scheme in _PATTERN_SCHEMES and identifier.serial is None
        if is_pattern == (kind == "idpat"):
            return identifier
    raise IdentifierInvalid(f"{shown(uri)} is not an EPC URN: no such scheme, or a pattern where none may be")


def format_urn(identifier: Identifier, n: int) -> str:
    scheme, key = identifier.scheme, identifier.key
    if scheme in ("gtin", "lgtin", "sgtin", "upui", "itip"):
        return _format_trade_item(identifier, n)
    if scheme in ("sscc",):
        return f"{EPC_ID}sscc:{key[1 : n + 1]}.{key[0]}{key[n + 1 : -1]}"
    if scheme == "sgln":
        return f"{EPC_ID}sgln:{key[:n]}.{key[n:-1]}.{_urn_quoted(identifier.extension or '0')}"
    if scheme in ("pgln", "gsrn", "gsrnp", "gsin"):
        if identifier.extension or identifier.serial:
            raise IdentifierInvalid(f"{identifier.uri} has no EPC URN: its qualifier cannot be written in one")
        return f"{EPC_ID}{scheme}:{key[:n]}.{key[n:-1]}"
    if scheme in ("giai", "ginc"):
        return f"{EPC_ID}{scheme}:{key[:n]}.{_urn_quoted(_remainder(identifier, n))}"
    kind = EPC_ID if identifier.serial is not None else EPC_PATTERN
    serial = _urn_quoted(identifier.serial) if identifier.serial is not None else "*"
    reference = _urn_quoted(_remainder(identifier, n)) if scheme == "cpi" else key[n:-1]
    return f"{kind}{scheme}:{key[:n]}.{reference}.{serial}"


def _remainder(identifier: Identifier, n: int) -> str:
    """Return what follows the company prefix of a key without fixed length."""
    if not is_digits(identifier.key[:n]) or len(identifier.key) <= n:
        raise IdentifierInvalid(f"{identifier.uri} does not start with a company prefix of {n} digits")
    return identifier.key[n:]


def _format_trade_item(identifier: Identifier, n: int) -> str:
    key = identifier.key
    if identifier.variant is not None:
        raise IdentifierInvalid(f"{identifier.uri} has no EPC URN: a product variant cannot be written in one")
    product = f"{key[1 : n + 1]}.{key[0]}{key[n + 1 : -1]}"
    if identifier.scheme == "lgtin":
        return f"{EPC_CLASS}lgtin:{product}.{_urn_quoted(identifier.lot or '')}"
    if identifier.pieces is not None:
        if identifier.lot is not None:
            raise IdentifierInvalid(f"{identifier.uri} has no EPC URN: the lot of a piece cannot be written in one")
        product += f".{identifier.pieces[:2]}.{identifier.pieces[2:]}"
    scheme = "sgtin" if identifier.scheme == "gtin" else identifier.scheme
    if identifier.serial is None:
        return f"{EPC_PATTERN}{scheme}:{product}.*"
    return f"{EPC_ID}{scheme}:{product}.{_urn_quoted(identifier.serial)}"


def _urn_quoted(value: str) -> str:
    return quote(value, safe=_URN_SAFE)
