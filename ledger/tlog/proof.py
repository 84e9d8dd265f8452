"""A proof file: one entry, its place, the hashes that lead to the root, and the signed checkpoint (C2SP tlog-proof).

    c2sp.org/tlog-proof@v1
    extra <base64 of the leaf>
    index 7
    gSKyXoYZUgZ6jduWYrkDOARinOMGJveXjgMkBTcdPlQ=

    log.example/0123456789abcdef
    8
    sFodV/vSp5O8n9a8QpW6PRY97tfOSW5bsc2Xl/EQi08=

    — log.example/0123456789abcdef hI2DJw...

The format says nothing of what `extra` holds and authenticates none of it; we put the leaf there, and the inclusion
proof authenticates that.
"""

import re
from dataclasses import dataclass

from ledger.tlog.checkpoint import Checkpoint, parse_checkpoint
from ledger.tlog.envelope import Leaf, parse_leaf
from ledger.tlog.errors import Malformed
from ledger.tlog.merkle import HASH_BYTES, InclusionProof, leaf_hash, verify_inclusion
from ledger.tlog.note import MAX_NOTE_BYTES, SignedNote, parse_note
from ledger.tlog.statement import Statement, parse_statement
from ledger.tlog.text import decode_base64, encode_base64

HEADER = "c2sp.org/tlog-proof@v1"
MAX_PROOF_BYTES = MAX_NOTE_BYTES + 200_000
MAX_PATH = 63
_HEAD = re.compile(
    re.escape(HEADER)
    + r"\n(?:extra ([A-Za-z0-9+/=]+)\n)?index (0|[1-9][0-9]{0,18})\n((?:[A-Za-z0-9+/=]{44}\n){0,63})\n"
)


@dataclass(frozen=True, slots=True)
class Proof:
    """A proof file, read but not believed; `checkpoint` is the note as it was written."""

    extra: bytes | None
    inclusion: InclusionProof
    checkpoint: str


@dataclass(frozen=True, slots=True)
class ProvenEntry:
    """An entry that is in the tree of the checkpoint beside it; who signed what is not checked yet."""

    index: int
    leaf: Leaf
    statement: Statement
    checkpoint: Checkpoint
    note: SignedNote


def format_proof(proof: Proof) -> str:
    """Write a proof file; raise Malformed when it would not be read back as it is."""
    extra = "" if proof.extra is None else f"extra {encode_base64(bytes(proof.extra))}\n"
    path = "".join(encode_base64(each) + "\n" for each in proof.inclusion.path)
    text = f"{HEADER}\n{extra}index {proof.inclusion.index}\n{path}\n{proof.checkpoint}"
    if parse_proof(text).inclusion != proof.inclusion:
        raise Malformed("a proof would not be read back as it is")
    return text


def parse_proof(data: str | bytes) -> Proof:
    """Read a proof file by what it must look like; raise Malformed."""
    if len(data) > MAX_PROOF_BYTES:
        raise Malformed(f"a proof file has at most {MAX_PROOF_BYTES:,} bytes")
    try:
        text = data.decode() if isinstance(data, bytes) else data
    except UnicodeDecodeError:
        raise Malformed("a proof file is UTF-8") from None
    found = _HEAD.match(text)
    if not found:
        raise Malformed(f"a proof file begins with {HEADER}, then extra, index, hashes and a blank line")
    path = tuple(decode_base64(line, "a hash of the proof") for line in found[3].split())
    if any(len(each) != HASH_BYTES for each in path):
        raise Malformed("a hash of the proof is not 32 bytes")
    note = text[found.end() :]
    tree_size = parse_checkpoint(parse_note(note).text).tree_size
    extra = None if found[1] is None else decode_base64(found[1], "extra")
    return Proof(extra, InclusionProof(int(found[2]), tree_size, path), note)


def verify_in_itself(proof: Proof) -> ProvenEntry:
    """Check all that needs no key: the entry is one of ours, of this log, and in the tree of the checkpoint.

    Raises Malformed or ProofInvalid. The checkpoint's and the party's signatures are NOT checked here.
    """
    if proof.extra is None:
        raise Malformed("the proof file does not hold the entry: its extra line is missing")
    note = parse_note(proof.checkpoint)
    checkpoint = parse_checkpoint(note.text)
    leaf = parse_leaf(proof.extra)
    statement = parse_statement(leaf.payload)
    if statement.key != leaf.key_id:
        raise Malformed("the entry names another key than its statement")
    if statement.log != checkpoint.origin:
        raise Malformed("the statement was signed for another log")
    verify_inclusion(proof.inclusion, leaf=leaf_hash(proof.extra), root=checkpoint.root_hash)
    return ProvenEntry(proof.inclusion.index, leaf, statement, checkpoint, note)
