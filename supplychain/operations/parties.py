"""Parties and their keys: registered in the log by the root, then by the party's own admin key, on a manager's word."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID, uuid4

from django.conf import settings
from django.db import IntegrityError, transaction
from nacl.signing import SigningKey

from ledger import keystore, operations, tenancy
from ledger import queries as log
from ledger.admission import Appended, Invalid, Outcome, Refusal, Refused, Repeated, Submission
from ledger.operations.opening import lock
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
            expires_ms=_expiry(request.role, now),
        )
        [outcome] = _append([submission], now=now)
        _decide(request, KeyRequest.State.APPROVED, decided_by, now)
        return outcome.index


def _expiry(role: str, now: datetime) -> int | None:
    """When a key that is registered now in that role comes to its end, in POSIX milliseconds; None: never."""
    days = settings.WAYLOG_DEVICE_KEY_DAYS
    if role != "device" or not days:
        return None
    return int((now + timedelta(days=days)).timestamp() * 1000)


def renew_key(
    old_key_id: str,
    *,
    public_key: bytes,
    statement_id: str,
    pop: bytes,
    vouch: bytes,
    party: UUID,
    by: User,
    now: datetime,
) -> KeyRequest:
    """Register a new key for a device whose old one, valid still, vouches for it (`keys.renewal_message`).

    Nobody need approve it again: it is the same person's, on the same device, who proves to hold both. The old key
    stays valid until its end. Where the party's admin key is not held here the new key waits for the manager. Raises
    Refused.
    """
    old = log.key(old_key_id)
    asked = KeyRequest.objects.filter(key_id=old_key_id, party=party, requested_by=by).first()
    if old is None or asked is None or old.party != party.hex or old.role != "device" or old.revoked_index is not None:
        raise KeyRequestRefused("only a device's key that is valid, and yours, is renewed", pointer="/old_key")
    new_key_id = keys.key_id(public_key)
    try:
        message = keys.renewal_message(log.origin(), old_key_id, new_key_id, statement_id)
        keys.verify_signature(old.public_key, message, vouch)
    except SignatureInvalid:
        raise Invalid("the old key does not vouch for this key and statement id", pointer="/vouch") from None
    with transaction.atomic():
        made = request_key(
            party=party,
            public_key=public_key,
            role="device",
            statement_id=statement_id,
            pop=pop,
            label=asked.label,
            requested_by=by,
            now=now,
        )
        try:
            approve_key(made.pk, party=party, decided_by=by, now=now)
        except NoAdminKey:
            return made
    made.refresh_from_db()
    return made


def rotate_managed_key(*, party: UUID, now: datetime) -> str:
    """Make and register a new managed key for the party; it signs from now on, and the old one stays valid until it is
    revoked. Return the new one's id. Raises NoAdminKey."""
    with tenancy.system(), transaction.atomic():
        admin, made = _admin_key(party), keystore.make(party=party, role="managed")
        asked = operations.register_submission(made, party=party, role="managed", origin=log.origin(), by=admin)
        _append([asked], now=now)
        return keys.key_id(bytes(made.verify_key))


def managed_key_of(party: UUID) -> str:
    """The id of the managed key that signs for the party now; empty where there is none."""
    with tenancy.system():
        return next(iter(keystore.held_key_ids(party=party, roles=("managed",))), "")


def refuse_key(request_id: UUID, *, party: UUID, decided_by: User | None, now: datetime) -> None:
    """Say no to a key that was asked for. Raises KeyRequestRefused."""
    with transaction.atomic():
        _decide(_waiting(request_id, party), KeyRequest.State.REFUSED, decided_by, now)


def revoke_key(key_id: str, *, party: UUID, now: datetime, last_valid_index: int | None = None) -> int:
    """Revoke a key of the party with its admin key; return the index of the revocation.

    What it signed after `last_valid_index` (default: what stands now is valid) is disputed. Raises Refused.
    """
    with tenancy.system(), transaction.atomic():
        lock()
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
