"""The Merkle tree of RFC 6962 / RFC 9162: hashes, the compact range, proofs and their verification.

A compact range is the right edge of a tree: the roots of its complete subtrees, largest first. It is all a log needs to
grow. A complete subtree of 2**level leaves that begins at leaf index * 2**level is named by (level, index).
"""

import hashlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from ledger.tlog.errors import Malformed, ProofInvalid

HASH_BYTES = 32
MAX_TREE_SIZE = 2**63 - 1
Subtree = Callable[[int, int], bytes]
"""`subtree(level, index)`: the hash of that complete subtree."""

_sha256 = hashlib.sha256
_EMPTY_ROOT = _sha256(b"").digest()


def leaf_hash(leaf: bytes) -> bytes:
    """Return the hash of an entry (RFC 9162, 2.1.1)."""
    return _sha256(b"\x00" + leaf).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """Return the hash of an inner node (RFC 9162, 2.1.1)."""
    return _sha256(b"\x01" + left + right).digest()


def empty_root() -> bytes:
    """Return the root of the tree without entries (RFC 9162, 2.1.1)."""
    return _EMPTY_ROOT


def root_of(hashes: Iterable[bytes]) -> bytes:
    """Return the root over these leaf hashes."""
    return CompactRange().extend(hashes).root()


@dataclass(frozen=True, slots=True)
class Growth:
    """What a tree became: its new right edge, and every complete subtree that came into being.

    `completed[level]` is (index of the first, hashes): level 0 are the new leaves themselves. `before` is the edge it
    grew from; with it everything is at hand that proves one of the new leaves.
    """

    range: "CompactRange"
    completed: tuple[tuple[int, tuple[bytes, ...]], ...]
    before: "CompactRange"

    def subtree(self, level: int, index: int) -> bytes:
        """Return the hash of a complete subtree that is new or lies on the old edge; no other is known here."""
        if level < len(self.completed):
            first, hashes = self.completed[level]
            if index >= first:
                return hashes[index - first]
        larger, odd = divmod(self.before.size >> level, 2)
        assert odd and index == 2 * larger, "an old subtree that no new leaf has beside it"
        return self.before.hashes[larger.bit_count()]


@dataclass(frozen=True, slots=True)
class CompactRange:
    """The right edge of a tree of `size` entries: one hash for each bit set in `size`, the largest subtree first."""

    size: int = 0
    hashes: tuple[bytes, ...] = ()

    def __post_init__(self) -> None:
        if not 0 <= self.size <= MAX_TREE_SIZE or len(self.hashes) != self.size.bit_count():
            raise Malformed(f"a compact range of {self.size} entries has one hash for each bit set in its size")
        for each in self.hashes:
            if len(each) != HASH_BYTES:
                raise Malformed("a hash is not 32 bytes")

    def append(self, leaf_hash: bytes) -> "CompactRange":
        """Return the range with one more entry; raise Malformed when its hash is not 32 bytes."""
        hashes = [*self.hashes, leaf_hash]
        size = self.size
        while size & 1:
            right = hashes.pop()
            hashes[-1] = node_hash(hashes[-1], right)
            size >>= 1
        return CompactRange(self.size + 1, tuple(hashes))

    def extend(self, hashes: Iterable[bytes]) -> "CompactRange":
        """Return the range with these leaf hashes appended; raise Malformed when one is not 32 bytes."""
        return self.grow(hashes).range

    def extend_subtrees(self, level: int, roots: Iterable[bytes]) -> "CompactRange":
        """Return the range with complete subtrees of 2**level leaves appended, given by their roots.

        Raises Malformed when a root is not 32 bytes, or where no subtree of that size can begin.
        """
        if self.size & ((1 << level) - 1):
            raise Malformed(f"no complete subtree of {1 << level} entries begins after {self.size}")
        above = CompactRange(self.size >> level, self.hashes).extend(roots)
        return CompactRange(above.size << level, above.hashes)

    def grow(self, hashes: Iterable[bytes]) -> Growth:
        """Append leaf hashes, level by level; give also every subtree completed by it, as tiles need them.

        Raises Malformed when a hash is not 32 bytes.
        """
        nodes = list(hashes)
        if any(len(each) != HASH_BYTES for each in nodes):
            raise Malformed("a hash is not 32 bytes")
        new_size = self.size + len(nodes)
        edge: list[bytes] = []
        old_edge = list(self.hashes)
        completed: list[tuple[int, tuple[bytes, ...]]] = []
        first = self.size  # of the nodes at this level that are new
        while nodes or old_edge:
            if nodes:
                completed.append((first, tuple(nodes)))
            if first & 1:
                nodes.insert(0, old_edge.pop())
            if len(nodes) & 1:
                edge.append(nodes.pop())
            nodes = [_sha256(b"\x01" + nodes[at] + nodes[at + 1]).digest() for at in range(0, len(nodes), 2)]
            first >>= 1
        edge.reverse()
        return Growth(CompactRange(new_size, tuple(edge)), tuple(completed), self)

    def root(self) -> bytes:
        """Return the root hash of the tree (RFC 9162, 2.1.1)."""
        if not self.hashes:
            return _EMPTY_ROOT
        root = self.hashes[-1]
        for left in reversed(self.hashes[:-1]):
            root = node_hash(left, root)
        return root

    def to_bytes(self) -> bytes:
        """Return the hashes one after the other, as they are stored."""
        return b"".join(self.hashes)

    @classmethod
    def from_bytes(cls, size: int, raw: bytes) -> "CompactRange":
        """Read what `to_bytes` wrote for a tree of `size` entries; raise Malformed when the length is another."""
        if len(raw) % HASH_BYTES:
            raise Malformed("a compact range is a sequence of hashes of 32 bytes")
        return cls(size, tuple(raw[at : at + HASH_BYTES] for at in range(0, len(raw), HASH_BYTES)))


@dataclass(frozen=True, slots=True)
class InclusionProof:
    """The hashes that lead from an entry to the root of a tree."""

    index: int
    tree_size: int
    path: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class ConsistencyProof:
    """The hashes that show that a tree is the beginning of a larger one."""

    old_size: int
    new_size: int
    path: tuple[bytes, ...]


def subtrees_of(leaf_hashes: Sequence[bytes]) -> Subtree:
    """Return a `subtree` function over leaf hashes in memory."""
    completed = CompactRange().grow(leaf_hashes).completed

    def subtree(level: int, index: int) -> bytes:
        return completed[level][1][index]

    return subtree


def prove_inclusion(index: int, tree_size: int, subtree: Subtree) -> InclusionProof:
    """Prove that an entry is in the tree (RFC 9162, 2.1.3.1); raise ProofInvalid when the tree has no such entry."""
    if not 0 <= index < tree_size <= MAX_TREE_SIZE:
        raise ProofInvalid(f"a tree of {tree_size} entries has no entry {index}")
    path: list[bytes] = []
    level, at, last = 0, index, tree_size - 1
    while last:
        if at & 1:
            path.append(subtree(level, at - 1))
        elif at < last:
            path.append(_range_root((at + 1) << level, min((at + 2) << level, tree_size), subtree))
        level, at, last = level + 1, at >> 1, last >> 1
    return InclusionProof(index, tree_size, tuple(path))


def prove_inclusions(indices: Iterable[int], tree_size: int, subtree: Subtree) -> list[InclusionProof]:
    """Prove several entries at once: from where their paths meet, what was found for one is taken for the others.

    Raises ProofInvalid when the tree has no such entry.
    """
    known: dict[tuple[int, int], tuple[bytes, ...]] = {}

    def path(level: int, at: int, last: int) -> tuple[bytes, ...]:
        found = known.get((level, at))
        if found is None:
            found = path(level + 1, at >> 1, last >> 1) if last > 1 else ()
            if at & 1:
                found = (subtree(level, at - 1), *found)
            elif at < last:
                right = _range_root((at + 1) << level, min((at + 2) << level, tree_size), subtree)
                found = (right, *found)
            known[level, at] = found
        return found

    proofs = []
    for index in indices:
        if not 0 <= index < tree_size <= MAX_TREE_SIZE:
            raise ProofInvalid(f"a tree of {tree_size} entries has no entry {index}")
        proofs.append(InclusionProof(index, tree_size, path(0, index, tree_size - 1)))
    return proofs


def prove_consistency(old: int, new: int, subtree: Subtree) -> ConsistencyProof:
    """Prove that the tree of `old` entries begins that of `new` (RFC 9162, 2.1.4.1), or raise ProofInvalid."""
    if not 0 < old <= new <= MAX_TREE_SIZE:
        raise ProofInvalid(f"there is no proof of consistency from size {old} to size {new}")
    path: list[bytes] = []
    begin, end, rest, is_whole = 0, new, old, True
    while rest != end - begin:
        middle = begin + (1 << ((end - begin - 1).bit_length() - 1))
        if rest <= middle - begin:
            path.append(_range_root(middle, end, subtree))
            end = middle
        else:
            path.append(_range_root(begin, middle, subtree))
            rest -= middle - begin
            begin, is_whole = middle, False
    if not is_whole:
        path.append(_range_root(begin, end, subtree))
    path.reverse()
    return ConsistencyProof(old, new, tuple(path))


def verify_inclusion(proof: InclusionProof, *, leaf: bytes, root: bytes) -> None:
    """Raise ProofInvalid unless leaf hash `leaf` is in the tree that `root` commits to (RFC 9162, 2.1.3.2)."""
    _check_hashes(leaf, root, *proof.path)
    if not 0 <= proof.index < proof.tree_size <= MAX_TREE_SIZE:
        raise ProofInvalid(f"a tree of {proof.tree_size} entries has no entry {proof.index}")
    at, last, result = proof.index, proof.tree_size - 1, leaf
    for sibling in proof.path:
        if not last:
            raise ProofInvalid("the inclusion proof is too long")
        if at & 1 or at == last:
            result = node_hash(sibling, result)
            while not at & 1:
                at, last = at >> 1, last >> 1
        else:
            result = node_hash(result, sibling)
        at, last = at >> 1, last >> 1
    if last:
        raise ProofInvalid("the inclusion proof is too short")
    if result != root:
        raise ProofInvalid("the inclusion proof does not lead to the root")


def verify_consistency(proof: ConsistencyProof, *, old_root: bytes, new_root: bytes) -> None:
    """Raise ProofInvalid unless the old tree is the beginning of the new one (RFC 9162, 2.1.4.2); never from size 0."""
    if not 0 < proof.old_size <= proof.new_size <= MAX_TREE_SIZE:
        raise ProofInvalid(f"there is no proof of consistency from size {proof.old_size} to size {proof.new_size}")
    if proof.old_size == proof.new_size:  # nothing is hashed here; a public vector has placeholders for the roots
        if proof.path or old_root != new_root:
            raise ProofInvalid("trees of one size have one root and need no proof")
        return
    _check_hashes(old_root, new_root, *proof.path)
    path = proof.path
    if proof.old_size & (proof.old_size - 1) == 0:
        path = (old_root, *path)
    if not path:
        raise ProofInvalid("the consistency proof is too short")
    old, new = _climb(proof.old_size - 1, proof.new_size - 1, path)
    if old != old_root:
        raise ProofInvalid("the consistency proof does not lead to the old root")
    if new != new_root:
        raise ProofInvalid("the consistency proof does not lead to the new root")


def prove_growth(old: int, new: int, subtree: Subtree) -> tuple[bytes, ...]:
    """Return the hashes that alone give both roots, of the first `old` entries and of all `new`; see `roots_of_growth`.

    A consistency proof leaves out its first hash where that is the old root. Raises ProofInvalid unless 0 < old < new.
    """
    if old == new:
        raise ProofInvalid("a tree that did not grow has one root")
    path = prove_consistency(old, new, subtree).path
    return (subtree(old.bit_length() - 1, 0), *path) if old & (old - 1) == 0 else path


def roots_of_growth(old: int, new: int, path: tuple[bytes, ...]) -> tuple[bytes, bytes]:
    """Return the roots of the first `old` entries and of all `new` that `path` leads to; raise ProofInvalid.

    When the second is a root that a log has signed, the first is what its tree begins with, whatever else it signed.
    """
    _check_hashes(*path)
    if not 0 < old < new <= MAX_TREE_SIZE or not path:
        raise ProofInvalid(f"this does not show how a tree of {old} entries grew to {new}")
    return _climb(old - 1, new - 1, path)


def _climb(at: int, last: int, path: tuple[bytes, ...]) -> tuple[bytes, bytes]:
    """Return the roots that a path leads to, of the old and of the new tree (RFC 9162, 2.1.4.2, steps 4 to 6)."""
    while at & 1:
        at, last = at >> 1, last >> 1
    old = new = path[0]
    for sibling in path[1:]:
        if not last:
            raise ProofInvalid("the consistency proof is too long")
        if at & 1 or at == last:
            old, new = node_hash(sibling, old), node_hash(sibling, new)
            while not at & 1:
                at, last = at >> 1, last >> 1
        else:
            new = node_hash(new, sibling)
        at, last = at >> 1, last >> 1
    if last:
        raise ProofInvalid("the consistency proof is too short")
    return old, new


def _check_hashes(*hashes: bytes) -> None:
    if any(len(each) != HASH_BYTES for each in hashes):
        raise ProofInvalid("a hash is not 32 bytes")


def _range_root(begin: int, end: int, subtree: Subtree) -> bytes:
    """Return the root over leaves [begin, end), where `begin` is a multiple of the power of two that holds them."""
    hashes = []
    while begin < end:
        level = (end - begin).bit_length() - 1
        hashes.append(subtree(level, begin >> level))
        begin += 1 << level
    root = hashes.pop()
    while hashes:
        root = node_hash(hashes.pop(), root)
    return root
