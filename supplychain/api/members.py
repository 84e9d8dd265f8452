"""Reads the members of a JSON object strictly: one fault for each that is unknown, missing or wrong."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from django.core.exceptions import ValidationError
from django.core.validators import validate_email

from supplychain.api.errors import Fault, Problem, bad_request, closest
from supplychain.api.items import unknown_members
from supplychain.api.params import Unreadable

Member = Callable[[Any], Any]
MAX_ITEMS = 1_000
_MAX_FAULTS = 100


def read(data: Any, members: Mapping[str, Member], *, optional: Iterable[str] = ()) -> dict[str, Any]:
    """Return the members of `data`, read; raise Problem (400) with one fault for each that is wrong."""
    if not isinstance(data, dict):
        raise bad_request([Fault("an object is wanted", pointer="")])
    faults = unknown_members(data, tuple(members), "")
    faults += [
        Fault(f"the member {name} is missing", pointer="")
        for name in members
        if name not in data and name not in optional
    ]
    found = {}
    for name, reader in members.items():
        if name not in data:
            continue
        try:
            found[name] = reader(data[name])
        except Unreadable as wrong:
            value = data[name] if isinstance(data[name], str | int | bool) else None
            meant = closest(str(value), wrong.allowed) if wrong.allowed else None
            faults.append(Fault(str(wrong), pointer=f"/{name}", value=value, allowed=wrong.allowed, did_you_mean=meant))
        except Problem as within:
            faults += [each.moved(f"/{name}") for each in within.faults]
    if faults:
        raise bad_request(faults)
    return found


def text(longest: int) -> Member:
    """Make a reader of a text of 1 to `longest` characters."""

    def reader(value: Any) -> str:
        if not isinstance(value, str) or not value.strip() or len(value) > longest or "\0" in value:
            raise Unreadable(f"a text of 1 to {longest} characters is wanted")
        return value.strip()

    return reader


def email(value: Any) -> str:
    """An e-mail address."""
    found = str(text(254)(value))
    try:
        validate_email(found)
    except ValidationError:
        raise Unreadable("an e-mail address is wanted") from None
    return found


def one_of(*words: str) -> Member:
    """Make a reader of one of `words`."""

    def reader(value: Any) -> str:
        if value not in words:
            raise Unreadable("this is not one of the words allowed", words)
        return str(value)

    return reader


def some_of(*words: str) -> Member:
    """Make a reader of a list of different `words`, at least one."""

    def reader(value: Any) -> list[str]:
        if not isinstance(value, list) or not value or any(each not in words for each in value):
            raise Unreadable("a list of the words allowed is wanted", words)
        return sorted(set(value))

    return reader


def inner(members: Mapping[str, Member], *, optional: Iterable[str] = ()) -> Member:
    """Make a reader of an object within the object."""
    return lambda value: read(value, members, optional=optional)


def listed(members: Mapping[str, Member], *, optional: Iterable[str] = ()) -> Member:
    """Make a reader of a list of 1 to 1,000 objects; one fault for each that is wrong, with its place."""

    def reader(value: Any) -> list[dict[str, Any]]:
        if not isinstance(value, list) or not 1 <= len(value) <= MAX_ITEMS:
            raise Unreadable(f"a list of 1 to {MAX_ITEMS:,} items is wanted")
        found: list[dict[str, Any]] = []
        faults: list[Fault] = []
        for position, each in enumerate(value):
            try:
                found.append(read(each, members, optional=optional))
            except Problem as problem:
                faults += [fault.moved(f"/{position}") for fault in problem.faults]
        if faults:
            raise bad_request(faults[:_MAX_FAULTS])
        return found

    return reader
