"""A log as files, the way `manage.py ledger export` and a mirror leave it: proofs without a server or a database.

`python -m ledger.statictree DIR INDEX` prints a proof file for one entry, or without --entries in the export one that
holds no entry.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from ledger import durable
from ledger.mirror.staging import root_of, subtrees
from ledger.tlog import merkle, tile
from ledger.tlog.checkpoint import Checkpoint, parse_checkpoint
from ledger.tlog.errors import Malformed, TlogError
from ledger.tlog.note import parse_note
from ledger.tlog.proof import Proof, format_proof
from ledger.tlog.tile import WIDTH, Tile, entries_path, tile_path


class StaticTree:
    """The files below `folder`: `checkpoint`, `tile/...`. What they say is not believed, only handed on."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def note(self) -> str | None:
        """The newest checkpoint as it was signed; None before there is one."""
        data = durable.read(self.folder / "checkpoint")
        return None if data is None else data.decode("utf-8", "replace")

    def checkpoint(self) -> Checkpoint:
        """What the newest checkpoint says; raise Malformed when there is none."""
        note = self.note()
        if note is None:
            raise Malformed(f"{self.folder} holds no checkpoint")
        return parse_checkpoint(parse_note(note).text)

    def read(self, wanted: Tile) -> bytes:
        """A tile of hashes, cut from the full one where its partial one is gone; raise Malformed."""
        assert wanted.level is not None
        data = durable.read(self.folder / tile_path(wanted.level, wanted.index, wanted.width))
        if data is None and wanted.width < WIDTH:
            data = durable.read(self.folder / tile_path(wanted.level, wanted.index))
        if data is None:
            raise Malformed(f"{tile_path(wanted.level, wanted.index, wanted.width)} is missing")
        return data[: 32 * wanted.width]

    def root(self, tree_size: int) -> bytes:
        """The root that the tiles lead to at that size; raise Malformed."""
        return root_of(tree_size, subtrees(self.read, tree_size))

    def leaf(self, index: int, tree_size: int) -> bytes | None:
        """The entry at `index`; None where the tree was exported without entries."""
        number, at = divmod(index, WIDTH)
        width = tile.width_of(0, number, tree_size)
        data = durable.read(self.folder / entries_path(number, width)) or durable.read(
            self.folder / entries_path(number)
        )
        return None if data is None else tile.parse_bundle(data)[at]

    def proof(self, index: int) -> str:
        """A proof file for the entry at `index` under the newest checkpoint; raise Malformed."""
        found, note = self.checkpoint(), self.note()
        assert note is not None
        if not 0 <= index < found.tree_size:
            raise Malformed(f"a log of {found.tree_size} entries has no entry {index}")
        inclusion = merkle.prove_inclusion(index, found.tree_size, subtrees(self.read, found.tree_size))
        return format_proof(Proof(self.leaf(index, found.tree_size), inclusion, note))


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m ledger.statictree", description=__doc__)
    parser.add_argument("folder", metavar="DIR", type=Path)
    parser.add_argument("index", metavar="INDEX", type=int)
    options = parser.parse_args(arguments)
    try:
        sys.stdout.write(StaticTree(options.folder).proof(options.index))
    except (TlogError, OSError) as fault:
        sys.stderr.write(f"no proof: {fault}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
