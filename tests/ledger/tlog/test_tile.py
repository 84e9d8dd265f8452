import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.tlog import merkle, tile
from ledger.tlog.errors import Malformed
from ledger.tlog.tile import Tile

LEAVES = [f"entry {number}".encode() for number in range(66_000)]
HASHES = [merkle.leaf_hash(leaf) for leaf in LEAVES]
SUBTREE = merkle.subtrees_of(HASHES)


def stored(wanted):
    hashes = [SUBTREE(8 * wanted.level, wanted.index * 256 + at) for at in range(wanted.width)]
    return tile.format_tile(hashes)


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("tile/0/000", Tile(0, 0)),
        ("tile/0/x001/x234/067", Tile(0, 1234067)),
        ("tile/63/001.p/255", Tile(63, 1, 255)),
        ("tile/1/x001/000.p/1", Tile(1, 1000, 1)),
        ("tile/entries/x123/456", Tile(None, 123456)),
        ("tile/entries/000.p/3", Tile(None, 0, 3)),
    ],
)
def test_a_path_is_read_and_written_as_the_specification_says(path, expected):
    assert tile.parse_tile_path(path) == expected
    if expected.level is None:
        assert tile.entries_path(expected.index, expected.width) == path
    else:
        assert tile.tile_path(expected.level, expected.index, expected.width) == path


@pytest.mark.parametrize(
    "path",
    [
        "",
        "tile/0/0",
        "tile/00/000",
        "tile/64/000",
        "tile/-1/000",
        "/tile/0/000",
        "tile/0/000/",
        "tile/0/000\n",
        "tile/0/x000/001",
        "tile/0/001/x000",
        "tile/0/001/002",
        "tile/0/x1/000",
        "tile/0/000.p/0",
        "tile/0/000.p/256",
        "tile/0/000.p/01",
        "tile/0/000.p/",
        "tile/0/000.p",
        "tile/entry/000",
        "tile/0/\u0660\u0660\u0660",
        "tile/0/../000",
        "tile/0/" + "x999/" * 6 + "999",
        "tile/0/" + "x999/" * 9 + "999",
    ],
)
def test_a_path_that_we_would_not_have_written_is_not_read(path):
    with pytest.raises(Malformed):
        tile.parse_tile_path(path)


@pytest.mark.parametrize(
    ("level", "index", "width"), [(-1, 0, 1), (64, 0, 1), (0, -1, 1), (0, 2**60, 1), (0, 0, 0), (0, 0, 257)]
)
def test_a_path_of_no_tile_is_not_written(level, index, width):
    with pytest.raises(Malformed):
        tile.tile_path(level, index, width)


@given(st.none() | st.integers(0, 63), st.integers(0, 2**55 - 1), st.integers(1, 256))
def test_every_path_is_read_back(level, index, width):
    path = tile.entries_path(index, width) if level is None else tile.tile_path(level, index, width)
    assert tile.parse_tile_path(path) == Tile(level, index, width)


def test_a_tree_of_70000_has_the_tiles_that_the_specification_counts():
    tiles = list(tile.tiles_of(70_000))
    assert [sum(each.level == level and each.width == 256 for each in tiles) for level in (0, 1, 2)] == [273, 1, 0]
    assert [each for each in tiles if each.width < 256] == [Tile(0, 273, 112), Tile(1, 1, 17), Tile(2, 0, 1)]


def test_a_tree_of_256_has_a_full_tile_and_one_hash_above_it():
    assert list(tile.tiles_of(256)) == [Tile(0, 0), Tile(1, 0, 1)]
    assert list(tile.tiles_of(0)) == []


@given(st.integers(0, 2**20), st.integers(0, 2**18))
def test_the_tiles_that_are_completed_are_those_that_became_full(old, more):
    new = old + more
    before = {(each.level, each.index) for each in tile.tiles_of(old) if each.width == 256}
    after = [(each.level, each.index) for each in tile.tiles_of(new) if each.width == 256]
    assert tile.full_tiles_completed(old, new) == [each for each in after if each not in before]


def test_a_full_tile_has_its_root_in_the_tile_above():
    raw = stored(Tile(0, 200))
    assert tile.tile_root(raw) == SUBTREE(8, 200) == merkle.root_of(HASHES[200 * 256 : 201 * 256])
    with pytest.raises(Malformed):
        tile.tile_root(raw[:-32])


@pytest.mark.parametrize("size", [1, 2, 255, 256, 257, 511, 512, 65_535, 65_536, 65_793, 66_000])
def test_proofs_from_tiles_lead_to_the_root(size):
    from_tiles = tile.subtrees_from_tiles(stored, size)
    root = merkle.root_of(HASHES[:size])
    for index in {0, size // 3, size - 1}:
        proof = merkle.prove_inclusion(index, size, from_tiles)
        merkle.verify_inclusion(proof, leaf=HASHES[index], root=root)
    for old in {1, size // 2 or 1, size}:
        proof = merkle.prove_consistency(old, size, from_tiles)
        merkle.verify_consistency(proof, old_root=merkle.root_of(HASHES[:old]), new_root=root)


def test_a_tile_of_the_wrong_width_is_refused():
    for wrong in (b"", bytes(32), bytes(63), bytes(32 * 257)):
        with pytest.raises(Malformed):
            merkle.prove_inclusion(0, 2, tile.subtrees_from_tiles(lambda _tile, raw=wrong: raw, 2))
    with pytest.raises(Malformed):
        tile.subtrees_from_tiles(stored, 255)(8, 0)


@pytest.mark.parametrize("hashes", [[], [bytes(31)], [bytes(32), bytes(33)], [bytes(32)] * 257])
def test_a_tile_holds_1_to_256_hashes_of_32_bytes(hashes):
    with pytest.raises(Malformed):
        tile.format_tile(hashes)
    with pytest.raises(Malformed):
        tile.parse_tile(b"".join(hashes), 2)


@given(st.lists(st.binary(max_size=70), min_size=1, max_size=256))
def test_a_bundle_is_read_back(entries):
    bundle = tile.format_bundle(entries)
    assert tile.parse_bundle(bundle) == tile.parse_bundle(bundle, len(entries)) == entries
    with pytest.raises(Malformed):
        tile.parse_bundle(bundle, len(entries) + 1)


def test_a_bundle_puts_a_length_before_each_entry():
    assert tile.format_bundle([b"one", b"", b"x" * 65_535]) == b"\x00\x03one\x00\x00\xff\xff" + b"x" * 65_535


@pytest.mark.parametrize("entries", [[], [b""] * 257, [bytes(65_536)]])
def test_a_bundle_that_cannot_be_is_not_written(entries):
    with pytest.raises(Malformed):
        tile.format_bundle(entries)


@pytest.mark.parametrize("bundle", [b"", b"\x00", b"\x00\x01", b"\x00\x02a", b"\x00\x01ab", b"\x00\x00" * 257])
def test_a_bundle_that_ends_early_or_late_is_not_read(bundle):
    with pytest.raises(Malformed):
        tile.parse_bundle(bundle)


@given(st.binary(max_size=200), st.text(max_size=30))
def test_only_malformed_escapes_whatever_the_bytes(raw, path):
    for read in (lambda: tile.parse_bundle(raw), lambda: tile.parse_tile(raw), lambda: tile.parse_tile_path(path)):
        try:
            read()
        except Malformed:
            continue
