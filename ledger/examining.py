"""What an audit can say of a range of entries from their own bytes: hashes, columns, signatures, bodies.

Ranges are examined apart, by several processes where asked; what hangs together with other entries is `ledger.audit`'s.
"""

from __future__ import annotations

import ctypes
import gc
import multiprocessing
import os
import struct
import sys
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Executor, Future, ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import lru_cache
from multiprocessing.connection import Connection
from typing import Any, NamedTuple, TypeVar

import psycopg
from django.db import connection, connections

from ledger import tenancy
from ledger.admission import scope_of
from ledger.models import Body, Entry, Key, Tile
from ledger.tlog import envelope, keys, merkle, tile
from ledger.tlog.envelope import Leaf
from ledger.tlog.errors import TlogError
from ledger.tlog.statement import Statement, commitment, parse_statement
from ledger.tlog.text import decode_base64url

_Done = TypeVar("_Done")
_DEATH_SIGNAL, _KILL = 1, 9  # prctl's PR_SET_PDEATHSIG, SIGKILL


_Fault = tuple[int, str, str]
"""An index, what is wrong there, and in which part: entries or bodies."""


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
    """Of a statement that the ledger itself acts on: about keys, approvals, and erasures."""
    lacks_body: bool = False
    """It commits to a body, and none is there: only a later erasure explains that."""


@dataclass(slots=True)
class Examined:
    """A range of entries: a leaf hash each, what they say, and what is wrong with them by themselves."""

    first: int
    end: int
    leaf_hashes: list[bytes] = field(default_factory=list)
    tile_roots: list[bytes] = field(default_factory=list)
    """The roots over each 256 of them, from the first on, as far as there are 256."""
    said: list[Said] = field(default_factory=list)
    faults: list[_Fault] = field(default_factory=list)


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
                found.faults.append((index, "the entry is missing", "entries"))
                found.leaf_hashes.append(merkle.leaf_hash(b""))
                found.said.append(Said(index, ""))
            else:
                self._one(rows[index], opened[index], bodies.pop(index, None), index in held, found)
        for index in bodies:
            found.faults.append((index, "a body stands beside an entry that has none", "bodies"))
        full = range(0, len(found.leaf_hashes) - tile.WIDTH + 1, tile.WIDTH)
        found.tile_roots = [merkle.root_of(found.leaf_hashes[at : at + tile.WIDTH]) for at in full]
        return found

    def _open(self, index: int, leaf: bytes, found: Examined) -> _Opened | None:
        try:
            read = envelope.parse_leaf(leaf)
            return _Opened(index, read, parse_statement(read.payload), envelope.signed_bytes(read.payload))
        except TlogError as error:
            found.faults.append((index, f"the leaf cannot be read: {error}", "entries"))
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
        for at, leaf, said, signed in items:
            public_key = self.public_keys.get(said.key)
            if public_key is None:
                continue
            if at >= self.trusted_size:
                try:
                    keys.verify_signature(public_key, signed, leaf.signature)
                except TlogError:
                    continue
            held.append(at)
        return held

    def _one(self, row: Any, item: _Opened | None, body: Any, signature_holds: bool, found: Examined) -> None:
        index, leaf, stored_hash, statement_hash, _, _, key_id, _ = row
        leaf_hash = merkle.leaf_hash(leaf)
        found.leaf_hashes.append(leaf_hash)
        if leaf_hash != stored_hash:
            found.faults.append((index, "the stored leaf hash is not the hash of the leaf", "entries"))
        if item is None:
            found.said.append(Said(index, key_id))
            return
        said = item.statement
        self._columns(row, item, found)
        if not signature_holds:
            found.faults.append((index, "the signature does not hold by the key that the statement names", "entries"))
        tenant, chains = _examine_body(body, said, found) if body is not None else (None, ())
        is_acted_on = said.type in _ACTED_ON
        lacks_body = body is None and said.body is not None
        found.said.append(
            Said(
                index,
                key_id,
                said.key,
                said.type,
                item.leaf.record_time_ms,
                said.body,
                statement_hash if said.links or is_acted_on else b"",
                said.links,
                tenant,
                chains,
                said if is_acted_on else None,
                lacks_body,
            )
        )

    def _columns(self, row: Any, item: _Opened, found: Examined) -> None:
        """What the row holds beside the leaf, and what the leaf says of itself."""
        index, said, leaf = row[0], item.statement, item.leaf
        hashed = envelope.hash_of_signed(item.signed)
        derived = (hashed, said.body, said.type, said.key, _sent_time(leaf.record_time_ms))
        if row[3:] != derived:
            for name, stored, computed in zip(_DERIVED, row[3:], derived, strict=True):
                if stored != computed:
                    found.faults.append((index, f"the stored {name} is not the leaf's", "entries"))
        if leaf.key_id != said.key:
            found.faults.append((index, "the leaf names another key than its statement", "entries"))
        if said.log != self.origin:
            found.faults.append((index, "the statement is for another log", "entries"))


_DERIVED = ("statement hash", "commitment", "type", "key", "record time")
_ACTED_ON = frozenset({"key.register", "key.revoke", "key.attest", "approval.request", "body.erased"})


class _Opened(NamedTuple):
    """An entry, read."""

    at: int
    leaf: Leaf
    statement: Statement
    signed: bytes


def _examine_body(body: Any, said: Statement, found: Examined) -> tuple[bytes, tuple[bytes, ...]]:
    """Hold a body against its statement; return whom it is filed under, and its chains."""
    index, filed, salt, data, tenant, chains, scopes = body
    if said.body is None or filed != said.body:
        found.faults.append((index, "the body beside it is filed under another commitment", "bodies"))
    if len(salt) != 32 or commitment(salt, data) != said.body:
        found.faults.append((index, "the statement does not commit to the stored body and salt", "bodies"))
    if chains is None:
        return tenant, ()
    if any(not isinstance(chain, bytes) or len(chain) != 16 for chain in chains) or scopes != _sent_scopes(chains):
        found.faults.append((index, "the body's chains and scopes do not belong together", "bodies"))
        chains = [chain for chain in chains if isinstance(chain, bytes)]
    return tenant, tuple(chains)


def _sent_scopes(chains: Sequence[bytes]) -> bytes:
    """The scopes of these chains as PostgreSQL sends an array of them: one dimension, no nulls, type uuid."""
    if not chains:
        return struct.pack("!iiI", 0, 0, _UUID)
    return struct.pack("!iiIii", 1, 0, _UUID, len(chains), 1) + b"".join(
        [b"\0\0\0\x10" + _scope(chain) for chain in chains]
    )


@lru_cache(maxsize=64)
def _sent_time(milliseconds: int) -> bytes:
    """A time as PostgreSQL sends it: microseconds since the year 2000."""
    return (milliseconds * 1_000 - _YEAR_2000).to_bytes(8, "big", signed=True)


_YEAR_2000 = 946_684_800_000_000
_UUID = 2950
"""PostgreSQL's number for the type uuid."""


@lru_cache(maxsize=4_096)
def _scope(chain: bytes) -> bytes:
    return scope_of(chain).bytes


# --- reading


_ENTRIES = (
    b"SELECT index, leaf, leaf_hash, statement_hash, commitment, type, key_id, timestamptz_send(record_time)"
    b" FROM ledger_entry WHERE index >= %s AND index < %s ORDER BY index"
)
_BODIES = (
    b"SELECT index, commitment, salt, body, uuid_send(tenant),"
    b" CASE WHEN chains <> '{}' OR scopes <> '{}' THEN chains END,"
    b" CASE WHEN chains <> '{}' OR scopes <> '{}' THEN array_send(scopes) END"
    b" FROM ledger_body WHERE index >= %s AND index < %s"
)
"""Arrays only where there are any: most bodies belong to no chain, and an array costs more to read than the body."""


def _read(sql: bytes, first: int, end: int) -> list[Any]:
    """Rows as the server sends them, in binary: bytes are not written as text and read again."""
    connection.ensure_connection()
    with connection.wrap_database_errors, psycopg.Cursor(connection.connection) as cursor:
        return cursor.execute(sql, [first, end], binary=True).fetchall()


def stored_hashes(size: int) -> tuple[bytearray, list[bytes]]:
    """The leaf hashes of the first `size` entries as the tiles hold them, and the root that each full tile gives."""
    raw, roots = bytearray(), []
    rows = Tile.objects.filter(level=0, index__gte=0, index__lt=size // tile.WIDTH).order_by("index")
    for hashes in rows.values_list("hashes", flat=True).iterator(chunk_size=500):
        data = bytes(hashes)
        raw += data
        roots.append(merkle.root_of([data[at : at + 32] for at in range(0, len(data) - 31, 32)]))
    rest = Entry.objects.filter(index__gte=len(roots) * tile.WIDTH, index__lt=size).order_by("index")
    for leaf_hash in rest.values_list("leaf_hash", flat=True):
        raw += bytes(leaf_hash)
    return raw, roots


def kept_commitments(commitments: Iterable[bytes]) -> list[bytes]:
    """Those of the commitments whose body is kept, beside the entry that has the commitment."""
    found = dict(Entry.objects.filter(commitment__in=list(commitments)).values_list("index", "commitment"))
    kept = Body.objects.filter(index__in=list(found)).values_list("index", flat=True)
    return [bytes(found[index] or b"") for index in kept]


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


@contextmanager
def apart(
    work: Callable[[str], _Done], names: Sequence[str], *, processes: int = 1
) -> Iterator[Callable[[], list[_Done]]]:
    """Begin `work` for each name, and yield what waits for the results, in the order of the names.

    Where there may be more than one of `processes`, each name has a process of its own, which works meanwhile; else the
    work is done when its results are asked for. Raises what `work` raises, from another process ApartFailed.
    """
    if processes <= 1 or not names:
        yield lambda: [work(name) for name in names]
        return
    context = multiprocessing.get_context("fork")
    begun = []
    for name in names:
        ours, theirs = context.Pipe(duplex=False)
        process = context.Process(target=_apart, args=(work, name, theirs, os.getpid()))
        process.start()
        theirs.close()
        begun.append((process, ours))
    try:
        yield lambda: [_result(ours) for _, ours in begun]
    finally:
        for process, ours in begun:
            process.terminate()  # nobody waits any more
            process.join()
            ours.close()


class ApartFailed(RuntimeError):
    """A process that took part in the audit failed; the message says with what."""


def _apart(work: Callable[[str], _Done], name: str, theirs: Connection, parent: int) -> None:
    _begin(None, parent)
    try:
        with tenancy.system():
            theirs.send((work(name), ""))
    except Exception as failure:  # it is raised where the result is asked for
        theirs.send((None, f"{name}: {type(failure).__name__}: {failure}"))


def _result(ours: Connection) -> Any:
    try:
        done, failure = ours.recv()
    except EOFError:
        done, failure = None, "it ended without a result"
    if failure:
        raise ApartFailed(failure)
    return done


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


_Sent = tuple[int, int, bytes, list[bytes], list[tuple[Any, ...]], list[_Fault]]
"""What a process sends back: plain values, which cost the least to write and to read."""

_inherited: list[Any] = []
"""In a child: connections of the parent, kept and never used, so that nothing here closes them."""
_examiner: list[Examiner] = []


def _begin(examiner: Examiner | None, parent: int) -> None:
    """Make a forked process ready: it ends with its parent and has connections of its own."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_DEATH_SIGNAL, _KILL)
        if os.getppid() != parent:
            os._exit(1)
    for alias in list(connections):
        _inherited.append(connections[alias])
        del connections[alias]
    if examiner is None:
        return
    _examiner.append(examiner)
    gc.disable()  # a range leaves no cycles, and is gone once it is sent


def _examine(first: int, end: int) -> _Sent:
    with tenancy.system():
        found = _examiner[0].examine(first, end)
    said = [tuple(each) for each in found.said]
    return first, end, b"".join(found.leaf_hashes), found.tile_roots, said, found.faults


def _received(sent: _Sent) -> Examined:
    first, end, raw, tile_roots, said, faults = sent
    hashes = [raw[at : at + 32] for at in range(0, len(raw), 32)]
    return Examined(first, end, hashes, tile_roots, [Said._make(each) for each in said], faults)
