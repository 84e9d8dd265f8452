"""Checkpoints: what a log commits to, as a signed note (C2SP tlog-checkpoint, without extension lines)."""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from ledger.tlog.errors import Malformed, SignatureInvalid
from ledger.tlog.merkle import HASH_BYTES, MAX_TREE_SIZE, empty_root
from ledger.tlog.note import SignedNote, SignerKey, VerifierKey, cosign, format_note, parse_note, sign_note, verify_note
from ledger.tlog.text import decode_base64, encode_base64, is_key_name

_TEXT = re.compile(r"([^\n]+)\n([0-9]{1,19})\n([^\n]{44})\n")


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A log's name, its number of entries, and the root over them."""

    origin: str
    tree_size: int
    root_hash: bytes

    def __post_init__(self) -> None:
        if not is_key_name(self.origin):
            raise Malformed("this is not the origin of a log")
        if not 0 <= self.tree_size <= MAX_TREE_SIZE or len(self.root_hash) != HASH_BYTES:
            raise Malformed("a checkpoint has a tree size and a root of 32 bytes")
        if self.tree_size == 0 and self.root_hash != empty_root():
            raise Malformed("a log without entries has the empty root")


def format_checkpoint(checkpoint: Checkpoint) -> str:
    """Write the three lines that are signed."""
    return f"{checkpoint.origin}\n{checkpoint.tree_size}\n{encode_base64(checkpoint.root_hash)}\n"


def parse_checkpoint(text: str) -> Checkpoint:
    """Read the three lines by writing them again: raise Malformed for `+7`, `007`, extension lines and the like."""
    found = _TEXT.fullmatch(text)
    if not found:
        raise Malformed("a checkpoint is an origin, a tree size and a root, each on its line")
    checkpoint = Checkpoint(found[1], int(found[2]), decode_base64(found[3], "the root"))
    if format_checkpoint(checkpoint) != text:
        raise Malformed(f"tree size {found[2]!r} is not a plain decimal")
    return checkpoint


def sign_checkpoint(checkpoint: Checkpoint, *signers: SignerKey) -> str:
    """Return the checkpoint as a note signed by its log; raise Malformed unless the keys are named like the log.

    There is one signer, and while a log changes its key the new one beside the old.
    """
    if any(signer.name != checkpoint.origin for signer in signers):
        raise Malformed("a log's key is named like the log")
    return sign_note(format_checkpoint(checkpoint), *signers)


def open_checkpoint(data: str | bytes, *, verifiers: Iterable[VerifierKey]) -> Checkpoint:
    """Read a checkpoint that its log has signed, with a key among `verifiers` named like it.

    Raises Malformed, or SignatureInvalid: also when any known signer's line fails.
    """
    note = parse_note(data)
    checkpoint = parse_checkpoint(note.text)
    if all(each.verifier.name != checkpoint.origin for each in verify_note(note, verifiers)):
        raise SignatureInvalid("the log has not signed this checkpoint with a known key")
    return checkpoint


def cosign_checkpoint(data: str | bytes, signer: SignerKey, *, time: int) -> str:
    """Return the note with one more line: a witness's cosignature at that POSIX second. Raise Malformed.

    The witness must have checked the log's signature and its growth before.
    """
    note = parse_note(data)
    parse_checkpoint(note.text)
    return format_note(SignedNote(note.text, (*note.signatures, cosign(note.text, signer, time=time))))
