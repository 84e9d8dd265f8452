"""What an audit can say of a range of entries from their own bytes: hashes, columns, signatures, bodies.

Ranges are examined apart, by several processes where asked; what hangs together with other entries is `ledger.audit`'s.
"""

from __future__ import annotations

import ctypes
import gc
import multiprocessing
import os
import sys
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Executor, Future, ProcessPoolExecutor, ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import psycopg
from django.db import connection, connections

from ledger import tenancy
from ledger.admission import scope_of
from ledger.models import Entry, Key
from ledger.tlog import envelope, keys, merkle
from ledger.tlog.envelope import Leaf
from ledger.tlog.errors import TlogError
from ledger.tlog.statement import Statement, commitment, parse_statement
from ledger.tlog.text import decode_base64url

_DEATH_SIGNAL, _KILL = 1, 9  # prctl's PR_SET_PDEATHSIG, SIGKILL


class Said(NamedTuple):
    """What one entry says that hangs together with others; `key` is None where its leaf cannot be read."""

    at: int
    row_key: str
    key: str | None = None
    type: str = ""
    record_time_ms: int = 0
    commitment: bytes | None = None
    statement_hash: bytes = b""
    links: tuple[bytes, ...] = ()
    tenant: bytes | None = None
    """The party that its body is filed under; None where there is no body."""
    chains: tuple[bytes, ...] = ()
    statement: Statement | None = None
    """Of a statement that the ledger itself acts on: about keys, and approvals."""


@dataclass(slots=True)
class Examined:
    """A range of entries: a leaf hash each, what they say, and what is wrong with them by themselves."""

    first: int
    end: int
    leaf_hashes: list[bytes] = field(default_factory=list)
    said: list[Said] = field(default_factory=list)
    faults: list[tuple[int, str]] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Examiner:
    """What every range is held against."""

    origin: str
    public_keys: Mapping[str, bytes]
    trusted_size: int = 0
    """Signatures below are taken as checked before."""

    def examine(self, first: int, end: int, pool: Executor | None = None) -> Examined:
        """Read and examine the entries in [first, end); signatures in `pool`, where one is given."""
        rows = {row[0]: row for row in _read(_ENTRIES, first, end)}
        bodies = {row[0]: row for row in _read(_BODIES, first, end)}
        found = Examined(first, end)
        opened = {index: self._open(index, bytes(row[1]), found) for index, row in rows.items()}
        held = self._signatures(opened, pool)
        for index in range(first, end):
            if index not in rows:
                found.faults.append((index, "the entry is missing"))
                found.leaf_hashes.append(merkle.leaf_hash(b""))
                found.said.append(Said(index, ""))
            else:
                self._one(rows[index], opened[index], bodies.pop(index, None), index in held, found)
        for index in bodies:
            found.faults.append((index, "a body stands beside an entry that has none"))
        return found

    def _open(self, index: int, leaf: bytes, found: Examined) -> _Opened | None:
        try:
            read = envelope.parse_leaf(leaf)
            return _Opened(index, read, parse_statement(read.payload), envelope.signed_bytes(read.payload))
        except TlogError as error:
            found.faults.append((index, f"the leaf cannot be read: {error}"))
            return None

    def _signatures(self, opened: Mapping[int, _Opened | None], pool: Executor | None) -> set[int]:
        """The entries whose signature holds by the key that their statement names."""
        items = [item for item in opened.values() if item is not None]
        if pool is None:
            return set(self._holding(items))
        half = (len(items) + 1) // 2
        return {index for part in pool.map(self._holding, (items[:half], items[half:])) for index in part}

    def _holding(self, items: Sequence[_Opened]) -> list[int]:
        held = []
        for item in items:
            public_key = self.public_keys.get(item.statement.key)
            if public_key is None:
                continue
            if item.at >= self.trusted_size:
                try:
                    keys.verify_signature(public_key, item.signed, item.leaf.signature)
                except TlogError:
                    continue
            held.append(item.at)
        return held

    def _one(self, row: Any, item: _Opened | None, body: Any, signature_holds: bool, found: Examined) -> None:
        index, leaf, stored_hash, key_id = row[0], row[1], row[2], row[6]
        leaf_hash = merkle.leaf_hash(leaf)
        found.leaf_hashes.append(leaf_hash)
        if leaf_hash != stored_hash:
            found.faults.append((index, "the stored leaf hash is not the hash of the leaf"))
        if item is None:
            found.said.append(Said(index, key_id))
            return
        said = item.statement
        self._columns(row, item, found)
        if not signature_holds:
            found.faults.append((index, "the signature does not hold by the key that the statement names"))
        chains: tuple[bytes, ...] = ()
        if body is not None:
            chains = tuple(body[5])
            _examine_body(body, said, chains, found)
        elif said.body is not None:
            found.faults.append((index, "its body is missing"))
        is_acted_on = said.type.startswith("key.") or said.type == "approval.request"
        found.said.append(
            Said(
                index,
                key_id,
                said.key,
                said.type,
                item.leaf.record_time_ms,
                said.body,
                row[3] if said.links or is_acted_on else b"",
                said.links,
                None if body is None else body[4],
                chains,
                said if is_acted_on else None,
            )
        )

    def _columns(self, row: Any, item: _Opened, found: Examined) -> None:
        """What the row holds beside the leaf, and what the leaf says of itself."""
        index, _, _, statement_hash, body, kind, key_id, microseconds = row
        said, leaf = item.statement, item.leaf
        derived = (
            ("statement hash", statement_hash, envelope.hash_of_signed(item.signed)),
            ("commitment", body, said.body),
            ("type", kind, said.type),
            ("key", key_id, said.key),
            ("record time", microseconds, leaf.record_time_ms * 1000),
        )
        for name, stored, computed in derived:
            if stored != computed:
                found.faults.append((index, f"the stored {name} is not the leaf's"))
        if leaf.key_id != said.key:
            found.faults.append((index, "the leaf names another key than its statement"))
        if said.log != self.origin:
            found.faults.append((index, "the statement is for another log"))


class _Opened(NamedTuple):
    """An entry, read."""

    at: int
    leaf: Leaf
    statement: Statement
    signed: bytes


def _examine_body(body: Any, said: Statement, chains: tuple[bytes, ...], found: Examined) -> None:
    index, filed, salt, data, _, _, scopes = body
    if said.body is None or filed != said.body:
        found.faults.append((index, "the body beside it is filed under another commitment"))
    if len(salt) != 32 or commitment(salt, data) != said.body:
        found.faults.append((index, "the statement does not commit to the stored body and salt"))
    if any(len(chain) != 16 for chain in chains) or list(scopes) != [scope_of(chain) for chain in chains]:
        found.faults.append((index, "the body's chains and scopes do not belong together"))


# --- reading


_ENTRIES = (
    b"SELECT index, leaf, leaf_hash, statement_hash, commitment, type, key_id,"
    b" CASE WHEN isfinite(record_time) THEN (extract(epoch FROM record_time) * 1000000)::bigint END"
    b" FROM ledger_entry WHERE index >= %s AND index < %s ORDER BY index"
)
_BODIES = (
    b"SELECT index, commitment, salt, body, uuid_send(tenant), chains, scopes"
    b" FROM ledger_body WHERE index >= %s AND index < %s"
)


def _read(sql: bytes, first: int, end: int) -> list[Any]:
    """Rows as the server sends them, in binary: bytes are not written as text and read again."""
    connection.ensure_connection()
    with connection.wrap_database_errors, psycopg.Cursor(connection.connection) as cursor:
        return cursor.execute(sql, [first, end], binary=True).fetchall()


def public_keys() -> dict[str, bytes]:
    """Every public key that the tables or the entries show, by the id that follows from it: so none can be false.

    Whether and where a key was registered is for the audit to say.
    """
    found = [bytes(raw) for raw in Key.objects.values_list("public_key", flat=True)]
    for leaf in Entry.objects.filter(type="key.register").order_by("index").values_list("leaf", flat=True):
        try:
            said = parse_statement(envelope.parse_leaf(bytes(leaf)).payload)
            found.append(decode_base64url(str(said.claims.get("public_key")), "the public key"))
        except TlogError:
            continue  # the entry's own fault
    return {keys.key_id(raw): raw for raw in found if len(raw) == 32}


# --- several ranges, in order


def examine_all(examiner: Examiner, ranges: Sequence[tuple[int, int]], *, processes: int = 1) -> Iterator[Examined]:
    """Examine each range, and yield the results in the ranges' order; in other processes when there are to be more."""
    if processes <= 1:
        with ThreadPoolExecutor(2) as threads:
            yield from (examiner.examine(first, end, threads) for first, end in ranges)
        return
    context = multiprocessing.get_context("fork")
    with ProcessPoolExecutor(processes, context, _begin, (examiner, os.getpid())) as pool:
        yield from _in_order(lambda part: pool.submit(_examine, *part), ranges, ahead=3 * processes)


def _in_order(
    submit: Callable[[tuple[int, int]], Future[_Sent]], ranges: Sequence[tuple[int, int]], *, ahead: int
) -> Iterator[Examined]:
    waiting: deque[Future[_Sent]] = deque()
    for part in ranges:
        waiting.append(submit(part))
        if len(waiting) > ahead:
            yield _received(waiting.popleft().result())
    while waiting:
        yield _received(waiting.popleft().result())


_Sent = tuple[int, int, bytes, list[tuple[Any, ...]], list[tuple[int, str]]]
"""What a process sends back: plain values, which cost the least to write and to read."""

_inherited: list[Any] = []
"""In a child: connections of the parent, kept and never used, so that nothing here closes them."""
_examiner: list[Examiner] = []


def _begin(examiner: Examiner, parent: int) -> None:
    """Make a forked process ready: it ends with its parent and has connections of its own."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_DEATH_SIGNAL, _KILL)
        if os.getppid() != parent:
            os._exit(1)
    for alias in list(connections):
        _inherited.append(connections[alias])
        del connections[alias]
    _examiner.append(examiner)
    gc.disable()  # a range leaves no cycles, and is gone once it is sent


def _examine(first: int, end: int) -> _Sent:
    with tenancy.system():
        found = _examiner[0].examine(first, end)
    return first, end, b"".join(found.leaf_hashes), [tuple(each) for each in found.said], found.faults


def _received(sent: _Sent) -> Examined:
    first, end, raw, said, faults = sent
    hashes = [raw[at : at + 32] for at in range(0, len(raw), 32)]
    return Examined(first, end, hashes, [Said._make(each) for each in said], faults)
