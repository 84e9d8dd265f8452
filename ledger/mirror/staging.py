"""Tiles on their way from what is kept to what is new, and the tree that they make."""

from collections.abc import Callable

from ledger.tlog import merkle, tile
from ledger.tlog.tile import HEIGHT, WIDTH, Tile


def subtrees(read: Callable[[Tile], bytes], size: int) -> merkle.Subtree:
    """Subtrees of a tree of that size, from tiles; each tile is read once."""
    cache: dict[Tile, bytes] = {}

    def cached(wanted: Tile) -> bytes:
        if wanted not in cache:
            cache[wanted] = read(wanted)
        return cache[wanted]

    return tile.subtrees_from_tiles(cached, size)


def root_of(size: int, subtree: merkle.Subtree) -> bytes:
    """The root of the tree of that size, from the complete subtrees along its right edge."""
    hashes, start = [], 0
    for level in reversed(range(size.bit_length())):
        if size >> level & 1:
            hashes.append(subtree(level, start >> level))
            start += 1 << level
    return merkle.CompactRange(size, tuple(hashes)).root()


class Staged:
    """Tiles that grow from those of a size before: every full one, and in the end those along the right edge."""

    def __init__(self, read: Callable[[Tile], bytes], size: int) -> None:
        self.tiles: dict[Tile, bytes] = {}
        self._edges: list[tuple[int, list[bytes]]] = []
        level = 0
        while size >> (HEIGHT * level):
            count = size >> (HEIGHT * level)
            number, width = divmod(count, WIDTH)
            hashes = tile.parse_tile(read(Tile(level, number, width)), width) if width else []
            self._edges.append((number, hashes))
            level += 1

    def edge(self, level: int) -> list[bytes]:
        """The hashes of the last tile of a level, as far as there are any."""
        return self._edges[level][1] if level < len(self._edges) else []

    def append(self, level: int, digest: bytes) -> None:
        """Put one more hash on a level, and on those above what it completes."""
        if level == len(self._edges):
            self._edges.append((0, []))
        number, hashes = self._edges[level]
        hashes.append(digest)
        if len(hashes) == WIDTH:
            self.tiles[Tile(level, number)] = tile.format_tile(hashes)
            self._edges[level] = (number + 1, [])
            self.append(level + 1, merkle.root_of(hashes))

    def finish(self) -> None:
        """Add the partial tiles."""
        for level, (number, hashes) in enumerate(self._edges):
            if hashes:
                self.tiles[Tile(level, number, len(hashes))] = tile.format_tile(hashes)

    def read(self, wanted: Tile) -> bytes | None:
        """A tile that is new."""
        return self.tiles.get(wanted)
