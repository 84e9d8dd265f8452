"""GS1 keys: check digits, EPC URNs, GS1 Digital Links, and one canonical form of each.

`urn:epc:id:sscc:7612345.3000004218` and `https://example.com/00/376123450000042184` name the same pallet; its canonical
form is `https://id.gs1.org/00/376123450000042184`. (GS1 EPC Tag Data Standard 2.0, section 6; GS1 Digital Link 1.3.)
A URI that is no GS1 key is private and stays as it is.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from urllib.parse import quote, unquote

from supplychain.epcis.errors import IdentifierInvalid

ID_DOMAIN = "id.gs1.org"
DIGITAL_LINK = f"https://{ID_DOMAIN}"
EPC_ID = "urn:epc:id:"
EPC_CLASS = "urn:epc:class:"
EPC_PATTERN = "urn:epc:idpat:"

_URI = re.compile(r"[A-Za-z][A-Za-z0-9+.\-]*:[A-Za-z0-9\-._~:/?#\[\]@!$&'()*+,;=%]+").fullmatch
_BAD_ESCAPE = re.compile(r"%(?![0-9A-Fa-f]{2})").search
_WEB = re.compile(r"(?i:https?)://([^/?#]+)(/[^?#]*)(?:\?[^#]*)?(?:#.*)?").fullmatch
_DIGITS = re.compile(r"[0-9]+").fullmatch
_TEXT = re.compile(r"[!\"%&'()*+,\-./0-9:;<=>?A-Z_a-z]+").fullmatch  # GS1 AI encodable character set 82
_PART = re.compile(r"[0-9A-Z\-#/]+").fullmatch  # character set 39, of component/part identifiers
_KEY_WITHOUT_CHECK = re.compile(r"[0-9]{6}").match
_URN_SAFE = "!'()+,-.:;=_"  # and not *, which stands for anything in a pattern


def is_uri(value: object) -> bool:
    """Tell whether `value` is an absolute URI (RFC 3986) with something after its scheme."""
    if type(value) is not str or _URI(value) is None:
        return False
    if "%" in value and _BAD_ESCAPE(value):
        return False
    return "#" not in value or value.count("#") == 1


def check_digit(digits: str) -> str:
    """Return the GS1 check digit that belongs behind `digits` (GS1 General Specifications, 7.9).

    Raise IdentifierInvalid unless `digits` are digits.
    """
    if not _DIGITS(digits):
        raise IdentifierInvalid(f"a check digit needs digits, and {_shown(digits)} has other characters")
    total = sum(map(int, digits[-1::-2])) * 3 + sum(map(int, digits[-2::-2]))
    return str(-total % 10)


@dataclass(frozen=True, slots=True)
class Identifier:
    """A parsed identifier; `scheme` is the EPC scheme (or gtin, private) and `key` the GS1 key with its check digit.

    Example: ``Identifier("lgtin", "09521141012345", lot="A1")``; a private one is ``Identifier("private", <the URI>)``.
    """

    scheme: str
    key: str
    serial: str | None = None
    lot: str | None = None
    extension: str | None = None  # of a GLN (254) or a party GLN (7040)
    variant: str | None = None  # consumer product variant (22)
    pieces: str | None = None  # piece and total of an individual trade item piece

    @property
    def is_private(self) -> bool:
        return self.scheme == "private"

    @property
    def is_class(self) -> bool:
        """Tell whether this names a class of things (product, lot, type of asset), not one thing."""
        return self.scheme in _CLASS_SCHEMES or (self.scheme in _SERIAL_SCHEMES and self.serial is None)

    @property
    def uri(self) -> str:
        """The canonical form: a Digital Link on id.gs1.org, or the private URI itself."""
        return self.key if self.is_private else DIGITAL_LINK + _path(self)

    @property
    def label(self) -> str:
        """What a person calls it: `SSCC 376123450000042184`, `GTIN 09521141012345 lot A1`."""
        if self.is_private:
            return self.key
        parts = [_LABELS.get(self.scheme, self.scheme.upper()), self.key]
        for word, part in (("lot", self.lot), ("serial", self.serial), ("extension", self.extension)):
            if part is not None:
                parts += [word, part]
        return " ".join(parts)


_CLASS_SCHEMES = frozenset({"gtin", "lgtin"})
_SERIAL_SCHEMES = frozenset({"grai", "gdti", "sgcn", "itip", "cpi"})
_LABELS = {"sgtin": "GTIN", "lgtin": "GTIN", "upui": "GTIN", "sgln": "GLN", "pgln": "party GLN"}

# Digital Link: application identifier of the primary key, by scheme
_PRIMARY = {
    "sscc": "00",
    "gtin": "01",
    "lgtin": "01",
    "sgtin": "01",
    "upui": "01",
    "gdti": "253",
    "sgcn": "255",
    "ginc": "401",
    "gsin": "402",
    "sgln": "414",
    "pgln": "417",
    "grai": "8003",
    "giai": "8004",
    "itip": "8006",
    "cpi": "8010",
    "gsrnp": "8017",
    "gsrn": "8018",
}
_SCHEME_OF = {ai: scheme for scheme, ai in _PRIMARY.items() if ai != "01"} | {"01": "gtin"}
_QUALIFIERS = {
    "01": ("22", "10", "21", "235"),
    "414": ("254",),
    "417": ("7040",),
    "8006": ("22", "10", "21"),
    "8010": ("8011",),
    "8017": ("8019",),
    "8018": ("8019",),
}
_FIXED_LENGTH = {"00": 18, "01": 14, "402": 17, "414": 13, "417": 13, "8017": 18, "8018": 18}
_NAMES = {
    "00": "an SSCC",
    "01": "a GTIN",
    "253": "a GDTI",
    "255": "a GCN",
    "401": "a GINC",
    "402": "a GSIN",
    "414": "a GLN",
    "417": "a party GLN",
    "8003": "a GRAI",
    "8004": "a GIAI",
    "8006": "an ITIP",
    "8010": "a CPID",
    "8017": "a GSRN",
    "8018": "a GSRN",
}
_LONGEST = {"10": 20, "21": 20, "22": 20, "235": 28, "254": 20, "7040": 4, "8011": 12, "8019": 10}
_KEY_WITH_SERIAL = {"253": 17, "255": 12, "8003": 16}  # 13 digits and, behind them, a serial of at most so many


def parse_identifier(uri: str) -> Identifier:
    """Parse an EPC URN, a GS1 Digital Link of any domain or a private URI.

    Raise IdentifierInvalid for what is no URI, for an EPC URN of a GS1 scheme that breaks its rules, and for a link on
    id.gs1.org that is no key. A link of another domain with a wrong check digit is taken as private.
    """
    if not is_uri(uri):
        raise IdentifierInvalid(f"{_shown(uri)} is not a URI")
    if uri[:8].lower() == "urn:epc:":
        return _parse_urn(uri)
    web = _WEB(uri)
    if web is None:
        return Identifier("private", uri)
    if web[1].lower() == ID_DOMAIN:
        return _parse_path(web[2], ours=True)
    try:
        return _parse_path(web[2], ours=False)
    except IdentifierInvalid:
        return Identifier("private", uri)


@lru_cache(maxsize=65536)
def canonical(uri: str) -> str:
    """Return the one form under which this identifier is kept; what cannot be parsed comes back as it is."""
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
    return _format_urn(identifier, company_prefix_length)


def sscc_uri(sscc: str) -> str:
    """Return the URI of a logistic unit: `sscc_uri("376123450000042184")`. Raise IdentifierInvalid."""
    return Identifier("sscc", _checked("00", sscc)).uri


def gtin_uri(gtin: str, lot: str | None = None, serial: str | None = None) -> str:
    """Return the URI of a product, of a lot of it, or of one item of it. Raise IdentifierInvalid."""
    key = _checked("01", gtin)
    if serial is not None:
        return Identifier("sgtin", key, serial=_text("21", serial)).uri
    if lot is not None:
        return Identifier("lgtin", key, lot=_text("10", lot)).uri
    return Identifier("gtin", key).uri


def gln_uri(gln: str, extension: str | None = None) -> str:
    """Return the URI of a location, or of a place inside it. Raise IdentifierInvalid."""
    return Identifier("sgln", _checked("414", gln), extension=extension and _text("254", extension)).uri


def party_uri(gln: str) -> str:
    """Return the URI of a party by its GLN. Raise IdentifierInvalid."""
    return Identifier("pgln", _checked("417", gln)).uri


def grai_uri(grai: str, serial: str | None = None) -> str:
    """Return the URI of a returnable asset, `grai` being its 13 digits. Raise IdentifierInvalid."""
    return _parse_primary("8003", f"0{grai}{serial or ''}").uri


def giai_uri(giai: str) -> str:
    """Return the URI of an individual asset. Raise IdentifierInvalid."""
    return _parse_primary("8004", giai).uri


def _shown(value: object) -> str:
    text = value if isinstance(value, str) else repr(value)
    return f'"{text if len(text) <= 80 else text[:77] + "..."}"'


def _checked(ai: str, digits: str) -> str:
    """Return `digits` (a GTIN padded to 14) after checking length and check digit."""
    length = _FIXED_LENGTH.get(ai, 13)
    if not isinstance(digits, str) or not _DIGITS(digits):
        raise IdentifierInvalid(f"{_NAMES[ai]} has digits only, and {_shown(digits)} has not")
    padded = digits.zfill(14) if ai == "01" and len(digits) in (8, 12, 13) else digits
    if len(padded) != length:
        raise IdentifierInvalid(f"{_NAMES[ai]} has {length} digits, and {_shown(digits)} has {len(digits)}")
    right = check_digit(padded[:-1])
    if right != padded[-1]:
        raise IdentifierInvalid(
            f"the check digit of {_NAMES[ai]} is wrong: {digits} ends in {padded[-1]} and should end in {right}"
        )
    return padded


def _text(ai: str, value: str, longest: int | None = None) -> str:
    longest = longest or _LONGEST[ai]
    if not isinstance(value, str) or not _TEXT(value):
        raise IdentifierInvalid(f"({ai}) {_shown(value)} is empty or has characters that GS1 does not allow there")
    if len(value) > longest:
        raise IdentifierInvalid(f"({ai}) {_shown(value)} is longer than {longest} characters")
    return value


# --- Digital Link ---------------------------------------------------------------------------------------------------


def _parse_path(path: str, *, ours: bool) -> Identifier:
    """Parse `/01/09521141012345/21/7`; other domains may have a stem before it (GS1 Digital Link 1.3, section 4)."""
    segments = [unquote(segment) for segment in path.strip("/").split("/")]
    starts = [0] if ours else range(len(segments) - 1)
    refused = IdentifierInvalid(f"{DIGITAL_LINK}{path} is not a GS1 Digital Link")
    for start in starts:
        ai = segments[start]
        if ai not in _NAMES or (len(segments) - start) % 2:
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
    if ai in _FIXED_LENGTH:
        return len(value) == _FIXED_LENGTH[ai]
    if ai in _KEY_WITH_SERIAL or ai == "8006":
        return True
    return start == 0 and _KEY_WITHOUT_CHECK(value) is not None


def _with_qualifiers(ai: str, values: list[str]) -> Identifier:
    primary = _parse_primary(ai, values[0])
    allowed = _QUALIFIERS.get(ai, ())
    found: dict[str, str] = {}
    for qualifier, value in zip(values[1::2], values[2::2], strict=True):
        if qualifier not in allowed or qualifier in found:
            raise IdentifierInvalid(f"({qualifier}) does not belong behind {_NAMES[ai]} in a Digital Link")
        found[qualifier] = _text(qualifier, value)
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
        return Identifier(scheme, key, serial=_component_serial(found["8011"]))
    if scheme == "itip":
        return Identifier(scheme, key, serial=found.get("21"), lot=found.get("10"), pieces=primary.pieces)
    if "235" in found:
        return Identifier("upui", key, serial=found["235"])
    if "21" in found:
        return Identifier("sgtin", key, serial=found["21"])
    return Identifier("lgtin" if "10" in found else "gtin", key, lot=found.get("10"), variant=found.get("22"))


def _parse_primary(ai: str, value: str) -> Identifier:
    scheme = _SCHEME_OF[ai]
    if ai in _FIXED_LENGTH:
        return Identifier(scheme, _checked(ai, value))
    if ai in _KEY_WITH_SERIAL:
        return _parse_key_with_serial(ai, value)
    if ai == "8006":
        return Identifier(scheme, _checked("01", value[:14]), pieces=_piece_and_total(value[14:]))
    if ai == "8010":
        if not _PART(value) or not _KEY_WITHOUT_CHECK(value) or len(value) > 30:
            raise IdentifierInvalid(f"{_shown(value)} is not a CPID: a company prefix and a part number, 30 at most")
        return Identifier(scheme, value)
    if not _KEY_WITHOUT_CHECK(value):
        raise IdentifierInvalid(
            f"{_NAMES[ai]} starts with a company prefix of 6 digits or more; {_shown(value)} does not"
        )
    return Identifier(scheme, _text(ai, value, 30))


def _parse_key_with_serial(ai: str, value: str) -> Identifier:
    if ai == "8003":
        if value[:1] != "0":
            raise IdentifierInvalid(f"a GRAI starts with 0 behind (8003), and {_shown(value)} does not")
        value = value[1:]
    serial = _text(ai, value[13:], _KEY_WITH_SERIAL[ai]) if len(value) > 13 else None
    return Identifier(_SCHEME_OF[ai], _checked(ai, value[:13]), serial=serial)


def _piece_and_total(value: str) -> str:
    if len(value) != 4 or not _DIGITS(value) or not 1 <= int(value[:2]) <= int(value[2:]):
        raise IdentifierInvalid(f"piece and total of an ITIP are four digits, as in 0102, not {_shown(value)}")
    return value


def _component_serial(value: str) -> str:
    if not _DIGITS(value) or len(value) > 12 or (value[0] == "0" and value != "0"):
        raise IdentifierInvalid(f"the serial number of a CPID is a number of at most 12 digits, not {_shown(value)}")
    return value


def _path(identifier: Identifier) -> str:
    ai = _PRIMARY[identifier.scheme]
    serial = identifier.serial
    if ai in _KEY_WITH_SERIAL:
        return f"/{ai}/{'0' if ai == '8003' else ''}{identifier.key}{_quoted(serial)}"
    path = f"/{ai}/{_quoted(identifier.key)}{identifier.pieces or ''}"
    if identifier.variant is not None:
        path += f"/22/{_quoted(identifier.variant)}"
    if identifier.lot is not None:
        path += f"/10/{_quoted(identifier.lot)}"
    if identifier.extension is not None:
        path += f"/{'7040' if ai == '417' else '254'}/{_quoted(identifier.extension)}"
    if serial is not None:
        path += f"/{_SERIAL_AI.get(identifier.scheme, '21')}/{_quoted(serial)}"
    return path


_SERIAL_AI = {"upui": "235", "cpi": "8011", "gsrn": "8019", "gsrnp": "8019"}


def _quoted(value: str | None) -> str:
    return quote(value, safe="") if value else ""


# --- EPC URN --------------------------------------------------------------------------------------------------------


def _split_urn(body: str, count: int, uri: str) -> list[str]:
    parts = body.split(".", count - 1)
    if len(parts) != count:
        raise IdentifierInvalid(f"{_shown(uri)} should have {count} parts divided by dots")
    if not _DIGITS(parts[0]) or not 6 <= len(parts[0]) <= 12:
        raise IdentifierInvalid(f"{_shown(uri)} should start with a GS1 company prefix of 6 to 12 digits")
    return parts


def _joined(parts: list[str], digits: int, uri: str) -> tuple[str, str]:
    prefix, reference = parts[0], parts[1]
    if (reference and not _DIGITS(reference)) or len(prefix) + len(reference) != digits:
        raise IdentifierInvalid(
            f"company prefix and reference have {digits} digits together; {_shown(uri)} has"
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
    return None if value == "*" else _text(ai, unquote(value), longest)


def _urn_sgtin(body: str, uri: str) -> Identifier:
    parts = _split_urn(body, 3, uri)
    serial = _urn_serial(parts[2], "21")
    return Identifier("sgtin" if serial else "gtin", _gtin(parts, uri), serial=serial)


def _urn_lgtin(body: str, uri: str) -> Identifier:
    parts = _split_urn(body, 3, uri)
    return Identifier("lgtin", _gtin(parts, uri), lot=_text("10", unquote(parts[2])))


def _urn_upui(body: str, uri: str) -> Identifier:
    parts = _split_urn(body, 3, uri)
    serial = _urn_serial(parts[2], "235")
    return Identifier("upui" if serial else "gtin", _gtin(parts, uri), serial=serial)


def _urn_itip(body: str, uri: str) -> Identifier:
    parts = _split_urn(body, 5, uri)
    pieces = _piece_and_total(parts[2] + parts[3])
    return Identifier("itip", _gtin(parts, uri), serial=_urn_serial(parts[4], "21"), pieces=pieces)


def _urn_sscc(body: str, uri: str) -> Identifier:
    prefix, reference = _joined(_split_urn(body, 2, uri), 17, uri)
    digits = reference[0] + prefix + reference[1:]
    return Identifier("sscc", digits + check_digit(digits))


def _urn_sgln(body: str, uri: str) -> Identifier:
    parts = _split_urn(body, 3, uri)
    extension = None if parts[2] == "0" else _text("254", unquote(parts[2]))
    return Identifier("sgln", _thirteen(parts, uri), extension=extension)


def _urn_pgln(body: str, uri: str) -> Identifier:
    return Identifier("pgln", _thirteen(_split_urn(body, 2, uri), uri))


def _urn_with_serial(scheme: str) -> Callable[[str, str], Identifier]:
    ai = _PRIMARY[scheme]

    def parse(body: str, uri: str) -> Identifier:
        parts = _split_urn(body, 3, uri)
        serial = _urn_serial(parts[2], ai, _KEY_WITH_SERIAL[ai])
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
        return Identifier(scheme, _text(_PRIMARY[scheme], prefix + unquote(reference), 30))

    return parse


def _urn_cpi(body: str, uri: str) -> Identifier:
    prefix, reference, serial = _split_urn(body, 3, uri)
    primary = _parse_primary("8010", prefix + unquote(reference))
    return Identifier("cpi", primary.key, serial=None if serial == "*" else _component_serial(serial))


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


def _parse_urn(uri: str) -> Identifier:
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
    raise IdentifierInvalid(f"{_shown(uri)} is not an EPC URN: no such scheme, or a pattern where none may be")


def _format_urn(identifier: Identifier, n: int) -> str:
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
    if not _DIGITS(identifier.key[:n]) or len(identifier.key) <= n:
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
