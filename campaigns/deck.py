"""Every change that there is to the log's tables, and where the audit must see it first, for `campaigns.tamper`."""

from __future__ import annotations

import json
import random
from collections.abc import Container, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from types import MappingProxyType
from typing import Any
from uuid import UUID, uuid4

from django.apps import apps

from ledger.tlog.envelope import parse_leaf
from ledger.tlog.errors import TlogError

BESIDE = {
    "ledger_scopereader": "a projection of who takes part in which shipment: its auditor makes it again",
    "ledger_witnessanswer": "what a witness answered last: news, which the next answer replaces",
    "ledger_sealedkey": "secrets, sealed and authenticated by the secret that opens them",
    "ledger_verifiedto": "a mark of earlier checks: what is below it is compared by its root",
    "ledger_auditrun": "reports of earlier checks",
    "ledger_auditposition": "where a check stood, authenticated by a secret that is not in the database",
}
"""The tables of the ledger that are not the log, and why."""
REPLACEABLE = ("ledger_head", "ledger_checkpoint", "ledger_cosignature")
"""What is not missed when a row is gone: a checkpoint is made again from the tiles, a witness cosigns again.

Nor is the last disclosure of a body: a digest that nothing was ever told for looks the same.
"""


Row = dict[str, Any]
Statement = tuple[str, Sequence[Any]]
WIDTH = 256


@cache
def tables() -> dict[str, tuple[str, ...]]:
    """The log's tables and what names a row of each: every table of the ledger that is not known to lie beside it."""
    models = {each._meta.db_table: each for each in apps.get_app_config("ledger").get_models(include_auto_created=True)}
    return {
        name: tuple(str(field.column) for field in model._meta.pk_fields)
        for name, model in models.items()
        if name not in BESIDE
    }


@dataclass(frozen=True)
class Change:
    """What is done to the tables, in words and in SQL, and the first index that the audit must name."""

    kind: str
    words: str
    statements: tuple[Statement, ...]
    first: int


def _stranger_too(readers: str) -> str:
    """The readers that a tombstone names, and one more."""
    return json.dumps([*json.loads(readers), [str(uuid4()), str(uuid4())]])


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


class Deck:
    """Every change there is for a log, to be drawn in an order that the dice give; one of each column comes first."""

    def __init__(self, tables: dict[str, list[Row]], dice: random.Random) -> None:
        self.tables, self.dice = tables, dice
        self.size = len(tables["ledger_entry"])
        self.cosigned = {row["tree_size"] for row in tables["ledger_cosignature"]}
        self.erasures = list(_erasures(tables))
        self.last_told = {row["index"]: row["position"] for row in sorted(tables["ledger_disclosure"], key=_position)}
        cells = [
            (table, row, column)
            for table, rows in tables.items()
            for row in rows
            for column in (*row, None)
            if (table, column) != ("ledger_head", "id") and (column or table not in REPLACEABLE)
            if column or table != "ledger_disclosure" or row["position"] < self.last_told[row["index"]]
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
        key = {name: row[name] for name in tables()[table]}
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
        if column == "readers":
            return _stranger_too(value)
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
            case "ledger_disclosure", "index":
                return int(after if row["position"] == self.last_told[row["index"]] else row["index"])
            case "ledger_entry", _:
                index = int(row["index"])
                is_lost = column in ("", "index") or (column == "leaf" and _payload(after) != _payload(row["leaf"]))
                return self._or_erased(index, {index} if is_lost else set())
        return int(row[PLACE[table]])

    def _or_erased(self, first: int, lost: Container[int], moved: Mapping[int, int] = MappingProxyType({})) -> int:
        """The first index at fault: an entry before it whose body is gone too, where what erased it counts no more."""
        for erased, asked, done in self.erasures:
            places = [moved.get(each, each) for each in (erased, asked, done)]
            if asked in lost or done in lost or places != sorted(places):
                first = min(first, places[0])
        return first

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
        first = self._or_erased(low, (), {low: high, high: low})
        return Change("reorder", f"entries {low} and {high} change places", statements, first)

    def replayed(self) -> Change:
        """An old entry stands again in the place of a later one, with all that follows from its leaf."""
        low, high = sorted(self.dice.sample(range(self.size), 2))
        [old] = self._entries(low)
        statements = (*_FREE, _delete("ledger_entry", "index", high), _insert("ledger_entry", old | {"index": high}))
        first = self._or_erased(high, {high})
        return Change("replay", f"entry {low} again in the place of {high}", statements, first)

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
        first = self._or_erased(at, range(at, self.size))
        return Change("truncate", f"cut at {at} in {', '.join(tables)}", statements, first)

    def shifted(self) -> Change:
        """One entry is taken out and all later ones move up."""
        at = self.dice.randrange(self.size - 1)
        statements = (
            *_FREE,
            _delete("ledger_entry", "index", at),
            ("UPDATE ledger_entry SET index = -index WHERE index > %s", [at]),
            ("UPDATE ledger_entry SET index = -index - 1 WHERE index < 0", []),
        )
        first = self._or_erased(at, {at})
        return Change("reorder", f"entry {at} taken out, later ones moved up", statements, first)


PLACE = {
    "ledger_entry": "index",
    "ledger_key": "registered_index",
    "ledger_keyrevocation": "revoked_index",
    "ledger_attestation": "by_index",
    "ledger_body": "index",
    "ledger_tombstone": "erased_index",
    "ledger_disclosure": "index",
}
_TAILS = ("ledger_key", "ledger_keyrevocation", "ledger_body")
_FREE: tuple[Statement, ...] = (
    ("SELECT campaign_drop_unique('ledger_entry', 'commitment')", []),
    ("DROP INDEX ledger_entry_without_body_once", []),
)


def _erasures(tables: Mapping[str, list[Row]]) -> Iterator[tuple[int, int, int]]:
    """Of each erased body: its entry, the entry that asked for it, the one that did it."""
    asked = {bytes(row["statement_hash"]).hex(): int(row["index"]) for row in tables["ledger_entry"]}
    leaves = {int(row["index"]): row["leaf"] for row in tables["ledger_entry"]}
    for row in tables["ledger_tombstone"]:
        claims = json.loads(_payload(leaves[row["erased_index"]]) or b"")["claims"]
        yield row["index"], asked[claims["approval"]], row["erased_index"]


def _payload(leaf: Any) -> bytes | None:
    """What a leaf holds of its signer; None where it cannot be read."""
    try:
        return parse_leaf(bytes(leaf)).payload
    except TlogError:
        return None


def _position(row: Row) -> int:
    return int(row["position"])


def _insert(table: str, row: Row) -> Statement:
    names = ", ".join(f'"{name}"' for name in row)
    return f"INSERT INTO {table} ({names}) VALUES ({', '.join(['%s'] * len(row))})", list(row.values())


def _delete(table: str, column: str, value: Any) -> Statement:
    return f'DELETE FROM {table} WHERE "{column}" = %s', [value]


def _short(value: Any) -> str:
    text = bytes(value).hex() if isinstance(value, bytes | memoryview) else str(value)
    return text if len(text) < 24 else text[:20] + "..."
