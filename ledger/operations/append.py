"""The one path by which anything gets into the log."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from uuid import UUID

from django.db import transaction

from ledger import bulk, diskspace, keyrules, outside, tenancy, turns
from ledger.admission import (
    Admission,
    AdmissionRule,
    Admitted,
    AlreadyAppended,
    Appended,
    BatchRefused,
    CommitmentReused,
    Invalid,
    KeyNotValid,
    Outcome,
    Pending,
    Refusal,
    Refused,
    Repeated,
    SignatureRefused,
    Submission,
)
from ledger.models import Attestation, Entry, Key, KeyRevocation
from ledger.operations.opening import key_records, open_log, origin
from ledger.operations.write import EPOCH, Batch, write
from ledger.tlog import envelope as envelopes
from ledger.tlog import keys, merkle, statement
from ledger.tlog.disclosure import open_body
from ledger.tlog.errors import Malformed, ProofInvalid, SignatureInvalid
from ledger.tlog.keys import KeyRecord
from ledger.tlog.statement import Statement

MAX_BODY = 1024 * 1024
THREADS_FROM = 64


def append_many(
    submissions: Sequence[Submission],
    *,
    rule: AdmissionRule,
    now: datetime,
    atomic: bool = False,
    keep: Callable[[str], None] | None = None,
) -> list[Outcome]:
    """Append what holds, in order, in one transaction; answer one outcome a submission, in the same order.

    Signatures and commitments are checked before the lock, keys, links and meaning inside it. With `atomic` one refusal
    refuses all. Nothing is kept of what was refused. Before this returns (or the caller's own transaction commits) the
    newest checkpoint is kept outside the database; who passes a `keep` of its own does that itself before it answers.
    Raises LogMissing, DiskLow, RolledBack, NotKept.
    """
    diskspace.check()
    outcomes: list[Outcome | None] = [None] * len(submissions)
    pending = _prepare(submissions, outcomes)
    if not pending or (atomic and len(pending) < len(submissions)):
        return _final(outcomes, submissions, atomic=atomic)
    try:
        with tenancy.system_transaction():
            batch = _open_batch(pending, now)
            with turns.first():
                _decide(pending, rule, batch, outcomes)
            if atomic and any(isinstance(outcome, Refusal) for outcome in outcomes):
                _forget_repeats_from(batch.head.tree_size, outcomes)
                raise _Rollback
            if batch.admitted:
                with bulk.together(), turns.first():
                    write(batch)
                    rule.project(batch.admitted)
            if any(isinstance(outcome, Appended | Repeated) for outcome in outcomes):
                transaction.on_commit(partial(keep or outside.keep, batch.head.checkpoint))
    except _Rollback:
        pass
    except BaseException:
        _forget()
        raise
    return _final(outcomes, submissions, atomic=atomic)


def keep_note(note: str) -> None:
    """Keep outside the database a checkpoint that `append_many` handed to a `keep`. Raises NotKept, RolledBack."""
    try:
        outside.keep(note)
    except BaseException:
        _forget()
        raise


def _forget() -> None:
    """Drop what this process remembers: after any failed batch, everything is read again."""
    outside.forget()
    diskspace.forget()


class _Rollback(Exception):
    """Leave the transaction without keeping anything."""


def _forget_repeats_from(tree_size: int, outcomes: list[Outcome | None]) -> None:
    """What repeats an item of the batch itself has no place either once the batch is taken back."""
    for position, outcome in enumerate(outcomes):
        if isinstance(outcome, Repeated) and outcome.index >= tree_size:
            outcomes[position] = None


def _final(outcomes: list[Outcome | None], submissions: Sequence[Submission], *, atomic: bool) -> list[Outcome]:
    if not atomic or not any(isinstance(outcome, Refusal) for outcome in outcomes):
        return [outcome for outcome in outcomes if outcome is not None]
    sentence = "another item of this batch was refused, and the batch was to be taken whole or not at all"
    return [
        outcome if isinstance(outcome, Refusal | Repeated) else Refusal(BatchRefused(sentence), item.context)
        for outcome, item in zip(outcomes, submissions, strict=True)
    ]


# --- before the lock


def _prepare(submissions: Sequence[Submission], outcomes: list[Outcome | None]) -> list[Pending]:
    log = origin()
    parsed: list[tuple[int, Statement]] = []
    for position, item in enumerate(submissions):
        turns.give_way()
        try:
            parsed.append((position, _parse(item, log)))
        except Refused as refused:
            outcomes[position] = Refusal(refused, item.context)
    known = _candidate_keys([item for _, item in parsed])
    if len(parsed) >= THREADS_FROM:
        half = (len(parsed) + 1) // 2
        with ThreadPoolExecutor(2) as pool:
            parts = pool.map(lambda part: _check_all(part, submissions, known), (parsed[:half], parsed[half:]))
            checked = [result for part in parts for result in part]
    else:
        checked = _check_all(parsed, submissions, known)
    pending = []
    for (position, _), result in zip(parsed, checked, strict=True):
        if isinstance(result, Refused):
            outcomes[position] = Refusal(result, submissions[position].context)
        else:
            pending.append(result)
    return pending


def _parse(item: Submission, origin: str) -> Statement:
    try:
        found = statement.parse_statement(item.envelope.payload)
    except Malformed as malformed:
        raise Invalid(f"the statement is malformed: {malformed}", pointer="/envelope/payload") from None
    if found.log != origin:
        raise Invalid(f"the statement is for the log {found.log!r}; this is {origin!r}", pointer="/envelope/payload")
    if item.envelope.key_id not in (None, found.key):
        raise Invalid("the envelope's keyid is not the statement's key", pointer="/envelope/signatures/0/keyid")
    if (found.body is None) != (item.body is None) or (item.body is None) != (item.salt is None):
        raise Invalid(
            "a body and its salt come with a statement that commits to a body, and with no other", pointer="/body"
        )
    if item.body is not None and item.salt is not None:
        if len(item.body) > MAX_BODY:
            raise Invalid(f"the body has {len(item.body):,} bytes; {MAX_BODY:,} are allowed", pointer="/body")
        if len(item.salt) != 32:
            raise Invalid(f"the salt has {len(item.salt)} bytes; it must have 32", pointer="/salt")
        if statement.commitment(item.salt, item.body) != found.body:
            raise Invalid("the statement's body does not commit to this body and salt", pointer="/body")
    if item.disclosures:
        _check_disclosures(item)
    return found


def _check_disclosures(item: Submission) -> None:
    """What is kept beside a body must be named in it."""
    if item.body is None or sum(map(len, item.disclosures)) > MAX_BODY:
        raise Invalid(f"disclosures come with a body, and have {MAX_BODY:,} bytes at most", pointer="/disclosures")
    try:
        open_body(item.body, item.disclosures)
    except (Malformed, ProofInvalid) as fault:
        raise Invalid(f"what is disclosed does not belong to this body: {fault}", pointer="/disclosures") from None


def _candidate_keys(statements: Sequence[Statement]) -> dict[str, KeyRecord]:
    """The keys that the statements name: registered ones, and those that an earlier statement here would register."""
    known = {record.key_id: record for record in key_records({found.key for found in statements})}
    for found in statements:
        if found.type == "key.register":
            try:
                asked = keyrules.read_registration(found)
            except Refused:
                continue
            known.setdefault(asked.key_id, asked.registered_at(-1))
    return known


def _check_all(
    parsed: Sequence[tuple[int, Statement]], submissions: Sequence[Submission], known: dict[str, KeyRecord]
) -> list[Pending | Refused]:
    return [_check(position, found, submissions[position], known.get(found.key)) for position, found in parsed]


def _check(position: int, found: Statement, item: Submission, key: KeyRecord | None) -> Pending | Refused:
    turns.give_way()
    if key is None:
        return KeyNotValid(f"no key {found.key} is registered in this log", pointer="/envelope/payload")
    payload = item.envelope.payload
    try:
        keys.verify_signature(key.public_key, envelopes.signed_bytes(payload), item.envelope.signature)
    except SignatureInvalid:
        return SignatureRefused(
            f"the signature does not hold for these bytes and the key {found.key}", pointer="/envelope/signatures/0/sig"
        )
    return Pending(
        position,
        item.envelope,
        found,
        envelopes.statement_hash(payload),
        key,
        item.body,
        item.salt,
        item.context,
        disclosures=item.disclosures,
    )


# --- inside the lock


def _open_batch(pending: Sequence[Pending], now: datetime) -> Batch:
    opened = open_log(pending)
    outside.check(opened.head, outside.kept_note(opened.head.origin))
    millis = (now - EPOCH) // timedelta(milliseconds=1)
    table = keyrules.KeyTable(
        opened.keys, _valid_admin_of, approval_of=_approval_of, record_of=_record_of, signed_with=_signed_with
    )
    return Batch(opened, table, max(millis, opened.head.record_time_ms), [], [], [], [])


def _decide(pending: list[Pending], rule: AdmissionRule, batch: Batch, outcomes: list[Outcome | None]) -> None:
    """Ask about each in order; whatever is admitted has happened for those that follow."""
    appended, used = batch.opened.appended, batch.opened.used
    rule.load([item for item in pending if item.statement_hash not in appended])
    for item in pending:
        if item.statement_hash in appended:
            outcomes[item.position] = Repeated(appended[item.statement_hash], item.statement_hash, item.context)
            continue
        item.index, item.record_time_ms = batch.next_index, batch.record_time_ms
        try:
            admission = _admit(item, rule, batch, used)
        except AlreadyAppended as already:
            outcomes[item.position] = Repeated(already.index, item.statement_hash, item.context)
        except Refused as refused:
            outcomes[item.position] = Refusal(refused, item.context)
        else:
            leaf = envelopes.format_leaf(
                record_time_ms=item.record_time_ms,
                payload=item.envelope.payload,
                key_id=item.statement.key,
                signature=item.envelope.signature,
            )
            batch.admitted.append(Admitted(item, admission, leaf, merkle.leaf_hash(leaf)))
            appended[item.statement_hash] = item.index
            if item.statement.body:
                used.add(item.statement.body)
            outcomes[item.position] = Appended(
                item.index, item.statement_hash, item.record_time_ms, item.context, batch.grown
            )


def _admit(item: Pending, rule: AdmissionRule, batch: Batch, used: set[bytes | None]) -> Admission:
    found = item.statement
    signer = batch.table.known.get(found.key)
    if signer is None and item.index > 0:
        raise KeyNotValid(f"no key {found.key} is registered in this log before this entry")
    if signer is not None:
        keyrules.check_may_sign(found, signer, item.index)
        item.key = signer
    if found.links and found.type != "event":
        raise Invalid("only an event carries links", pointer="/envelope/payload")
    if found.type == "approval.request":
        return _admit_approval(item, batch, used)
    if found.type == "body.erased":
        keyrules.admit_erasure(found, item.index, batch.table)
    if not found.type.startswith("key."):
        item.is_reused = found.body is not None and found.body in used
        admission = rule.admit(item)
        _refuse_used(found, used)
        return admission
    _refuse_used(found, used)
    registration = _admit_key_statement(item, signer, batch)
    try:
        return rule.admit(item)
    except (Refused, AlreadyAppended):
        _take_back(item.index, registration, batch)
        raise


def _admit_approval(item: Pending, batch: Batch, used: set[bytes | None]) -> Admission:
    """An approval concerns the ledger alone: it is kept until an act names it."""
    keyrules.parse_approval(item.statement)
    _refuse_used(item.statement, used)
    batch.table.approvals[item.statement_hash] = item.statement
    return Admission()


def _refuse_used(found: Statement, used: set[bytes | None]) -> None:
    if found.body is not None and found.body in used:
        raise CommitmentReused(pointer="/salt")


def _admit_key_statement(item: Pending, signer: KeyRecord | None, batch: Batch) -> str | None:
    found, index, table = item.statement, item.index, batch.table
    if found.type == "key.register":
        _know_registered(found, table)
        asked = keyrules.admit_registration(found, signer, index, table)
        record = asked.registered_at(index)
        table.known[asked.key_id] = record
        item.key = signer or record
        batch.registrations.append(
            Key(
                key_id=asked.key_id,
                public_key=asked.public_key,
                party=UUID(asked.party),
                role=asked.role,
                registered_index=index,
                expires_ms=asked.expires_ms,
            )
        )
        return asked.key_id
    assert signer is not None
    if found.type == "key.revoke":
        revoked = keyrules.admit_revocation(found, signer, index, table, record_time_ms=item.record_time_ms)
        table.known[revoked.key_id] = table.known[revoked.key_id].revoked(index, revoked.last_valid_index)
        batch.revocations.append(
            KeyRevocation(revoked_index=index, key_id=revoked.key_id, last_valid_index=revoked.last_valid_index)
        )
    elif found.type == "key.attest":
        batch.attestations += _attestations(found, signer, index)
    return None


def _take_back(index: int, registered: str | None, batch: Batch) -> None:
    """Forget a key statement that the caller's rule refused."""
    if registered:
        del batch.table.known[registered]
    batch.registrations = [row for row in batch.registrations if row.registered_index != index]
    for row in [row for row in batch.revocations if row.revoked_index == index]:
        batch.revocations.remove(row)
        old = batch.table.known[row.key_id]
        batch.table.known[row.key_id] = replace(old, last_valid_index=None, revoked_index=None)
    batch.attestations = [row for row in batch.attestations if row.by_index != index]


def _know_registered(found: Statement, table: keyrules.KeyTable) -> None:
    key_id = keyrules.read_registration(found).key_id
    if key_id not in table.known:
        table.known.update({record.key_id: record for record in key_records({key_id})})


def _attestations(found: Statement, signer: KeyRecord, index: int) -> list[Attestation]:
    """The disputed entries of the signer's own party that the statement stands by; Invalid names any other."""
    indices = keyrules.parse_attestation(found)
    revoked = {row.key_id: row for row in KeyRevocation.objects.all()}
    own = set(Key.objects.filter(party=UUID(signer.party)).values_list("key_id", flat=True))
    rows = dict(Entry.objects.filter(index__in=indices).values_list("index", "key_id"))
    done = set(Attestation.objects.filter(attested_index__in=indices).values_list("attested_index", flat=True))
    for wanted in indices:
        key_id = rows.get(wanted)
        disputed = key_id in own and key_id in revoked and wanted > revoked[key_id].last_valid_index
        if not disputed or wanted in done:
            raise Invalid(f"entry {wanted} is not a disputed entry of this party", pointer="/claims/indices")
    return [Attestation(attested_index=wanted, by_index=index) for wanted in dict.fromkeys(indices)]


def _approval_of(hashed: bytes) -> Statement | None:
    row = Entry.objects.filter(statement_hash=hashed, type="approval.request").only("leaf").first()
    return statement.parse_statement(envelopes.parse_leaf(bytes(row.leaf)).payload) if row is not None else None


def _record_of(key_id: str) -> KeyRecord | None:
    return next(iter(key_records([key_id])), None)


def _signed_with(commitment: bytes) -> tuple[int, str] | None:
    return Entry.objects.filter(commitment=commitment).values_list("index", "key_id").first()


def _valid_admin_of(party: UUID) -> str | None:
    revoked = KeyRevocation.objects.values("key_id")
    return (
        Key.objects.filter(party=party, role="admin")
        .exclude(key_id__in=revoked)
        .values_list("key_id", flat=True)
        .first()
    )
