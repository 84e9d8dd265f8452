"""The Merkle tree as the tables hold it: full tiles, and the rest from what lies below them."""

from __future__ import annotations

from collections.abc import Iterable
from functools import reduce
from operator import or_

from django.db.models import Q

from ledger.models import Entry, Tile
from ledger.tlog import merkle, tile

_NOTHING = bytes(32)


class SubtreeReader:
    """The hashes of complete subtrees, read from tiles; remembers the tiles it read. For one tree size."""

    def __init__(self, tree_size: int) -> None:
        self.tree_size = tree_size
        self._tiles: dict[tuple[int, int], list[bytes]] = {}
        self._roots: dict[tuple[int, int], bytes] = {}

    def read_for(self, indices: Iterable[int]) -> None:
        """Read all tiles that the inclusion proofs of these entries need, in three statements at most."""
        needed: set[tuple[int, int]] = set()

        def note(level: int, index: int) -> bytes:
            tile_level, height = divmod(level, tile.HEIGHT)
            needed.add((tile_level, (index << height) // tile.WIDTH))
            return _NOTHING

        for index in indices:
            merkle.prove_inclusion(index, self.tree_size, note)
        full = {key for key in needed if key[1] < self.tree_size >> (tile.HEIGHT * (key[0] + 1))}
        self._tiles |= _full_tiles(full)
        self._tiles |= _partial_tiles(needed - full, self.tree_size)

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


def _full_tiles(wanted: set[tuple[int, int]]) -> dict[tuple[int, int], list[bytes]]:
    found = {}
    if wanted:
        rows = Tile.objects.filter(_any(Q(level=level, index=number) for level, number in wanted))
        for level, number, hashes in rows.values_list("level", "index", "hashes"):
            raw = bytes(hashes)
            found[level, number] = [raw[at : at + 32] for at in range(0, len(raw), 32)]
    return found


def _partial_tiles(wanted: set[tuple[int, int]], tree_size: int) -> dict[tuple[int, int], list[bytes]]:
    """The last tile of each level: the leaves', and above them the roots of the tiles below."""
    found: dict[tuple[int, int], list[bytes]] = {}
    above = {level: number for level, number in wanted if level}
    found |= {key: partial_hashes(*key, tree_size) for key in wanted if key[0] == 0}
    if above:
        below = (
            Q(level=level - 1, index__gte=number * tile.WIDTH, index__lt=tree_size >> (tile.HEIGHT * level))
            for level, number in above.items()
        )
        for level, number in above.items():
            found[level, number] = []
        for level, root in Tile.objects.filter(_any(below)).order_by("level", "index").values_list("level", "root"):
            found[level + 1, above[level + 1]].append(bytes(root))
    return found


def _any(conditions: Iterable[Q]) -> Q:
    return reduce(or_, conditions)


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
