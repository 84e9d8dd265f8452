"""The events that may be in the result of a query: found by SQL, in order, the party's own and those shared with it.

SQL only narrows: what is left out here is surely not in the result, and of what is found `epcis.matching` decides. All
operators in conditions are leakproof, or PostgreSQL would not look into an index before its row-level policies.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import connection

from supplychain.epcis.parameters import Condition
from supplychain.epcis.patterns import parse_pattern
from supplychain.epcis.query import Query
from supplychain.epcis.units import convert, units_like

_PLACES = {
    "epc": ["epc", "child"],
    "parentID": ["parent"],
    "inputEPC": ["input"],
    "outputEPC": ["output"],
    "anyEPC": ["epc", "child", "parent", "input", "output"],
    "any": ["epc", "child", "parent", "input", "output"],
}
_COLUMNS = {
    "eventType": "event_type",
    "action": "action",
    "bizStep": "biz_step",
    "disposition": "disposition",
    "readPoint": "read_point",
    "bizLocation": "biz_location",
    "eventID": "event_id",
}
_SENSOR_COLUMNS = {"value": "value", "minValue": "min_value", "maxValue": "max_value"}
_COMPARES = {"GE": ">=", "GT": ">", "LE": "<=", "LT": "<"}
_SLACK = 1e-6


@dataclass(frozen=True, slots=True)
class Place:
    """Where an event stands in the order of a result."""

    event_time: datetime
    index: int


@dataclass(frozen=True, slots=True)
class Candidate:
    """An event that may be in the result."""

    index: int
    event_time: datetime
    record_time: datetime
    event_id: str

    @property
    def place(self) -> Place:
        return Place(self.event_time, self.index)


@dataclass(frozen=True, slots=True)
class Order:
    """The order of a result: by the time of the event or, else, by its index, which is the order of record times."""

    by_time: bool = True
    descending: bool = True

    @property
    def sql(self) -> str:
        way = "DESC" if self.descending else "ASC"
        return f"event_time {way}, index {way}" if self.by_time else f"index {way}"


@dataclass(frozen=True, slots=True)
class _Clause:
    """A condition; {of} is the alias of the event's row, {at} of the row that has its index and its time."""

    sql: str
    values: tuple[Any, ...] = ()

    def on(self, of: str, at: str) -> _Clause:
        return _Clause(self.sql.format(of=of, at=at), self.values)


@dataclass(frozen=True, slots=True)
class _Branch:
    """One of the selects of which the candidates are the union."""

    tables: str
    at: str
    clauses: list[_Clause]


def candidates(
    query: Query, *, party: UUID, first: int, end: int, order: Order, after: Place | None, limit: int
) -> list[Candidate]:
    """The next of those whose entries have indices in [first, end), behind the place `after`."""
    on_event = [_Clause("{at}.index >= %s AND {at}.index < %s", (first, end))]
    on_event += [clause for each in query.conditions if (clause := _of_event(each)) is not None]
    if after is not None:
        on_event.append(_behind(after, order))
    within = [clause for each in query.conditions if (clause := _within(each)) is not None]
    sql, values = _union(list(_branches(party, on_event, within)), order, limit)
    with connection.cursor() as cursor:
        cursor.execute(sql, values)
        return [Candidate(*row) for row in cursor.fetchall()]


def _branches(party: UUID, on_event: list[_Clause], within: list[_Clause]) -> Iterator[_Branch]:
    """The party's own events and those shared with it; an error declaration is looked for by what its event names."""
    shared = "supplychain_eventreader v JOIN supplychain_event e ON e.index = v.index"
    for tables, at, whose in (("supplychain_event e", "e", "e.tenant = %s"), (shared, "v", "v.party = %s")):
        on = [_Clause(whose, (party,)), *(each.on("e", at) for each in on_event)]
        yield _Branch(tables, at, [*on, *(each.on("e", at) for each in within)])
        if within:
            declared = [_Clause(f"w.index IS NULL OR {each.on('w', at).sql}", each.values) for each in within]
            joined = f"{tables} LEFT JOIN supplychain_event w ON w.declared_in_error_by = e.index"
            yield _Branch(joined, at, [_Clause("e.is_error_declaration"), *on, *declared])


def _union(branches: list[_Branch], order: Order, limit: int) -> tuple[str, list[Any]]:
    columns = ("index", "event_time", "record_time", "event_id")
    named = ", ".join(f"e.{column}" for column in columns)
    selected, values = [], []
    for branch in branches:
        where = " AND ".join(f"({each.sql})" for each in branch.clauses)
        by = ", ".join(f"{branch.at}.{part.strip()}" for part in order.sql.split(","))
        selected.append(f"(SELECT {named} FROM {branch.tables} WHERE {where} ORDER BY {by} LIMIT {limit:d})")
        values += [value for each in branch.clauses for value in each.values]
    unioned = " UNION ALL ".join(selected)
    return f"SELECT DISTINCT {', '.join(columns)} FROM ({unioned}) f ORDER BY {order.sql} LIMIT {limit:d}", values


def _behind(after: Place, order: Order) -> _Clause:
    sign = "<" if order.descending else ">"
    if not order.by_time:
        return _Clause(f"{{at}}.index {sign} %s", (after.index,))
    sql = f"{{at}}.event_time {sign}= %s AND ({{at}}.event_time {sign} %s OR {{at}}.index {sign} %s)"
    return _Clause(sql, (after.event_time, after.event_time, after.index))


# --- conditions on the event's own row --------------------------------------------------------------------------------


def _of_event(condition: Condition) -> _Clause | None:
    if condition.scope == "ERROR_DECLARATION":
        return _Clause("{of}.is_error_declaration")
    if condition.scope or condition.operator in ("HASATTR", "EQATTR"):
        return None
    if condition.operator in ("EQ", "WD") and condition.field in _COLUMNS:
        return _Clause(f"{{of}}.{_COLUMNS[condition.field]} = ANY(%s)", (list(condition.values),))
    if condition.field == "eventTime":
        return _Clause(f"{{at}}.event_time {_COMPARES[condition.operator]} %s", condition.values)
    if condition.field == "transformationID":
        return _Clause("{of}.event_type = 'TransformationEvent'")
    if condition.field in ("errorDeclaration", "errorDeclarationTime", "errorDeclaration_Time", *_OF_DECLARATIONS):
        return _Clause("{of}.is_error_declaration")
    return None


_OF_DECLARATIONS = ("errorReason", "correctiveEventID")


# --- conditions on what an event names and what its sensors read ------------------------------------------------------


def _within(condition: Condition) -> _Clause | None:
    if condition.operator == "MATCH":
        return _named(_PLACES[condition.field.removesuffix("Class")], condition.values)
    if condition.field == "bizTransaction" and condition.operator == "EQ":
        return _named(["reference"], condition.values)
    if condition.field == "quantity":
        return _object("o.quantity IS NOT NULL", ())
    if _is_of_sensors(condition):
        return _sensed(condition)
    return None


def _object(sql: str, values: tuple[Any, ...]) -> _Clause:
    return _Clause(f"EXISTS (SELECT 1 FROM supplychain_eventobject o WHERE o.index = {{of}}.index AND {sql})", values)


def _named(places: list[str], values: tuple[Any, ...]) -> _Clause | None:
    """Those that name one of these identifiers; a pattern is looked for by how the identifiers begin that may fit."""
    exact, ranges = [], []
    for value in values:
        pattern = parse_pattern(value)
        if pattern is None:
            exact.append(value)
        elif not pattern.prefixes:
            return None
        else:
            ranges += [(prefix, prefix[:-1] + chr(ord(prefix[-1]) + 1)) for prefix in pattern.prefixes]
    parts = ["o.epc = ANY(%s)"] * bool(exact) + ["(o.epc ~>=~ %s AND o.epc ~<~ %s)"] * len(ranges)
    given = ([exact] if exact else []) + [bound for each in ranges for bound in each]
    return _object(f"o.place = ANY(%s) AND ({' OR '.join(parts)})", (places, *given))


_SENSOR_WORDS = """type exception component deviceID deviceMetadata rawData dataProcessingMethod bizRules microorganism
chemicalSubstance coordinateReferenceSystem stringValue hexBinaryValue uriValue booleanValue value minValue maxValue
meanValue sDev percValue percRank time startTime endTime sensorElementList"""
_SENSOR_FIELDS = frozenset(_SENSOR_WORDS.split())


def _is_of_sensors(condition: Condition) -> bool:
    return condition.scope.startswith("SENSOR") or (not condition.scope and condition.field in _SENSOR_FIELDS)


def _sensed(condition: Condition) -> _Clause:
    sql = "TRUE"
    values: list[Any] = []
    column = _SENSOR_COLUMNS.get(condition.field)
    if not condition.scope and condition.field == "type":
        sql, values = "s.type = ANY(%s)", [list(condition.values)]
    elif column is not None and condition.unit:
        parts = []
        for unit, lowest, highest in _bounds(condition):
            parts.append(f"(s.uom = %s AND s.{column} >= %s AND s.{column} <= %s)")
            values += [unit, lowest, highest]
        sql = f"({' OR '.join(parts)})"
    found = f"EXISTS (SELECT 1 FROM supplychain_sensorreading s WHERE s.index = {{of}}.index AND {sql})"
    return _Clause(found, tuple(values))


def _bounds(condition: Condition) -> Iterator[tuple[str, float, float]]:
    """In each unit that converts to the one that is asked for: between what a value must lie, with some slack."""
    lowest = min(condition.values) if condition.operator in ("EQ", "GE", "GT") else float("-inf")
    highest = max(condition.values) if condition.operator in ("EQ", "LE", "LT") else float("inf")
    for unit in units_like(condition.unit):
        yield unit, _converted(lowest, condition.unit, unit, -_SLACK), _converted(highest, condition.unit, unit, _SLACK)


def _converted(value: float, unit: str, to: str, slack: float) -> float:
    found = convert(value, unit, to)
    assert found is not None
    return found + slack * max(1.0, abs(found)) if abs(found) != float("inf") else found
