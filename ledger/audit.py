"""The whole-log check: everything the log's tables hold is computed again from the stored bytes alone.

Nothing that the database says beside the leaves is believed: hashes, tiles, root, checkpoint, keys, decisions about
keys, links and body commitments follow from the leaves and bodies, and what differs is named with its index.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from ledger import keyrules
from ledger.admission import Refused, scope_of
from ledger.models import Attestation, Body, Checkpoint, Entry, Key, KeyRevocation, LogHead, Tile
from ledger.tlog import checkpoint as checkpoints
from ledger.tlog import envelope, keys, merkle, note, tile
from ledger.tlog.envelope import Leaf
from ledger.tlog.errors import TlogError
from ledger.tlog.keys import KeyRecord
from ledger.tlog.statement import ZERO, Statement, commitment, link, parse_statement

CHUNK = 1_000
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True, order=True)
class Fault:
    """What does not hold, and the first index it concerns (-1: the log as a whole)."""

    index: int
    what: str

    def __str__(self) -> str:
        return f"entry {self.index}: {self.what}" if self.index >= 0 else self.what


@dataclass(slots=True)
class Found:
    """What a check found; the log holds when `faults` is empty."""

    origin: str
    tree_size: int
    checkpoint: str
    root_hash: bytes = b""
    faults: list[Fault] = field(default_factory=list)
    leaf_hashes: bytearray = field(default_factory=bytearray)
    disputed: set[int] = field(default_factory=set)
    keys: dict[str, KeyRecord] = field(default_factory=dict)
    links: int = 0
    bodies: int = 0

    @property
    def holds(self) -> bool:
        return not self.faults

    def first_bad_index(self) -> int | None:
        """The smallest index at fault, or None."""
        return min((fault.index for fault in self.faults), default=None)


Auditor = Callable[[], Iterator[Fault]]
_auditors: dict[str, Auditor] = {}


def register_auditor(name: str, auditor: Auditor) -> None:
    """Let another room check what it derives from the log: its auditor yields a Fault for whatever differs."""
    _auditors[name] = auditor


def check_projections() -> Iterator[tuple[str, list[Fault]]]:
    """Run the registered auditors, one after the other."""
    for name, auditor in _auditors.items():
        yield name, sorted(auditor())


def check_log(
    *, tree_size: int | None = None, trusted_size: int = 0, progress: Callable[[int], None] = lambda done: None
) -> Found:
    """Check the log from its stored bytes; stop at `tree_size` if given.

    Signatures below `trusted_size` are taken as checked before; the caller compares the root it had then.
    """
    head = LogHead.objects.get()
    size = head.tree_size if tree_size is None else min(tree_size, head.tree_size)
    check = _Check(Found(head.origin, size, head.checkpoint), trusted_size)
    check.entries(progress)
    check.tree(head)
    check.key_tables()
    check.found.faults.sort()
    return check.found


@dataclass(slots=True)
class _Opened:
    """An entry with what its leaf says."""

    row: Entry
    leaf: Leaf | None = None
    statement: Statement | None = None


class _Check:
    """One pass over the log, in order."""

    def __init__(self, found: Found, trusted_size: int) -> None:
        self.found = found
        self.trusted_size = trusted_size
        self.range = merkle.CompactRange()
        self.table = keyrules.KeyTable()
        self.candidates: dict[str, bytes] = {}
        self.attested: dict[int, int] = {}
        self.heads: dict[bytes, bytes] = {}
        self.commitments: set[bytes] = set()
        self.roots_at: dict[int, bytes] = {}
        self.last_time = 0
        self.entry_keys: list[str] = []
        self.pool = ThreadPoolExecutor(2)

    def fault(self, index: int, what: str) -> None:
        self.found.faults.append(Fault(index, what))

    # entries, in order

    def entries(self, progress: Callable[[int], None]) -> None:
        wanted = set(Checkpoint.objects.values_list("tree_size", flat=True))
        at = 0
        while at < self.found.tree_size:
            end = min(at + CHUNK, self.found.tree_size)
            rows = list(Entry.objects.filter(index__gte=at, index__lt=end).order_by("index"))
            bodies = {body.index: body for body in Body.objects.filter(index__gte=at, index__lt=end)}
            hashes = self.chunk(at, end, rows, bodies)
            for size in sorted(size for size in wanted if at < size < end):
                self.roots_at[size] = self.range.extend(hashes[: size - at]).root()
            self.range = self.range.extend(hashes)
            self.found.leaf_hashes += b"".join(hashes)
            self.roots_at[end] = self.range.root()
            at = end
            progress(at)
        self.pool.shutdown()
        if Entry.objects.filter(index__gte=LogHead.objects.get().tree_size).exists():
            self.fault(LogHead.objects.get().tree_size, "the table holds entries beyond the size of the log")
        if Entry.objects.filter(index__lt=0).exists():
            self.fault(-1, "the table holds an entry with a negative index")

    def chunk(self, at: int, end: int, rows: list[Entry], bodies: dict[int, Body]) -> list[bytes]:
        opened = [self.open(row) for row in rows]
        signatures = self.signatures(opened)
        by_index = {item.row.index: (item, held) for item, held in zip(opened, signatures, strict=True)}
        hashes = []
        for index in range(at, end):
            if index not in by_index:
                self.fault(index, "the entry is missing")
                hashes.append(merkle.leaf_hash(b""))
                self.entry_keys.append("")
                continue
            item, held = by_index[index]
            hashes.append(self.one(item, bodies.pop(index, None), held))
        for index in bodies:
            self.fault(index, "a body stands beside an entry that has none")
        return hashes

    def open(self, row: Entry) -> _Opened:
        try:
            leaf = envelope.parse_leaf(bytes(row.leaf))
            return _Opened(row, leaf, parse_statement(leaf.payload))
        except TlogError as error:
            self.fault(row.index, f"the leaf cannot be read: {error}")
            return _Opened(row)

    def signatures(self, opened: list[_Opened]) -> list[bool]:
        """Whether each signature holds by the key its statement names; keys are learned on the way."""
        public: list[bytes | None] = []
        for item in opened:
            found = item.statement
            if found is not None and found.type == "key.register":
                try:
                    asked = keyrules.read_registration(found)
                    self.candidates[asked.key_id] = asked.public_key
                except Refused:
                    pass
            public.append(self.candidates.get(found.key) if found else None)
        half = (len(opened) + 1) // 2
        parts = (
            (opened[:half], public[:half]),
            (opened[half:], public[half:]),
        )
        return [held for part in self.pool.map(lambda part: self.check_signatures(*part), parts) for held in part]

    def check_signatures(self, opened: list[_Opened], public: list[bytes | None]) -> list[bool]:
        return [self.signature_holds(item, key) for item, key in zip(opened, public, strict=True)]

    def signature_holds(self, item: _Opened, public_key: bytes | None) -> bool:
        if item.leaf is None or public_key is None:
            return False
        if item.row.index < self.trusted_size:
            return True
        try:
            keys.verify_signature(public_key, envelope.signed_bytes(item.leaf.payload), item.leaf.signature)
        except TlogError:
            return False
        return True

    def one(self, item: _Opened, body: Body | None, signature_holds: bool) -> bytes:
        row, index = item.row, item.row.index
        leaf_hash = merkle.leaf_hash(bytes(row.leaf))
        self.entry_keys.append(row.key_id)
        if leaf_hash != bytes(row.leaf_hash):
            self.fault(index, "the stored leaf hash is not the hash of the leaf")
        if item.leaf is None or item.statement is None:
            return leaf_hash
        self.columns(row, item.leaf, item.statement)
        if not signature_holds:
            self.fault(index, "the signature does not hold by the key that the statement names")
        self.admission(index, item.statement)
        self.body(index, row, item.statement, body)
        return leaf_hash

    def columns(self, row: Entry, leaf: Leaf, found: Statement) -> None:
        """What the row holds beside the leaf, and what the leaf says of itself."""
        derived = {
            "statement hash": (bytes(row.statement_hash), envelope.statement_hash(leaf.payload)),
            "commitment": (None if row.commitment is None else bytes(row.commitment), found.body),
            "type": (row.type, found.type),
            "key": (row.key_id, found.key),
            "record time": (row.record_time, _EPOCH + timedelta(milliseconds=leaf.record_time_ms)),
        }
        for name, (stored, computed) in derived.items():
            if stored != computed:
                self.fault(row.index, f"the stored {name} is not the leaf's")
        if leaf.key_id != found.key:
            self.fault(row.index, "the leaf names another key than its statement")
        if found.log != self.found.origin:
            self.fault(row.index, "the statement is for another log")
        if leaf.record_time_ms < self.last_time:
            self.fault(row.index, "the record time is before that of an earlier entry")
        self.last_time = max(self.last_time, leaf.record_time_ms)
        if found.body is not None:
            if found.body in self.commitments:
                self.fault(row.index, "the commitment stands at an earlier entry already")
            self.commitments.add(found.body)

    def admission(self, index: int, found: Statement) -> None:
        """Decide again what was decided about keys when the entry came in."""
        signer = self.table.known.get(found.key)
        try:
            if signer is not None:
                keyrules.check_may_sign(found, signer, index)
            elif index:
                self.fault(index, "the key is not registered before the entry")
                return
            if found.type == "key.register":
                asked = keyrules.admit_registration(found, signer, index, self.table)
                self.table.known[asked.key_id] = KeyRecord(
                    asked.key_id, asked.public_key, asked.party, asked.role, index
                )
            elif found.type == "key.revoke" and signer is not None:
                self.revoke(index, keyrules.admit_revocation(found, signer, index, self.table))
            elif found.type == "key.attest":
                self.attested.update(dict.fromkeys(keyrules.parse_attestation(found), index))
        except Refused as refused:
            self.fault(index, f"it should have been refused: {refused}")

    def revoke(self, index: int, revoked: keyrules.Revocation) -> None:
        old = self.table.known[revoked.key_id]
        self.table.known[revoked.key_id] = KeyRecord(
            old.key_id, old.public_key, old.party, old.role, old.registered_index, revoked.last_valid_index, index
        )

    def body(self, index: int, row: Entry, found: Statement, body: Body | None) -> None:
        if body is None:
            if found.body is not None:
                self.fault(index, "its body is missing")
            return
        self.found.bodies += 1
        if found.body is None or bytes(body.commitment) != found.body:
            self.fault(index, "the body beside it is filed under another commitment")
        salt, data = bytes(body.salt), bytes(body.body)
        if len(salt) != 32 or commitment(salt, data) != found.body:
            self.fault(index, "the statement does not commit to the stored body and salt")
        signer = self.table.known.get(found.key)
        if signer is None or body.tenant != UUID(signer.party):
            self.fault(index, "the body is filed under another party than the signer's")
        chains = [bytes(chain) for chain in body.chains]
        if any(len(chain) != 16 for chain in chains) or list(body.scopes) != [scope_of(chain) for chain in chains]:
            self.fault(index, "the body's chains and scopes do not belong together")
        self.links(index, row, found, chains)

    def links(self, index: int, row: Entry, found: Statement, chains: list[bytes]) -> None:
        """Each link must follow the latest linked statement of its chain."""
        if len(chains) < len(found.links):
            self.fault(index, "a link's chain is missing")
            return
        for position, stated in enumerate(found.links):
            chain = chains[position]
            if len(chain) != 16 or link(chain, self.heads.get(chain, ZERO)) != stated:
                self.fault(index, "its link does not follow the latest statement of its chain")
            self.heads[chain] = bytes(row.statement_hash)
            self.found.links += 1

    # after the entries

    def tree(self, head: LogHead) -> None:
        self.found.root_hash = self.range.root()
        whole = self.found.tree_size == head.tree_size
        if whole:
            if bytes(head.root_hash) != self.found.root_hash:
                self.fault(self.found.tree_size, "the stored root is not the root of the entries")
            if bytes(head.frontier) != self.range.to_bytes():
                self.fault(self.found.tree_size, "the stored compact range is not that of the entries")
            if head.record_time_ms != self.last_time:
                self.fault(self.found.tree_size, "the head's record time is not the last entry's")
            self.checkpoint(head.checkpoint, head.tree_size, self.found.root_hash, head)
        self.tiles(whole)
        for kept in Checkpoint.objects.order_by("tree_size"):
            if kept.tree_size > head.tree_size:
                self.fault(kept.tree_size, "a kept checkpoint is larger than the log")
            elif kept.tree_size <= self.found.tree_size:
                root = self.roots_at.get(kept.tree_size, merkle.empty_root())
                if bytes(kept.root_hash) != root:
                    self.fault(kept.tree_size, "a kept checkpoint's root is not the root of the entries")
                self.checkpoint(kept.note, kept.tree_size, root, head)

    def checkpoint(self, text: str, size: int, root: bytes, head: LogHead) -> None:
        """The note must be signed by the log's key, which must be registered, and say this size and root."""
        record = self.table.known.get(head.log_key_id)
        if record is None or record.role != "log":
            self.fault(size, "the log's key is not registered in the log")
            return
        verifier = note.VerifierKey(name=head.origin, public_key=record.public_key)
        try:
            opened = checkpoints.open_checkpoint(text, verifiers=[verifier])
        except TlogError as error:
            self.fault(size, f"the checkpoint does not hold: {error}")
            return
        if (opened.origin, opened.tree_size, opened.root_hash) != (head.origin, size, root):
            self.fault(size, "the checkpoint says another size or root than the entries have")

    def tiles(self, whole: bool) -> None:
        """Every full tile is there, and holds the hashes that follow from the leaves; nothing else is there."""
        level, raw = 0, bytes(self.found.leaf_hashes)
        while True:
            count = len(raw) // (32 * tile.WIDTH)
            expected = {n: raw[n * 32 * tile.WIDTH : (n + 1) * 32 * tile.WIDTH] for n in range(count)}
            roots = self.tile_level(level, expected, whole)
            if not count:
                break
            level, raw = level + 1, b"".join(roots)
        if whole and (extra := Tile.objects.filter(level__gt=level).order_by("level", "index").first()):
            self.fault(extra.index * tile.WIDTH ** (extra.level + 1), "a tile is there that the log does not have")

    def tile_level(self, level: int, expected: dict[int, bytes], whole: bool) -> list[bytes]:
        """Check one level; return the roots of its tiles *as stored*, so that a fault is named once, where it is."""
        width = tile.WIDTH**level
        stored = {row.index: row for row in Tile.objects.filter(level=level).order_by("index")}
        roots = []
        for number, hashes in expected.items():
            row = stored.pop(number, None)
            first = number * tile.WIDTH * width
            if row is None:
                self.fault(first, f"tile {number} of level {level} is missing")
                roots.append(_root(hashes))
                continue
            if bytes(row.hashes) != hashes:
                at = first + _first_difference(bytes(row.hashes), hashes) * width
                self.fault(at, f"tile {number} of level {level} does not hold the hashes of the entries")
            roots.append(_root(bytes(row.hashes)))
            if bytes(row.root) != roots[-1]:
                self.fault(first, f"tile {number} of level {level} is filed with another root")
        if whole:
            for number in stored:
                self.fault(max(number * tile.WIDTH * width, -1), f"tile {number} of level {level} should not be there")
        return roots

    def key_tables(self) -> None:
        """The key tables are what the log says of keys, row for row."""
        size = self.found.tree_size
        known = self.table.known
        self.compare(
            "key",
            {
                record.registered_index: (i, record.public_key, UUID(record.party), record.role)
                for i, record in known.items()
            },
            {
                row.registered_index: (row.key_id, bytes(row.public_key), row.party, row.role)
                for row in Key.objects.all()
                if row.registered_index < size
            },
        )
        self.compare(
            "revocation",
            {r.revoked_index: (i, r.last_valid_index) for i, r in known.items() if r.revoked_index is not None},
            {
                row.revoked_index: (row.key_id, row.last_valid_index)
                for row in KeyRevocation.objects.all()
                if row.revoked_index < size
            },
        )
        self.compare(
            "attestation",
            self.attested,
            {row.attested_index: row.by_index for row in Attestation.objects.all() if row.by_index < size},
        )
        self.found.keys = dict(known)
        revoked = {i: r.last_valid_index for i, r in known.items() if r.last_valid_index is not None}
        self.found.disputed = {
            index
            for index, key_id in enumerate(self.entry_keys)
            if key_id in revoked and index > revoked[key_id] and index not in self.attested
        }

    def compare(self, what: str, computed: dict[Any, Any], stored: dict[Any, Any]) -> None:
        for index in sorted(computed.keys() | stored.keys()):
            if computed.get(index) != stored.get(index):
                self.fault(index, f"the {what} table is not what the log says")


def _root(hashes: bytes) -> bytes:
    whole = len(hashes) - len(hashes) % 32
    return merkle.root_of([hashes[at : at + 32] for at in range(0, whole, 32)])


def _first_difference(stored: bytes, computed: bytes) -> int:
    """The place of the first hash that differs."""
    for at in range(0, len(computed), 32):
        if stored[at : at + 32] != computed[at : at + 32]:
            return at // 32
    return tile.WIDTH - 1
