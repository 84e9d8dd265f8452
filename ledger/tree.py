"""The Merkle tree as the tables hold it: full tiles, and the rest from what lies below them."""

from __future__ import annotations

from ledger.models import Entry, Tile
from ledger.tlog import merkle, tile


class SubtreeReader:
    """The hashes of complete subtrees, read from tiles; remembers the tiles it read. For one tree size."""

    def __init__(self, tree_size: int) -> None:
        self.tree_size = tree_size
        self._tiles: dict[tuple[int, int], list[bytes]] = {}
        self._roots: dict[tuple[int, int], bytes] = {}

    def __call__(self, level: int, index: int) -> bytes:
        """The hash over the leaves [index << level, (index + 1) << level)."""
        found = self._roots.get((level, index))
        if found is None:
            found = self._roots[level, index] = self._root(level, index)
        return found

    def _root(self, level: int, index: int) -> bytes:
        tile_level, height = divmod(level, tile.HEIGHT)
        first = index << height
        number, at = divmod(first, tile.WIDTH)
        hashes = self.hashes(tile_level, number)
        return merkle.root_of(hashes[at : at + (1 << height)])

    def hashes(self, level: int, number: int) -> list[bytes]:
        """The hashes of one tile, full or partial."""
        if (level, number) not in self._tiles:
            self._tiles[level, number] = tile_hashes(level, number, self.tree_size)
        return self._tiles[level, number]


def tile_hashes(level: int, number: int, tree_size: int) -> list[bytes]:
    """The hashes of tile `number` at `level` as far as a tree of `tree_size` has them."""
    end = tree_size >> (tile.HEIGHT * level)
    if end >= (number + 1) * tile.WIDTH:
        full = Tile.objects.filter(level=level, index=number).values_list("hashes", flat=True).first()
        if full is not None:
            raw = bytes(full)
            return [raw[at : at + 32] for at in range(0, len(raw), 32)]
    return partial_hashes(level, number, end)


def root_at(tree_size: int) -> bytes:
    """The root the log had at `tree_size` entries."""
    reader, hashes, start = SubtreeReader(tree_size), [], 0
    for level in reversed(range(tree_size.bit_length())):
        if tree_size >> level & 1:
            hashes.append(reader(level, start >> level))
            start += 1 << level
    return merkle.CompactRange(tree_size, tuple(hashes)).root()


def partial_hashes(level: int, number: int, size: int) -> list[bytes]:
    """The hashes of tile `number` at `level` that exist while the level has `size` of them, from the level below."""
    first, end = number * tile.WIDTH, min(size, (number + 1) * tile.WIDTH)
    if level == 0:
        leaves = Entry.objects.filter(index__gte=first, index__lt=end).order_by("index")
        return [bytes(value) for value in leaves.values_list("leaf_hash", flat=True)]
    tiles = Tile.objects.filter(level=level - 1, index__gte=first, index__lt=end).order_by("index")
    return [bytes(value) for value in tiles.values_list("root", flat=True)]
