"""Whether an event is in the result of a query (EPCIS 2.0, 8.2.7.1): each condition by itself, and all of them.

A condition on something that an event has several of (EPCs, quantities, sensor reports) holds when one of them fits;
two conditions may be met by two different ones.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from operator import eq, ge, gt, le, lt
from typing import Any, Protocol

from supplychain.epcis import fields
from supplychain.epcis.events import Event
from supplychain.epcis.fields import Measured
from supplychain.epcis.identifiers import canonical
from supplychain.epcis.parameters import Condition
from supplychain.epcis.patterns import Pattern, parse_pattern
from supplychain.epcis.query import Query
from supplychain.epcis.units import convert

_COMPARES: dict[str, Callable[[Any, Any], bool]] = {"EQ": eq, "GT": gt, "GE": ge, "LT": lt, "LE": le}


class MasterData(Protocol):
    """What is known of an identifier besides events: the attributes of its master data."""

    def attributes(self, uri: str) -> Mapping[str, tuple[str, ...]]:
        """The attributes of a vocabulary element, by name."""


class _Unknown:
    def attributes(self, uri: str) -> Mapping[str, tuple[str, ...]]:
        return {}


UNKNOWN: MasterData = _Unknown()


@dataclass(frozen=True, slots=True)
class Subject:
    """An event, with what stands beside it: the id that it goes by, and when the log took it in."""

    event: Event
    event_id: str | None = None
    record_time: datetime | None = None


def matches(
    query: Query,
    event: Event,
    *,
    event_id: str | None = None,
    record_time: datetime | None = None,
    master_data: MasterData = UNKNOWN,
) -> bool:
    """Tell whether all conditions of `query` hold for `event`; `event_id` is its id where it has none of its own."""
    subject = Subject(event, event.event_id or event_id, record_time or event.record_time)
    return all(holds(condition, subject, query.prefixes, master_data) for condition in query.conditions)


def holds(
    condition: Condition, subject: Subject, prefixes: Mapping[str, str], master_data: MasterData = UNKNOWN
) -> bool:
    """Tell whether one condition holds."""
    if condition.operator in ("HASATTR", "EQATTR"):
        return _has_attribute(condition, subject, prefixes, master_data)
    if condition.scope:
        return _holds_own(condition, subject.event, prefixes)
    if condition.operator == "EXISTS":
        return fields.exists(condition.field, subject.event, subject.event_id)
    if condition.operator == "MATCH":
        return _names_one(condition, fields.EPCS[condition.field](subject.event))
    if condition.field in fields.MEASURES:
        return any(_measures(condition, each) for each in fields.MEASURES[condition.field](subject.event))
    if condition.field in fields.TIMES:
        compares, wanted = _COMPARES[condition.operator], condition.values[0]
        found = fields.TIMES[condition.field](subject.event, subject.record_time)
        return any(compares(each, wanted) for each in found)
    return _is_one_of(condition, subject)


def _is_one_of(condition: Condition, subject: Subject) -> bool:
    if condition.field == "eventID":
        return subject.event_id in condition.values
    if condition.field == "booleanValue":
        return any(each is condition.values[0] for each in fields.booleans(subject.event))
    if condition.field in fields.TYPED:
        pairs = fields.TYPED[condition.field](subject.event)
        return any(uri in condition.values and condition.qualifier in ("", kind) for kind, uri in pairs)
    return any(text in condition.values for text in fields.TEXTS[condition.field](subject.event))


# --- identifiers ----------------------------------------------------------------------------------------------------


_pattern = lru_cache(maxsize=4096)(parse_pattern)


def _names_one(condition: Condition, epcs: Iterable[str]) -> bool:
    wanted = frozenset(condition.values)
    patterns = [found for value in wanted if (found := _pattern(value)) is not None]
    return any(epc in wanted or _fits(patterns, epc) for epc in map(canonical, epcs))


def _fits(patterns: list[Pattern], epc: str) -> bool:
    return any(pattern.fits(epc) for pattern in patterns)


# --- numbers --------------------------------------------------------------------------------------------------------


def _measures(condition: Condition, found: Measured) -> bool:
    value = _in_unit(found, condition.unit)
    return value is not None and any(_compares(condition.operator, value, wanted) for wanted in condition.values)


def _in_unit(found: Measured, unit: str) -> float | None:
    """The value in the unit that is asked for; None where it has no unit, or one that does not convert to it."""
    if not unit or unit == found.unit:
        return found.value
    value = convert(found.value, found.unit, unit) if found.unit else None
    if value is None or not found.is_difference:
        return value
    zero = convert(0, found.unit, unit)
    return None if zero is None else value - zero


def _compares(operator: str, found: float, wanted: float) -> bool:
    """Compare numbers; what differs only by the rounding of a conversion is equal."""
    if math.isclose(found, wanted, rel_tol=1e-9, abs_tol=1e-9):
        return operator in ("EQ", "GE", "LE")
    return _COMPARES[operator](found, wanted)


# --- fields of somebody's own ---------------------------------------------------------------------------------------


def _holds_own(condition: Condition, event: Event, prefixes: Mapping[str, str]) -> bool:
    found = fields.own(event, condition.scope, condition.field, prefixes, is_inner=condition.is_inner)
    if condition.operator == "EXISTS":
        return next(found, None) is not None
    return any(
        _own_compares(condition.operator, leaf, wanted)
        for value in found
        for leaf in fields.leaves(value)
        for wanted in condition.values
    )


def _own_compares(operator: str, leaf: Any, wanted: Any) -> bool:
    """Compare a value as somebody wrote it: numbers and times may stand there as text, above all out of XML."""
    if type(wanted) is bool or type(leaf) is bool:
        return operator == "EQ" and _word(leaf) == _word(wanted)
    if isinstance(wanted, datetime):
        moment = fields.moment(leaf)
        return moment is not None and _COMPARES[operator](moment, wanted)
    if type(wanted) is str:
        return _text_equals(leaf, wanted)
    number = fields.number(leaf)
    return number is not None and _compares(operator, number, wanted)


def _text_equals(leaf: Any, wanted: str) -> bool:
    if type(leaf) is str:
        if leaf == wanted or (":" in leaf and canonical(leaf) == canonical(wanted)):
            return True
        moment = fields.moment(leaf)
        return moment is not None and moment == fields.moment(wanted)
    number = fields.number(wanted)
    return number is not None and _compares("EQ", leaf, number)


def _word(value: Any) -> str:
    return str(value).lower()


# --- master data ----------------------------------------------------------------------------------------------------


def _has_attribute(
    condition: Condition, subject: Subject, prefixes: Mapping[str, str], master_data: MasterData
) -> bool:
    """An attribute by its name, or with one of the values that are asked for, of what a field of the event names."""
    uris = _elements(condition.field, subject, prefixes)
    known = [
        (fields.attribute_name(name, {}), found)
        for uri in uris
        for name, found in master_data.attributes(canonical(uri)).items()
    ]
    if condition.operator == "HASATTR":
        wanted = {fields.attribute_name(name, prefixes) for name in condition.values}
        return any(name in wanted for name, _ in known)
    asked = fields.attribute_name(condition.qualifier, prefixes)
    return any(name == asked and not set(found).isdisjoint(condition.values) for name, found in known)


def _elements(field: str, subject: Subject, prefixes: Mapping[str, str]) -> Iterator[str]:
    event = subject.event
    if field in fields.TYPED:
        yield from (uri for _, uri in fields.TYPED[field](event))
    elif field in fields.EPCS:
        yield from fields.EPCS[field](event)
    elif field in fields.TEXTS:
        yield from fields.TEXTS[field](event)
    elif ":" in field:
        found = fields.own(event, "own", field, prefixes, is_inner=False)
        yield from (leaf for value in found for leaf in fields.leaves(value) if type(leaf) is str)
