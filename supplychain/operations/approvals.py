"""What takes two people: one asks by a statement in the log, another decides, and the act names what was asked."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import transaction

from ledger import keystore, operations, tenancy
from ledger import queries as log
from ledger.admission import Appended, Invalid, KeyNotValid, Refusal, Refused, Repeated, Submission
from ledger.tlog.envelope import Envelope
from ledger.tlog.errors import Malformed
from ledger.tlog.statement import parse_statement
from supplychain.models import Approval, Party, User
from supplychain.operations.rule import CaptureRule
from supplychain.operations.signing import held_key

REVOCABLE = ("admin", "device", "external", "managed")


class ApprovalRefused(Refused):
    """It cannot be asked for, or not be decided about, as things are or by this person."""

    code = "approval"


def ask_revocation(
    key_id: str, *, last_valid_index: int | None = None, party: UUID, asked_by: User, now: datetime
) -> Approval:
    """Ask, for the party that runs this server, that another party's key is revoked; somebody else decides.

    What the key signed after `last_valid_index` (default: what stands now is valid) will be disputed. Raises Refused.
    """
    with tenancy.system(), transaction.atomic():
        _check_operator(party)
        record = log.key(key_id)
        if record is None or record.role not in REVOCABLE:
            raise ApprovalRefused("there is no such key of a party")
        if record.revoked_index is not None:
            raise ApprovalRefused("this key is revoked already")
        last = log.tree_size() - 1 if last_valid_index is None else last_valid_index
        if not record.registered_index <= last < log.tree_size():
            raise ApprovalRefused(
                f"it was registered by entry {record.registered_index}, and the log ends before {last}"
            )
        return ask(
            Approval(act=Approval.Act.REVOKE, key_id=key_id, last_valid_index=last),
            {"key": key_id, "last_valid_index": last},
            party=party,
            asked_by=asked_by,
            now=now,
        )


def ask(
    wanted: Approval,
    claims: dict[str, Any],
    *,
    party: UUID,
    asked_by: User | None,
    now: datetime,
    envelope: Envelope | None = None,
) -> Approval:
    """Append the request, and keep who asked. It is signed with the key held here for the party, unless the party hands
    in one that it signed itself. Raises Refused."""
    claims = {"act": str(wanted.act), **claims}
    asked = _held(claims, party) if envelope is None else _handed_in(envelope, claims, party)
    [outcome] = append([asked], CaptureRule(now=now), now=now)
    if Approval.objects.filter(index=outcome.index).exists():
        raise ApprovalRefused("this very request was decided already; sign a new one")
    wanted.tenant, wanted.asked_by, wanted.asked_at = party, asked_by, now
    wanted.index, wanted.statement_hash = outcome.index, outcome.statement_hash
    wanted.save(force_insert=True)
    return wanted


def _held(claims: dict[str, Any], party: UUID) -> Submission:
    try:
        signer = held_key(party)
    except keystore.KeyNotHeld:
        raise ApprovalRefused("no key of this party is held here; sign the request and hand it in") from None
    return operations.submission("approval.request", claims, origin=log.origin(), by=signer)


def _handed_in(envelope: Envelope, claims: dict[str, Any], party: UUID) -> Submission:
    """A request that was signed elsewhere: by a key of the party, and for exactly this."""
    try:
        said = parse_statement(envelope.payload)
    except Malformed as malformed:
        raise Invalid(f"the statement is malformed: {malformed}", pointer="/envelope/payload") from None
    signer = log.key(said.key)
    if signer is None or signer.party != party.hex:
        raise KeyNotValid("the statement is not signed by a key of your party", pointer="/envelope/payload")
    if said.type != "approval.request" or said.claims != claims:
        raise Invalid(f"an approval.request with the claims {claims} is wanted", pointer="/envelope/payload")
    return Submission(envelope)


def approve_revocation(approval_id: UUID, *, party: UUID, decided_by: User, now: datetime) -> int:
    """Revoke the key that was asked about, signed by the root; return the index of the revocation.

    Raises ApprovalRefused: also when the same person asked.
    """
    with tenancy.system(), transaction.atomic():
        wanted = waiting(approval_id, Approval.Act.REVOKE, party=party, decided_by=decided_by)
        claims = {
            "key": wanted.key_id,
            "last_valid_index": wanted.last_valid_index,
            "approval": bytes(wanted.statement_hash).hex(),
        }
        root = keystore.signer_in_role("root")
        [outcome] = append(
            [operations.submission("key.revoke", claims, origin=log.origin(), by=root)], CaptureRule(now=now), now=now
        )
        decide(wanted, Approval.State.DONE, decided_by, now, done_index=outcome.index)
        return outcome.index


def refuse(approval_id: UUID, *, party: UUID, decided_by: User, now: datetime) -> None:
    """Say no to what was asked; the asker may also take it back so. Raises ApprovalRefused."""
    with tenancy.system(), transaction.atomic():
        _check_operator(party)
        decide(find(approval_id), Approval.State.REFUSED, decided_by, now)


def waiting(approval_id: UUID, act: Approval.Act, *, party: UUID, decided_by: User | None) -> Approval:
    """What waits for a decision of the party that runs this server, by somebody else than who asked."""
    _check_operator(party)
    wanted = find(approval_id)
    if wanted.act != act:
        raise missing()
    if (decided_by is None and wanted.tenant == party) or (decided_by and wanted.asked_by_id == decided_by.pk):
        raise ApprovalRefused("this takes two people: somebody else than who asked decides")
    return wanted


def decide(
    wanted: Approval, state: Approval.State, by: User | None, now: datetime, *, done_index: int | None = None
) -> None:
    """Keep what became of it."""
    wanted.state, wanted.decided_by, wanted.decided_at, wanted.done_index = state, by, now, done_index
    wanted.save(update_fields=["state", "decided_by", "decided_at", "done_index"])


def append(submissions: Sequence[Submission], rule: Any, *, now: datetime) -> list[Appended | Repeated]:
    """Append all or none; raise what refuses it."""
    outcomes = operations.append_many(submissions, rule=rule, now=now, atomic=True)
    for outcome in outcomes:
        if isinstance(outcome, Refusal):
            raise outcome.error
    return [outcome for outcome in outcomes if not isinstance(outcome, Refusal)]


def _check_operator(party: UUID) -> None:
    if not is_operator(party):
        raise ApprovalRefused("only the party that runs this server does this")


def is_operator(party: UUID) -> bool:
    """Whether the party runs this server."""
    return Party.objects.filter(id=party, is_operator=True).exists()


def find(approval_id: UUID) -> Approval:
    """A request that waits, locked. Raises ApprovalRefused."""
    wanted = Approval.objects.select_for_update(of=("self",)).filter(id=approval_id).first()
    if wanted is None:
        raise missing()
    if wanted.state != Approval.State.WAITING:
        raise ApprovalRefused(f"this was {wanted.state} already")
    return wanted


def missing() -> ApprovalRefused:
    """There is none, or it is not to be seen: the same answer."""
    refused = ApprovalRefused("there is no such request")
    refused.status = 404
    return refused
