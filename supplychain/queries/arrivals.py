"""What is expected of shipments under way, for those who may read them. Row-level security stands behind it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from forecasting import arrivals
from forecasting.arrivals import Arrival, Expected
from ledger import tenancy
from supplychain.models import Shipment
from supplychain.queries import tower

LIKELY = 0.5
"""From this probability of missing the promise on, a shipment is called at risk."""
MOST = 5_000


@dataclass(frozen=True, slots=True)
class Said:
    """The latest row of a shipment, and what it says now (None: nothing, `row.reason` tells why)."""

    row: Arrival
    expected: Expected | None

    @property
    def is_at_risk(self) -> bool:
        """Whether its promise is more likely missed than kept."""
        return self.expected is not None and (self.expected.risk or 0.0) >= LIKELY


def of_shipments(shipments: Iterable[Shipment], *, now: datetime) -> dict[UUID, Said]:
    """What is said of those that are under way; the shipments are ones that the reader may see."""
    moving = [each.pk for each in shipments if each.status == Shipment.Status.DISPATCHED and each.is_open]
    return {scope: Said(row, arrivals.expected(row, now=now)) for scope, row in arrivals.latest(moving).items()}


def of_shipment(shipment: Shipment, *, now: datetime) -> Said | None:
    """What is said of one."""
    return of_shipments([shipment], now=now).get(shipment.pk)


def under_way(party: UUID, *, now: datetime) -> list[tuple[Shipment, Said]]:
    """All shipments on their way that `party` may see and of which something is said, the most at risk first."""
    moving = tenancy.readable_by(Shipment.objects.filter(tower.DISPATCHED, is_open=True), party)
    shipments = list(moving.order_by("-last_index")[:MOST])
    said = of_shipments(shipments, now=now)
    found = [(each, said[each.pk]) for each in shipments if each.pk in said]
    return sorted(found, key=lambda one: -((one[1].expected and one[1].expected.risk) or 0.0))


def at_risk(party: UUID, *, now: datetime) -> list[UUID]:
    """Those whose promise is more likely missed than kept, its time not passed yet."""
    return [
        each.pk
        for each, said in under_way(party, now=now)
        if said.is_at_risk and said.row.promised_at is not None and said.row.promised_at > now
    ]
