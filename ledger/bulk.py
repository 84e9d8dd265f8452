"""Many rows in one statement, and many statements in one round trip.

INSERT ... SELECT FROM unnest: row-level security allows it where it refuses COPY. The arrays, one a column, are written
in PostgreSQL's binary form here, for the driver's own way of doing it takes as long as the server's work on them.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any
from uuid import UUID

import psycopg
from django.db import connection, models
from psycopg.adapt import Dumper
from psycopg.pq import Format


def insert(model: type[models.Model], columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """Insert `rows` (values in the order of `columns`) into the model's table."""
    if values := list(zip(*rows, strict=True)):
        plan = _plan(model, tuple(columns))
        _execute(plan.insert, plan.arrays(values))


def update(model: type[models.Model], columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """Set `columns` of the rows whose first column (a key) has the value that each of `rows` begins with."""
    if values := list(zip(*rows, strict=True)):
        plan = _plan(model, tuple(columns))
        _execute(plan.update, plan.arrays(values))


def change(sql: str, values: Sequence[Any]) -> None:
    """Run one statement that answers nothing; `%s` stands for a value."""
    _execute(sql.encode(), values)


@contextmanager
def together() -> Iterator[None]:
    """Send the statements of `insert`, `update` and `change` without waiting for each; their errors come at the end.

    So the server works on one while the next is made here. What asks for rows waits for all before it; how many rows a
    statement of Django's own changed is not known within.
    """
    connection.ensure_connection()
    if connection.connection._pipeline is not None:  # within another: one end is enough
        yield
        return
    with connection.wrap_database_errors, connection.connection.pipeline():
        yield


def answers(*questions: tuple[str, Sequence[Any]]) -> list[list[tuple[Any, ...]]]:
    """Ask several questions (SQL with `%s`, and its values) in order, in one round trip; the rows of each.

    Each sees what was committed when its turn came, so a question that waits for a lock may come before others.
    """
    connection.ensure_connection()
    with connection.wrap_database_errors:
        with connection.connection.pipeline():
            asked = [psycopg.Cursor(connection.connection) for _ in questions]
            for cursor, (sql, values) in zip(asked, questions, strict=True):
                cursor.adapters.register_dumper(_Array, _ArrayDumper)
                cursor.execute(sql.encode(), values)
        return [cursor.fetchall() for cursor in asked]


def array(kind: str, values: Sequence[Any]) -> _Array:
    """One value for a statement's `%s::<kind>[]`: written here, where the driver would look at each element."""
    return _Array(_PACKED[kind].pack(values))


def _execute(sql: bytes, values: Sequence[Any]) -> None:
    """Let the server bind the values: bytes travel as they are, not as escaped text (Django's cursors bind here)."""
    connection.ensure_connection()
    with connection.wrap_database_errors, psycopg.Cursor(connection.connection) as cursor:
        cursor.adapters.register_dumper(_Array, _ArrayDumper)
        cursor.execute(sql, values)


# --- rows on their way -----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Plan:
    """How rows of some columns of a table are sent."""

    insert: bytes
    update: bytes
    packers: tuple[Callable[[Sequence[Any]], bytes], ...]

    def arrays(self, values: Sequence[Sequence[Any]]) -> list[_Array]:
        """The values, one sequence a column, as arrays."""
        return [_Array(pack(column)) for pack, column in zip(self.packers, values, strict=True)]


@lru_cache(maxsize=256)
def _plan(model: type[models.Model], columns: tuple[str, ...]) -> _Plan:
    quote = connection.ops.quote_name
    table = quote(model._meta.db_table)
    fields = [_field(model, name) for name in columns]
    quoted = [quote(str(field.column)) for field in fields]
    kinds = [str(field.db_type(connection)).split("(")[0] for field in fields]
    values = [f"t.c{i}" if kind in _PACKED else f"t.c{i}::{kind}" for i, kind in enumerate(kinds)]
    casts = ", ".join(f"%b::{_PACKED[kind].array if kind in _PACKED else 'text'}[]" for kind in kinds)  # %b: in binary
    unnest = f"unnest({casts}) AS t({', '.join(f'c{i}' for i, _ in enumerate(kinds))})"
    assignments = ", ".join(f"{name} = {value}" for name, value in zip(quoted[1:], values[1:], strict=True))
    return _Plan(
        insert=f"INSERT INTO {table} ({', '.join(quoted)}) SELECT {', '.join(values)} FROM {unnest}".encode(),
        update=f"UPDATE {table} SET {assignments} FROM {unnest} WHERE {table}.{quoted[0]} = {values[0]}".encode(),
        packers=tuple(_PACKED[kind].pack if kind in _PACKED else _pack_written for kind in kinds),
    )


def _field(model: type[models.Model], name: str) -> models.Field[Any, Any]:
    field = model._meta.get_field(name)
    assert isinstance(field, models.Field)
    return field


# --- arrays in PostgreSQL's binary form ------------------------------------------------------------------------------


class _Array:
    """An array that is written already."""

    __slots__ = ("data",)

    def __init__(self, data: bytes) -> None:
        self.data = data


class _ArrayDumper(Dumper):
    """Hands an array on; its type is that of the cast in the statement."""

    format = Format.BINARY
    oid = 0

    def dump(self, obj: _Array) -> bytes:
        return obj.data


_HEAD = struct.Struct(">iiIii").pack
"""Dimensions, whether there are nulls, the element's type; the length of the one dimension, where it begins."""
_LENGTH = struct.Struct(">i").pack
_NULL = _LENGTH(-1)
_LENGTHS = tuple(_LENGTH(size) for size in range(4096))
_MICROSECOND = timedelta(microseconds=1)
_EPOCH = datetime(2000, 1, 1, tzinfo=UTC)
_TEXT = 25


def _array(element: int, parts: list[bytes], count: int) -> bytes:
    return _HEAD(1, 1, element, count, 1) + b"".join(parts)


def _pack_bytes(values: Sequence[Any], element: int = 17) -> bytes:
    parts: list[bytes] = []
    for value in values:
        if value is None:
            parts.append(_NULL)
        else:
            size = len(value)
            parts.append(_LENGTHS[size] if size < 4096 else _LENGTH(size))
            parts.append(value)
    return _array(element, parts, len(values))


def _pack_text(values: Sequence[Any]) -> bytes:
    return _pack_bytes([None if value is None else str(value).encode() for value in values], _TEXT)


def _pack_uuid(values: Sequence[UUID | None]) -> bytes:
    return _pack_bytes([None if value is None else value.bytes for value in values], 2950)


def _pack_time(values: Sequence[datetime | None]) -> bytes:
    pack = struct.Struct(">iq").pack
    return _array(
        1184, [_NULL if each is None else pack(8, (each - _EPOCH) // _MICROSECOND) for each in values], len(values)
    )


def _packer(element: int, form: str) -> Callable[[Sequence[Any]], bytes]:
    packed = struct.Struct(form)
    size = packed.size - 4

    def pack(values: Sequence[Any]) -> bytes:
        return _array(element, [_NULL if each is None else packed.pack(size, each) for each in values], len(values))

    return pack


def _pack_written(values: Sequence[Any]) -> bytes:
    """What has no form above travels as text and is cast: numbers with decimals, JSON, the arrays of a column."""
    return _pack_text([_array_text(value) if isinstance(value, (list, tuple)) else value for value in values])


def _array_text(values: Iterable[Any]) -> str:
    return "{" + ",".join(_element_text(value) for value in values) + "}"


def _element_text(value: Any) -> str:
    if isinstance(value, bytes):
        return f'"\\\\x{value.hex()}"'
    text = str(value).replace("\\", "\\\\").replace('"', '\\"')
    return f'"{text}"'


@dataclass(frozen=True, slots=True)
class _Packed:
    array: str
    pack: Callable[[Sequence[Any]], bytes]


_PACKED = {
    "bytea": _Packed("bytea", _pack_bytes),
    "text": _Packed("text", _pack_text),
    "varchar": _Packed("text", _pack_text),
    "uuid": _Packed("uuid", _pack_uuid),
    "timestamp with time zone": _Packed("timestamptz", _pack_time),
    "bigint": _Packed("bigint", _packer(20, ">iq")),
    "integer": _Packed("integer", _packer(23, ">ii")),
    "smallint": _Packed("smallint", _packer(21, ">ih")),
    "boolean": _Packed("boolean", _packer(16, ">i?")),
    "double precision": _Packed("double precision", _packer(701, ">id")),
}
