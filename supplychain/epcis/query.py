"""Queries in the language of EPCIS: the parameters of SimpleEventQuery, read into conditions (EPCIS 2.0, 8.2.7.1).

A query is an object such as `{"eventType": ["ObjectEvent"], "GE_eventTime": "2026-01-01T00:00:00Z"}`, or the same as
the parameters of an address, `eventType=ObjectEvent%7CAggregationEvent&GE_eventTime=...`. Identifiers in it need only
be URIs: a query for a key that cannot exist finds nothing, which is an answer. What the conditions mean is `matching`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from supplychain.epcis.contexts import Context, escape, read_context
from supplychain.epcis.errors import QueryInvalid
from supplychain.epcis.parameters import COUNTS, NAMES, Condition, Parameter, parameter
from supplychain.epcis.spelling import spelled
from supplychain.epcis.values import Reader, shortened

MAX_PARAMETERS = 100
MAX_VALUES = 1_000
"""Of one parameter."""

NO_PREFIXES: Mapping[str, str] = {}


@dataclass(frozen=True, slots=True)
class Query:
    """A query as it was read: an event is in its result when all conditions hold."""

    conditions: tuple[Condition, ...] = ()
    order_by: str = ""
    descending: bool = True
    event_count_limit: int | None = None
    max_event_count: int | None = None
    prefixes: Mapping[str, str] = field(default_factory=dict)

    def also(self, *more: Condition) -> Query:
        """This query with further conditions."""
        return replace(self, conditions=self.conditions + more)

    def with_descendants(self, descendants: Callable[[str], set[str]]) -> Query:
        """This query, each place of its WD_ parameters joined by those that lie in it, as master data says."""
        if not any(condition.operator == "WD" for condition in self.conditions):
            return self
        return replace(self, conditions=tuple(_descended(each, descendants) for each in self.conditions))


def _descended(condition: Condition, descendants: Callable[[str], set[str]]) -> Condition:
    if condition.operator != "WD":
        return condition
    found = set(condition.values).union(*(descendants(uri) for uri in condition.values))
    return replace(condition, values=tuple(sorted(found)))


def read_query(query: Any, *, at: str = "") -> Query:
    """Read a query that came as JSON; pointers start at `at`. Raise QueryInvalid with every fault."""
    reader = Reader(Context({}, is_epcis=False))
    members = reader.members(query, at) or {}
    if "@context" in members:
        reader.context = read_context(members["@context"], f"{at}/@context")
        reader.faults += reader.context.faults
    return _finished(reader, {name: value for name, value in members.items() if name != "@context"}, at)


def read_parameters(pairs: Sequence[tuple[str, str]], prefixes: Mapping[str, str] = NO_PREFIXES) -> Query:
    """Read a query that came as the parameters of an address: several values stand behind each other, `|` between them,
    or the parameter comes several times. Raise QueryInvalid with every fault.
    """
    reader = Reader(Context(dict(prefixes), is_epcis=False))
    texts: dict[str, list[str]] = {}
    for name, text in pairs:
        texts.setdefault(name, []).append(text)
    values: dict[str, Any] = {}
    for name, found in texts.items():
        known = parameter(name)
        values[name] = found if known is None else spelled(known.kind, found)
    return _finished(reader, values, "")


def parse_query(query: Any) -> dict[str, Any]:
    """Return the parameters of a query as they were given, `@context` left out; raise QueryInvalid with every fault."""
    read_query(query)
    return {name: value for name, value in query.items() if name != "@context"}


def _finished(reader: Reader, values: Mapping[str, Any], at: str) -> Query:
    if len(values) > MAX_PARAMETERS:
        reader.fault(at, f"A query has at most {MAX_PARAMETERS} parameters; this one has {len(values)}.")
        values = {}
    conditions: list[Condition] = []
    settings: dict[str, Any] = {}
    for name, value in values.items():
        found = _read_parameter(reader, name, value, f"{at}/{escape(name)}")
        if isinstance(found, Condition):
            conditions.append(found)
        elif found is not None:
            settings[name] = found
    _check_counts(reader, values, settings, at)
    if reader.faults:
        raise QueryInvalid(reader.faults)
    return Query(
        conditions=tuple(conditions),
        order_by=settings.get("orderBy", ""),
        descending=settings.get("orderDirection", "DESC") == "DESC",
        event_count_limit=settings.get("eventCountLimit"),
        max_event_count=settings.get("maxEventCount"),
        prefixes=reader.context.prefixes,
    )


def _read_parameter(reader: Reader, name: str, value: Any, at: str) -> Any:
    """Return the condition, or the value of a parameter that is no condition; None where it says nothing."""
    known = parameter(name)
    if known is None:
        message = f'"{shortened(name)}" is not a parameter of SimpleEventQuery.'
        reader.fault(at, message, name, did_you_mean=reader.nearest(name, NAMES))
        return None
    if type(value) is list and len(value) > MAX_VALUES:
        reader.fault(at, f"A parameter has at most {MAX_VALUES:,} values; this one has {len(value):,}.")
        return None
    found = known.read(reader, value, at)
    if not known.is_condition:
        return found
    return _condition(known, found, value)


def _condition(known: Parameter, found: Any, value: Any) -> Condition | None:
    """EXISTS_ has no value; where it is said to be false it says nothing."""
    if known.condition.operator == "EXISTS":
        return None if value is False else known.condition
    if found is None:
        return None
    return replace(known.condition, values=found if type(found) is tuple else (found,))


def _check_counts(reader: Reader, values: Mapping[str, Any], settings: Mapping[str, Any], at: str) -> None:
    """The two limits exclude each other, and the first N have a meaning only in an order (EPCIS 2.0, 8.2.7.1)."""
    limit, most = COUNTS
    if limit in settings and most in settings:
        reader.fault(f"{at}/{most}", f"{limit} and {most} exclude each other; give one of them.", settings[most])
    if limit in settings and "orderBy" not in values:
        reader.fault(f"{at}/{limit}", f"{limit} needs orderBy, which says which events are the first.", settings[limit])
