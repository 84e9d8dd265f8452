"""What a witness answers to a checkpoint (C2SP tlog-witness, add-checkpoint): one function from bytes to an answer.

It cosigns a tree that grew from the one it cosigned last, and nothing else. What a log should not have signed is kept
as evidence; for that the log's signature must hold, so a stranger cannot fill the disk.
"""

import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path

from ledger.tlog import evidence as evidences
from ledger.tlog.checkpoint import Checkpoint, parse_checkpoint
from ledger.tlog.errors import Malformed, ProofInvalid, SignatureInvalid, TlogError
from ledger.tlog.evidence import Evidence
from ledger.tlog.merkle import ConsistencyProof, verify_consistency
from ledger.tlog.note import (
    SignedNote,
    SignerKey,
    VerifierKey,
    cosign,
    format_note,
    format_signature,
    parse_note,
    verify_note,
)
from ledger.witness.protocol import SIZE_TYPE, Request, parse_request
from ledger.witness.store import NoteStore

TEXT = "text/plain; charset=utf-8"


@dataclass(frozen=True, slots=True)
class Answer:
    """An HTTP status and what goes with it."""

    status: int
    body: str
    content_type: str = TEXT


@dataclass(slots=True)
class _Log:
    """One log that is witnessed."""

    keys: list[VerifierKey]
    store: NoteStore
    lock: threading.Lock = field(default_factory=threading.Lock)


@dataclass(frozen=True, slots=True)
class _Submission:
    """A checkpoint that its log has signed, on its way to be decided."""

    request: Request
    note: SignedNote
    checkpoint: Checkpoint


class Witness:
    """A name, a key, the logs it watches, and what it remembers of them below `folder`."""

    def __init__(
        self, signer: SignerKey, logs: Iterable[VerifierKey], folder: Path, *, clock: Callable[[], int]
    ) -> None:
        self.signer = signer
        self.clock = clock
        self.folder = folder
        self.logs: dict[str, _Log] = {}
        for key in logs:
            log = self.logs.setdefault(key.name, _Log([], NoteStore.of(folder, key.name)))
            log.keys.append(key)

    def add_checkpoint(self, data: bytes) -> Answer:
        """Decide a request: 200 with the cosignature once it is kept, or the status that says what is wrong."""
        try:
            request = parse_request(data)
            note = parse_note(request.note)
            checkpoint = parse_checkpoint(note.text)
        except Malformed as malformed:
            return Answer(400, f"{malformed}\n")
        log = self.logs.get(checkpoint.origin)
        if log is None:
            self._keep_misnamed(request)
            return Answer(404, "this log is not one that is witnessed here\n")
        try:
            verify_note(note, log.keys)
        except SignatureInvalid as invalid:
            return Answer(403, f"{invalid}\n")
        with log.lock:
            return self._decide(log, _Submission(request, note, checkpoint))

    def latest(self, origin: str) -> str | None:
        """The checkpoint of that log that was cosigned last; None when there is none."""
        log = self.logs.get(origin)
        return None if log is None else log.store.latest()

    def evidence(self, origin: str) -> list[str] | None:
        """The names of the evidence files kept of that log; None when it is none that is witnessed."""
        log = self.logs.get(origin)
        return None if log is None else log.store.evidence()

    def read_evidence(self, origin: str, name: str) -> str | None:
        """An evidence file kept of that log; None when there is none of that name."""
        log = self.logs.get(origin)
        return None if log is None else log.store.read_evidence(name)

    def _decide(self, log: _Log, given: _Submission) -> Answer:
        latest = log.store.latest()
        kept = None if latest is None else parse_checkpoint(parse_note(latest).text)
        kept_size = 0 if kept is None else kept.tree_size
        contradicted = self._contradiction(log, given, kept_size, latest)
        if given.request.old_size > given.checkpoint.tree_size:
            return Answer(400, "the old size is larger than the checkpoint's\n")
        if contradicted or given.request.old_size != kept_size:
            return Answer(409, f"{kept_size}\n", SIZE_TYPE)
        try:
            _verify_growth(given, kept)
        except ProofInvalid as invalid:
            if latest is not None:
                self._keep(log, latest, given, f"the growth from {kept_size} entries was not proven: {invalid}")
            return Answer(422, f"{invalid}\n")
        return self._cosign(log, given)

    def _cosign(self, log: _Log, given: _Submission) -> Answer:
        line = cosign(given.note.text, self.signer, time=self.clock())
        known = {(key.name, key.note_key_id) for key in log.keys}
        by_log = [each for each in given.note.signatures if (each.name, each.note_key_id) in known]
        log.store.put(format_note(SignedNote(given.note.text, (*by_log, line))))
        return Answer(200, format_signature(line))

    def _contradiction(self, log: _Log, given: _Submission, kept_size: int, latest: str | None) -> bool:
        """Keep evidence of a size that was cosigned with another root, or of a tree smaller than the one before."""
        size = given.checkpoint.tree_size
        before = log.store.at(size)
        if before is not None and parse_checkpoint(parse_note(before).text).root_hash != given.checkpoint.root_hash:
            self._keep(log, before, given, f"two roots for {size} entries")
            return True
        if latest is not None and size < kept_size:
            self._keep(log, latest, given, f"{size} entries were offered after {kept_size} had been cosigned")
        return False

    def _keep(self, log: _Log, kept: str, given: _Submission, reason: str) -> None:
        found = Evidence(kept, given.request.note, given.request.path, self.clock(), reason)
        try:
            kind = evidences.verify_evidence(found, log.keys).kind
        except TlogError:
            return  # it shows nothing: the tree did grow, only the request was wrong
        log.store.put_evidence(kind, evidences.state(found, self.signer))

    def _keep_misnamed(self, request: Request) -> None:
        """Keep a checkpoint under an unknown name when a known log's key has signed it."""
        for log in self.logs.values():
            found = Evidence(None, request.note, (), self.clock(), "a checkpoint under another log's name")
            try:
                evidences.verify_evidence(found, log.keys)
            except TlogError:
                continue
            log.store.put_evidence(evidences.MISNAMED, evidences.state(found, self.signer))


def _verify_growth(given: _Submission, kept: Checkpoint | None) -> None:
    """Raise ProofInvalid unless the checkpoint's tree begins with the one cosigned last."""
    if kept is None or kept.tree_size == 0:
        if given.request.path:
            raise ProofInvalid("a proof from size 0 is empty")
        return
    proof = ConsistencyProof(kept.tree_size, given.checkpoint.tree_size, given.request.path)
    verify_consistency(proof, old_root=kept.root_hash, new_root=given.checkpoint.root_hash)
