"""Subscriptions and what was sent for them, as their party sees them."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from django.db.models import Count, OuterRef, Q, Subquery

from ledger import queries as log
from supplychain.models import Delivery, Event, Subscription
from supplychain.operations.subscriptions.manage import SubscriptionMissing as SubscriptionMissing


@dataclass(frozen=True, slots=True)
class Standing:
    """A subscription, how its last request ended, and how much of the log it has not dealt with."""

    row: Subscription
    last: Delivery | None
    behind: int

    @property
    def state(self) -> str:
        """In one word: paused, failing, behind, waiting or current."""
        if self.row.is_paused:
            return "paused"
        if self.row.failures:
            return "failing"
        if not self.row.stream:
            return "waiting"
        return "behind" if self.behind else "current"


def subscriptions(
    *, party: UUID, query_name: str | None = None, limit: int = 1_000, after: UUID | None = None
) -> list[Subscription]:
    """A party's subscriptions (to one query), the oldest first, behind the one with the id `after`."""
    rows = Subscription.objects.filter(tenant=party)
    if query_name is not None:
        rows = rows.filter(query__name=query_name)
    if after is not None:
        rows = rows.filter(id__gt=after)
    return list(rows.select_related("query").order_by("id")[:limit])


def subscription(wanted: UUID, *, party: UUID, query_name: str | None = None) -> Subscription:
    """One of them. Raises SubscriptionMissing."""
    rows = Subscription.objects.filter(pk=wanted, tenant=party)
    if query_name is not None:
        rows = rows.filter(query__name=query_name)
    row = rows.select_related("query").first()
    if row is None:
        raise SubscriptionMissing(str(wanted))
    return row


def standings(*, party: UUID) -> list[Standing]:
    """All of a party's, each with how it stands; those that need somebody first."""
    newest = Delivery.objects.filter(subscription=OuterRef("pk")).order_by("-id").values("id")[:1]
    rows = list(Subscription.objects.filter(tenant=party).select_related("query").annotate(last=Subquery(newest)))
    last = Delivery.objects.in_bulk([row.last for row in rows if row.last is not None])
    size = log.tree_size()
    found = [Standing(row, last.get(row.last), max(0, size - row.position)) for row in rows]
    return sorted(found, key=lambda each: (not each.row.is_paused, not each.row.failures, each.row.query.name))


def standing(row: Subscription) -> Standing:
    """How one stands."""
    last = Delivery.objects.filter(subscription=row).order_by("-id").first()
    return Standing(row, last, max(0, log.tree_size() - row.position))


def deliveries(row: Subscription, *, limit: int, before: int | None = None) -> list[Delivery]:
    """What was sent, the newest first, before the one with the id `before`."""
    found = Delivery.objects.filter(subscription=row)
    if before is not None:
        found = found.filter(id__lt=before)
    return list(found.order_by("-id")[:limit])


def stuck_event(row: Subscription) -> Event | None:
    """The event that is too large for the receiver."""
    return None if row.stuck_at is None else Event.objects.filter(index=row.stuck_at).first()


def paused_count(*, party: UUID) -> int:
    """How many of a party's wait for somebody."""
    return Subscription.objects.filter(tenant=party, state=Subscription.State.PAUSED).count()


def totals() -> dict[str, int]:
    """Of all parties: how many there are, how many are paused and how many failing."""
    paused = Q(state=Subscription.State.PAUSED)
    return Subscription.objects.aggregate(
        all=Count("id"), paused=Count("id", filter=paused), failing=Count("id", filter=Q(failures__gt=0) & ~paused)
    )
