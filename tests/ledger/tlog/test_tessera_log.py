"""A log of 15 entries that another implementation wrote: every signature, root, inclusion and consistency."""

import pytest

from ledger.tlog import merkle, tile
from ledger.tlog.checkpoint import format_checkpoint, open_checkpoint
from ledger.tlog.errors import SignatureInvalid
from ledger.tlog.note import parse_verifier_key
from tests.conftest import SHARED

VKEY = parse_verifier_key("example.com/log/testdata+33d7b496+AeHTu4Q3hEIMHNqc6fASMsq3rKNx280NI+oO5xCFkkSx")
FOLDER = SHARED / "tlog" / "tessera-log"
SIZES = range(16)

pytestmark = pytest.mark.skipif(not FOLDER.exists(), reason="the shared data is not beside this checkout")


def checkpoint(size):
    return open_checkpoint((FOLDER / f"checkpoint.{size}").read_bytes(), verifiers=[VKEY])


def entries(size):
    return tile.parse_bundle((FOLDER / tile.entries_path(0, size)).read_bytes(), size) if size else []


def read_tile(wanted):
    return (FOLDER / tile.tile_path(wanted.level, wanted.index, wanted.width)).read_bytes()


@pytest.mark.parametrize("size", SIZES)
def test_the_checkpoint_is_signed_and_commits_to_the_entries(size):
    found = checkpoint(size)
    hashes = [merkle.leaf_hash(entry) for entry in entries(size)]
    assert (found.origin, found.tree_size) == (VKEY.name, size)
    assert found.root_hash == merkle.root_of(hashes)
    if size:
        assert tile.parse_tile(read_tile(tile.Tile(0, 0, size)), size) == hashes


@pytest.mark.parametrize("size", SIZES)
def test_every_entry_is_proven_from_the_tiles(size):
    subtree = tile.subtrees_from_tiles(read_tile, size)
    for index, entry in enumerate(entries(size)):
        proof = merkle.prove_inclusion(index, size, subtree)
        merkle.verify_inclusion(proof, leaf=merkle.leaf_hash(entry), root=checkpoint(size).root_hash)


@pytest.mark.parametrize("new", SIZES[1:])
def test_every_earlier_checkpoint_is_proven_to_be_its_beginning(new):
    subtree = tile.subtrees_from_tiles(read_tile, new)
    for old in range(1, new + 1):
        proof = merkle.prove_consistency(old, new, subtree)
        merkle.verify_consistency(proof, old_root=checkpoint(old).root_hash, new_root=checkpoint(new).root_hash)


def test_the_newest_checkpoint_is_that_of_15():
    newest = open_checkpoint((FOLDER / "checkpoint").read_bytes(), verifiers=[VKEY])
    assert format_checkpoint(newest) == format_checkpoint(checkpoint(15))


@pytest.mark.parametrize("size", SIZES)
def test_no_changed_checkpoint_is_believed(size):
    text = (FOLDER / f"checkpoint.{size}").read_text()
    first, _, rest = text.partition(f"\n{size}\n")
    with pytest.raises(SignatureInvalid):
        open_checkpoint(f"{first}\n{size + 16}\n{rest}", verifiers=[VKEY])
