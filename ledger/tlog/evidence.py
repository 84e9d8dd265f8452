"""Evidence: two checkpoints of one log that were not to be had together, in one file that anyone can check.

{
 "format": "waylog/evidence/v1",
 "kept": "<signed note>" or null,
 "offered": "<signed note>",
 "path": "<base64 of hashes that lead from the smaller tree to the larger one>",
 "time": 1767225600,
 "reason": "the tree of 12 entries does not begin with that of 7",
 "observer": "<signed note>" or null
}

Three things are *proven* by the file alone, against the log's verifier key: a **fork** (two roots for one size), a
**rewrite** (the larger tree begins with other entries than the smaller one had: `path` leads to the signed larger root
and to another smaller root than was signed) and a **misnamed** checkpoint (signed with the log's key under another
name). The rest is *stated* by who saw it, with its signature in `observer`: that the log showed a smaller tree than
before, or proved nothing of how it grew. A log that is honest can answer such a statement with a consistency proof.
"""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, replace

from ledger.tlog import strictjson
from ledger.tlog.checkpoint import Checkpoint, open_checkpoint, parse_checkpoint
from ledger.tlog.errors import Malformed, ProofInvalid, SignatureInvalid
from ledger.tlog.merkle import HASH_BYTES, roots_of_growth
from ledger.tlog.note import (
    ED25519,
    MAX_TIME,
    SignedNote,
    SignerKey,
    VerifierKey,
    format_note,
    parse_note,
    sign_note,
    verify_note,
)
from ledger.tlog.text import decode_base64, encode_base64

FORMAT = "waylog/evidence/v1"
MAX_EVIDENCE_BYTES = 2_200_000
FORK, REWRITE, MISNAMED = "fork", "rewrite", "misnamed"
STALE, UNPROVEN = "stale", "unproven"
_NAMES = ("format", "kept", "offered", "path", "time", "reason", "observer")


@dataclass(frozen=True, slots=True)
class Evidence:
    """What was kept, what was offered after it, and what links or parts them; read but not believed."""

    kept: str | None
    offered: str
    path: tuple[bytes, ...]
    time: int
    reason: str
    observer: str | None = None


@dataclass(frozen=True, slots=True)
class Finding:
    """What evidence shows: `is_proven` of the log by the file alone, else stated by `observer`, if by anyone."""

    kind: str
    is_proven: bool
    sentence: str
    observer: VerifierKey | None = None


def format_evidence(evidence: Evidence) -> bytes:
    """Write evidence."""
    value = {
        "format": FORMAT,
        "kept": evidence.kept,
        "offered": evidence.offered,
        "path": encode_base64(b"".join(evidence.path)),
        "time": evidence.time,
        "reason": evidence.reason,
        "observer": evidence.observer,
    }
    return (json.dumps(value, ensure_ascii=False, indent=1) + "\n").encode()


def parse_evidence(data: bytes) -> Evidence:
    """Read evidence by writing it again; raise Malformed."""
    value = strictjson.parse(data, max_bytes=MAX_EVIDENCE_BYTES, max_depth=2, max_nodes=20, floats=False)
    if not isinstance(value, dict) or tuple(value) != _NAMES or value["format"] != FORMAT:
        raise Malformed(f"evidence has {', '.join(_NAMES)}, in this order, and the format {FORMAT}")
    texts = (value["offered"], value["path"], value["reason"])
    may_lack = (value["kept"], value["observer"])
    if not all(isinstance(each, str) for each in texts) or not all(isinstance(each, str | None) for each in may_lack):
        raise Malformed("a member of this evidence is not a text")
    if type(value["time"]) is not int or not 0 <= value["time"] <= MAX_TIME:
        raise Malformed("a time is a POSIX second", pointer="/time")
    raw = decode_base64(value["path"], "the path", pointer="/path")
    path = tuple(raw[at : at + HASH_BYTES] for at in range(0, len(raw), HASH_BYTES))
    evidence = Evidence(value["kept"], value["offered"], path, value["time"], value["reason"], value["observer"])
    if format_evidence(evidence) != data:
        raise Malformed("this evidence is not written as evidence is")
    return evidence


def state(evidence: Evidence, observer: SignerKey) -> Evidence:
    """Sign evidence as the one who saw it, with a log's or a witness's key; its first line keeps it apart from both."""
    signer = SignerKey(observer.name, observer.signing_key, ED25519)
    return replace(evidence, observer=sign_note(_observed(evidence), signer))


def verify_evidence(
    evidence: Evidence, logs: Sequence[VerifierKey], *, observers: Sequence[VerifierKey] = ()
) -> Finding:
    """Tell what evidence shows of the log with one of these keys.

    Raises SignatureInvalid when that log signed neither; ProofInvalid when the two checkpoints agree; Malformed.
    """
    observer = _verify_observer(evidence, observers)
    offered = parse_checkpoint(parse_note(evidence.offered).text)
    if evidence.kept is None:
        return _misnamed(evidence.offered, offered, logs, observer)
    kept = open_checkpoint(evidence.kept, verifiers=logs)
    if offered.origin != kept.origin:
        return _misnamed(evidence.offered, offered, logs, observer)
    open_checkpoint(evidence.offered, verifiers=logs)
    small, large = sorted((kept, offered), key=lambda each: each.tree_size)
    if small.tree_size == large.tree_size:
        if small.root_hash == large.root_hash:
            raise ProofInvalid("the two checkpoints are the same: this shows nothing")
        return Finding(FORK, True, f"the log {kept.origin} signed two roots for {kept.tree_size} entries", observer)
    begins_with = _beginning(small, large, evidence.path)
    if begins_with is not None and begins_with != small.root_hash:
        sizes = f"its tree of {large.tree_size} entries does not begin with the {small.tree_size} that it signed before"
        return Finding(REWRITE, True, f"the log {kept.origin} rewrote its history: {sizes}", observer)
    return _stated(kept, offered, begins_with is not None, observer)


def compare(first: str, second: str, *, time: int, path: tuple[bytes, ...] = ()) -> Evidence | None:
    """Return evidence when two checkpoints cannot both be honest, as far as they alone show; None when they may be."""
    one, two = (parse_checkpoint(parse_note(each).text) for each in (first, second))
    if one.origin != two.origin or one.tree_size != two.tree_size or one.root_hash == two.root_hash:
        return None
    return Evidence(first, second, path, time, f"two roots for {one.tree_size} entries")


def _beginning(small: Checkpoint, large: Checkpoint, path: tuple[bytes, ...]) -> bytes | None:
    """The root of the first entries of the larger tree; None when the path does not lead to that tree's signed root."""
    try:
        before, after = roots_of_growth(small.tree_size, large.tree_size, path)
    except ProofInvalid:
        return None
    return before if after == large.root_hash else None


def _stated(kept: Checkpoint, offered: Checkpoint, is_consistent: bool, observer: VerifierKey | None) -> Finding:
    if offered.tree_size > kept.tree_size:
        if is_consistent:
            raise ProofInvalid("the larger tree begins with the smaller one: this shows nothing")
        sizes = f"{kept.tree_size} to {offered.tree_size} entries"
        return Finding(UNPROVEN, False, f"the log {kept.origin} did not prove that it only grew, {sizes}", observer)
    said = f"the log {kept.origin} showed {offered.tree_size} entries after it had shown {kept.tree_size}"
    if is_consistent:
        return Finding(STALE, False, f"{said}; they are the beginning of the same tree", observer)
    return Finding(STALE, False, f"{said}; whether they belong together was not proven", observer)


def _misnamed(data: str, found: Checkpoint, logs: Sequence[VerifierKey], observer: VerifierKey | None) -> Finding:
    """A checkpoint of another origin with a line by one of these keys, under the key's own name or that one."""
    renamed = [VerifierKey(found.origin, log.public_key, log.type) for log in logs]
    note = parse_note(data)
    wanted = {(key.name, key.note_key_id): key for key in (*logs, *renamed)}
    for line in note.signatures:
        key = wanted.get((line.name, line.note_key_id))
        if key is not None and found.origin not in {log.name for log in logs}:
            verify_note(SignedNote(note.text, (line,)), [key])
            own = next(log.name for log in logs if log.public_key == key.public_key)
            said = f"the key of the log {own} signed a checkpoint of {found.origin}"
            return Finding(MISNAMED, True, said, observer)
    raise SignatureInvalid("no key of the log has signed what was offered")


def _verify_observer(evidence: Evidence, observers: Sequence[VerifierKey]) -> VerifierKey | None:
    """The observer that signed, when it is one of those known; raise SignatureInvalid when its line fails."""
    if evidence.observer is None:
        return None
    note = parse_note(evidence.observer)
    if note.text != _observed(evidence) or format_note(note) != evidence.observer:
        raise Malformed("the observer signed other evidence than this", pointer="/observer")
    signers = [VerifierKey(each.name, each.public_key, ED25519) for each in observers]
    known = {(each.name, each.note_key_id) for each in signers}
    if not any((line.name, line.note_key_id) in known for line in note.signatures):
        return None
    return verify_note(note, signers)[0].verifier


def _observed(evidence: Evidence) -> str:
    parts = ((evidence.kept or "").encode(), evidence.offered.encode(), b"".join(evidence.path))
    digests = [hashlib.sha256(part).hexdigest() for part in parts]
    return "\n".join([FORMAT, *digests, str(evidence.time), evidence.reason]) + "\n"
