"""Change what the log's tables hold, one thing at a time, as their owner would, and see whether the audit finds it.

A short form runs in the test suite. Each change is undone before the next.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from django.db import connections

TABLES = {
    "ledger_entry": ("index",),
    "ledger_tile": ("level", "index"),
    "ledger_checkpoint": ("tree_size",),
    "ledger_cosignature": ("tree_size", "witness"),
    "ledger_key": ("key_id",),
    "ledger_keyrevocation": ("revoked_index",),
    "ledger_attestation": ("attested_index",),
    "ledger_body": ("commitment",),
    "ledger_head": ("id",),
}
REPLACEABLE = ("ledger_head", "ledger_checkpoint", "ledger_cosignature")
"""What is not missed when a row is gone: a checkpoint is made again from the tiles, a witness cosigns again."""


@dataclass(frozen=True)
class Tampering:
    """One column of one row, before and after; or a whole row that is gone (`column` is None)."""

    table: str
    key: dict[str, Any]
    column: str | None
    before: Any
    after: Any = None

    def __str__(self) -> str:
        where = ", ".join(f"{name}={value!r}" for name, value in self.key.items())
        return f"{self.table}({where}).{self.column or 'ROW DELETED'}"


_IN_PLACE_OF_NULL: dict[str, Any] = {"expires_ms": 1_790_000_000_000, "next_log_key_id": "A" * 43}


def changed(value: Any, dice: random.Random, column: str = "") -> Any:
    """Another value of the same type; bytes get one flipped bit."""
    if isinstance(value, memoryview | bytes):
        raw = bytearray(value)
        if not raw:
            return b"\x00" * 32
        raw[dice.randrange(len(raw))] ^= 1 << dice.randrange(8)
        return bytes(raw)
    if isinstance(value, list):
        return [changed(value[0], dice), *value[1:]] if value else None
    if isinstance(value, bool):
        return not value
    if isinstance(value, int):  # far enough that no other row is there
        return value + dice.choice([1_000, 4_096, 20_000])
    if isinstance(value, datetime):
        return value + timedelta(milliseconds=dice.choice([-1, 1, 86_400_000]))
    if isinstance(value, UUID):
        return uuid4()
    if isinstance(value, str):
        at = dice.randrange(len(value))
        return value[:at] + chr(ord(value[at]) ^ 1) + value[at + 1 :]
    if value is None:
        return _IN_PLACE_OF_NULL.get(column) or dice.randbytes(32)
    raise TypeError(f"nothing is known about {type(value)}")


class Owner:
    """The tables' owner at work: triggers off, hands free."""

    def __init__(self) -> None:
        self.connection = connections["owner"]

    def rows(self, table: str) -> list[dict[str, Any]]:
        with self.connection.cursor() as cursor:
            cursor.execute(f"SELECT * FROM {table}")
            names = [column.name for column in cursor.description]
            return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]

    @contextmanager
    def untriggered(self, table: str) -> Iterator[Any]:
        with self.connection.cursor() as cursor:
            cursor.execute(f"ALTER TABLE {table} DISABLE TRIGGER USER")
            try:
                yield cursor
            finally:
                cursor.execute(f"ALTER TABLE {table} ENABLE TRIGGER USER")

    def write(self, table: str, key: dict[str, Any], column: str, value: Any) -> None:
        where = " AND ".join(f'"{name}" = %s' for name in key)
        with self.untriggered(table) as cursor:
            cursor.execute(f'UPDATE {table} SET "{column}" = %s WHERE {where}', [value, *key.values()])
            assert cursor.rowcount == 1, (table, key, column)

    def delete(self, table: str, key: dict[str, Any]) -> None:
        where = " AND ".join(f'"{name}" = %s' for name in key)
        with self.untriggered(table) as cursor:
            cursor.execute(f"DELETE FROM {table} WHERE {where}", list(key.values()))

    def insert(self, table: str, row: dict[str, Any]) -> None:
        names = ", ".join(f'"{name}"' for name in row)
        with self.connection.cursor() as cursor:
            cursor.execute(f"INSERT INTO {table} ({names}) VALUES ({', '.join(['%s'] * len(row))})", list(row.values()))

    @contextmanager
    def tampered(self, change: Tampering) -> Iterator[None]:
        """Make the change, let the caller look, take it back."""
        if change.column is None:
            self.delete(change.table, change.key)
            try:
                yield
            finally:
                self.insert(change.table, change.before)
            return
        self.write(change.table, change.key, change.column, change.after)
        key = {**change.key, **({change.column: change.after} if change.column in change.key else {})}
        try:
            yield
        finally:
            self.write(change.table, key, change.column, change.before)


def every_column(owner: Owner, dice: random.Random, *, rows_a_table: int) -> Iterator[Tampering]:
    """A change of every column of `rows_a_table` rows of every table of the log, and the loss of each such row."""
    for table, names in TABLES.items():
        rows = owner.rows(table)
        for row in dice.sample(rows, min(rows_a_table, len(rows))):
            key = {name: row[name] for name in names}
            for column, value in row.items():
                after = changed(value, dice, column)
                if after is not None and not (table == "ledger_head" and column == "id"):
                    yield Tampering(table, key, column, value, after)
            if table not in REPLACEABLE:
                yield Tampering(table, key, None, row)
