"""Bodies that are erased by law: who signed one asks, the chain's other parties are told, the operator approves.

The log keeps every statement, link and proof. Body and salt go, what projections made of them goes, and so does what
was kept of the document that the event came in. A shipment that lost a body is closed and stays so: `partly erased`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from uuid import UUID

from django.conf import settings
from django.core.mail import send_mail
from django.db import transaction

from forecasting import observing, stocking
from ledger import kept, keystore, operations, tenancy
from ledger import queries as log
from ledger.admission import Admission, Admitted, Pending, Refused
from ledger.tlog.envelope import Envelope
from supplychain.models import Approval, CaptureJob, Event, KeptAnswer, Party, Shipment, User
from supplychain.operations import approvals, rebuild
from supplychain.operations.documents.keeping import erase_document
from supplychain.operations.reminders import managers
from supplychain.projections import events as event_rows
from supplychain.projections import shipments as shipment_rows

Forget = Callable[[int, UUID], None]
_forgetters: list[Forget] = []

NOTICE = """\
{asker} asks for the body of an event of {day} to be erased, which you are a party to (entry {index}).

Ground: {ground}

The signatures, the links and all proofs stay. If you must keep what the event says, take the shipment's bundle before
{until}: {url}/erasures/
"""


class ErasureRefused(Refused):
    """A body cannot be erased, or not yet, or not by this party."""

    code = "erasure"


def register_forgetter(forget: Forget) -> None:
    """Let another place that keeps something of events let go of it, told the index and the party that signed."""
    _forgetters.append(forget)


def ask_erasure(
    index: int, *, ground: str, party: UUID, asked_by: User | None, now: datetime, envelope: Envelope | None = None
) -> Approval:
    """Ask for the body of an event that `party` signed to be erased; the chain's other parties are told at once.

    The request is signed with a key held here, unless the party hands in the `envelope` of one it signed itself.
    Raises ErasureRefused: the event is not theirs, a shipment of it is open, or it is a declaration that still counts.
    """
    with tenancy.system(), transaction.atomic():
        row = _erasable(index, party)
        commitment = log.entry(index).statement.body
        assert commitment is not None, "an event has a body"
        if Approval.objects.filter(event_index=index, state=Approval.State.WAITING).exists():
            raise ErasureRefused("its erasure is asked for already")
        wanted = Approval(act=Approval.Act.ERASE, event_index=index, commitment=commitment, kind=row.act)
        wanted.ground, wanted.notified = ground, _others(row)
        claims = {"commitment": commitment.hex(), "ground": ground}
        approvals.ask(wanted, claims, party=party, asked_by=asked_by, now=now, envelope=envelope)
        transaction.on_commit(lambda: _tell(wanted))
        return wanted


def approve_erasure(approval_id: UUID, *, party: UUID, decided_by: User | None, now: datetime) -> int:
    """Erase the body that was asked about, signed by the root; return the index of the erasure.

    Raises ApprovalRefused (also when the same person asked) and ErasureRefused.
    """
    with tenancy.system(), transaction.atomic():
        wanted = approvals.waiting(approval_id, Approval.Act.ERASE, party=party, decided_by=decided_by)
        if wanted.notified and now < (until := notice_until(wanted)):
            raise ErasureRefused(f"the chain's other parties were told, and have until {until:%Y-%m-%d %H:%M} UTC")
        assert wanted.event_index is not None and wanted.commitment is not None
        claims: dict[str, str | int] = {
            "commitment": bytes(wanted.commitment).hex(),
            "ground": wanted.ground,
            "kind": wanted.kind,
            "approval": bytes(wanted.statement_hash).hex(),
        }
        root = keystore.signer_in_role("root")
        signed = operations.submission("body.erased", claims, origin=log.origin(), by=root, context=wanted)
        [outcome] = approvals.append([signed], ErasureRule(now), now=now)
        approvals.decide(wanted, Approval.State.DONE, decided_by, now, done_index=outcome.index)
        return outcome.index


def refuse_erasure(approval_id: UUID, *, party: UUID, decided_by: User | None, now: datetime) -> None:
    """Say no; the party that asked may take it back. Raises ApprovalRefused."""
    with tenancy.system(), transaction.atomic():
        wanted = approvals.find(approval_id)
        if wanted.act != Approval.Act.ERASE or (wanted.tenant != party and not approvals.is_operator(party)):
            raise approvals.missing()
        approvals.decide(wanted, Approval.State.REFUSED, decided_by, now)


def notice_until(wanted: Approval) -> datetime:
    """Until when the chain's other parties can take what they must keep."""
    return wanted.asked_at + timedelta(days=settings.WAYLOG_ERASURE_NOTICE_DAYS if wanted.notified else 0)


class ErasureRule:
    """The admission rule of `body.erased`: the ledger has checked who asked; here the shipment must be closed still."""

    def __init__(self, now: datetime) -> None:
        self.now = now

    def load(self, pending: Sequence[Pending]) -> None:
        """Nothing to read before."""

    def admit(self, pending: Pending) -> Admission:
        """Say yes, or raise ErasureRefused."""
        wanted = pending.context
        if pending.statement.type != "body.erased" or not isinstance(wanted, Approval):
            raise ErasureRefused("only erasures that were asked for are taken here")
        assert wanted.event_index is not None
        _erasable(wanted.event_index, wanted.tenant)
        return Admission()

    def project(self, admitted: Sequence[Admitted]) -> None:
        """Let the body go, and everything that was made of it."""
        for each in admitted:
            commitment = bytes.fromhex(str(each.pending.statement.claims["commitment"]))
            index = kept.erase(commitment)
            if index is not None:
                _forget(index, self.now)


def _forget(index: int, now: datetime) -> None:
    [entry] = kept.entries(index, index + 1)
    assert entry.tombstone is not None, "an erased body leaves a tombstone"
    event_rows.write_erased(rebuild.erased_rows([entry]))
    shipment_rows.forget(entry.tombstone.chains)
    source, tenant = entry.statement.claims.get("source"), entry.tombstone.tenant
    if isinstance(source, str):
        _forget_document(source, tenant, now)
    KeptAnswer.objects.filter(tenant=tenant).delete()
    observing.forget_entry(index)
    stocking.forget_entry(index)
    for forget in _forgetters:
        forget(index, tenant)


def _forget_document(source: str, tenant: UUID, now: datetime) -> None:
    """The original that the event came in says the same as its body, and the job's answers may."""
    try:
        digest = bytes.fromhex(source)
    except ValueError:
        return  # a claim of the signer's own that names no document
    erase_document(party=tenant, digest=digest, now=now)
    CaptureJob.objects.filter(tenant=tenant, document__digest=digest).update(errors=[], repeated=[])


def _erasable(index: int, party: UUID) -> Event:
    """The event whose body may go; raise ErasureRefused."""
    row = Event.objects.filter(index=index, tenant=party).first()
    if row is None:
        refused = ErasureRefused("there is no such event of yours")
        refused.status = 404
        raise refused
    if row.erased_by is not None:
        raise ErasureRefused(f"its body was erased already, by entry {row.erased_by}")
    if Shipment.objects.filter(id__in=row.scopes, is_open=True).exists():
        raise ErasureRefused("it belongs to a shipment that is open; once that is unpacked or taken back, ask again")
    if Event.objects.filter(declared_in_error_by=index, erased_by=None).exists():
        raise ErasureRefused("it declares an event wrong that would count again without it; have that one erased first")
    return row


def _others(row: Event) -> list[UUID]:
    """The other parties that can read the event, but for the one that runs this server."""
    readers = {party for _, party in kept.readers(row.scopes)} - {row.tenant}
    return sorted(readers - set(Party.objects.filter(is_operator=True).values_list("id", flat=True)))


def _tell(wanted: Approval) -> None:
    to = managers(wanted.notified)
    if not to:
        return
    asker = Party.objects.get(id=wanted.tenant)
    text = NOTICE.format(
        asker=asker.name,
        day=f"{wanted.asked_at:%-d %b %Y}",
        index=wanted.event_index,
        ground=wanted.ground,
        until=f"{notice_until(wanted):%-d %b %Y, %H:%M} UTC",
        url=settings.WAYLOG_URL,
    )
    for address in to:  # one each: the parties need not learn each other's addresses
        send_mail(f"{asker.name} asks for an event's body to be erased", text, None, [address])
