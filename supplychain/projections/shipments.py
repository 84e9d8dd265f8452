"""Shipments as rows, and as the states that custody decides about."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from typing import Any
from uuid import UUID

from django.db.models import Q

from ledger import bulk, kept
from ledger.admission import scope_of
from supplychain.custody import Discrepancy, Line, ShipmentState, Status, Transition
from supplychain.models import Event, Shipment, ShipmentLine, in_scope
from supplychain.projections import readers


@dataclass(slots=True)
class Tracked:
    """A shipment in the hands of an append: its row, its state, its chain, and what changed."""

    id: UUID
    tenant: UUID
    chain: bytes
    head: bytes
    state: ShipmentState
    opened_index: int
    last_index: int
    readers: set[UUID] = field(default_factory=set)
    is_new: bool = False
    is_changed: bool = False
    lines_changed: bool = False
    new_readers: list[tuple[UUID, int]] = field(default_factory=list)

    def move(self, made: Transition, *, index: int, head: bytes | None) -> None:
        """Take over what a transition says; `head` is the statement hash of an act, None for an observation."""
        self.lines_changed = self.lines_changed or made.state.lines != self.state.lines
        self.state, self.last_index, self.is_changed = made.state, index, True
        self.head = head or self.head
        self.admit(made.readers, index=index)

    def admit(self, readers: Iterable[UUID], *, index: int) -> None:
        """Let more parties read it, from the entry at `index` on."""
        for party in readers:
            if party not in self.readers:
                self.readers.add(party)
                self.new_readers.append((party, index))


def load(where: Q) -> list[Tracked]:
    """The shipments that `where` selects, with their lines and readers."""
    rows = list(Shipment.objects.filter(where))
    ids = [row.id for row in rows]
    lines: dict[UUID, list[Line]] = {}
    for line in ShipmentLine.objects.filter(shipment__in=ids).order_by("position") if ids else ():
        lines.setdefault(line.shipment_id, []).append(
            Line(line.epc, line.product, line.quantity, line.uom, line.counted, line.damaged)
        )
    readers: dict[UUID, set[UUID]] = {}
    for scope, party in kept.readers(ids) if ids else ():
        readers.setdefault(scope, set()).add(party)
    return [_tracked(row, tuple(lines.get(row.id, ())), readers.get(row.id, set())) for row in rows]


def state_of(row: Shipment, lines: tuple[Line, ...]) -> ShipmentState:
    """The state that a row and its lines hold."""
    return ShipmentState(
        unit=row.unit,
        status=Status(row.status),
        shipper=row.shipper,
        custodian=row.custodian,
        last_event_at=row.last_event_at,
        is_open=row.is_open,
        attested=row.attested,
        offered_to=row.offered_to,
        offered_to_uri=row.offered_to_uri,
        consignee_uri=row.consignee_uri,
        from_location=row.from_location,
        to_location=row.to_location,
        references=tuple(row.references),
        lines=lines,
        seal=row.seal,
        temperature_limit=row.temperature_limit,
        temperature_max=row.temperature_max,
        discrepancies=tuple(_discrepancy(each) for each in row.discrepancies),
        packed_at=row.packed_at,
        dispatched_at=row.dispatched_at,
        promised_at=row.promised_at,
        accepted_at=row.accepted_at,
        closed_at=row.closed_at,
    )


def _tracked(row: Shipment, lines: tuple[Line, ...], readers: set[UUID]) -> Tracked:
    return Tracked(
        id=row.id,
        tenant=row.tenant,
        chain=bytes(row.chain),
        head=bytes(row.head),
        state=state_of(row, lines),
        opened_index=row.opened_index,
        last_index=row.last_index,
        readers=readers,
    )


def _discrepancy(each: dict[str, Any]) -> Discrepancy:
    giver, taker = each["giver"], each["taker"]
    return Discrepancy(each["event_id"], UUID(giver) if giver else None, UUID(taker) if taker else None, each["answer"])


def save(tracked: Iterable[Tracked]) -> None:
    """Write what changed: new rows, changed rows, lines and readers."""
    changed = [each for each in tracked if each.is_changed or each.is_new]
    for is_open in (False, True):  # a unit is open once, so what closes goes first
        bulk.update(Shipment, _COLUMNS, [_row(e) for e in changed if not e.is_new and e.state.is_open == is_open])
    bulk.insert(Shipment, _COLUMNS, [_row(each) for each in changed if each.is_new])
    relined = [each for each in changed if each.is_new or each.lines_changed]
    if old := [each.id for each in relined if not each.is_new]:
        ShipmentLine.objects.filter(shipment__in=old).delete()
    bulk.insert(ShipmentLine, _LINE_COLUMNS, [row for each in relined for row in _line_rows(each)])
    readers.admit((each.id, party, index) for each in changed for party, index in each.new_readers)


def forget(chains: Iterable[bytes]) -> None:
    """Leave of the shipments of these chains, of which a body was erased, what their entries say without bodies."""
    for chain in chains:
        scope = scope_of(chain)
        rows = list(Event.objects.filter(in_scope(scope)).order_by("index"))
        ShipmentLine.objects.filter(shipment=scope).delete()
        Shipment.objects.filter(id=scope).delete()
        Shipment.objects.create(
            id=scope,
            tenant=rows[0].tenant,
            scopes=[scope],
            unit=f"urn:uuid:{scope}",
            chain=chain,
            head=kept.head_of(chain, [row.index for row in rows]),
            is_open=False,
            status=Shipment.Status.ERASED,
            attested=False,
            opened_index=rows[0].index,
            last_index=rows[-1].index,
            shipper=rows[0].tenant,
            last_event_at=rows[-1].record_time,
        )


_COLUMNS = (
    "id",
    "tenant",
    "scopes",
    "unit",
    "chain",
    "head",
    "is_open",
    "status",
    "attested",
    "opened_index",
    "last_index",
    "shipper",
    "custodian",
    "offered_to",
    "offered_to_uri",
    "consignee_uri",
    "from_location",
    "to_location",
    "references",
    "seal",
    "temperature_limit",
    "temperature_max",
    "discrepancy",
    "discrepancy_giver",
    "discrepancy_event_id",
    "discrepancies",
    "packed_at",
    "dispatched_at",
    "promised_at",
    "accepted_at",
    "closed_at",
    "last_event_at",
)


def _row(tracked: Tracked) -> tuple[object, ...]:
    state, spoken_of = tracked.state, tracked.state.discrepancy
    return (
        tracked.id,
        tracked.tenant,
        [tracked.id],
        state.unit,
        tracked.chain,
        tracked.head,
        state.is_open,
        state.status.value,
        state.attested,
        tracked.opened_index,
        tracked.last_index,
        state.shipper,
        state.custodian,
        state.offered_to,
        state.offered_to_uri,
        state.consignee_uri,
        state.from_location,
        state.to_location,
        state.references,
        state.seal,
        state.temperature_limit,
        state.temperature_max,
        spoken_of.answer if spoken_of else "",
        spoken_of.giver if spoken_of else None,
        spoken_of.event_id if spoken_of else "",
        json.dumps([asdict(each) for each in state.discrepancies], default=str),
        state.packed_at,
        state.dispatched_at,
        state.promised_at,
        state.accepted_at,
        state.closed_at,
        state.last_event_at,
    )


_LINE_COLUMNS = (
    "shipment",
    "position",
    "tenant",
    "scopes",
    "epc",
    "product",
    "quantity",
    "uom",
    "counted",
    "damaged",
)


def _line_rows(tracked: Tracked) -> list[tuple[object, ...]]:
    return [
        (
            tracked.id,
            position,
            tracked.tenant,
            [tracked.id],
            line.epc,
            line.product,
            line.quantity,
            line.uom,
            line.counted,
            line.damaged,
        )
        for position, line in enumerate(tracked.state.lines)
    ]
