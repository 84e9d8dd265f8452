"""The only code that writes the log."""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from django.db import connection, transaction
from nacl.signing import SigningKey

from ledger import bulk, keyrules, keystore, tenancy
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
    scope_of,
)
from ledger.models import Attestation, Body, Checkpoint, Entry, Key, KeyRevocation, LogHead, Tile
from ledger.tlog import checkpoint as checkpoints
from ledger.tlog import envelope as envelopes
from ledger.tlog import keys, merkle, note, statement, tile
from ledger.tlog.errors import Malformed, SignatureInvalid
from ledger.tlog.keys import KeyRecord
from ledger.tlog.statement import Statement
from ledger.tlog.text import encode_base64, encode_base64url

MAX_BODY = 1024 * 1024
THREADS_FROM = 64
_LOCK = 0x7761796C6F67  # "waylog"
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class LogMissing(RuntimeError):
    """There is no log yet: `create_log` makes it, once."""


class LogExists(RuntimeError):
    """There is a log already."""


class KeysOnly:
    """The admission rule that leaves everything to the ledger: key statements are admitted, others are not."""

    def load(self, pending: Sequence[Pending]) -> None:
        """Nothing to read."""

    def admit(self, pending: Pending) -> Admission:
        if not pending.statement.type.startswith("key."):
            raise Refused(f"a statement of the type {pending.statement.type} is not taken here")
        return Admission()

    def project(self, admitted: Sequence[Admitted]) -> None:
        """Nothing to write."""


# --- making a log ----------------------------------------------------------------------------------------------------


def create_log(
    *, host: str, operator: UUID, operator_body: bytes, now: datetime, rule: AdmissionRule | None = None
) -> LogHead:
    """Make the log: its origin, its root, the operator's admin key, the log key and the forecaster's key.

    `operator_body` is the body of the admin key's registration (it holds the operator's name). Raises LogExists.
    """
    with tenancy.system(), transaction.atomic():
        _lock()
        if LogHead.objects.exists():
            raise LogExists("this database holds a log already")
        origin = f"{host}/{secrets.token_hex(8)}"
        made = {role: keystore.make(party=operator, role=role) for role in ("root", "admin", "log", "forecaster")}
        empty = merkle.empty_root()
        log_key_id = keys.key_id(bytes(made["log"].verify_key))
        LogHead.objects.create(
            origin=origin,
            root_hash=empty,
            frontier=b"",
            log_key_id=log_key_id,
            checkpoint=_sign_checkpoint(origin, 0, empty, made["log"]),
        )
        plan = (
            ("root", "root", None),
            ("admin", "root", operator_body),
            ("log", "admin", None),
            ("forecaster", "admin", None),
        )
        submissions = [
            register_submission(made[role], party=operator, role=role, origin=origin, by=made[by], body=body)
            for role, by, body in plan
        ]
        for outcome in append_many(submissions, rule=rule or KeysOnly(), now=now, atomic=True):
            if isinstance(outcome, Refusal):
                raise outcome.error
        return LogHead.objects.get()


def register_submission(
    new: SigningKey, *, party: UUID, role: str, origin: str, by: SigningKey, body: bytes | None = None
) -> Submission:
    """Make the `key.register` of `new`, signed by `by`, with the new key's proof of possession."""
    statement_id = secrets.token_hex(16)
    claims = keys.registration_claims(new, origin=origin, party=party.hex, role=role, statement_id=statement_id)
    return submission("key.register", claims, origin=origin, by=by, body=body, statement_id=statement_id)


def registration_submission(
    public_key: bytes,
    pop: bytes,
    *,
    party: UUID,
    role: str,
    origin: str,
    by: SigningKey,
    statement_id: str,
    body: bytes | None = None,
) -> Submission:
    """Make the `key.register` of a key whose owner has proved possession (`pop`) for this very statement id."""
    claims = {
        "public_key": encode_base64url(public_key),
        "party": party.hex,
        "role": role,
        "pop": encode_base64(pop),
    }
    return submission("key.register", claims, origin=origin, by=by, body=body, statement_id=statement_id)


def submission(
    kind: str,
    claims: dict[str, Any],
    *,
    origin: str,
    by: SigningKey,
    body: bytes | None = None,
    links: tuple[bytes, ...] = (),
    statement_id: str | None = None,
    context: Any = None,
) -> Submission:
    """Make and sign a statement of type `kind` with a key that is held here."""
    salt = secrets.token_bytes(32) if body is not None else None
    made = Statement(
        v=1,
        log=origin,
        type=kind,
        id=statement_id or secrets.token_hex(16),
        key=keys.key_id(bytes(by.verify_key)),
        links=links,
        body=statement.commitment(salt, body) if salt is not None and body is not None else None,
        claims=claims,
    )
    signed = envelopes.sign(statement.format_statement(made), by)
    return Submission(envelope=envelopes.parse_envelope(signed), body=body, salt=salt, context=context)


# --- appending -------------------------------------------------------------------------------------------------------


@dataclass(slots=True)
class _Batch:
    """What one transaction gathers before it writes."""

    head: LogHead
    table: keyrules.KeyTable
    record_time_ms: int
    admitted: list[Admitted]
    registrations: list[Key]
    revocations: list[KeyRevocation]
    attestations: list[Attestation]

    @property
    def next_index(self) -> int:
        return self.head.tree_size + len(self.admitted)


def append_many(
    submissions: Sequence[Submission], *, rule: AdmissionRule, now: datetime, atomic: bool = False
) -> list[Outcome]:
    """Append what holds, in order, in one transaction; answer one outcome a submission, in the same order.

    Signatures and commitments are checked before the lock, keys, links and meaning inside it. With `atomic` one refusal
    refuses all. Nothing is kept of what was refused. Raises LogMissing.
    """
    outcomes: list[Outcome | None] = [None] * len(submissions)
    pending = _prepare(submissions, outcomes)
    if not pending or (atomic and len(pending) < len(submissions)):
        return _final(outcomes, submissions, atomic=atomic)
    try:
        with tenancy.system(), transaction.atomic():
            batch = _open_batch(pending, now)
            _decide(pending, rule, batch, outcomes)
            if atomic and any(isinstance(outcome, Refusal) for outcome in outcomes):
                raise _Rollback
            if batch.admitted:
                _write(batch)
                rule.project(batch.admitted)
    except _Rollback:
        pass
    return _final(outcomes, submissions, atomic=atomic)


class _Rollback(Exception):
    """Leave the transaction without keeping anything."""


def _final(outcomes: list[Outcome | None], submissions: Sequence[Submission], *, atomic: bool) -> list[Outcome]:
    if not atomic or not any(isinstance(outcome, Refusal) for outcome in outcomes):
        return [outcome for outcome in outcomes if outcome is not None]
    sentence = "another item of this batch was refused, and the batch was to be taken whole or not at all"
    return [
        outcome if isinstance(outcome, Refusal | Repeated) else Refusal(BatchRefused(sentence), item.context)
        for outcome, item in zip(outcomes, submissions, strict=True)
    ]


# before the lock


def _prepare(submissions: Sequence[Submission], outcomes: list[Outcome | None]) -> list[Pending]:
    head = LogHead.objects.only("origin").first()
    if head is None:
        raise LogMissing("there is no log yet")
    parsed: list[tuple[int, Statement]] = []
    for position, item in enumerate(submissions):
        try:
            parsed.append((position, _parse(item, head.origin)))
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
    return found


def _candidate_keys(statements: Sequence[Statement]) -> dict[str, KeyRecord]:
    """The keys that the statements name: registered ones, and those that an earlier statement here would register."""
    known = {record.key_id: record for record in key_records({found.key for found in statements})}
    for found in statements:
        if found.type == "key.register":
            try:
                asked = keyrules.read_registration(found)
            except Refused:
                continue
            known.setdefault(asked.key_id, KeyRecord(asked.key_id, asked.public_key, asked.party, asked.role, -1))
    return known


def _check_all(
    parsed: Sequence[tuple[int, Statement]], submissions: Sequence[Submission], known: dict[str, KeyRecord]
) -> list[Pending | Refused]:
    return [_check(position, found, submissions[position], known.get(found.key)) for position, found in parsed]


def _check(position: int, found: Statement, item: Submission, key: KeyRecord | None) -> Pending | Refused:
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
        position, item.envelope, found, envelopes.statement_hash(payload), key, item.body, item.salt, item.context
    )


# inside the lock


def _lock() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [_LOCK])


def _open_batch(pending: Sequence[Pending], now: datetime) -> _Batch:
    _lock()
    head = LogHead.objects.select_for_update().get()
    millis = (now - _EPOCH) // timedelta(milliseconds=1)
    named = {item.statement.key for item in pending}
    named |= {str(item.statement.claims.get("key")) for item in pending if item.statement.type == "key.revoke"}
    table = keyrules.KeyTable({record.key_id: record for record in key_records(named)}, _valid_admin_of)
    return _Batch(head, table, max(millis, head.record_time_ms), [], [], [], [])


def _decide(pending: list[Pending], rule: AdmissionRule, batch: _Batch, outcomes: list[Outcome | None]) -> None:
    """Ask about each in order; whatever is admitted has happened for those that follow."""
    appended = dict(_indices_of("statement_hash", [item.statement_hash for item in pending]))
    commitments = {item.statement.body for item in pending if item.statement.body}
    used = {found for found, _ in _indices_of("commitment", commitments)}
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
            outcomes[item.position] = Appended(item.index, item.statement_hash, item.record_time_ms, item.context)


def _admit(item: Pending, rule: AdmissionRule, batch: _Batch, used: set[bytes | None]) -> Admission:
    found = item.statement
    signer = batch.table.known.get(found.key)
    if signer is None and item.index > 0:
        raise KeyNotValid(f"no key {found.key} is registered in this log before this entry")
    if signer is not None:
        keyrules.check_may_sign(found, signer, item.index)
        item.key = signer
    if found.links and found.type != "event":
        raise Invalid("only an event carries links", pointer="/envelope/payload")
    if not found.type.startswith("key."):
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


def _refuse_used(found: Statement, used: set[bytes | None]) -> None:
    if found.body is not None and found.body in used:
        raise CommitmentReused("this commitment stands in the log already; make a new salt", pointer="/salt")


def _admit_key_statement(item: Pending, signer: KeyRecord | None, batch: _Batch) -> str | None:
    found, index, table = item.statement, item.index, batch.table
    if found.type == "key.register":
        _know_registered(found, table)
        asked = keyrules.admit_registration(found, signer, index, table)
        record = KeyRecord(asked.key_id, asked.public_key, asked.party, asked.role, index)
        table.known[asked.key_id] = record
        item.key = signer or record
        batch.registrations.append(
            Key(
                key_id=asked.key_id,
                public_key=asked.public_key,
                party=UUID(asked.party),
                role=asked.role,
                registered_index=index,
            )
        )
        return asked.key_id
    assert signer is not None
    if found.type == "key.revoke":
        revoked = keyrules.admit_revocation(found, signer, index, table)
        old = table.known[revoked.key_id]
        table.known[revoked.key_id] = KeyRecord(
            old.key_id, old.public_key, old.party, old.role, old.registered_index, revoked.last_valid_index, index
        )
        batch.revocations.append(
            KeyRevocation(revoked_index=index, key_id=revoked.key_id, last_valid_index=revoked.last_valid_index)
        )
    elif found.type == "key.attest":
        batch.attestations += _attestations(found, signer, index)
    return None


def _take_back(index: int, registered: str | None, batch: _Batch) -> None:
    """Forget a key statement that the caller's rule refused."""
    if registered:
        del batch.table.known[registered]
    batch.registrations = [row for row in batch.registrations if row.registered_index != index]
    for row in [row for row in batch.revocations if row.revoked_index == index]:
        batch.revocations.remove(row)
        old = batch.table.known[row.key_id]
        batch.table.known[row.key_id] = KeyRecord(old.key_id, old.public_key, old.party, old.role, old.registered_index)
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


def _indices_of(column: str, values: Iterable[bytes | None]) -> list[tuple[bytes, int]]:
    found = Entry.objects.filter(**{f"{column}__in": list(values)}).values_list(column, "index")
    return [(bytes(value), index) for value, index in found]


def _valid_admin_of(party: UUID) -> str | None:
    revoked = KeyRevocation.objects.values("key_id")
    return (
        Key.objects.filter(party=party, role="admin")
        .exclude(key_id__in=revoked)
        .values_list("key_id", flat=True)
        .first()
    )


def key_records(key_ids: Iterable[str]) -> list[KeyRecord]:
    """The registered keys among `key_ids`, with their revocations."""
    wanted = list(key_ids)
    revoked = {row.key_id: row for row in KeyRevocation.objects.filter(key_id__in=wanted)}
    return [
        KeyRecord(
            key.key_id,
            bytes(key.public_key),
            key.party.hex,
            key.role,
            key.registered_index,
            revoked[key.key_id].last_valid_index if key.key_id in revoked else None,
            revoked[key.key_id].revoked_index if key.key_id in revoked else None,
        )
        for key in Key.objects.filter(key_id__in=wanted)
    ]


# writing


def _write(batch: _Batch) -> None:
    admitted, head = batch.admitted, batch.head
    moment = _EPOCH + timedelta(milliseconds=batch.record_time_ms)
    bulk.insert(Entry, _ENTRY_COLUMNS, (_entry_row(item, moment) for item in admitted))
    bulk.insert(Body, _BODY_COLUMNS, (_body_row(item) for item in admitted if item.pending.body is not None))
    Key.objects.bulk_create(batch.registrations)
    KeyRevocation.objects.bulk_create(batch.revocations)
    Attestation.objects.bulk_create(batch.attestations)
    _grow_tree(head, [item.leaf_hash for item in admitted])
    head.record_time_ms = batch.record_time_ms
    signer = keystore.signing_key(head.log_key_id)
    head.checkpoint = _sign_checkpoint(head.origin, head.tree_size, bytes(head.root_hash), signer)
    head.save(update_fields=["tree_size", "root_hash", "frontier", "record_time_ms", "checkpoint"])


_ENTRY_COLUMNS = ("index", "leaf", "leaf_hash", "statement_hash", "commitment", "type", "key_id", "record_time")
_BODY_COLUMNS = ("commitment", "index", "salt", "body", "tenant", "chains", "scopes")


def _entry_row(item: Admitted, moment: datetime) -> tuple[Any, ...]:
    found = item.pending.statement
    return (
        item.index,
        item.leaf,
        item.leaf_hash,
        item.pending.statement_hash,
        found.body,
        found.type,
        found.key,
        moment,
    )


def _body_row(item: Admitted) -> tuple[Any, ...]:
    pending, chains = item.pending, item.admission.chains
    return (
        pending.statement.body,
        item.index,
        pending.salt,
        pending.body,
        UUID(pending.key.party),
        chains,
        [scope_of(chain) for chain in chains],
    )


def _grow_tree(head: LogHead, leaf_hashes: list[bytes]) -> None:
    """Extend the tree and keep the tiles that became full."""
    old_size = head.tree_size
    growth = merkle.CompactRange.from_bytes(old_size, bytes(head.frontier)).grow(leaf_hashes)
    completed = dict(enumerate(growth.completed))
    rows: list[Tile] = []
    for level in range(0, len(completed), tile.HEIGHT):
        first, fresh = completed[level]
        number, missing = divmod(first, tile.WIDTH)
        full = (first + len(fresh)) // tile.WIDTH
        if number == full:
            break  # no tile of this level became full, so none above did
        hashes = [*(_partial_hashes(level // tile.HEIGHT, number, first) if missing else []), *fresh]
        _, roots = completed[level + tile.HEIGHT]
        for at, root in enumerate(roots):
            part = hashes[at * tile.WIDTH : (at + 1) * tile.WIDTH]
            rows.append(Tile(level=level // tile.HEIGHT, index=number + at, hashes=b"".join(part), root=root))
    Tile.objects.bulk_create(rows)
    compact = growth.range
    head.tree_size, head.root_hash, head.frontier = compact.size, compact.root(), compact.to_bytes()


def _partial_hashes(level: int, number: int, size: int) -> list[bytes]:
    """The hashes of tile `number` at `level` that exist while the level has `size` of them."""
    first = number * tile.WIDTH
    if level == 0:
        rows = (
            Entry.objects.filter(index__gte=first, index__lt=size).order_by("index").values_list("leaf_hash", flat=True)
        )
    else:
        below = Tile.objects.filter(level=level - 1, index__gte=first, index__lt=size)
        rows = below.order_by("index").values_list("root", flat=True)
    return [bytes(row) for row in rows]


def _sign_checkpoint(origin: str, size: int, root: bytes, signer: SigningKey) -> str:
    unsigned = checkpoints.Checkpoint(origin=origin, tree_size=size, root_hash=root)
    return checkpoints.sign_checkpoint(unsigned, note.SignerKey(name=origin, signing_key=signer))


def keep_checkpoint() -> int | None:
    """Keep the newest checkpoint for ever (each minute, and when one is cited); its tree size, None without a log."""
    head = LogHead.objects.first()
    if head is None:
        return None
    Checkpoint.objects.bulk_create(
        [Checkpoint(tree_size=head.tree_size, root_hash=bytes(head.root_hash), note=head.checkpoint)],
        ignore_conflicts=True,
    )
    return head.tree_size
