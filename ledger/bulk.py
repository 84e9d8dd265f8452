"""Many rows in one statement: INSERT ... SELECT FROM unnest, which row-level security allows where COPY is refused."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import psycopg
from django.db import connection, models


def insert(model: type[models.Model], columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """Insert `rows` (values in the order of `columns`) into the model's table."""
    sent = _sent(model, columns, rows)
    if sent is None:
        return
    table, quoted = _quoted(model, columns)
    _execute(f"INSERT INTO {table} ({', '.join(quoted)}) SELECT {sent.values} FROM {sent.unnest}", sent.arrays)


def update(model: type[models.Model], columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """Set `columns` of the rows whose first column (a key) has the value that each of `rows` begins with."""
    sent = _sent(model, columns, rows)
    if sent is None:
        return
    table, quoted = _quoted(model, columns)
    values = sent.values.split(", ")
    assignments = ", ".join(f"{name} = {value}" for name, value in zip(quoted[1:], values[1:], strict=True))
    _execute(
        f"UPDATE {table} SET {assignments} FROM {sent.unnest} WHERE {table}.{quoted[0]} = {values[0]}", sent.arrays
    )


def _execute(sql: str, arrays: list[list[Any]]) -> None:
    """Let the server bind the arrays: bytes travel as they are, not as escaped text (Django's cursors bind here)."""
    connection.ensure_connection()
    with connection.wrap_database_errors, psycopg.Cursor(connection.connection) as cursor:
        cursor.execute(sql.encode(), arrays)


@dataclass(frozen=True, slots=True)
class _Sent:
    """Rows on their way: the arrays, one a column, and the SQL that makes rows of them again."""

    values: str
    unnest: str
    arrays: list[list[Any]]


def _quoted(model: type[models.Model], columns: Sequence[str]) -> tuple[str, list[str]]:
    quote = connection.ops.quote_name
    return quote(model._meta.db_table), [quote(str(_field(model, name).column)) for name in columns]


def _field(model: type[models.Model], name: str) -> models.Field[Any, Any]:
    field = model._meta.get_field(name)
    assert isinstance(field, models.Field)
    return field


def _sent(model: type[models.Model], columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> _Sent | None:
    """Send values as PostgreSQL arrays, one a column; an array-valued column travels as its text form and is cast."""
    values = list(zip(*rows, strict=True))
    if not values:
        return None
    types = [str(_field(model, name).db_type(connection)).split("(")[0] for name in columns]
    is_array = [kind.endswith("[]") for kind in types]
    numbered = list(enumerate(zip(types, is_array, strict=True)))
    casts = ", ".join(f"%b::{'text' if array else kind}[]" for _, (kind, array) in numbered)  # %b: in binary
    names = ", ".join(f"c{i}" for i, _ in numbered)
    return _Sent(
        values=", ".join(f"t.c{i}::{kind}" if array else f"t.c{i}" for i, (kind, array) in numbered),
        unnest=f"unnest({casts}) AS t({names})",
        arrays=[
            [_array_text(value) for value in column] if array else list(column)
            for column, array in zip(values, is_array, strict=True)
        ],
    )


def _array_text(values: Iterable[Any]) -> str:
    return "{" + ",".join(_element_text(value) for value in values) + "}"


def _element_text(value: Any) -> str:
    if isinstance(value, bytes):
        return f'"\\\\x{value.hex()}"'
    text = str(value).replace("\\", "\\\\").replace('"', '\\"')
    return f'"{text}"'
