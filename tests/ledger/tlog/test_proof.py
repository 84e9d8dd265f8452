import base64
import dataclasses

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ledger.tlog import checkpoint, merkle, proof
from ledger.tlog.checkpoint import Checkpoint
from ledger.tlog.errors import Malformed, ProofInvalid, TlogError
from ledger.tlog.merkle import InclusionProof
from ledger.tlog.note import SignerKey
from ledger.tlog.proof import Proof, parse_proof, verify_in_itself
from tests.ledger.tlog.cast import ORIGIN, a_leaf, signing_key

LOG = SignerKey(ORIGIN, signing_key("log"))
LEAVES = [a_leaf(id=f"{number:032x}", record_time_ms=number) for number in range(5)]


def a_proof(index=2, leaves=LEAVES, *, origin=ORIGIN, extra=...):
    hashes = [merkle.leaf_hash(leaf) for leaf in leaves]
    note = checkpoint.sign_checkpoint(
        Checkpoint(origin, len(leaves), merkle.root_of(hashes)), SignerKey(origin, signing_key("log"))
    )
    inclusion = merkle.prove_inclusion(index, len(leaves), merkle.subtrees_of(hashes))
    return Proof(leaves[index] if extra is ... else extra, inclusion, note)


TEXT = proof.format_proof(a_proof())


def test_a_proof_file_is_written_as_the_specification_says():
    found = a_proof()
    lines = TEXT.split("\n")
    assert lines[0] == "c2sp.org/tlog-proof@v1"
    assert lines[1] == "extra " + base64.b64encode(LEAVES[2]).decode()
    assert lines[2] == "index 2"
    assert lines[3:6] == [base64.b64encode(each).decode() for each in found.inclusion.path]
    assert lines[6] == ""
    assert "\n".join(lines[7:]) == found.checkpoint


def test_a_proof_file_is_read_back():
    assert parse_proof(TEXT) == parse_proof(TEXT.encode()) == a_proof()


def test_the_proof_of_a_single_entry_has_no_hashes():
    alone = a_proof(0, LEAVES[:1])
    assert parse_proof(proof.format_proof(alone)) == alone
    assert verify_in_itself(alone).index == 0


def test_an_entry_in_its_tree_is_proven():
    for index in range(5):
        proven = verify_in_itself(a_proof(index))
        assert (proven.index, proven.statement.id) == (index, f"{index:032x}")
        assert proven.checkpoint.tree_size == 5


def test_a_proof_without_the_entry_is_read_but_proves_nothing():
    bare = a_proof(extra=None)
    assert parse_proof(proof.format_proof(bare)) == bare
    with pytest.raises(Malformed, match="extra line is missing"):
        verify_in_itself(bare)


def test_another_entry_or_place_is_not_proven():
    found = a_proof()
    for other in (
        dataclasses.replace(found, extra=LEAVES[3]),
        dataclasses.replace(found, inclusion=dataclasses.replace(found.inclusion, index=3)),
        dataclasses.replace(found, inclusion=dataclasses.replace(found.inclusion, path=())),
        dataclasses.replace(found, checkpoint=a_proof(0, LEAVES[:1]).checkpoint),
    ):
        with pytest.raises(ProofInvalid):
            verify_in_itself(other)


def test_an_entry_for_another_log_is_refused():
    with pytest.raises(Malformed, match="another log"):
        verify_in_itself(a_proof(origin="log.example/fedcba9876543210"))


def test_an_entry_that_is_not_one_of_ours_is_refused():
    with pytest.raises(Malformed):
        verify_in_itself(a_proof(0, [b"something else"]))


def test_an_entry_that_names_another_key_than_its_statement_is_refused():
    leaf = LEAVES[0].replace(b'"keyid":"', b'"keyid":"A').replace(b'","sig"', b'","sig"')
    key_id = leaf.split(b'"keyid":"')[1].split(b'"')[0]
    leaf = leaf.replace(key_id, key_id[:42] + b"A")
    with pytest.raises(Malformed, match="another key"):
        verify_in_itself(a_proof(0, [leaf]))


def test_a_proof_that_could_not_be_read_back_is_not_written():
    found = a_proof()
    for other in (
        dataclasses.replace(found, inclusion=dataclasses.replace(found.inclusion, tree_size=6)),
        dataclasses.replace(found, inclusion=InclusionProof(2, 5, (b"short",))),
        dataclasses.replace(found, inclusion=InclusionProof(-1, 5, ())),
        dataclasses.replace(found, inclusion=InclusionProof(0, 5, (bytes(32),) * 64)),
        dataclasses.replace(found, checkpoint="nothing\n"),
        dataclasses.replace(found, extra=b""),
    ):
        with pytest.raises(Malformed):
            proof.format_proof(other)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("tlog-proof@v1", "tlog-proof@v2"),
        ("c2sp", "\ufeffc2sp"),
        ("\n", "\r\n"),
        ("extra ", "extra  "),
        ("extra ", "extra"),
        ("extra ", "Extra "),
        ("extra ", "extra AAAA\nextra "),
        ("index 2", "index 02"),
        ("index 2", "index +2"),
        ("index 2", "index -2"),
        ("index 2", "index \u0662"),
        ("index 2", "index 2 "),
        ("index 2", "index 2\n"),
        ("index 2", "size 2"),
        ("=\n\nlog", "=\nlog"),
        ("=\n\nlog", "=\n\n\nlog"),
        ("=\n\nlog", "\n\nlog"),
        ("=\n\nlog", "=AAA\n\nlog"),
        ("\n5\n", "\n05\n"),
        ("\n— ", "\n- "),
    ],
)
def test_a_proof_file_that_we_would_not_have_written_is_not_read(old, new):
    assert old in TEXT
    with pytest.raises(Malformed):
        parse_proof(TEXT.replace(old, new))


@pytest.mark.parametrize(
    "data", [b"", b"\xff", TEXT[:-1], TEXT + "\n", TEXT.split("\n\n")[0], "x" * 2_000_000], ids=range(6)
)
def test_what_is_no_proof_file_is_refused(data):
    with pytest.raises(Malformed):
        parse_proof(data)


@given(st.data())
@settings(max_examples=300)
def test_no_changed_proof_file_proves_anything_else(data):
    end_of_root = TEXT.index("\n— ")
    at = data.draw(st.integers(0, end_of_root - 1))
    changed = TEXT[:at] + data.draw(st.text(max_size=2)) + TEXT[at + 1 :]
    try:
        proven = verify_in_itself(parse_proof(changed))
    except TlogError:
        return
    assert changed == TEXT or proven.checkpoint.origin != ORIGIN


@given(st.binary(max_size=100) | st.text(max_size=100))
def test_only_malformed_escapes_whatever_the_bytes(data):
    with pytest.raises(Malformed):
        parse_proof(data)
