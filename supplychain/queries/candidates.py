"""The events that may be in the result of a query: found by SQL, in order, the party's own and those shared with it.

SQL only narrows: what is left out here is surely not in the result, and of what is found `epcis.matching` decides. All
operators in conditions are leakproof, or PostgreSQL would not look into an index before its row-level policies.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
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


@dataclass(frozen=True, slots=True, order=True)
class Opened:
    """A place in the order in which a party comes to read events: by the entry that opened them to it, which is their
    own where it could read them at once, and then by their own index."""

    at: int
    index: int = 0

    @property
    def next(self) -> Opened:
        """The place behind it: an event's own entry opens nothing that comes after it."""
        return Opened(self.at + 1) if self.index >= self.at else Opened(self.at, self.index + 1)


@dataclass(frozen=True, slots=True)
class Place:
    """Where an event stands in the order of a result."""

    event_time: datetime
    index: int
    opened: Opened | None = None


@dataclass(frozen=True, slots=True)
class Candidate:
    """An event that may be in the result."""

    index: int
    event_time: datetime
    record_time: datetime
    event_id: str
    opened_index: int

    @property
    def opened(self) -> Opened:
        return Opened(self.opened_index, self.index)

    @property
    def place(self) -> Place:
        return Place(self.event_time, self.index, self.opened)


@dataclass(frozen=True, slots=True)
class Order:
    """The order of a result: by the time of the event or, else, by its index, which is the order of record times."""

    by_time: bool = True
    descending: bool = True

    @property
    def columns(self) -> tuple[str, ...]:
        return ("event_time", "index") if self.by_time else ("index",)

    def sql(self, named: Mapping[str, str] | None = None) -> str:
        """The words behind ORDER BY; `named` says where a column is found."""
        way = "DESC" if self.descending else "ASC"
        return ", ".join(f"{(named or {}).get(column, column)} {way}" for column in self.columns)


@dataclass(frozen=True, slots=True)
class OpeningOrder(Order):
    """The order in which the party came to read the events (`Opened`), of what was open below the entry `until`."""

    by_time: bool = False
    descending: bool = False
    until: int = 0

    @property
    def columns(self) -> tuple[str, ...]:
        return ("opened_index", "index")


@dataclass(frozen=True, slots=True)
class _Clause:
    """A condition; {of} is the alias of the event's row, {at} of the row that has its index and its time, {opened} the
    index of the entry that opened it to the party."""

    sql: str
    values: tuple[Any, ...] = ()

    def on(self, of: str, at: str, opened: str = "") -> _Clause:
        return _Clause(self.sql.format(of=of, at=at, opened=opened or f"{at}.index"), self.values)


@dataclass(frozen=True, slots=True)
class _Rows:
    """Rows that lead to events of a party's: its own, those shared with it, of these the ones it came to read late."""

    tables: str
    at: str
    whose: str
    opened: str = ""


_OWN = _Rows("supplychain_event e", "e", "e.tenant = %s")
_SHARED = _Rows("supplychain_eventreader v JOIN supplychain_event e ON e.index = v.index", "v", "v.party = %s")
_IN_TIME = replace(
    _SHARED,
    whose="v.party = %s AND NOT EXISTS ("
    "SELECT 1 FROM supplychain_lateevent l WHERE l.party = v.party AND l.index = v.index)",
)
_LATE = _Rows(
    "supplychain_lateevent v JOIN supplychain_event e ON e.index = v.index", "v", "v.party = %s", "v.opened_index"
)


@dataclass(frozen=True, slots=True)
class _Branch:
    """One of the selects of which the candidates are the union."""

    rows: _Rows
    tables: str
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
    found_by: Sequence[_Rows] = (_OWN, _SHARED)
    if isinstance(order, OpeningOrder):
        found_by = (_OWN, _IN_TIME, _LATE)
        on_event.append(_Clause("{opened} < %s", (order.until,)))
    sql, values = _union(list(_branches(found_by, party, on_event, within)), order, limit)
    with connection.cursor() as cursor:
        cursor.execute(sql, values)
        return [Candidate(*row) for row in cursor.fetchall()]


def _branches(
    found_by: Sequence[_Rows], party: UUID, on_event: list[_Clause], within: list[_Clause]
) -> Iterator[_Branch]:
    """The party's own events and those shared with it; an error declaration is looked for by what its event names."""
    for rows in found_by:
        on = [_Clause(rows.whose, (party,)), *(each.on("e", rows.at, rows.opened) for each in on_event)]
        yield _Branch(rows, rows.tables, [*on, *(each.on("e", rows.at) for each in within)])
        if within:
            declared = [_Clause(f"w.index IS NULL OR {each.on('w', rows.at).sql}", each.values) for each in within]
            joined = f"{rows.tables} LEFT JOIN supplychain_event w ON w.declared_in_error_by = e.index"
            yield _Branch(rows, joined, [_Clause("e.is_error_declaration"), *on, *declared])


def _union(branches: list[_Branch], order: Order, limit: int) -> tuple[str, list[Any]]:
    columns = ("index", "event_time", "record_time", "event_id")
    selected, values = [], []
    for branch in branches:
        at = branch.rows.at
        opened = branch.rows.opened or f"{at}.index"
        named = ", ".join(f"e.{column}" for column in columns)
        where = " AND ".join(f"({each.sql})" for each in branch.clauses)
        by = order.sql({"event_time": f"{at}.event_time", "index": f"{at}.index", "opened_index": opened})
        selected.append(
            f"(SELECT {named}, {opened} AS opened_index FROM {branch.tables} WHERE {where} ORDER BY {by}"
            f" LIMIT {limit:d})"
        )
        values += [value for each in branch.clauses for value in each.values]
    unioned, listed = " UNION ALL ".join(selected), ", ".join((*columns, "opened_index"))
    return f"SELECT DISTINCT {listed} FROM ({unioned}) f ORDER BY {order.sql()} LIMIT {limit:d}", values


def _behind(after: Place, order: Order) -> _Clause:
    if isinstance(order, OpeningOrder):
        assert after.opened is not None
        at, index = after.opened.at, after.opened.index
        return _Clause("{opened} >= %s AND ({opened} > %s OR {at}.index > %s)", (at, at, index))
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
