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
import signal
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import takewhile
from pathlib import Path
from typing import Any

from django.db import DatabaseError, connections, transaction

from campaigns.deck import Change, Deck, tables

STEPS = 400
"""So many changes, then the clean log is checked again."""


_DROP_UNIQUE = """
CREATE FUNCTION campaign_drop_unique(wanted text, named text) RETURNS void LANGUAGE plpgsql AS $$
DECLARE found text;
BEGIN
  FOR found IN SELECT conname FROM pg_constraint c JOIN pg_attribute a ON a.attrelid = c.conrelid
    AND c.conkey = ARRAY[a.attnum] WHERE c.conrelid = wanted::regclass AND c.contype = 'u' AND a.attname = named
  LOOP EXECUTE format('ALTER TABLE %I DROP CONSTRAINT %I', wanted, found); END LOOP;
END $$
"""


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


@contextmanager
def as_owner() -> Iterator[Any]:
    """Let this thread do everything as the tables' owner, without triggers, in one transaction that is taken back."""
    owner, before = connections["owner"], connections["default"]
    with transaction.atomic(using="owner"):
        with owner.cursor() as cursor:
            for table in tables():
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


def campaign(count: int, *, seed: int, steps: int = STEPS, is_ended: Callable[[], bool] = lambda: False) -> Report:
    """Tamper with the log that there is, `count` times."""
    owner = Owner()
    held = {table: owner.rows(table) for table in tables()}
    held["ledger_entry"].sort(key=lambda row: int(row["index"]))
    changes = takewhile(lambda _: not is_ended(), Deck(held, random.Random(seed)).draw())
    return run(changes, count=count, steps=steps)


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
        told: list[int] = []  # Ctrl-C or a polite kill: what was tried by then is reported
        for each in (signal.SIGINT, signal.SIGTERM):
            signal.signal(each, lambda number, _: told.append(number))
        report = campaign(options.count, seed=options.seed, is_ended=lambda: bool(told))
    for missed in report.missed[:20]:
        print(missed)
    print(f"seed {options.seed}: {report}; {time.monotonic() - start:.0f} s")
    return 1 if report.missed else 0


if __name__ == "__main__":
    sys.exit(main())
