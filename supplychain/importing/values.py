"""Cells to values: dates, numbers, names. What is wrong with a cell is said in half a sentence."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from functools import lru_cache
from urllib.parse import quote

from supplychain.epcis import identifiers
from supplychain.epcis.errors import IdentifierInvalid
from supplychain.importing.mapping import Dates
from supplychain.importing.readers import Cell, Unreadable

MAX_QUANTITY = Decimal(10**12)
MAX_URI = 255
_GROUPED = {".": re.compile(r"\d{1,3}(?:[,' ]\d{3})+(?:\.\d+)?"), ",": re.compile(r"\d{1,3}(?:[.' ]\d{3})+(?:,\d+)?")}
_PLAIN = {".": re.compile(r"[+-]?\d+(?:\.\d+)?"), ",": re.compile(r"[+-]?\d+(?:,\d+)?")}


class CellWrong(ValueError):
    """The cell does not hold what its column should; the message is half a sentence."""


def text_of(cell: Cell) -> str:
    """The cell as text: a whole number without a point, a date as ISO writes it. Raise CellWrong."""
    if isinstance(cell, str):
        return cell
    if isinstance(cell, Unreadable):
        raise CellWrong(cell.reason)
    if isinstance(cell, bool):
        return "true" if cell else "false"
    if isinstance(cell, float):
        return str(int(cell)) if cell.is_integer() and abs(cell) < 1e15 else repr(cell)
    return cell.isoformat() if isinstance(cell, date) else str(cell)


def date_of(cell: Cell, rules: Dates) -> datetime | None:
    """The moment that a cell names; None where the mapping says that there is no date. Raise CellWrong."""
    if isinstance(cell, datetime):
        return _placed(cell, rules)
    if isinstance(cell, date):
        return datetime.combine(cell, rules.time_of_day, rules.zone)
    text = text_of(cell)
    if text in rules.no_date:
        return None
    found = _parsed_date(text, rules)
    if found is None:
        raise CellWrong(f"{_shown(text)} is not a date as the mapping writes them ({', '.join(rules.formats)})")
    return found


def _placed(moment: datetime, rules: Dates) -> datetime:
    """Excel's dates without a time of day are at midnight: they get the mapping's time of day."""
    if (moment.hour, moment.minute, moment.second, moment.microsecond) == (0, 0, 0, 0):
        moment = moment.replace(hour=rules.time_of_day.hour, minute=rules.time_of_day.minute)
    return _in_range(moment.replace(tzinfo=rules.zone))


@lru_cache(maxsize=65536)
def _parsed_date(text: str, rules: Dates) -> datetime | None:
    for each in rules.formats:
        try:
            moment = _ISO(text) if each == "%Y-%m-%d" else datetime.strptime(text, each)
        except ValueError:
            continue
        if not _says_time(each):
            moment = moment.replace(hour=rules.time_of_day.hour, minute=rules.time_of_day.minute)
        return _in_range(moment if moment.tzinfo else moment.replace(tzinfo=rules.zone))
    return None


def _ISO(text: str) -> datetime:
    if len(text) != 10:
        raise ValueError
    return datetime.fromisoformat(text)


def _says_time(form: str) -> bool:
    return any(part in form for part in ("%H", "%I", "%T", "%X", "%c"))


def _in_range(moment: datetime) -> datetime:
    if not 1900 <= moment.year < 3000:
        raise CellWrong(f"the year {moment.year} is not between 1900 and 3000")
    return moment


def quantity_of(cell: Cell, *, decimal: str, whole: bool) -> int | float:
    """A quantity greater than zero; `whole` where pieces are counted. Raise CellWrong."""
    value = _number(cell, decimal)
    if value < 0:
        raise CellWrong(f"{_shown(text_of(cell))} is negative; a quantity is greater than zero")
    if value == 0:
        raise CellWrong("it is zero; a quantity is greater than zero")
    if value >= MAX_QUANTITY:
        raise CellWrong(f"{_shown(text_of(cell))} is too large for a quantity")
    if value == value.to_integral_value():
        return int(value)
    if whole:
        raise CellWrong(f"{_shown(text_of(cell))} is not whole; pieces are, unless the mapping names a unit (uom)")
    return round(float(value), 6)


def _number(cell: Cell, decimal: str) -> Decimal:
    if isinstance(cell, (int, float)) and not isinstance(cell, bool):
        return Decimal(str(cell))
    text = text_of(cell)
    if not text:
        raise CellWrong("it is empty; a quantity is needed")
    plain = text
    if _GROUPED[decimal].fullmatch(text):
        plain = re.sub(r"[' .,]", lambda found: found[0] if found[0] == decimal else "", text)
    elif not _PLAIN[decimal].fullmatch(text):
        raise CellWrong(f"{_shown(text)} is not a number")
    try:
        return Decimal(plain.replace(",", "."))
    except InvalidOperation:
        raise CellWrong(f"{_shown(text)} is not a number") from None


def uri_of(text: str, form: str, base: str, kind: str, lot: str | None = None) -> str:
    """The identifier that a cell names: a GS1 key, a URI, or a private URI made of the word. Raise CellWrong."""
    if form == "name":
        uri = f"{base}{kind}/{quote(text, safe='')}" + (f"/lot/{quote(lot, safe='')}" if lot else "")
    elif form == "uri":
        if not identifiers.is_uri(text):
            raise CellWrong(f"{_shown(text)} is not a URI")
        uri = identifiers.canonical(text)
    else:
        uri = _key_of(text, form, kind, lot)
    if len(uri) > MAX_URI:
        raise CellWrong(f"{_shown(text)} is too long for a name")
    return uri


def _key_of(text: str, form: str, kind: str, lot: str | None) -> str:
    makers: dict[str, Callable[[str], str]] = {
        "gtin": lambda key: identifiers.gtin_uri(key, lot=lot),
        "sscc": identifiers.sscc_uri,
        "gln": identifiers.party_uri if kind == "party" else identifiers.gln_uri,
    }
    try:
        return makers[form](text)
    except IdentifierInvalid as error:
        raise CellWrong(str(error)) from None


def _shown(text: str) -> str:
    return f'"{text if len(text) <= 40 else text[:37] + "..."}"'
