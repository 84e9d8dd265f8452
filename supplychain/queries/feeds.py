"""What programs read: events, shipments and chains, scoped to a party, in pages that a cursor continues."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db.models import Exists, Max, OuterRef, Q, QuerySet

from ledger import kept, tenancy
from ledger import queries as log
from ledger.queries import EntryView
from ledger.tlog.envelope import parse_leaf
from supplychain.epcis.identifiers import canonical
from supplychain.models import Event, EventObject, KeyRequest, LateEvent, Party, Shipment, ShipmentLine, in_scope
from supplychain.queries.candidates import Opened

OBSERVE = "observe"
_MOST_AT_ONCE = 10_000


class Missing(LookupError):
    """There is no such thing, or the party may not see it: the same answer."""


@dataclass(frozen=True, slots=True)
class SignedEvent:
    """An event as it was signed: its row, its entry, its body and salt (None once they were erased)."""

    row: Event
    entry: EntryView
    payload: bytes
    signature: bytes
    body: kept.KeptBody | None


@dataclass(frozen=True, slots=True)
class Signed:
    """With which kinds of keys events were signed, by key id, and which of them are disputed, by index."""

    roles: dict[str, str]
    disputed: set[int]


def signed(rows: Iterable[Event]) -> Signed:
    """What the log says of the keys that signed these events."""
    pairs = [(row.index, row.key_id) for row in rows]
    return Signed(log.roles_of(key_id for _, key_id in pairs), log.disputed_among(pairs))


@dataclass(frozen=True, slots=True)
class Link:
    """One act of a chain: the statement that the next one links to."""

    event: Event
    statement_hash: bytes


def events(
    *, party: UUID, where: Mapping[str, Any], before: int | None, limit: int, after: int | None = None
) -> list[Event]:
    """The newest events that `party` may read and that all of `where` fits, below index `before`, newest first; with
    `after` the oldest above that index, oldest first.

    `where`: event_type, act, biz_step, epc, shipment, event_time_from, event_time_to, record_time_from,
    record_time_to (from: not before; to: before), party (who signed).
    """
    found = tenancy.readable_by(Event.objects.all(), party)
    for name, value in where.items():
        found = found.filter(_WHERE[name](value))
    if before is not None:
        found = found.filter(index__lt=before)
    if after is not None:
        return list(found.filter(index__gt=after).order_by("index")[:limit])
    return list(found.order_by("-index")[:limit])


def followed(*, party: UUID, where: Mapping[str, Any], since: Opened, limit: int) -> list[tuple[Opened, Event]]:
    """The next events behind the place `since`, in the order in which `party` came to read them, each with its place.

    What was opened to the party late stands where it was opened. `where` as in `events`.
    """
    found = tenancy.readable_by(Event.objects.all(), party)
    for name, value in where.items():
        found = found.filter(_WHERE[name](value))
    late = LateEvent.objects.filter(party=party, index=OuterRef("index"))
    in_time = found.filter(~Exists(late), index__gte=since.next.at).order_by("index")[:limit]
    both = [(Opened(row.index, row.index), row) for row in in_time]
    both += _opened_late(found, party=party, since=since, limit=limit)
    return sorted(both, key=lambda each: each[0])[:limit]


def _opened_late(found: QuerySet[Event], *, party: UUID, since: Opened, limit: int) -> list[tuple[Opened, Event]]:
    """Of `found` the next that were opened to the party late; by keys, however many there are."""
    both: list[tuple[Opened, Event]] = []
    many = limit
    while len(both) < limit:
        behind = Q(opened_index__gt=since.at) | Q(opened_index=since.at, index__gt=since.index)
        rows = LateEvent.objects.filter(behind, party=party, opened_index__gte=since.at)
        pairs = rows.order_by("opened_index", "index").values_list("opened_index", "index")
        places = [Opened(at, index) for at, index in pairs[:many]]
        events = found.in_bulk([each.index for each in places])
        both += [(each, events[each.index]) for each in places if each.index in events]
        if len(places) < many:
            break
        since, many = places[-1], min(4 * many, _MOST_AT_ONCE)
    return both


def _names_epc(epc: str) -> Q:
    named = EventObject.objects.filter(index=OuterRef("index"), epc=canonical(epc))
    return Q(Exists(named))


def _belongs_to(shipment: UUID) -> Q:
    return in_scope(shipment)


_WHERE: dict[str, Any] = {
    "event_type": lambda value: Q(event_type=value),
    "act": lambda value: Q(act=value),
    "biz_step": lambda value: Q(biz_step=value),
    "epc": _names_epc,
    "shipment": _belongs_to,
    "party": lambda value: Q(tenant=value),
    "event_time_from": lambda value: Q(event_time__gte=value),
    "event_time_to": lambda value: Q(event_time__lt=value),
    "record_time_from": lambda value: Q(record_time__gte=value),
    "record_time_to": lambda value: Q(record_time__lt=value),
}


def event(index: int, *, party: UUID) -> SignedEvent:
    """One event as it was signed; raise Missing."""
    row = tenancy.readable_by(Event.objects.filter(index=index), party).first()
    if row is None:
        raise Missing
    entry = log.entry(index)
    leaf = parse_leaf(entry.leaf)
    return SignedEvent(row, entry, leaf.payload, leaf.signature, kept.bodies([index]).get(index))


def may_prove(index: int, *, party: UUID) -> bool:
    """Whether `party` may have the proof of an entry: of an event it may read, or of any entry that it signed."""
    if tenancy.readable_by(Event.objects.filter(index=index), party).exists():
        return True
    try:
        signer = log.key(log.entry(index).key_id)
    except log.EntryMissing:
        return False
    return signer is not None and UUID(signer.party) == party


def shipments_of(rows: Iterable[Event], *, party: UUID) -> dict[int, list[UUID]]:
    """For each event, by index, the shipments it belongs to, as far as `party` may see them."""
    listed = list(rows)
    named = {scope for row in listed for scope in row.scopes}
    seen = set(readable_shipments(party).filter(id__in=named).values_list("id", flat=True)) if named else set()
    return {row.index: [scope for scope in row.scopes if scope in seen] for row in listed}


def readable_shipments(party: UUID) -> QuerySet[Shipment]:
    """The shipments that `party` is or was a party to."""
    return tenancy.readable_by(Shipment.objects.all(), party)


def shipments(
    *, found: QuerySet[Shipment], party: UUID, after: tuple[int, UUID | None] | None, limit: int
) -> list[Shipment]:
    """A page of `found` that `party` may read, the one that moved last first, after the place of a cursor."""
    rows = tenancy.readable_by(found, party)
    if after is not None:
        last, tie = after
        later = Q(last_index=last, id__gt=tie) if tie is not None else Q()
        rows = rows.filter(Q(last_index__lt=last) | later)
    return list(rows.order_by("-last_index", "id")[:limit])


def shipment(shipment_id: UUID, *, party: UUID) -> Shipment:
    """One shipment; raise Missing."""
    row = readable_shipments(party).filter(id=shipment_id).first()
    if row is None:
        raise Missing
    return row


def lines(found: Shipment) -> list[ShipmentLine]:
    """What is in it, in order."""
    return list(ShipmentLine.objects.filter(shipment=found).order_by("position"))


def links(found: Shipment) -> list[Link]:
    """The acts of its chain, in the order in which they are linked."""
    rows = list(Event.objects.filter(in_scope(found.id)).exclude(act=OBSERVE).order_by("index"))
    hashes = kept.statement_hashes(row.index for row in rows)
    return [Link(row, hashes[row.index]) for row in rows]


def chain_version(found: Shipment) -> str:
    """What changes whenever the answer of `links` does: the head of the chain, and the latest erasure of an act."""
    acts = Event.objects.filter(in_scope(found.id)).exclude(act=OBSERVE)
    erased_by = acts.aggregate(latest=Max("erased_by"))["latest"]
    head = bytes(found.head).hex()
    return head if erased_by is None else f"{head}.{erased_by}"


def may_read_key(key_id: str, *, party: UUID) -> bool:
    """Whether `party` has met the key: it is its own, or signed an event that the party may read."""
    record = log.key(key_id)
    if record is None:
        return False
    if UUID(record.party) == party:
        return True
    return tenancy.readable_by(Event.objects.filter(key_id=key_id, tenant=UUID(record.party)), party).exists()


def key_requests(party: UUID) -> list[KeyRequest]:
    """The keys that wait for the party's manager, oldest first."""
    return list(KeyRequest.objects.filter(party=party, state=KeyRequest.State.WAITING).order_by("requested_at"))


def names(ids: Iterable[UUID]) -> dict[UUID, str]:
    """What parties are called."""
    return dict(Party.objects.filter(id__in=set(ids)).values_list("id", "name"))
