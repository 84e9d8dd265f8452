"""The whole-log check: everything the log's tables hold is computed again from the stored bytes alone.

Nothing that the database says beside the leaves is believed: hashes, tiles, root, checkpoint, keys, decisions about
keys, links and body commitments follow from the leaves and bodies, and what differs is named with its index.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, cast
from uuid import UUID

from ledger import examining, keyrules
from ledger.admission import Refused
from ledger.examining import Said
from ledger.models import Attestation, Checkpoint, Entry, Key, KeyRevocation, LogHead, Tile
from ledger.tlog import checkpoint as checkpoints
from ledger.tlog import merkle, note, tile
from ledger.tlog.errors import TlogError
from ledger.tlog.keys import KeyRecord
from ledger.tlog.statement import ZERO, Statement, link

CHUNK = 1_000


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
    *,
    tree_size: int | None = None,
    trusted_size: int = 0,
    progress: Callable[[int], None] = lambda done: None,
    processes: int = 1,
) -> Found:
    """Check the log from its stored bytes; stop at `tree_size` if given.

    Signatures below `trusted_size` are taken as checked before; the caller compares the root it had then. More than one
    of `processes` are for a command of its own: a process that serves or works does not fork.
    """
    head = LogHead.objects.get()
    size = head.tree_size if tree_size is None else min(tree_size, head.tree_size)
    check = _Check(Found(head.origin, size, head.checkpoint), trusted_size)
    check.entries(progress, processes)
    check.tree(head)
    check.key_tables()
    check.found.faults.sort()
    return check.found


class _Check:
    """One pass over the log, in order."""

    def __init__(self, found: Found, trusted_size: int) -> None:
        self.found = found
        self.trusted_size = trusted_size
        self.range = merkle.CompactRange()
        self.table = keyrules.KeyTable()
        self.attested: dict[int, int] = {}
        self.heads: dict[bytes, bytes] = {}
        self.commitments: set[bytes] = set()
        self.roots_at: dict[int, bytes] = {}
        self.last_time = 0
        self.entry_keys: list[str] = []

    def fault(self, index: int, what: str) -> None:
        self.found.faults.append(Fault(index, what))

    # entries, in order

    def entries(self, progress: Callable[[int], None], processes: int) -> None:
        wanted = set(Checkpoint.objects.values_list("tree_size", flat=True))
        size = self.found.tree_size
        ranges = [(at, min(at + CHUNK, size)) for at in range(0, size, CHUNK)]
        examiner = examining.Examiner(self.found.origin, examining.public_keys(), self.trusted_size)
        for part in examining.examine_all(examiner, ranges, processes=processes):
            self.found.faults += [Fault(index, what) for index, what in part.faults]
            for said in part.said:
                self.one(said)
            for at in sorted(at for at in wanted if part.first < at < part.end):
                self.roots_at[at] = self.range.extend(part.leaf_hashes[: at - part.first]).root()
            self.range = self.range.extend(part.leaf_hashes)
            self.found.leaf_hashes += b"".join(part.leaf_hashes)
            self.roots_at[part.end] = self.range.root()
            progress(part.end)
        if Entry.objects.filter(index__gte=LogHead.objects.get().tree_size).exists():
            self.fault(LogHead.objects.get().tree_size, "the table holds entries beyond the size of the log")
        if Entry.objects.filter(index__lt=0).exists():
            self.fault(-1, "the table holds an entry with a negative index")

    def one(self, said: Said) -> None:
        """Hold an entry against those before it."""
        self.entry_keys.append(said.row_key)
        if said.key is None:
            return
        if said.record_time_ms < self.last_time:
            self.fault(said.at, "the record time is before that of an earlier entry")
        else:
            self.last_time = said.record_time_ms
        if said.commitment is not None:
            if said.commitment in self.commitments:
                self.fault(said.at, "the commitment stands at an earlier entry already")
            self.commitments.add(said.commitment)
        signer = self.table.known.get(said.key)
        self.admission(said, signer)
        if said.tenant is not None:
            self.body(said, self.table.known.get(said.key))

    def admission(self, said: Said, signer: KeyRecord | None) -> None:
        """Decide again what was decided about keys when the entry came in."""
        index = said.at
        try:
            if signer is not None:
                keyrules.check_may_sign(cast(Statement, said), signer, index)  # it asks for the type alone
            elif index:
                self.fault(index, "the key is not registered before the entry")
                return
            if said.statement is not None:
                self.act(said, said.statement, signer)
        except Refused as refused:
            self.fault(index, f"it should have been refused: {refused}")

    def act(self, said: Said, found: Statement, signer: KeyRecord | None) -> None:
        index = said.at
        if found.type == "key.register":
            asked = keyrules.admit_registration(found, signer, index, self.table)
            self.table.known[asked.key_id] = KeyRecord(asked.key_id, asked.public_key, asked.party, asked.role, index)
        elif found.type == "key.revoke" and signer is not None:
            self.revoke(index, keyrules.admit_revocation(found, signer, index, self.table))
        elif found.type == "key.attest":
            self.attested.update(dict.fromkeys(keyrules.parse_attestation(found), index))
        elif found.type == "approval.request":
            keyrules.parse_approval(found)
            self.table.approvals[said.statement_hash] = found

    def revoke(self, index: int, revoked: keyrules.Revocation) -> None:
        old = self.table.known[revoked.key_id]
        self.table.known[revoked.key_id] = KeyRecord(
            old.key_id, old.public_key, old.party, old.role, old.registered_index, revoked.last_valid_index, index
        )

    def body(self, said: Said, signer: KeyRecord | None) -> None:
        self.found.bodies += 1
        if signer is None or said.tenant != bytes.fromhex(signer.party):
            self.fault(said.at, "the body is filed under another party than the signer's")
        if said.links:
            self.links(said)

    def links(self, said: Said) -> None:
        """Each link must follow the latest linked statement of its chain."""
        if len(said.chains) < len(said.links):
            self.fault(said.at, "a link's chain is missing")
            return
        for chain, stated in zip(said.chains, said.links, strict=False):
            if len(chain) != 16 or link(chain, self.heads.get(chain, ZERO)) != stated:
                self.fault(said.at, "its link does not follow the latest statement of its chain")
            self.heads[chain] = said.statement_hash
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
