"""Many rows in one statement: INSERT ... SELECT FROM unnest, which row-level security allows where COPY is refused."""

from collections.abc import Iterable, Sequence
from typing import Any

from django.db import connection, models


def insert(model: type[models.Model], columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """Insert `rows` (values in the order of `columns`) into the model's table.

    Values go as PostgreSQL arrays, one a column; an array-valued column travels as its text form and is cast.
    """
    values = list(zip(*rows, strict=True))
    if not values:
        return
    fields = [model._meta.get_field(name) for name in columns]
    types = [str(field.db_type(connection)).split("(")[0] for field in fields]
    is_array = [kind.endswith("[]") for kind in types]
    names = [f"c{i}::{kind}" if array else f"c{i}" for i, (kind, array) in enumerate(zip(types, is_array, strict=True))]
    sent = [f"%s::{'text' if array else kind}[]" for kind, array in zip(types, is_array, strict=True)]
    quoted = ", ".join(connection.ops.quote_name(field.column) for field in fields)
    aliases = ", ".join(f"c{i}" for i in range(len(fields)))
    sql = (
        f"INSERT INTO {connection.ops.quote_name(model._meta.db_table)} ({quoted})"
        f" SELECT {', '.join(names)} FROM unnest({', '.join(sent)}) AS t({aliases})"
    )
    arrays = [
        [_array_text(value) for value in column] if array else list(column)
        for column, array in zip(values, is_array, strict=True)
    ]
    with connection.cursor() as cursor:
        cursor.execute(sql, arrays)


def _array_text(values: Iterable[Any]) -> str:
    return "{" + ",".join(_element_text(value) for value in values) + "}"


def _element_text(value: Any) -> str:
    if isinstance(value, bytes):
        return f'"\\\\x{value.hex()}"'
    text = str(value).replace("\\", "\\\\").replace('"', '\\"')
    return f'"{text}"'
