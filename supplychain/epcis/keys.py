"""GS1 keys: which there are, how long they are, what checks them, and what each looks like as a Digital Link."""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import quote

from supplychain.epcis.errors import IdentifierInvalid

ID_DOMAIN = "id.gs1.org"
DIGITAL_LINK = f"https://{ID_DOMAIN}"

is_digits = re.compile(r"[0-9]+").fullmatch
starts_with_prefix = re.compile(r"[0-9]{6}").match
_TEXT = re.compile(r"[!\"%&'()*+,\-./0-9:;<=>?A-Z_a-z]+").fullmatch  # GS1 AI encodable character set 82
_PART = re.compile(r"[0-9A-Z\-#/]+").fullmatch  # character set 39, of component/part identifiers


def check_digit(digits: str) -> str:
    """Return the GS1 check digit that belongs behind `digits` (GS1 General Specifications, 7.9).

    Raise IdentifierInvalid unless `digits` are digits.
    """
    if not is_digits(digits):
        raise IdentifierInvalid(f"a check digit needs digits, and {shown(digits)} has other characters")
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
PRIMARY = {
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
_SCHEME_OF = {ai: scheme for scheme, ai in PRIMARY.items() if ai != "01"} | {"01": "gtin"}
FIXED_LENGTH = {"00": 18, "01": 14, "402": 17, "414": 13, "417": 13, "8017": 18, "8018": 18}
NAMES = {
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
KEY_WITH_SERIAL = {"253": 17, "255": 12, "8003": 16}  # 13 digits and, behind them, a serial of at most so many


def shown(value: object) -> str:
    """Quote a value for a message, shortened."""
    text = value if isinstance(value, str) else repr(value)
    return f'"{text if len(text) <= 80 else text[:77] + "..."}"'


def checked(ai: str, digits: str) -> str:
    """Return `digits` (a GTIN padded to 14) after checking length and check digit."""
    length = FIXED_LENGTH.get(ai, 13)
    if not isinstance(digits, str) or not is_digits(digits):
        raise IdentifierInvalid(f"{NAMES[ai]} has digits only, and {shown(digits)} has not")
    padded = digits.zfill(14) if ai == "01" and len(digits) in (8, 12, 13) else digits
    if len(padded) != length:
        raise IdentifierInvalid(f"{NAMES[ai]} has {length} digits, and {shown(digits)} has {len(digits)}")
    right = check_digit(padded[:-1])
    if right != padded[-1]:
        raise IdentifierInvalid(
            f"the check digit of {NAMES[ai]} is wrong: {digits} ends in {padded[-1]} and should end in {right}"
        )
    return padded


def checked_text(ai: str, value: str, longest: int | None = None) -> str:
    """Return `value` after checking its characters and its length."""
    longest = longest or _LONGEST[ai]
    if not isinstance(value, str) or not _TEXT(value):
        raise IdentifierInvalid(f"({ai}) {shown(value)} is empty or has characters that GS1 does not allow there")
    if len(value) > longest:
        raise IdentifierInvalid(f"({ai}) {shown(value)} is longer than {longest} characters")
    return value


def parse_primary(ai: str, value: str) -> Identifier:
    """Parse what follows the application identifier of a key: the key and, with some, its serial number."""
    scheme = _SCHEME_OF[ai]
    if ai in FIXED_LENGTH:
        return Identifier(scheme, checked(ai, value))
    if ai in KEY_WITH_SERIAL:
        return _parse_key_with_serial(ai, value)
    if ai == "8006":
        return Identifier(scheme, checked("01", value[:14]), pieces=piece_and_total(value[14:]))
    if ai == "8010":
        if not _PART(value) or not starts_with_prefix(value) or len(value) > 30:
            raise IdentifierInvalid(f"{shown(value)} is not a CPID: a company prefix and a part number, 30 at most")
        return Identifier(scheme, value)
    if not starts_with_prefix(value):
        raise IdentifierInvalid(
            f"{NAMES[ai]} starts with a company prefix of 6 digits or more; {shown(value)} does not"
        )
    return Identifier(scheme, checked_text(ai, value, 30))


def _parse_key_with_serial(ai: str, value: str) -> Identifier:
    if ai == "8003":
        if value[:1] != "0":
            raise IdentifierInvalid(f"a GRAI starts with 0 behind (8003), and {shown(value)} does not")
        value = value[1:]
    serial = checked_text(ai, value[13:], KEY_WITH_SERIAL[ai]) if len(value) > 13 else None
    return Identifier(_SCHEME_OF[ai], checked(ai, value[:13]), serial=serial)


def piece_and_total(value: str) -> str:
    if len(value) != 4 or not is_digits(value) or not 1 <= int(value[:2]) <= int(value[2:]):
        raise IdentifierInvalid(f"piece and total of an ITIP are four digits, as in 0102, not {shown(value)}")
    return value


def component_serial(value: str) -> str:
    if not is_digits(value) or len(value) > 12 or (value[0] == "0" and value != "0"):
        raise IdentifierInvalid(f"the serial number of a CPID is a number of at most 12 digits, not {shown(value)}")
    return value


def _path(identifier: Identifier) -> str:
    ai = PRIMARY[identifier.scheme]
    serial = identifier.serial
    if ai in KEY_WITH_SERIAL:
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
