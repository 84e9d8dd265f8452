"""The only door through which forecasts read the world: entries that were checked, then yielded."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from ledger import audit, examining, queries, tenancy
from ledger.models import Body, Entry, Tombstone, VerifiedTo
from ledger.tlog import envelope, merkle
from ledger.tlog.checkpoint import open_checkpoint
from ledger.tlog.errors import TlogError
from ledger.tlog.keys import KeyRecord, verify_signature
from ledger.tlog.note import parse_verifier_key
from ledger.tlog.statement import Statement, commitment, parse_statement

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_CHUNK = 2_000


class LogBroken(RuntimeError):
    """The stored bytes do not hold; the message names the first bad index."""


@dataclass(frozen=True, slots=True)
class VerifiedCheckpoint:
    """What the entries were verified against."""

    origin: str
    tree_size: int
    root_hash: bytes
    note: str


@dataclass(frozen=True, slots=True)
class VerifiedEntry:
    """An entry whose hash, signature, key, admission and body commitment were checked under `checkpoint`."""

    index: int
    record_time: datetime
    statement: Statement
    statement_hash: bytes
    key: KeyRecord
    body: bytes | None
    disputed: bool
    checkpoint: VerifiedCheckpoint


def verified_entries(*, tree_size: int | None = None) -> Iterator[VerifiedEntry]:
    """Verify the first `tree_size` entries (default: all), then yield them in order.

    Raises LogBroken before anything is yielded when a hash, a signature, a key, a link, a body or the root does not
    hold; and in the middle, should the stored bytes change while they are read.
    """
    return _read_again(_checked(tree_size), 0)


def verified_since(after: int, root_hash: bytes) -> tuple[VerifiedCheckpoint, Iterator[VerifiedEntry] | None]:
    """Verify the whole log; answer with its checkpoint and the entries from index `after` on.

    None for the entries when the first `after` have another root than `root_hash`: whoever kept that reads all again.
    Raises LogBroken.
    """
    found = _checked(None)
    hashes = memoryview(found.leaf_hashes)
    is_prefix = after <= found.tree_size and (
        merkle.root_of(bytes(hashes[i * 32 : i * 32 + 32]) for i in range(after)) == root_hash
    )
    return checkpoint_of(found), _read_again(found, after) if is_prefix else None


def roots_at(sizes: Collection[int]) -> dict[int, bytes]:
    """The roots that the log had at these sizes, from its verified entries. Raises LogBroken."""
    largest = max(sizes, default=0)
    before = [each for each in _before.get() or () if each.tree_size >= largest]
    found = before[0] if before else _checked(largest)
    hashes, tree, roots = memoryview(found.leaf_hashes), merkle.CompactRange(), {}
    for size in sorted(size for size in set(sizes) if size <= found.tree_size):
        tree = tree.extend(bytes(hashes[i * 32 : i * 32 + 32]) for i in range(tree.size, size))
        roots[size] = tree.root()
    return roots


@contextmanager
def checked_once() -> Iterator[None]:
    """Within, the log is checked once for each size that is asked for: for what holds a run against it all at once."""
    outside = _before.get()
    _before.set([])
    try:
        yield
    finally:
        _before.set(outside)


_before: ContextVar[list[audit.Found] | None] = ContextVar("_before", default=None)


def _checked(tree_size: int | None) -> audit.Found:
    before = _before.get()
    if before is None:
        return _check(tree_size)
    found = next((each for each in before if each.tree_size == tree_size), None) or _check(tree_size)
    if not any(found is each for each in before):
        before.append(found)
    return found


def _check(tree_size: int | None) -> audit.Found:
    with tenancy.system():
        found = audit.check_log(tree_size=tree_size, trusted_size=trusted_size(tree_size))
        if not found.holds:
            raise LogBroken(f"the log does not hold: {found.faults[0]}")
        remember(found)
    return found


def verified_some(indices: Iterable[int]) -> list[VerifiedEntry]:
    """Verify those of the entries at `indices` that the log has, as `verified_few` does. Raises LogBroken."""
    size = queries.tree_size()
    return verified_few(index for index in indices if 0 <= index < size)


def verified_few(indices: Iterable[int]) -> list[VerifiedEntry]:
    """Verify the entries at `indices` alone, in order: each with its own proof under the newest signed checkpoint.

    What is checked of each: its place under the root, its key's registration before it, its signature, its body. Cheap
    where a few entries are asked for; the whole log is `verified_entries`'. Raises LogBroken for the first that fails.
    """
    with tenancy.system():
        wanted = sorted(set(indices))
        if not wanted:
            return []
        checkpoint = _newest_checkpoint()
        rows = list(Entry.objects.filter(index__in=wanted).order_by("index"))
        if len(rows) < len(wanted) or rows[-1].index >= checkpoint.tree_size:
            raise LogBroken("the log has not all of the entries that were asked for")
        proofs = queries.inclusion_proofs(wanted, checkpoint.tree_size)
        bodies = {body.index: body for body in Body.objects.filter(index__in=wanted)}
        return [
            _proven(row, bodies.get(row.index), inclusion, checkpoint)
            for row, inclusion in zip(rows, proofs, strict=True)
        ]


def _newest_checkpoint() -> VerifiedCheckpoint:
    """The head's checkpoint, its signature checked. Raises LogBroken."""
    text = queries.checkpoint()
    try:
        found = open_checkpoint(text, verifiers=[parse_verifier_key(queries.verifier_key())])
    except TlogError as failure:
        raise LogBroken(f"the newest checkpoint does not hold: {failure}") from failure
    return VerifiedCheckpoint(found.origin, found.tree_size, found.root_hash, text)


def _proven(
    row: Entry, body: Body | None, inclusion: merkle.InclusionProof, checkpoint: VerifiedCheckpoint
) -> VerifiedEntry:
    raw = bytes(row.leaf)
    try:
        merkle.verify_inclusion(inclusion, leaf=merkle.leaf_hash(raw), root=checkpoint.root_hash)
        leaf = envelope.parse_leaf(raw)
        said = parse_statement(leaf.payload)
        key = queries.key(said.key)
        if key is None or key.registered_index > row.index:
            raise LogBroken(f"entry {row.index} is signed with a key that was not registered by then")
        verify_signature(key.public_key, envelope.signed_bytes(leaf.payload), leaf.signature)
        data = None
        if body is not None and said.body is not None:
            data = bytes(body.body)
            if commitment(bytes(body.salt), data) != said.body:
                raise LogBroken(f"the body of entry {row.index} is not the one that was signed")
    except TlogError as failure:
        raise LogBroken(f"entry {row.index} does not hold: {failure}") from failure
    return VerifiedEntry(
        index=row.index,
        record_time=_EPOCH + timedelta(milliseconds=leaf.record_time_ms),
        statement=said,
        statement_hash=envelope.statement_hash(leaf.payload),
        key=key,
        body=data,
        disputed=queries.is_disputed(row.index, key.key_id),
        checkpoint=checkpoint,
    )


def erased_since(tree_size: int) -> int:
    """How many bodies of the first `tree_size` entries were erased after the log had that size."""
    with tenancy.system():
        return Tombstone.objects.filter(index__lt=tree_size, erased_index__gte=tree_size).count()


def checkpoint_of(found: audit.Found) -> VerifiedCheckpoint:
    """The checkpoint that a check was made against; for an older size it is the one that the entries give."""
    return VerifiedCheckpoint(found.origin, found.tree_size, found.root_hash, found.checkpoint)


def _read_again(found: audit.Found, after: int) -> Iterator[VerifiedEntry]:
    checkpoint, hashes = checkpoint_of(found), memoryview(found.leaf_hashes)
    for at in range(after, found.tree_size, _CHUNK):
        end = min(at + _CHUNK, found.tree_size)
        with tenancy.system():
            leaves, bodies = examining.leaves_and_bodies(at, end)
        for index, leaf in leaves:
            if merkle.leaf_hash(leaf) != hashes[index * 32 : index * 32 + 32]:
                raise LogBroken(f"entry {index} changed while it was read")
            yield _verified(index, leaf, bodies.get(index), found, checkpoint)


def _verified(
    index: int, raw: bytes, salted: tuple[bytes, bytes] | None, found: audit.Found, checkpoint: VerifiedCheckpoint
) -> VerifiedEntry:
    leaf = envelope.parse_leaf(raw)
    said = parse_statement(leaf.payload)
    data = None
    if salted is not None and said.body is not None:
        salt, data = salted
        if len(salt) != 32 or commitment(salt, data) != said.body:
            raise LogBroken(f"the body of entry {index} changed while it was read")
    return VerifiedEntry(
        index=index,
        record_time=_EPOCH + timedelta(milliseconds=leaf.record_time_ms),
        statement=said,
        statement_hash=envelope.statement_hash(leaf.payload),
        key=found.keys[said.key],
        body=data,
        disputed=index in found.disputed,
        checkpoint=checkpoint,
    )


def trusted_size(tree_size: int | None) -> int:
    """How many entries had their signatures verified here before, under a root that is still the log's."""
    marks = VerifiedTo.objects.order_by("-tree_size")
    if tree_size is not None:
        marks = marks.filter(tree_size__lte=tree_size)
    mark = marks.first()
    if mark is None or mark.tree_size > queries.tree_size():
        return 0
    hashes = Entry.objects.filter(index__lt=mark.tree_size).order_by("index").values_list("leaf", flat=True)
    root = merkle.root_of(merkle.leaf_hash(bytes(leaf)) for leaf in hashes.iterator(chunk_size=_CHUNK))
    return mark.tree_size if root == bytes(mark.root_hash) else 0


def remember(found: audit.Found) -> None:
    """Leave the mark that `trusted_size` looks for: this far everything held."""
    VerifiedTo.objects.filter(tree_size__lt=found.tree_size).delete()
    VerifiedTo.objects.get_or_create(tree_size=found.tree_size, defaults={"root_hash": found.root_hash})
