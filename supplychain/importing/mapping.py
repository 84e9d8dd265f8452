"""What a file's columns mean, written in TOML and read strictly. docs/importing.md describes every name.

name = "deliveries"

[row]
key = ["Delivery no."]

[product]
column = "Article"
quantity = "Cases"

[destination]
column = "Shop"

[dispatch]
time = ["Loaded", "Ordered"]

[delivery]
time = "Received"
recorded = "Booked"
"""

from __future__ import annotations

import codecs
import re
import tomllib
from dataclasses import dataclass, field
from datetime import UTC, datetime, time, timedelta, timezone
from typing import Any

from supplychain.epcis.units import is_unit_code
from supplychain.epcis.vocabulary import BUSINESS_TRANSACTION_TYPES, nearest
from supplychain.importing.errors import MappingInvalid

MAX_BYTES = 64 * 1024
FORMS = ("name", "gtin", "gln", "sscc", "uri")
_NAME = re.compile(r"[a-z][a-z0-9-]{0,39}").fullmatch
_OFFSET = re.compile(r"([+-])(\d\d):(\d\d)").fullmatch
_CLOCK = re.compile(r"([01]\d|2[0-3]):([0-5]\d)").fullmatch


@dataclass(frozen=True, slots=True)
class Named:
    """A column whose cells name something: by a GS1 key, a URI, or (`name`) by a word that is unique in the file."""

    column: str
    form: str = "name"


@dataclass(frozen=True, slots=True)
class FileForm:
    """How the file is written; what is None is found out."""

    encoding: str | None = None
    delimiter: str | None = None
    sheet: str | None = None
    header: int = 1


@dataclass(frozen=True, slots=True)
class Dates:
    """How dates are written."""

    formats: tuple[str, ...] = ("%Y-%m-%d",)
    no_date: frozenset[str] = frozenset({""})
    time_of_day: time = time(12, 0)
    zone: timezone = UTC


@dataclass(frozen=True, slots=True)
class Mapping:
    """What the columns of one kind of file mean."""

    name: str
    key: tuple[str, ...]
    product: Named
    quantity: str
    destination: Named
    dispatch_time: tuple[str, ...]
    file: FileForm = FileForm()
    dates: Dates = Dates()
    decimal: str = "."
    uom: str | None = None
    unit_name: str = "piece"
    lot: str | None = None
    unit: Named | None = None
    origin: Named | None = None
    consignee: Named | None = None
    promised: str | None = None
    dispatch_recorded: str | None = None
    delivery_time: str | None = None
    delivery_recorded: str | None = None
    documents: dict[str, str] = field(default_factory=dict)
    details: tuple[str, ...] = ()

    @property
    def required(self) -> tuple[str, ...]:
        """The columns without which nothing can be imported."""
        named = (self.product.column, self.quantity, self.destination.column, *self.dispatch_time)
        return tuple(dict.fromkeys((*self.key, *named, *((self.delivery_time,) if self.delivery_time else ()))))

    @property
    def optional(self) -> tuple[str, ...]:
        """The columns that add something."""
        named = (each.column if each else None for each in (self.unit, self.origin, self.consignee))
        plain = (self.lot, self.promised, self.dispatch_recorded, self.delivery_recorded)
        found = (*named, *plain, *self.documents.values(), *self.details)
        return tuple(each for each in dict.fromkeys(found) if each and each not in self.required)


def parse_mapping(text: bytes) -> Mapping:
    """Parse a mapping; raise MappingInvalid with every fault."""
    if len(text) > MAX_BYTES:
        raise MappingInvalid([f"it is longer than {MAX_BYTES:,} bytes"])
    try:
        value = tomllib.loads(text.decode("utf-8"))
    except UnicodeDecodeError:
        raise MappingInvalid(["it is not UTF-8 text"]) from None
    except tomllib.TOMLDecodeError as error:
        raise MappingInvalid([f"it is not TOML: {error}"]) from None
    reader = _Reader()
    fields = _read(reader, value)
    if reader.faults:
        raise MappingInvalid(reader.faults)
    return Mapping(**fields)


_TABLES = {
    "file": ("encoding", "delimiter", "sheet", "header"),
    "row": ("key",),
    "dates": ("formats", "no_date", "time_of_day", "utc_offset"),
    "numbers": ("decimal",),
    "product": ("column", "as", "lot", "quantity", "uom", "unit_name"),
    "unit": ("column", "as"),
    "origin": ("column", "as"),
    "destination": ("column", "as"),
    "consignee": ("column", "as"),
    "dispatch": ("time", "promised", "recorded"),
    "delivery": ("time", "recorded"),
    "documents": BUSINESS_TRANSACTION_TYPES.words,
    "details": ("columns",),
}
_NEEDED = ("row", "product", "destination", "dispatch")
_FORMS_OF = {
    "product": ("name", "gtin", "uri"),
    "unit": ("name", "sscc", "uri"),
    "origin": ("name", "gln", "uri"),
    "destination": ("name", "gln", "uri"),
    "consignee": ("name", "gln", "uri"),
}


class _Reader:
    """Reads members of TOML tables and notes what is wrong with them."""

    def __init__(self) -> None:
        self.faults: list[str] = []

    def fault(self, place: str, message: str) -> None:
        self.faults.append(f"{place}: {message}")

    def unknown(self, place: str, name: str, known: tuple[str, ...]) -> None:
        near = nearest(name, known)
        meant = f"; did you mean {near}?" if near else f"; known are {', '.join(known)}"
        self.fault(place, f"{name!r} is not a name that a mapping has here{meant}")

    def table(self, value: dict[str, Any], name: str) -> dict[str, Any]:
        """The table `name`, empty where it is missing or wrong."""
        found = value.get(name)
        if found is None:
            if name in _NEEDED:
                self.fault(f"[{name}]", "is missing")
            return {}
        if not isinstance(found, dict):
            self.fault(f"[{name}]", "must be a table")
            return {}
        for member in found:
            if member not in _TABLES[name]:
                self.unknown(f"[{name}]", member, _TABLES[name])
        return found

    def text(self, table: dict[str, Any], place: str, name: str, *, needed: bool = False) -> str | None:
        """The text under `name`; None where there is none."""
        value = table.get(name)
        if value is None:
            if needed:
                self.fault(f"{place} {name}", "is missing")
            return None
        if not isinstance(value, str) or not value.strip():
            self.fault(f"{place} {name}", "must be a text that is not empty")
            return None
        return value

    def texts(self, table: dict[str, Any], place: str, name: str, *, needed: bool = False) -> tuple[str, ...] | None:
        """The list of texts under `name`; one text alone is a list of one."""
        value = table.get(name)
        if value is None:
            if needed:
                self.fault(f"{place} {name}", "is missing")
            return None
        listed = [value] if isinstance(value, str) else value
        if not isinstance(listed, list) or not listed or not all(isinstance(item, str) for item in listed):
            self.fault(f"{place} {name}", "must be a text or a list of texts")
            return None
        return tuple(dict.fromkeys(listed))


def _read(reader: _Reader, value: dict[str, Any]) -> dict[str, Any]:
    """The fields of a Mapping; those that are wrong are noted and left out."""
    for name in value:
        if name != "name" and name not in _TABLES:
            reader.unknown("the mapping", name, ("name", *_TABLES))
    found: dict[str, Any] = {"name": _name(reader, value)}
    row = reader.table(value, "row")
    found["key"] = reader.texts(row, "[row]", "key", needed="row" in value)
    found |= _read_product(reader, value)
    for name in ("unit", "origin", "consignee", "destination"):
        found[name] = _named(reader, value, name)
    found |= _read_movements(reader, value)
    found["file"] = _read_file(reader, value)
    found["dates"] = _read_dates(reader, value)
    found["decimal"] = _decimal(reader, value)
    documents = reader.table(value, "documents")
    found["documents"] = {kind: reader.text(documents, "[documents]", kind) for kind in documents}
    found["details"] = reader.texts(reader.table(value, "details"), "[details]", "columns")
    return {name: item for name, item in found.items() if item is not None}


def _name(reader: _Reader, value: dict[str, Any]) -> str | None:
    name = reader.text(value, "the mapping", "name", needed=True)
    if name is not None and not _NAME(name):
        reader.fault("name", "is a small letter, then small letters, digits and hyphens, 40 at most")
    return name


def _named(reader: _Reader, value: dict[str, Any], name: str) -> Named | None:
    table = reader.table(value, name)
    column = reader.text(table, f"[{name}]", "column", needed=name in value)
    form = reader.text(table, f"[{name}]", "as") or "name"
    if form not in _FORMS_OF[name]:
        reader.fault(f"[{name}] as", f"is one of {', '.join(_FORMS_OF[name])}, not {form!r}")
    return Named(column, form) if column else None


def _read_product(reader: _Reader, value: dict[str, Any]) -> dict[str, Any]:
    table = reader.table(value, "product")
    uom = reader.text(table, "[product]", "uom")
    if "lot" in table and table.get("as") == "uri":
        reader.fault("[product] lot", 'does not go with as = "uri": such a URI names the lot itself')
    if uom is not None and not is_unit_code(uom):
        reader.fault("[product] uom", f"{uom!r} is not a unit code of UN/ECE Recommendation 20, such as KGM")
    return {
        "product": _named(reader, value, "product"),
        "quantity": reader.text(table, "[product]", "quantity", needed="product" in value),
        "lot": reader.text(table, "[product]", "lot"),
        "uom": uom,
        "unit_name": reader.text(table, "[product]", "unit_name"),
    }


def _read_movements(reader: _Reader, value: dict[str, Any]) -> dict[str, Any]:
    dispatch, delivery = reader.table(value, "dispatch"), reader.table(value, "delivery")
    return {
        "dispatch_time": reader.texts(dispatch, "[dispatch]", "time", needed="dispatch" in value),
        "promised": reader.text(dispatch, "[dispatch]", "promised"),
        "dispatch_recorded": reader.text(dispatch, "[dispatch]", "recorded"),
        "delivery_time": reader.text(delivery, "[delivery]", "time", needed="delivery" in value),
        "delivery_recorded": reader.text(delivery, "[delivery]", "recorded"),
    }


def _read_file(reader: _Reader, value: dict[str, Any]) -> FileForm:
    table = reader.table(value, "file")
    encoding = reader.text(table, "[file]", "encoding")
    if encoding is not None and not _is_encoding(encoding):
        reader.fault("[file] encoding", f"{encoding!r} is not the name of an encoding")
    delimiter = table.get("delimiter")
    if delimiter is not None and not (isinstance(delimiter, str) and len(delimiter) == 1 and delimiter not in '"\r\n'):
        reader.fault("[file] delimiter", "is one character")
    header = table.get("header", 1)
    if not isinstance(header, int) or isinstance(header, bool) or not 1 <= header <= 100:
        reader.fault("[file] header", "is the number of the row that holds the columns' names, 1 to 100")
    return FileForm(encoding, delimiter, reader.text(table, "[file]", "sheet"), header)


def _is_encoding(name: str) -> bool:
    try:
        return bool(codecs.lookup(name)._is_text_encoding)
    except LookupError:
        return False


def _read_dates(reader: _Reader, value: dict[str, Any]) -> Dates:
    table = reader.table(value, "dates")
    formats = reader.texts(table, "[dates]", "formats") or Dates().formats
    for each in formats:
        if not _is_date_format(each):
            reader.fault("[dates] formats", f"{each!r} does not give a whole date; write it as in %d.%m.%Y")
    clock = _CLOCK(reader.text(table, "[dates]", "time_of_day") or "12:00")
    if clock is None:
        reader.fault("[dates] time_of_day", 'is written as in "12:00"')
    no_date = reader.texts(table, "[dates]", "no_date") or ()
    return Dates(
        formats=formats,
        no_date=frozenset({"", *no_date}),
        time_of_day=time(int(clock[1]), int(clock[2])) if clock else time(12),
        zone=_zone(reader, table),
    )


def _is_date_format(text: str) -> bool:
    """Whether a date that is written so is read back as the same date."""
    sample = datetime(2013, 11, 27, tzinfo=UTC)
    try:
        return datetime.strptime(sample.strftime(text), text).date() == sample.date()
    except (ValueError, re.error):
        return False


def _zone(reader: _Reader, table: dict[str, Any]) -> timezone:
    written = _OFFSET(reader.text(table, "[dates]", "utc_offset") or "+00:00")
    if written is None or int(written[2]) > 14 or int(written[3]) > 59:
        reader.fault("[dates] utc_offset", 'is written as in "+01:00"')
        return UTC
    shift = timedelta(hours=int(written[2]), minutes=int(written[3]))
    return timezone(-shift if written[1] == "-" else shift)


def _decimal(reader: _Reader, value: dict[str, Any]) -> str | None:
    decimal = reader.text(reader.table(value, "numbers"), "[numbers]", "decimal")
    if decimal not in (None, ".", ","):
        reader.fault("[numbers] decimal", 'is "." or ","')
    return decimal
