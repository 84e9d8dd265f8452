"""What an admitted batch leaves in the tables: entries, bodies, keys, tiles, the checkpoint."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from nacl.signing import SigningKey

from ledger import bulk, keyrules, keystore
from ledger.admission import Admitted, Grown, scope_of
from ledger.models import (
    Attestation,
    Body,
    Checkpoint,
    Cosignature,
    Disclosure,
    Entry,
    Key,
    KeyRevocation,
    LogHead,
    Tile,
)
from ledger.operations.opening import Opened
from ledger.tlog import checkpoint as checkpoints
from ledger.tlog import merkle, note, tile
from ledger.tlog.merkle import Growth
from ledger.tree import partial_hashes

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(slots=True)
class Batch:
    """What one transaction gathers before it writes."""

    opened: Opened
    table: keyrules.KeyTable
    record_time_ms: int
    admitted: list[Admitted]
    registrations: list[Key]
    revocations: list[KeyRevocation]
    attestations: list[Attestation]
    grown: Grown = field(default_factory=Grown)

    @property
    def head(self) -> LogHead:
        """The head as it was locked, and from `write` on as it becomes."""
        return self.opened.head

    @property
    def next_index(self) -> int:
        return self.head.tree_size + len(self.admitted)


def write(batch: Batch) -> None:
    """Write what was admitted, and the head that covers it."""
    admitted, head = batch.admitted, batch.head
    moment = EPOCH + timedelta(milliseconds=batch.record_time_ms)
    batch.grown.growth, tiles = _grow_tree(head, [item.leaf_hash for item in admitted])
    head.record_time_ms = batch.record_time_ms
    batch.grown.checkpoint = head.checkpoint = sign_head(head)
    with bulk.together():
        bulk.insert(Entry, _ENTRY_COLUMNS, [_entry_row(item, moment) for item in admitted])
        bulk.insert(Body, _BODY_COLUMNS, [_body_row(item) for item in admitted if item.pending.body is not None])
        bulk.insert(Disclosure, _DISCLOSURE_COLUMNS, [row for item in admitted for row in _disclosure_rows(item)])
        bulk.insert(Tile, _TILE_COLUMNS, tiles)
        bulk.change(_MOVE_HEAD, [getattr(head, name) for name in _HEAD_COLUMNS])
    Key.objects.bulk_create(batch.registrations)
    KeyRevocation.objects.bulk_create(batch.revocations)
    Attestation.objects.bulk_create(batch.attestations)


_HEAD_COLUMNS = ("tree_size", "root_hash", "frontier", "record_time_ms", "checkpoint")
_MOVE_HEAD = f"UPDATE ledger_head SET {', '.join(f'{name} = %s' for name in _HEAD_COLUMNS)}"
_TILE_COLUMNS = ("level", "index", "hashes", "root")
_ENTRY_COLUMNS = ("index", "leaf", "leaf_hash", "statement_hash", "commitment", "type", "key_id", "record_time")
_DISCLOSURE_COLUMNS = ("index", "position", "text", "tenant", "scopes")
_BODY_COLUMNS = ("commitment", "index", "salt", "body", "tenant", "chains", "scopes")


def _entry_row(item: Admitted, moment: datetime) -> tuple[Any, ...]:
    found = item.pending.statement
    return (
        item.index,
        item.leaf,
        item.leaf_hash,
        item.pending.statement_hash,
        found.body,
        found.type,
        found.key,
        moment,
    )


def _body_row(item: Admitted) -> tuple[Any, ...]:
    pending, chains = item.pending, item.admission.chains
    return (
        pending.statement.body,
        item.index,
        pending.salt,
        pending.body,
        UUID(pending.key.party),
        chains,
        [scope_of(chain) for chain in chains],
    )


def _disclosure_rows(item: Admitted) -> list[tuple[Any, ...]]:
    pending, scopes = item.pending, [scope_of(chain) for chain in item.admission.chains]
    told = enumerate(pending.disclosures)
    return [(item.index, position, text, UUID(pending.key.party), scopes) for position, text in told]


def _grow_tree(head: LogHead, leaf_hashes: list[bytes]) -> tuple[Growth, list[tuple[int, int, bytes, bytes]]]:
    """Extend the tree of the head; return what it became, and the rows of the tiles that became full."""
    old_size = head.tree_size
    growth = merkle.CompactRange.from_bytes(old_size, bytes(head.frontier)).grow(leaf_hashes)
    completed = dict(enumerate(growth.completed))
    rows: list[tuple[int, int, bytes, bytes]] = []
    for level in range(0, len(completed), tile.HEIGHT):
        first, fresh = completed[level]
        number, missing = divmod(first, tile.WIDTH)
        full = (first + len(fresh)) // tile.WIDTH
        if number == full:
            break  # no tile of this level became full, so none above did
        hashes = [*(partial_hashes(level // tile.HEIGHT, number, first) if missing else []), *fresh]
        _, roots = completed[level + tile.HEIGHT]
        for at, root in enumerate(roots):
            part = hashes[at * tile.WIDTH : (at + 1) * tile.WIDTH]
            rows.append((level // tile.HEIGHT, number + at, b"".join(part), root))
    compact = growth.range
    head.tree_size, head.root_hash, head.frontier = compact.size, compact.root(), compact.to_bytes()
    return growth, rows


def sign_head(head: LogHead) -> str:
    """Sign the tree as it stands, with the log key and, while that is changed, with the new one beside it."""
    signers = [keystore.signing_key(key_id) for key_id in (head.log_key_id, head.next_log_key_id) if key_id]
    return sign_checkpoint(head.origin, head.tree_size, bytes(head.root_hash), *signers)


def sign_checkpoint(origin: str, size: int, root: bytes, *signers: SigningKey) -> str:
    unsigned = checkpoints.Checkpoint(origin=origin, tree_size=size, root_hash=root)
    return checkpoints.sign_checkpoint(unsigned, *(note.SignerKey(name=origin, signing_key=each) for each in signers))


def keep_cosignatures(rows: Iterable[Cosignature]) -> None:
    """Keep witnesses' cosignatures, one a witness and size; their checkpoint was kept before."""
    Cosignature.objects.bulk_create(rows, ignore_conflicts=True)


def keep_checkpoint() -> int | None:
    """Keep the newest checkpoint for ever (each minute, and when one is cited); its tree size, None without a log."""
    head = LogHead.objects.first()
    if head is None:
        return None
    Checkpoint.objects.bulk_create(
        [Checkpoint(tree_size=head.tree_size, root_hash=bytes(head.root_hash), note=head.checkpoint)],
        ignore_conflicts=True,
    )
    return head.tree_size
