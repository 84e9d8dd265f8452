"""Change what the log's tables hold, one thing at a time, as their owner would, and see whether the audit finds it.

    nice python -m campaigns.tamper 10000 --seed 7

makes a log with everything in it and tampers with every column of every row of every table, takes rows away, lets them
change places, replays old ones, cuts the tail: each must be found, with the right first bad index, and between them
nothing may be found where nothing was changed. Each change is taken back before the next (a savepoint). A short form
runs in the test suite.
"""

from __future__ import annotations

import argparse
import random
import sys
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

from django.db import DatabaseError, connections, transaction

TABLES = {
    "ledger_entry": ("index",),
    "ledger_tile": ("level", "index"),
    "ledger_checkpoint": ("tree_size",),
    "ledger_cosignature": ("tree_size", "witness"),
    "ledger_key": ("key_id",),
    "ledger_keyrevocation": ("revoked_index",),
    "ledger_attestation": ("attested_index",),
    "ledger_body": ("index",),
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


# --- the campaign ----------------------------------------------------------------------------------------------------

Row = dict[str, Any]
Statement = tuple[str, Sequence[Any]]
WIDTH = 256
STEPS = 400
"""So many changes, then the clean log is checked again."""


@dataclass(frozen=True)
class Change:
    """What is done to the tables, in words and in SQL, and the first index that the audit must name."""

    kind: str
    words: str
    statements: tuple[Statement, ...]
    first: int


@dataclass
class Report:
    """What came of a campaign."""

    tried: Counter[str] = field(default_factory=Counter)
    refused: Counter[str] = field(default_factory=Counter)
    """What the tables' own constraints would not take, even from their owner."""
    clean: int = 0
    missed: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        kinds = ", ".join(f"{name} {count}" for name, count in sorted(self.tried.items()))
        return (
            f"{self.tried.total()} changes ({kinds}), {self.refused.total()} more refused by constraints;"
            f" {self.clean} clean checks; {len(self.missed)} missed, wrong or false"
        )


class Deck:
    """Every change there is for a log, to be drawn in an order that the dice give; one of each column comes first."""

    def __init__(self, tables: dict[str, list[Row]], dice: random.Random) -> None:
        self.tables, self.dice = tables, dice
        self.size = len(tables["ledger_entry"])
        self.cosigned = {row["tree_size"] for row in tables["ledger_cosignature"]}
        cells = [
            (table, row, column)
            for table, rows in tables.items()
            for row in rows
            for column in (*row, None)
            if (table, column) != ("ledger_head", "id") and (column or table not in REPLACEABLE)
        ]
        dice.shuffle(cells)
        seen: set[tuple[str, str | None]] = set()
        first = [cell for cell in cells if (cell[0], cell[2]) not in seen and not seen.add((cell[0], cell[2]))]  # type: ignore[func-returns-value]
        self.columns = len(first)
        """How many columns and kinds of row there are: the first so many changes are one of each."""
        self.cells = first + cells

    def draw(self) -> Iterator[Change]:
        """Changes without end: cells in turn, and every sixth a change of several rows."""
        several = (self.swapped, self.replayed, self.cut, self.smuggled, self.shifted)
        while True:
            for number, (table, row, column) in enumerate(self.cells):
                yield self.cell(table, row, column)
                if number % 5 == 4:
                    yield self.dice.choice(several)()

    def cell(self, table: str, row: Row, column: str | None) -> Change:
        key = {name: row[name] for name in TABLES[table]}
        where = " AND ".join(f'"{name}" = %s' for name in key)
        named = ", ".join(f"{name}={_short(value)}" for name, value in key.items())
        if column is None:
            gone = (f"DELETE FROM {table} WHERE {where}", [*key.values()])
            return Change("delete", f"{table}({named}) deleted", (gone,), self._first(table, row, "", None))
        after = self._changed(table, column, row[column])
        done = (f'UPDATE {table} SET "{column}" = %s WHERE {where}', [after, *key.values()])
        words = f"{table}({named}).{column} = {_short(after)}, was {_short(row[column])}"
        return Change("column", words, (done,), self._first(table, row, column, after))

    def _changed(self, table: str, column: str, value: Any) -> Any:
        if isinstance(value, list) and not value:
            return [uuid4()] if column == "scopes" else [self.dice.randbytes(16)]
        return changed(value, self.dice, column)

    def _first(self, table: str, row: Row, column: str, after: Any) -> int:
        """Where the audit must see it first."""
        match table, column:
            case "ledger_head", "origin":
                return 0  # every statement is for another log
            case "ledger_head", "tree_size" if after >= (whole := self.size - self.size % WIDTH) + WIDTH:
                return whole  # a tile that would be full by then is missing
            case "ledger_head", _:
                return self.size
            case "ledger_tile", "hashes":
                old, new = bytes(row["hashes"]), after
                at = next(n for n in range(0, len(old), 32) if old[n : n + 32] != new[n : n + 32]) // 32
                return int((row["index"] * WIDTH + at) * WIDTH ** row["level"])
            case "ledger_tile", _:
                return int(row["index"] * WIDTH ** (row["level"] + 1))
            case "ledger_checkpoint", "tree_size" if row["tree_size"] in self.cosigned:
                return int(row["tree_size"])  # what was cosigned is missing
            case "ledger_checkpoint" | "ledger_cosignature", "tree_size":
                return int(after)
            case "ledger_checkpoint" | "ledger_cosignature", _:
                return int(row["tree_size"])
        return int(row[PLACE[table]])

    # several rows

    def _entries(self, *indices: int) -> list[Row]:
        return [self.tables["ledger_entry"][index] for index in indices]

    def swapped(self) -> Change:
        """Two entries change places."""
        low, high = sorted(self.dice.sample(range(self.size), 2))
        one, two = self._entries(low, high)
        statements = (
            _delete("ledger_entry", "index", low),
            _delete("ledger_entry", "index", high),
            _insert("ledger_entry", two | {"index": low}),
            _insert("ledger_entry", one | {"index": high}),
        )
        return Change("reorder", f"entries {low} and {high} change places", statements, low)

    def replayed(self) -> Change:
        """An old entry stands again in the place of a later one, with all that follows from its leaf."""
        low, high = sorted(self.dice.sample(range(self.size), 2))
        [old] = self._entries(low)
        statements = (*_FREE, _delete("ledger_entry", "index", high), _insert("ledger_entry", old | {"index": high}))
        return Change("replay", f"entry {low} again in the place of {high}", statements, high)

    def smuggled(self) -> Change:
        """An old entry is replayed behind the end."""
        [old] = self._entries(self.dice.randrange(self.size))
        statements = (*_FREE, _insert("ledger_entry", old | {"index": self.size}))
        return Change("replay", f"entry {old['index']} again behind the end", statements, self.size)

    def cut(self) -> Change:
        """The tail is gone, from some tables or from all."""
        at = self.dice.randrange(self.size)
        tables = self.dice.choice((("ledger_entry",), ("ledger_entry", "ledger_body"), ("ledger_entry", *_TAILS)))
        statements = tuple((f'DELETE FROM {name} WHERE "{PLACE[name]}" >= %s', [at]) for name in tables)
        return Change("truncate", f"cut at {at} in {', '.join(tables)}", statements, at)

    def shifted(self) -> Change:
        """One entry is taken out and all later ones move up."""
        at = self.dice.randrange(self.size - 1)
        statements = (
            *_FREE,
            _delete("ledger_entry", "index", at),
            ("UPDATE ledger_entry SET index = -index WHERE index > %s", [at]),
            ("UPDATE ledger_entry SET index = -index - 1 WHERE index < 0", []),
        )
        return Change("reorder", f"entry {at} taken out, later ones moved up", statements, at)


PLACE = {
    "ledger_entry": "index",
    "ledger_key": "registered_index",
    "ledger_keyrevocation": "revoked_index",
    "ledger_attestation": "by_index",
    "ledger_body": "index",
}
_TAILS = ("ledger_key", "ledger_keyrevocation", "ledger_body")
_FREE: tuple[Statement, ...] = tuple(
    (f"SELECT campaign_drop_unique('ledger_entry', '{column}')", [])
    for column in ("leaf_hash", "statement_hash", "commitment")
)
_DROP_UNIQUE = """
CREATE FUNCTION campaign_drop_unique(wanted text, named text) RETURNS void LANGUAGE plpgsql AS $$
DECLARE found text;
BEGIN
  FOR found IN SELECT conname FROM pg_constraint c JOIN pg_attribute a ON a.attrelid = c.conrelid
    AND c.conkey = ARRAY[a.attnum] WHERE c.conrelid = wanted::regclass AND c.contype = 'u' AND a.attname = named
  LOOP EXECUTE format('ALTER TABLE %I DROP CONSTRAINT %I', wanted, found); END LOOP;
END $$
"""


def _insert(table: str, row: Row) -> Statement:
    names = ", ".join(f'"{name}"' for name in row)
    return f"INSERT INTO {table} ({names}) VALUES ({', '.join(['%s'] * len(row))})", list(row.values())


def _delete(table: str, column: str, value: Any) -> Statement:
    return f'DELETE FROM {table} WHERE "{column}" = %s', [value]


def _short(value: Any) -> str:
    text = bytes(value).hex() if isinstance(value, bytes | memoryview) else str(value)
    return text if len(text) < 24 else text[:20] + "..."


@contextmanager
def as_owner() -> Iterator[Any]:
    """Let this thread do everything as the tables' owner, without triggers, in one transaction that is taken back."""
    owner, before = connections["owner"], connections["default"]
    with transaction.atomic(using="owner"):
        with owner.cursor() as cursor:
            for table in TABLES:
                cursor.execute(f"ALTER TABLE {table} DISABLE TRIGGER USER")
            cursor.execute(_DROP_UNIQUE)
            connections["default"] = owner
            try:
                yield cursor
            finally:
                connections["default"] = before
        transaction.set_rollback(True, using="owner")


def find() -> list[tuple[int, str]]:
    """What the audit finds in the log now, and the check of cosignatures beside it."""
    from ledger import audit, cosigning, tenancy

    with tenancy.system():
        faults = [*audit.check_log().faults, *cosigning.audit_cosignatures()]
    return sorted((each.index, each.what) for each in faults)


def run(changes: Iterable[Change], *, count: int, steps: int = STEPS) -> Report:
    """Try `count` changes one after the other; say which were not found, or found elsewhere."""
    report = Report()
    with as_owner() as cursor:
        for change in changes:
            if report.tried.total() % steps == 0:
                _check_clean(report)
            if report.tried.total() == count:
                return report
            mark = transaction.savepoint(using="owner")
            try:
                for sql, values in change.statements:
                    cursor.execute(sql, values)
            except DatabaseError:
                report.refused[change.kind] += 1
            else:
                report.tried[change.kind] += 1
                faults = find()
                if not faults or faults[0][0] != change.first:
                    report.missed.append(f"{change.words}: {change.first} expected, found {faults[:3]}")
            finally:
                transaction.savepoint_rollback(mark, using="owner")
    return report


def _check_clean(report: Report) -> None:
    report.clean += 1
    if faults := find():
        report.missed.append(f"nothing was changed, and found was {faults[:3]}")


def campaign(count: int, *, seed: int, steps: int = STEPS) -> Report:
    """Tamper with the log that there is, `count` times."""
    owner = Owner()
    tables = {table: owner.rows(table) for table in TABLES}
    tables["ledger_entry"].sort(key=lambda row: int(row["index"]))
    return run(Deck(tables, random.Random(seed)).draw(), count=count, steps=steps)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the long form; return the exit code."""
    from campaigns.place import database

    parser = argparse.ArgumentParser(prog="python -m campaigns.tamper", description=__doc__)
    parser.add_argument("count", nargs="?", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=7)
    options = parser.parse_args(arguments)
    with database() as folder:
        from django.conf import settings

        from tests.ledger.conftest import full_log

        full_log(settings, Path(folder) / "campaign")
        start = time.monotonic()
        report = campaign(options.count, seed=options.seed)
    for each in report.missed[:20]:
        print(each)
    print(f"seed {options.seed}: {report}; {time.monotonic() - start:.0f} s")
    return 1 if report.missed else 0


if __name__ == "__main__":
    sys.exit(main())
