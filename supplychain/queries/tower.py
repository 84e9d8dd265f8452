"""What the control tower counts. Row-level security leaves only what the acting party may read."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from django.db.models import Case, Count, F, IntegerField, Min, Q, Value, When

from ledger import tenancy
from supplychain.models import Event, Shipment

DISPATCHED = Q(status=Shipment.Status.DISPATCHED)
BREACHED = Q(is_open=True, temperature_max__gt=F("temperature_limit"))
IN_DISCREPANCY = Q(discrepancy=Shipment.Discrepancy.OPEN)


@dataclass(frozen=True, slots=True)
class Counts:
    """The figures on top of the tower."""

    open: int
    moving: int
    due_today: int
    waiting: int
    oldest_waiting: datetime | None
    late: int
    breached: int
    discrepancies: int
    discrepancies_mine: int


def waiting_for(party: UUID) -> Q:
    """What was handed to `party` and is not accepted yet."""
    return DISPATCHED & Q(offered_to=party)


def late(now: datetime) -> Q:
    """What is on its way past its promised time."""
    return DISPATCHED & Q(promised_at__lt=now)


def counts_for(party: UUID, *, now: datetime) -> Counts:
    """Count what `party` can see, in one read."""
    midnight = now.replace(hour=0, minute=0, second=0, microsecond=0)
    today = Q(promised_at__gte=midnight, promised_at__lt=midnight + timedelta(days=1))
    waiting = waiting_for(party)
    found = tenancy.readable_by(Shipment.objects.all(), party).aggregate(
        open=Count("id", filter=Q(is_open=True)),
        moving=Count("id", filter=DISPATCHED),
        due_today=Count("id", filter=DISPATCHED & today),
        waiting=Count("id", filter=waiting),
        oldest_waiting=Min("last_event_at", filter=waiting),
        late=Count("id", filter=late(now)),
        breached=Count("id", filter=BREACHED),
        discrepancies=Count("id", filter=IN_DISCREPANCY),
        discrepancies_mine=Count("id", filter=IN_DISCREPANCY & Q(discrepancy_giver=party)),
    )
    return Counts(**found)


@dataclass(frozen=True, slots=True)
class Lane:
    """What is under way from one place to another."""

    start: str
    end: str
    moving: int
    late: int
    breached: int


def lanes(party: UUID, *, now: datetime, limit: int = 60) -> list[Lane]:
    """The lanes on which something that `party` can see is on its way, the busiest first."""
    moving = tenancy.readable_by(Shipment.objects.filter(DISPATCHED).exclude(from_location="", to_location=""), party)
    found = (
        moving.values("from_location", "to_location")
        .annotate(count=Count("id"), late=Count("id", filter=late(now)), breached=Count("id", filter=BREACHED))
        .order_by("-count", "from_location", "to_location")
    )
    return [
        Lane(each["from_location"], each["to_location"], each["count"], each["late"], each["breached"])
        for each in found[:limit]
    ]


def needs_first(party: UUID, *, now: datetime, limit: int = 8) -> list[Shipment]:
    """The shipments that ask for somebody's attention, most pressing first: what `party` itself must do leads."""
    urgency = Case(
        When(IN_DISCREPANCY & Q(discrepancy_giver=party), then=Value(0)),
        When(BREACHED, then=Value(1)),
        When(waiting_for(party) & late(now), then=Value(2)),
        When(waiting_for(party), then=Value(3)),
        When(late(now), then=Value(4)),
        When(DISPATCHED, then=Value(5)),
        default=Value(9),
        output_field=IntegerField(),
    )
    ordered = tenancy.readable_by(Shipment.objects.all(), party).annotate(urgency=urgency).filter(urgency__lt=9)
    return list(ordered.order_by("urgency", F("promised_at").asc(nulls_last=True)).prefetch_related("lines")[:limit])


def recent_events(party: UUID, limit: int = 8) -> list[Event]:
    """The latest events that `party` may read, newest first."""
    return list(tenancy.readable_by(Event.objects.order_by("-index"), party)[:limit])
