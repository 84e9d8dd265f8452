"""The lock, and what an append must know of the log once it holds it: all in one round trip."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from django.db import connection

from ledger import bulk
from ledger.admission import Pending
from ledger.models import LogHead
from ledger.tlog.keys import KeyRecord

_LOCK_NUMBER = 0x7761796C6F67  # "waylog"
_LOCK = f"SELECT pg_advisory_xact_lock({_LOCK_NUMBER})"
_HEAD_COLUMNS = tuple(field.attname for field in LogHead._meta.concrete_fields)
_HEAD = f"SELECT {', '.join(_HEAD_COLUMNS)} FROM ledger_head FOR UPDATE"
_ORIGIN = "SELECT origin FROM ledger_head"
_KEYS = (
    "SELECT k.key_id, k.public_key, k.party, k.role, k.registered_index, r.last_valid_index, r.revoked_index,"
    " k.expires_ms FROM ledger_key k LEFT JOIN ledger_keyrevocation r USING (key_id) WHERE k.key_id = ANY(%s)"
)
_WITH_BODIES = "SELECT statement_hash, index, commitment FROM ledger_entry WHERE commitment = ANY(%s::bytea[])"
_WITHOUT = (
    "SELECT statement_hash, index FROM ledger_entry WHERE statement_hash = ANY(%s::bytea[]) AND commitment IS NULL"
)
"""A statement with a body is found by its commitment, which is unique in the log; another by its own hash."""


class LogMissing(RuntimeError):
    """There is no log yet: `create_log` makes it, once."""


@dataclass(frozen=True, slots=True)
class Opened:
    """The head, locked, and what the log says about the statements that wait."""

    head: LogHead
    keys: dict[str, KeyRecord]
    appended: dict[bytes, int]
    """Which of the statements are in the log, by their hash, and where."""
    used: set[bytes | None]
    """Which of their commitments are."""


def lock() -> None:
    """Wait until nobody else appends; until the transaction ends nobody else does."""
    with connection.cursor() as cursor:
        cursor.execute(_LOCK)


def origin() -> str:
    """The log's name. Raises LogMissing."""
    [rows] = bulk.answers((_ORIGIN, ()))
    if not rows:
        raise LogMissing("there is no log yet")
    return str(rows[0][0])


def open_log(pending: Sequence[Pending]) -> Opened:
    """Lock the head; read it, the keys that are named, and what is in the log already."""
    named = {item.statement.key for item in pending}
    named |= {str(item.statement.claims.get("key")) for item in pending if item.statement.type == "key.revoke"}
    commitments = [item.statement.body for item in pending if item.statement.body]
    hashes = [item.statement_hash for item in pending if not item.statement.body]
    questions = [(_WITH_BODIES, commitments), (_WITHOUT, hashes)]
    known = [(sql, [bulk.array("bytea", values)]) for sql, values in questions]
    _, [head], keys, with_bodies, without = bulk.answers((_LOCK, ()), (_HEAD, ()), (_KEYS, [list(named)]), *known)
    return Opened(
        head=LogHead.from_db(connection.alias, _HEAD_COLUMNS, head),
        keys={record.key_id: record for record in map(_record, keys)},
        appended={hashed: index for hashed, index, *_ in (*with_bodies, *without)},
        used={commitment for _, _, commitment in with_bodies},
    )


def key_records(key_ids: Iterable[str]) -> list[KeyRecord]:
    """The registered keys among `key_ids`, with their revocations."""
    [rows] = bulk.answers((_KEYS, [list(key_ids)]))
    return [_record(row) for row in rows]


def _record(row: tuple[Any, ...]) -> KeyRecord:
    return KeyRecord(row[0], row[1], row[2].hex, *row[3:])
