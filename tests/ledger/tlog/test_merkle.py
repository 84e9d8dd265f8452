import base64
import dataclasses
import json
from functools import cache

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ledger.tlog import merkle
from ledger.tlog.errors import Malformed, ProofInvalid, TlogError
from ledger.tlog.merkle import CompactRange, ConsistencyProof, InclusionProof
from tests.conftest import SHARED
from tests.ledger.tlog import naive

naive.mth = cache(naive.mth)  # its cuts repeat; the definition stays as it is written

SIZES = range(301)
LEAVES = tuple(f"entry {i}".encode() for i in SIZES)
HASHES = [merkle.leaf_hash(leaf) for leaf in LEAVES]
SUBTREE = merkle.subtrees_of(HASHES)


def vectors(kind):
    folder = SHARED / "tlog" / "merkle" / kind
    found = sorted(folder.rglob("*.json"))
    if not found:
        return [pytest.param(None, marks=pytest.mark.skip(reason="the shared data is not beside this checkout"))]
    return [pytest.param(json.loads(path.read_text()), id=str(path.relative_to(folder))) for path in found]


def unpacked(vector, *names):
    return [base64.b64decode(vector[name]) for name in names]


def path_of(vector):
    return tuple(base64.b64decode(each) for each in vector["proof"] or ())


@pytest.mark.parametrize("vector", vectors("inclusion"))
def test_verify_inclusion_agrees_with_the_vectors(vector):
    leaf, root = unpacked(vector, "leafHash", "root")
    proof = InclusionProof(vector["leafIdx"], vector["treeSize"], path_of(vector))
    if vector["wantErr"]:
        with pytest.raises(ProofInvalid):
            merkle.verify_inclusion(proof, leaf=leaf, root=root)
    else:
        merkle.verify_inclusion(proof, leaf=leaf, root=root)


@pytest.mark.parametrize("vector", vectors("consistency"))
def test_verify_consistency_agrees_with_the_vectors(vector):
    old_root, new_root = unpacked(vector, "root1", "root2")
    proof = ConsistencyProof(vector["size1"], vector["size2"], path_of(vector))
    if vector["wantErr"]:
        with pytest.raises(ProofInvalid):
            merkle.verify_consistency(proof, old_root=old_root, new_root=new_root)
    else:
        merkle.verify_consistency(proof, old_root=old_root, new_root=new_root)


@pytest.mark.skipif(not SHARED.exists(), reason="the shared data is not beside this checkout")
def test_there_are_98_vectors_of_each_kind():
    assert [len(vectors("inclusion")), len(vectors("consistency"))] == [98, 98]


def test_the_root_of_every_size_to_300_is_that_of_the_definition():
    grown = CompactRange()
    for size in SIZES:
        expected = naive.mth(LEAVES[:size])
        assert grown.size == size
        assert grown.root() == expected
        assert merkle.root_of(HASHES[:size]) == expected
        if size < 300:
            grown = grown.append(HASHES[size])


def test_the_root_of_nothing_is_the_hash_of_nothing():
    assert merkle.empty_root() == merkle.root_of([]) == naive.mth(())


@pytest.mark.parametrize("size", range(1, 301))
def test_every_inclusion_proof_of_a_tree_is_that_of_the_definition_and_holds(size):
    root = naive.mth(LEAVES[:size])
    for index in range(size) if size < 70 or size in (127, 128, 129, 255, 256, 257, 300) else range(0, size, 17):
        proof = merkle.prove_inclusion(index, size, SUBTREE)
        assert list(proof.path) == naive.path(index, LEAVES[:size])
        merkle.verify_inclusion(proof, leaf=HASHES[index], root=root)


@pytest.mark.parametrize("size", [1, 2, 3, 7, 8, 100, 257, 300])
def test_proofs_made_together_are_those_made_one_by_one(size):
    chosen = [*range(0, size, 3), size - 1, 0]
    together = merkle.prove_inclusions(chosen, size, SUBTREE)
    assert together == [merkle.prove_inclusion(index, size, SUBTREE) for index in chosen]
    with pytest.raises(ProofInvalid):
        merkle.prove_inclusions([0, size], size, SUBTREE)


@pytest.mark.parametrize("new", range(1, 301))
def test_every_consistency_proof_to_a_tree_is_that_of_the_definition_and_holds(new):
    new_root = naive.mth(LEAVES[:new])
    for old in range(1, new + 1) if new < 70 or new in (128, 129, 256, 257, 300) else range(1, new + 1, 13):
        proof = merkle.prove_consistency(old, new, SUBTREE)
        assert list(proof.path) == naive.proof(old, LEAVES[:new])
        merkle.verify_consistency(proof, old_root=naive.mth(LEAVES[:old]), new_root=new_root)


def test_no_proof_holds_for_another_place_size_leaf_or_root():
    for size in range(1, 34):
        root = merkle.root_of(HASHES[:size])
        for index in range(size):
            proof = merkle.prove_inclusion(index, size, SUBTREE)
            for other in range(-1, size + 2):
                if other != index:
                    refused_inclusion(dataclasses.replace(proof, index=other), HASHES[index], root)
            refused_inclusion(proof, HASHES[index + 1], root)
            refused_inclusion(proof, HASHES[index], merkle.root_of(HASHES[: size + 1]))
            refused_inclusion(dataclasses.replace(proof, path=(*proof.path, bytes(32))), HASHES[index], root)
            if proof.path:
                refused_inclusion(dataclasses.replace(proof, path=proof.path[:-1]), HASHES[index], root)
                refused_inclusion(dataclasses.replace(proof, path=proof.path[1:]), HASHES[index], root)


def refused_inclusion(proof, leaf, root):
    with pytest.raises(ProofInvalid):
        merkle.verify_inclusion(proof, leaf=leaf, root=root)


def test_no_consistency_proof_holds_with_a_hash_more_less_or_changed():
    roots = [merkle.root_of(HASHES[:size]) for size in range(34)]
    for new in range(2, 34):
        for old in range(1, new):
            proof = merkle.prove_consistency(old, new, SUBTREE)
            paths = [(*proof.path, bytes(32)), proof.path[:-1], proof.path[1:], (bytes(32), *proof.path)]
            paths += [(*proof.path[:at], bytes(32), *proof.path[at + 1 :]) for at in range(len(proof.path))]
            for path in paths:
                refused_consistency(dataclasses.replace(proof, path=path), roots[old], roots[new])
            refused_consistency(proof, roots[old - 1], roots[new])
            refused_consistency(proof, roots[old], roots[new - 1])


def refused_consistency(proof, old_root, new_root):
    with pytest.raises(ProofInvalid):
        merkle.verify_consistency(proof, old_root=old_root, new_root=new_root)


@pytest.mark.parametrize(
    ("old", "new", "path"), [(0, 0, ()), (0, 5, ()), (5, 4, ()), (-1, 5, ()), (3, 3, (bytes(32),)), (1, 2**63, ())]
)
def test_consistency_is_refused_for_sizes_that_prove_nothing(old, new, path):
    refused_consistency(ConsistencyProof(old, new, path), bytes(32), bytes(32))


def test_consistency_of_one_size_needs_one_root():
    merkle.verify_consistency(ConsistencyProof(3, 3, ()), old_root=HASHES[0], new_root=HASHES[0])
    refused_consistency(ConsistencyProof(3, 3, ()), HASHES[0], HASHES[1])


@pytest.mark.parametrize("length", [0, 31, 33, 64])
def test_a_hash_that_is_not_32_bytes_is_refused_wherever_it_stands(length):
    wrong = bytes(length)
    refused_inclusion(InclusionProof(0, 1, ()), wrong, wrong)
    refused_inclusion(InclusionProof(0, 2, (wrong,)), bytes(32), bytes(32))
    refused_consistency(ConsistencyProof(1, 2, (bytes(32),)), wrong, bytes(32))
    refused_consistency(ConsistencyProof(1, 2, (bytes(32),)), bytes(32), wrong)
    refused_consistency(ConsistencyProof(1, 2, (wrong,)), bytes(32), bytes(32))
    with pytest.raises(Malformed):
        CompactRange().append(wrong)
    with pytest.raises(Malformed):
        CompactRange().extend([wrong])


@pytest.mark.parametrize(("index", "size"), [(0, 0), (-1, 3), (3, 3), (4, 3), (0, 2**63)])
def test_no_inclusion_is_proven_of_an_entry_that_is_not_there(index, size):
    with pytest.raises(ProofInvalid):
        merkle.prove_inclusion(index, size, SUBTREE)


@pytest.mark.parametrize(("old", "new"), [(0, 3), (4, 3), (-1, 3), (1, 2**63)])
def test_no_consistency_is_proven_for_sizes_out_of_order(old, new):
    with pytest.raises(ProofInvalid):
        merkle.prove_consistency(old, new, SUBTREE)


@given(start=st.integers(0, 150), batch=st.integers(0, 150))
def test_a_batch_grows_a_range_as_its_entries_one_by_one_do(start, batch):
    before = merkle.CompactRange().extend(HASHES[:start])
    one_by_one = before
    for each in HASHES[start : start + batch]:
        one_by_one = one_by_one.append(each)
    growth = before.grow(iter(HASHES[start : start + batch]))
    assert growth.range == one_by_one
    for level in range(10):
        first, last = start >> level, (start + batch) >> level
        expected = tuple(SUBTREE(level, index) for index in range(first, last))
        given_ = growth.completed[level] if level < len(growth.completed) else (first, ())
        assert given_ == (first, expected) if expected else not given_[1]


@given(st.integers(0, 300))
def test_a_stored_range_is_read_back_as_it_was(size):
    kept = CompactRange().extend(HASHES[:size])
    assert CompactRange.from_bytes(size, kept.to_bytes()) == kept


@pytest.mark.parametrize(("size", "raw"), [(0, bytes(32)), (1, b""), (3, bytes(32)), (1, bytes(31)), (-1, bytes(32))])
def test_a_stored_range_of_the_wrong_length_is_refused(size, raw):
    with pytest.raises(Malformed):
        CompactRange.from_bytes(size, raw)


hashes = st.binary(min_size=30, max_size=33) | st.just(bytes(32))


@given(st.integers(-1, 2**64), st.integers(-1, 2**64), st.lists(hashes, max_size=70), hashes, hashes)
@settings(max_examples=300)
def test_only_tlog_errors_escape_the_verifiers(first, second, path, one, other):
    for check in (
        lambda: merkle.verify_inclusion(InclusionProof(first, second, tuple(path)), leaf=one, root=other),
        lambda: merkle.verify_consistency(ConsistencyProof(first, second, tuple(path)), old_root=one, new_root=other),
        lambda: CompactRange.from_bytes(first, b"".join(path)),
    ):
        try:
            check()
        except TlogError:
            continue


@pytest.mark.parametrize("start", [0, 1, 2, 3, 5, 6, 7, 8, 11, 13, 64, 100, 255])
def test_growth_alone_proves_every_entry_it_brought(start):
    before = CompactRange().extend(HASHES[:start])
    for batch in (1, 2, 3, 4, 7, 30, 45):
        growth = before.grow(HASHES[start : start + batch])
        for index in range(start, start + batch):
            proof = merkle.prove_inclusion(index, start + batch, growth.subtree)
            assert proof == merkle.prove_inclusion(index, start + batch, SUBTREE)
