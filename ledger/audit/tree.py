"""The tree over the checked entries, held against what is stored of it: head, tiles, kept checkpoints."""

from __future__ import annotations

from collections.abc import Sequence

from django.db import connection
from django.db.models import Subquery

from ledger.audit.entries import Check
from ledger.audit.found import Part
from ledger.models import Checkpoint, LogHead, Tile
from ledger.tlog import checkpoint as checkpoints
from ledger.tlog import merkle, note, tile
from ledger.tlog.errors import TlogError
from ledger.tlog.note import VerifierKey

_TILE_BYTES = merkle.HASH_BYTES * tile.WIDTH


def check_tree(check: Check, head: LogHead) -> None:
    """Hold the stored head, tiles and checkpoints against the tree that the entries give."""
    check.found.root_hash = check.range.root()
    is_whole = check.found.tree_size == head.tree_size
    if is_whole:
        _check_head(check, head)
    _check_tiles(check)
    _check_checkpoints(check, head, is_whole=is_whole)


def _check_head(check: Check, head: LogHead) -> None:
    size = check.found.tree_size
    if bytes(head.root_hash) != check.found.root_hash:
        check.fault(Part.TILES, size, "the stored root is not the root of the entries")
    if bytes(head.frontier) != check.range.to_bytes():
        check.fault(Part.TILES, size, "the stored compact range is not that of the entries")
    if head.record_time_ms != check.last_time:
        check.fault(Part.ENTRIES, size, "the head's record time is not the last entry's")


# --- checkpoints


def _check_checkpoints(check: Check, head: LogHead, *, is_whole: bool) -> None:
    """The newest must be signed by the log's key; a kept one by a key that is or was the log's."""
    keys = {each.key_id: each.public_key for each in check.table.known.values() if each.role == "log"}
    verifiers = {key_id: VerifierKey(name=head.origin, public_key=public_key) for key_id, public_key in keys.items()}
    if is_whole:
        for key_id in filter(None, (head.log_key_id, head.next_log_key_id)):
            newest = [verifiers[key_id]] if key_id in verifiers else []
            _check_note(check, head.checkpoint, head.tree_size, check.found.root_hash, newest)
    beyond = Checkpoint.objects.filter(tree_size__gt=Subquery(LogHead.objects.values("tree_size")[:1]))
    for size in beyond.order_by("tree_size").values_list("tree_size", flat=True):
        check.fault(Part.CHECKPOINTS, size, "a kept checkpoint is larger than the log")
    for kept in Checkpoint.objects.order_by("tree_size").iterator():
        if kept.tree_size <= check.found.tree_size:
            root = check.root_at(kept.tree_size)
            if bytes(kept.root_hash) != root:
                what = "a kept checkpoint's root is not the root of the entries"
                check.fault(Part.CHECKPOINTS, kept.tree_size, what)
            _check_note(check, kept.note, kept.tree_size, root, list(verifiers.values()))


def _check_note(check: Check, text: str, size: int, root: bytes, verifiers: Sequence[note.VerifierKey]) -> None:
    """The note must be signed by a key of the log, and say this size and root."""
    check.found.checked[Part.CHECKPOINTS] += 1
    if not verifiers:
        check.fault(Part.CHECKPOINTS, size, "the log's key is not registered in the log")
        return
    try:
        opened = checkpoints.open_checkpoint(text, verifiers=verifiers)
    except TlogError as error:
        check.fault(Part.CHECKPOINTS, size, f"the checkpoint does not hold: {error}")
        return
    if (opened.origin, opened.tree_size, opened.root_hash) != (check.found.origin, size, root):
        check.fault(Part.CHECKPOINTS, size, "the checkpoint says another size or root than the entries have")


# --- tiles


def _check_tiles(check: Check) -> None:
    """Every full tile is there, and holds the hashes that follow from the leaves; nothing else is there."""
    level, raw, known = 0, bytes(check.found.leaf_hashes), check.tile_roots
    while count := len(raw) // _TILE_BYTES:
        expected = [raw[n * _TILE_BYTES : (n + 1) * _TILE_BYTES] for n in range(count)]
        roots = _check_level(check, level, expected, known)
        check.found.checked[Part.TILES] += count
        level, raw, known = level + 1, b"".join(roots), []
    with connection.cursor() as cursor:
        cursor.execute(_EXTRA)
        for level, number in cursor.fetchall():
            first = max(-1, number * tile.WIDTH ** (level + 1)) if level >= 0 else -1
            check.fault(Part.TILES, first, f"tile {number} of level {level} should not be there")


_EXTRA = (
    "SELECT level, index FROM ledger_tile WHERE level < 0 OR index < 0 OR (index + 1) * 256::numeric ^ (level + 1)"
    " > (SELECT tree_size FROM ledger_head) ORDER BY level, index LIMIT 20"
)
"""Asked of the head in the same statement: the log may grow while it is checked."""


def _check_level(check: Check, level: int, expected: Sequence[bytes], known: Sequence[bytes]) -> list[bytes]:
    """Check one level; return the roots of its tiles *as stored*, so that a fault is named once, where it is.

    `known` are the roots of the expected tiles, as far as they were computed before.
    """
    roots, due = list[bytes](), 0
    for number, hashes, root in (
        Tile.objects.filter(level=level, index__gte=0, index__lt=len(expected))
        .order_by("index")
        .values_list("index", "hashes", "root")
        .iterator(chunk_size=500)
    ):
        roots += _missing(check, level, expected, range(due, number))
        due = number + 1
        computed = known[number] if number < len(known) else _root(expected[number])
        roots.append(_stored_root(check, (level, number), (bytes(hashes), bytes(root)), expected[number], computed))
    return roots + _missing(check, level, expected, range(due, len(expected)))


def _missing(check: Check, level: int, expected: Sequence[bytes], numbers: range) -> list[bytes]:
    for number in numbers:
        check.fault(Part.TILES, number * tile.WIDTH ** (level + 1), f"tile {number} of level {level} is missing")
    return [_root(expected[number]) for number in numbers]


def _stored_root(
    check: Check, place: tuple[int, int], stored: tuple[bytes, bytes], expected: bytes, computed: bytes
) -> bytes:
    """The root of a tile for the level above: that of the hashes, or where these are wrong the one that is filed."""
    (level, number), (hashes, root) = place, stored
    if hashes == expected:
        if root != computed:
            first = number * tile.WIDTH ** (level + 1)
            check.fault(Part.TILES, first, f"tile {number} of level {level} is filed with another root")
        return computed
    at = (number * tile.WIDTH + _first_difference(hashes, expected)) * tile.WIDTH**level
    check.fault(Part.TILES, at, f"tile {number} of level {level} does not hold the hashes of the entries")
    if root not in (computed, _root(hashes)):
        check.fault(Part.TILES, at, f"tile {number} of level {level} is filed with another root")
    return root


def _root(hashes: bytes) -> bytes:
    whole = len(hashes) - len(hashes) % merkle.HASH_BYTES
    return merkle.root_of([hashes[at : at + 32] for at in range(0, whole, 32)])


def _first_difference(stored: bytes, computed: bytes) -> int:
    """The place of the first hash that differs."""
    for at in range(0, len(computed), 32):
        if stored[at : at + 32] != computed[at : at + 32]:
            return at // 32
    return tile.WIDTH - 1
