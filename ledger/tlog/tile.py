"""Tiles: the tree cut into files of 256 hashes, and the entries into bundles (C2SP tlog-tiles).

tile/0/x001/234       the 256 leaf hashes of entries 315904 to 316159
tile/1/000.p/17       17 hashes, each the root of a full tile one level below
tile/entries/000.p/3  entries 0 to 2, each behind its length as a big-endian uint16
"""

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from ledger.tlog.errors import Malformed
from ledger.tlog.merkle import HASH_BYTES, MAX_TREE_SIZE, Subtree, root_of

HEIGHT = 8
WIDTH = 1 << HEIGHT
MAX_LEVEL = 63
MAX_ENTRY_BYTES = 0xFFFF
_PATH = re.compile(r"tile/(entries|\d{1,2})/((?:x\d{3}/){0,6}\d{3})(?:\.p/(\d{1,3}))?", re.ASCII)


@dataclass(frozen=True, slots=True)
class Tile:
    """Which tile: `level` None is a bundle of entries; `width` 256 is a full one."""

    level: int | None
    index: int
    width: int = WIDTH


def tile_path(level: int, index: int, width: int = WIDTH) -> str:
    """Return the path of a tile; raise Malformed when there can be no such tile."""
    return _format_path(Tile(level, index, width))


def entries_path(index: int, width: int = WIDTH) -> str:
    """Return the path of a bundle of entries; raise Malformed when there can be no such bundle."""
    return _format_path(Tile(None, index, width))


def parse_tile_path(path: str) -> Tile:
    """Read a path by writing it again; raise Malformed for any that we would not have written."""
    found = _PATH.fullmatch(path)
    if not found:
        raise Malformed("this is not the path of a tile")
    level = None if found[1] == "entries" else int(found[1])
    index = int(found[2].replace("x", "").replace("/", ""))
    tile = Tile(level, index, int(found[3]) if found[3] else WIDTH)
    if _format_path(tile) != path:
        raise Malformed("this is not the path of a tile as it is written")
    return tile


def width_of(level: int, index: int, tree_size: int) -> int:
    """Return how many hashes a tile has in a tree of that size: 0 to 256."""
    return max(0, min(WIDTH, (tree_size >> (HEIGHT * level)) - index * WIDTH))


def tiles_of(tree_size: int) -> Iterator[Tile]:
    """Yield every tile of a tree, full and partial, lowest level first: what an export writes."""
    level = 0
    while count := tree_size >> (HEIGHT * level):
        for index in range((count + WIDTH - 1) // WIDTH):
            yield Tile(level, index, width_of(level, index, tree_size))
        level += 1


def full_tiles_completed(old_size: int, new_size: int) -> list[tuple[int, int]]:
    """Return (level, index) of each full tile that a tree of `new_size` has and one of `old_size` lacked."""
    completed: list[tuple[int, int]] = []
    level = 0
    while after := new_size >> (HEIGHT * (level + 1)):
        before = old_size >> (HEIGHT * (level + 1))
        completed.extend((level, index) for index in range(before, after))
        level += 1
    return completed


def tile_root(tile: bytes) -> bytes:
    """Return the root of a full tile: its hash in the tile above. Raise Malformed when it is not full."""
    hashes = parse_tile(tile)
    if len(hashes) != WIDTH:
        raise Malformed("only a full tile has a hash in the tile above")
    return root_of(hashes)


def format_tile(hashes: Sequence[bytes]) -> bytes:
    """Write hashes as a tile; raise Malformed unless they are 1 to 256 of 32 bytes."""
    if any(len(each) != HASH_BYTES for each in hashes):
        raise Malformed("a hash is not 32 bytes")
    tile = b"".join(hashes)
    parse_tile(tile)
    return tile


def parse_tile(tile: bytes, width: int | None = None) -> list[bytes]:
    """Read the hashes of a tile; raise Malformed unless it holds `width` (or any 1 to 256) of them."""
    hashes = [tile[at : at + HASH_BYTES] for at in range(0, len(tile), HASH_BYTES)]
    wanted = len(hashes) if width is None else width
    if not 1 <= len(hashes) <= WIDTH or len(tile) != HASH_BYTES * wanted:
        raise Malformed("a tile does not hold the hashes that it must")
    return hashes


def subtrees_from_tiles(read_tile: Callable[[Tile], bytes], tree_size: int) -> Subtree:
    """Return a `subtree` function that reads tiles of a tree of that size; it raises Malformed for a wrong tile."""

    def subtree(level: int, index: int) -> bytes:
        tile_level, height = divmod(level, HEIGHT)
        first = index << height
        number, offset = divmod(first, WIDTH)
        width = width_of(tile_level, number, tree_size)
        if offset + (1 << height) > width:
            raise Malformed(f"a tree of {tree_size} entries has no complete subtree {index} at level {level}")
        hashes = parse_tile(read_tile(Tile(tile_level, number, width)), width)
        return root_of(hashes[offset : offset + (1 << height)])

    return subtree


def format_bundle(entries: Iterable[bytes]) -> bytes:
    """Write entries as a bundle; raise Malformed unless they are 1 to 256, none over 65,535 bytes."""
    entries = list(entries)
    if not 1 <= len(entries) <= WIDTH:
        raise Malformed("a bundle holds 1 to 256 entries")
    if any(len(entry) > MAX_ENTRY_BYTES for entry in entries):
        raise Malformed("an entry of a bundle has at most 65,535 bytes")
    return b"".join(len(entry).to_bytes(2, "big") + entry for entry in entries)


def parse_bundle(bundle: bytes, width: int | None = None) -> list[bytes]:
    """Read the entries of a bundle; raise Malformed unless it holds `width` (or any 1 to 256) and nothing more."""
    entries: list[bytes] = []
    at = 0
    while at < len(bundle):
        begin = at + 2
        at = begin + int.from_bytes(bundle[at:begin], "big")
        if begin > len(bundle) or at > len(bundle) or len(entries) == WIDTH:
            raise Malformed("a bundle ends within an entry, or holds too many")
        entries.append(bundle[begin:at])
    if not entries or (width is not None and len(entries) != width):
        raise Malformed("a bundle does not hold the entries that it must")
    return entries


def _format_path(tile: Tile) -> str:
    if tile.level is not None and not 0 <= tile.level <= MAX_LEVEL:
        raise Malformed("a tile's level lies between 0 and 63")
    if not 0 <= tile.index <= MAX_TREE_SIZE // WIDTH or not 1 <= tile.width <= WIDTH:
        raise Malformed("a tile's index is not negative and its width lies between 1 and 256")
    digits = str(tile.index)
    digits = digits.zfill(-(-len(digits) // 3) * 3)
    steps = [digits[at : at + 3] for at in range(0, len(digits), 3)]
    number = "/".join([*("x" + step for step in steps[:-1]), steps[-1]])
    level = "entries" if tile.level is None else str(tile.level)
    partial = "" if tile.width == WIDTH else f".p/{tile.width}"
    return f"tile/{level}/{number}{partial}"
