"""Reads the parameters of an address strictly: a name that is unknown or repeated, or a bad value, is a 400."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from django.utils.dateparse import parse_datetime
from rest_framework.request import Request

from supplychain.api.errors import Fault, bad_request, closest

MAX_INDEX = 2**63 - 1
MAX_PAGE = 1_000
_LONGEST_TEXT = 500
_DIGITS = re.compile(r"0|[1-9][0-9]{0,18}", re.ASCII)
_CURSOR = re.compile(r"(0|[1-9][0-9]{0,18})(?:\.([0-9a-f]{32}))?", re.ASCII)


class Unreadable(ValueError):
    """A value that is not what the parameter takes; carries the words that it would take."""

    def __init__(self, message: str, allowed: tuple[str, ...] = ()) -> None:
        super().__init__(message)
        self.allowed = allowed


Reader = Callable[[str], Any]


def read(request: Request, readers: Mapping[str, Reader]) -> dict[str, Any]:
    """Return the parameters given, read; raise Problem (400) with one fault for each that is wrong."""
    found, faults = {}, []
    for name, values in request.query_params.lists():
        if name not in readers:
            faults.append(Fault("there is no such parameter", parameter=name[:80], did_you_mean=closest(name, readers)))
            continue
        if len(values) > 1:
            faults.append(Fault("the parameter is given more than once", parameter=name))
            continue
        try:
            found[name] = readers[name](values[0])
        except Unreadable as unreadable:
            meant = closest(values[0], unreadable.allowed)
            faults.append(
                Fault(str(unreadable), parameter=name, value=values[0], allowed=unreadable.allowed, did_you_mean=meant)
            )
    if faults:
        raise bad_request(faults)
    return found


def text(value: str) -> str:
    """Any text that the database can hold, up to 500 characters."""
    if not value or len(value) > _LONGEST_TEXT or "\0" in value:
        raise Unreadable(f"a text of 1 to {_LONGEST_TEXT} characters is wanted")
    return value


def names(value: str) -> tuple[str, ...]:
    """Names with commas between them."""
    found = tuple(value.split(","))
    if not all(found):
        raise Unreadable("names with commas between them are wanted")
    return found


def index(value: str) -> int:
    """An index of the log: a plain decimal."""
    if not _DIGITS.fullmatch(value) or int(value) > MAX_INDEX:
        raise Unreadable("an index is a plain decimal below 2^63")
    return int(value)


def index_or_start(value: str) -> int:
    """An index of the log, or -1 for what lies before the first."""
    return -1 if value == "-1" else index(value)


def page_size(value: str) -> int:
    """How many to a page."""
    if not _DIGITS.fullmatch(value) or not 1 <= int(value) <= MAX_PAGE:
        raise Unreadable(f"a page holds 1 to {MAX_PAGE:,}")
    return int(value)


def uuid(value: str) -> UUID:
    """A UUID, as we write it: lower case with hyphens."""
    try:
        found = UUID(value)
    except ValueError:
        raise Unreadable("a UUID is wanted") from None
    if str(found) != value:
        raise Unreadable("a UUID is written in lower case with hyphens")
    return found


def moment(value: str) -> datetime:
    """A time with its zone (ISO 8601), such as 2026-03-01T08:00:00Z."""
    try:
        found = parse_datetime(value.replace(" ", "+"))  # an unescaped plus arrives as a space
        if found is not None and found.tzinfo is not None:
            return found.astimezone(UTC)
    except (ValueError, OverflowError):
        pass
    raise Unreadable("a time with its zone is wanted, such as 2026-03-01T08:00:00Z")


def yes_or_no(value: str) -> bool:
    """true or false."""
    if value not in ("true", "false"):
        raise Unreadable("true or false is wanted", ("true", "false"))
    return value == "true"


def one_of(*words: str) -> Reader:
    """Make a reader of one of `words`."""

    def choice(value: str) -> str:
        if value not in words:
            raise Unreadable("this is not one of the words allowed", words)
        return value

    return choice


def cursor(value: str) -> tuple[int, UUID | None]:
    """Where the page before this one ended; made by `format_cursor`, taken from `next`."""
    found = _CURSOR.fullmatch(value)
    if not found or int(found[1]) > MAX_INDEX:
        raise Unreadable("a cursor is taken from the `next` of the page before")
    return int(found[1]), UUID(found[2]) if found[2] else None


def format_cursor(last: int, tie: UUID | None = None) -> str:
    """Write where a page ended."""
    return f"{last}.{tie.hex}" if tie else str(last)


def next_page(request: Request, last: str | None, *, name: str = "cursor") -> str | None:
    """The address of the page after `last`; None when there is none."""
    if last is None:
        return None
    query = request.query_params.copy()
    query[name] = last
    return request.build_absolute_uri(f"{request.path}?{query.urlencode()}")
