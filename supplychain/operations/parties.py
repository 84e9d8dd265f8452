"""Parties and their keys: registered in the log by the root, then by the party's own admin key, on a manager's word."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime
from uuid import UUID, uuid4

from django.db import IntegrityError, transaction
from nacl.signing import SigningKey

from ledger import keystore, operations, tenancy
from ledger import queries as log
from ledger.admission import Appended, Invalid, Outcome, Refusal, Refused, Repeated, Submission
from ledger.tlog import keys
from ledger.tlog.errors import KeyRefused, Malformed, SignatureInvalid
from supplychain.models import KeyRequest, Party, User
from supplychain.operations.rule import CaptureRule

REQUESTABLE = ("device", "external")
"""Roles of keys that somebody outside makes and asks to have registered."""


class KeyRequestRefused(Refused):
    """A key cannot be asked for, or not be decided about, as things are."""

    code = "key_request"


class NoAdminKey(Refused):
    """The party's admin key is not held here; its holder signs the statement."""

    code = "no_admin_key"


def set_up(*, host: str, name: str, uri: str, now: datetime, identifiers: Sequence[str] = ()) -> Party:
    """Make the log, with `name` as the party that runs this server; give it a managed key. Raises LogExists."""
    operator = uuid4()
    with tenancy.system(), transaction.atomic():
        operations.create_log(
            host=host,
            operator=operator,
            operator_body=_named_body(name, uri, identifiers),
            now=now,
            rule=CaptureRule(now=now),
        )
        _register_held(operator, "managed", by_role="admin", now=now)
        return Party.objects.get(id=operator)


def register_party(
    name: str,
    uri: str,
    *,
    now: datetime,
    identifiers: Sequence[str] = (),
    party: UUID | None = None,
) -> Party:
    """Register a trading partner: the root signs its admin key, which signs its managed key; both are held here.

    Raises Refused when a URI names another party, and Invalid when one is none.
    """
    known = party or uuid4()
    with tenancy.system(), transaction.atomic():
        admin = keystore.make(party=known, role="admin")
        managed = keystore.make(party=known, role="managed")
        origin, root = log.origin(), keystore.signer_in_role("root")
        body = _named_body(name, uri, identifiers)
        _append(
            [
                operations.register_submission(admin, party=known, role="admin", origin=origin, by=root, body=body),
                operations.register_submission(managed, party=known, role="managed", origin=origin, by=admin),
            ],
            now=now,
        )
        return Party.objects.get(id=known)


def _named_body(name: str, uri: str, identifiers: Sequence[str]) -> bytes:
    told = {"name": name, "uri": uri, **({"identifiers": list(identifiers)} if identifiers else {})}
    return json.dumps({"party": told}, ensure_ascii=False, separators=(",", ":")).encode()


def _register_held(party: UUID, role: str, *, by_role: str, now: datetime) -> None:
    made = keystore.make(party=party, role=role)
    by = keystore.signer_for(party=party, roles=(by_role,))
    _append([operations.register_submission(made, party=party, role=role, origin=log.origin(), by=by)], now=now)


def request_key(
    *,
    party: UUID,
    public_key: bytes,
    role: str,
    statement_id: str,
    pop: bytes,
    label: str = "",
    requested_by: User | None = None,
    now: datetime,
) -> KeyRequest:
    """Ask for a key of the party to be registered; it waits for the party's manager.

    `pop` proves possession for exactly the `statement_id` under which it will be registered. Raises Invalid, and
    KeyRequestRefused when the key is known.
    """
    if role not in REQUESTABLE:
        raise Invalid(f"a key may be asked for in the roles {' and '.join(REQUESTABLE)}", pointer="/role")
    try:
        keys.check_public_key(public_key)
        key_id = keys.key_id(public_key)
        keys.verify_signature(public_key, keys.pop_message(log.origin(), party.hex, role, key_id, statement_id), pop)
    except KeyRefused as refused:
        raise Invalid(str(refused), pointer="/public_key") from None
    except Malformed as malformed:
        raise Invalid(str(malformed), pointer="/statement_id") from None
    except SignatureInvalid:
        raise Invalid(
            "the proof of possession does not hold for this key, party, role and statement id", pointer="/pop"
        ) from None
    if log.key(key_id) is not None:
        raise KeyRequestRefused("this key is registered already", pointer="/public_key")
    try:
        with transaction.atomic():
            return KeyRequest.objects.create(
                party_id=party,
                key_id=key_id,
                public_key=public_key,
                role=role,
                label=label,
                statement_id=statement_id,
                pop=pop,
                requested_by=requested_by,
                requested_at=now,
            )
    except IntegrityError:
        raise KeyRequestRefused("this key was asked for already", pointer="/public_key") from None


def approve_key(request_id: UUID, *, party: UUID, decided_by: User | None, now: datetime) -> int:
    """Register the key that was asked for, with the party's admin key; return the index of its registration.

    Raises KeyRequestRefused when it was decided before or is none of the party's, NoAdminKey.
    """
    with tenancy.system(), transaction.atomic():
        request = _waiting(request_id, party)
        submission = operations.registration_submission(
            bytes(request.public_key),
            bytes(request.pop),
            party=party,
            role=request.role,
            origin=log.origin(),
            by=_admin_key(party),
            statement_id=request.statement_id,
        )
        [outcome] = _append([submission], now=now)
        _decide(request, KeyRequest.State.APPROVED, decided_by, now)
        return outcome.index


def refuse_key(request_id: UUID, *, party: UUID, decided_by: User | None, now: datetime) -> None:
    """Say no to a key that was asked for. Raises KeyRequestRefused."""
    with transaction.atomic():
        _decide(_waiting(request_id, party), KeyRequest.State.REFUSED, decided_by, now)


def revoke_key(key_id: str, *, party: UUID, now: datetime, last_valid_index: int | None = None) -> int:
    """Revoke a key of the party with its admin key; return the index of the revocation.

    What it signed after `last_valid_index` (default: what stands now is valid) is disputed. Raises Refused.
    """
    last = log.tree_size() if last_valid_index is None else last_valid_index
    return _say("key.revoke", {"key": key_id, "last_valid_index": last}, party=party, now=now)


def attest(indices: str, *, party: UUID, now: datetime) -> int:
    """Stand by disputed entries of the party, such as `3,7-9`; return the index of the attestation. Raises Refused."""
    return _say("key.attest", {"indices": indices}, party=party, now=now)


def append_key_statement(submission: Submission, *, party: UUID, now: datetime) -> Outcome:
    """Append a key statement that was signed elsewhere, by an admin key of the party."""
    [outcome] = operations.append_many([submission], rule=CaptureRule(now=now, party=party), now=now)
    return outcome


def _say(kind: str, claims: dict[str, str | int], *, party: UUID, now: datetime) -> int:
    with tenancy.system():
        submission = operations.submission(kind, claims, origin=log.origin(), by=_admin_key(party))
        [outcome] = _append([submission], now=now)
        return outcome.index


def _admin_key(party: UUID) -> SigningKey:
    try:
        return keystore.signer_for(party=party, roles=("admin",))
    except keystore.KeyNotHeld:
        raise NoAdminKey(
            "the admin key of this party is not held here; whoever holds it signs the statement and sends it"
        ) from None


def _waiting(request_id: UUID, party: UUID) -> KeyRequest:
    request = KeyRequest.objects.select_for_update().filter(id=request_id, party=party).first()
    if request is None:
        refused = KeyRequestRefused("there is no such request")
        refused.status = 404
        raise refused
    if request.state != KeyRequest.State.WAITING:
        raise KeyRequestRefused(f"this request was {request.state} already")
    return request


def _decide(request: KeyRequest, state: KeyRequest.State, decided_by: User | None, now: datetime) -> None:
    request.state, request.decided_by, request.decided_at = state, decided_by, now
    request.save(update_fields=["state", "decided_by", "decided_at"])


def _append(submissions: Sequence[Submission], *, now: datetime) -> list[Appended | Repeated]:
    """Append all or none; raise the first refusal that says why."""
    outcomes = operations.append_many(submissions, rule=CaptureRule(now=now), now=now, atomic=True)
    refusals = [outcome.error for outcome in outcomes if isinstance(outcome, Refusal)]
    if refusals:
        raise next((error for error in refusals if error.code != "batch"), refusals[0])
    return [outcome for outcome in outcomes if not isinstance(outcome, Refusal)]
