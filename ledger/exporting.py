"""The log as a folder of files that any web server or object store can serve (C2SP tlog-tiles).

DIR/checkpoint, DIR/tile/<L>/<N>[.p/<W>], DIR/tile/entries/<N>[.p/<W>]. The checkpoint is written last, so what it
covers is there. A later export adds what is new; a partial tile goes once a full one has replaced it for a whole round.
"""

from __future__ import annotations

import fcntl
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from ledger import durable, queries, tree
from ledger.statictree import StaticTree
from ledger.tlog import tile
from ledger.tlog.checkpoint import Checkpoint, parse_checkpoint
from ledger.tlog.errors import Malformed, TlogError
from ledger.tlog.note import parse_note
from ledger.tlog.tile import HEIGHT, WIDTH, Tile, entries_path, tile_path, tiles_of


class ExportRefused(RuntimeError):
    """The folder holds another log, or the log is not what its checkpoint says; nothing was published."""


@dataclass(frozen=True, slots=True)
class Exported:
    """What an export did."""

    old_size: int
    checkpoint: Checkpoint
    files: int


def export(
    folder: Path,
    *,
    note: str,
    with_entries: bool = False,
    progress: Callable[[int], None] = lambda files: None,
) -> Exported:
    """Bring `folder` up to the checkpoint `note` of our log; raise ExportRefused."""
    wanted = parse_checkpoint(parse_note(note).text)
    with _alone(folder):
        old_size = _continues(folder, wanted)
        files = 0
        for each in tiles_of(wanted.tree_size):
            is_kept = (each.index + 1) * WIDTH <= old_size >> (HEIGHT * (each.level or 0))
            files += _write_tile(folder, each, wanted.tree_size, is_kept=is_kept)
            if with_entries and each.level == 0:
                files += _write_bundle(folder, each, is_kept=is_kept)
            progress(files)
        static = StaticTree(folder)
        if static.root(wanted.tree_size) != wanted.root_hash:
            raise ExportRefused("the stored tiles do not lead to the root that was signed: `manage.py ledger verify`")
        durable.write(folder / "checkpoint", note.encode())
        _forget_partial(folder, old_size)
    return Exported(old_size, wanted, files)


def _continues(folder: Path, wanted: Checkpoint) -> int:
    """The size of the tree that the folder holds, once it is known to be the beginning of ours."""
    static = StaticTree(folder)
    if static.note() is None:
        return 0
    try:
        there = static.checkpoint()
    except TlogError as fault:
        raise ExportRefused(f"{folder}/checkpoint is none: {fault}") from None
    if there.origin != wanted.origin:
        raise ExportRefused(f"{folder} holds another log, {there.origin}")
    if there.tree_size > wanted.tree_size:
        raise ExportRefused(f"{folder} holds {there.tree_size} entries, and the log has {wanted.tree_size}")
    if tree.root_at(there.tree_size) != there.root_hash:
        raise ExportRefused(f"{folder} holds another history of {there.tree_size} entries")
    return there.tree_size


def _write_tile(folder: Path, wanted: Tile, tree_size: int, *, is_kept: bool) -> int:
    assert wanted.level is not None
    path = folder / tile_path(wanted.level, wanted.index, wanted.width)
    if is_kept and path.is_file():
        return 0
    try:
        data = tile.format_tile(tree.tile_hashes(wanted.level, wanted.index, tree_size))
    except Malformed as fault:
        raise ExportRefused(f"{path.relative_to(folder)} cannot be made: {fault}; `manage.py ledger verify`") from None
    durable.write(path, data)
    return 1


def _write_bundle(folder: Path, wanted: Tile, *, is_kept: bool) -> int:
    path = folder / entries_path(wanted.index, wanted.width)
    if is_kept and path.is_file():
        return 0
    leaves = queries.leaves(wanted.index * WIDTH, wanted.width)
    if len(leaves) != wanted.width:
        raise ExportRefused(f"an entry from {wanted.index * WIDTH} on is missing: `manage.py ledger verify`")
    durable.write(path, tile.format_bundle(leaves))
    return 1


def _forget_partial(folder: Path, old_size: int) -> None:
    """Remove partial tiles whose full one was there before this export: readers had a round to come by."""
    for partial in list((folder / "tile").rglob("*.p")):
        with suppress(Malformed):
            found = tile.parse_tile_path(str(partial.relative_to(folder)).removesuffix(".p"))
            if (found.index + 1) * WIDTH <= old_size >> (HEIGHT * (found.level or 0)):
                shutil.rmtree(partial)


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Hold the folder itself, so that no lock file lies among what is served; raise InUse."""
    durable.make_folder(folder)
    held = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    except BlockingIOError:
        raise durable.InUse(f"another process works in {folder}") from None
    finally:
        os.close(held)
