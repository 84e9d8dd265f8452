"""Whose turn it is: one worker at a time has a subscription, by a lease and a fence (as forecasting.jobs has jobs).

A claim is one conditional UPDATE that raises the fence; progress is noted only with it. A worker that died lets its
lease run out, and the next one goes on where the row says. Nobody sends later than his lease allows: it is renewed
when the receiver's address is known, for longer than a request may take.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from django.db import transaction
from django.db.models import F, Q, QuerySet

from forecasting.jobs import LeaseLost
from ledger import queries as log
from supplychain.models import Subscription
from supplychain.operations.subscriptions.sending import ALL_SECONDS

LEASE = timedelta(seconds=2 * ALL_SECONDS + 10)
RING_AGAIN_AFTER = timedelta(seconds=30)


@dataclass(frozen=True, slots=True)
class Claim:
    """The right to send for one subscription."""

    subscription: UUID
    fence: int


def due(*, now: datetime) -> list[UUID]:
    """Take note that these are rung for: what has something to send and nobody works on, the longest waiting first."""
    try:
        size = log.tree_size()
    except log.LogMissing:
        return []
    unheard = Q(rung_at=None) | Q(rung_at__lt=now - RING_AGAIN_AFTER)
    rows = Subscription.objects.filter(_free(now), _wants(now, size), unheard)
    ids = list(rows.order_by(F("next_at").asc(nulls_first=True), "id").values_list("id", flat=True))
    Subscription.objects.filter(id__in=ids).update(rung_at=now)
    return ids


def is_due(subscription: UUID, *, now: datetime) -> bool:
    """Whether it has something to send, and nobody works on it."""
    return Subscription.objects.filter(_free(now), _wants(now, log.tree_size()), pk=subscription).exists()


def claim(subscription: UUID, *, now: datetime) -> Claim | None:
    """Take a subscription that has something to send; None when it has not, or somebody else has it."""
    rows = Subscription.objects.filter(_free(now), _wants(now, log.tree_size()), pk=subscription)
    with transaction.atomic():
        if not rows.update(fence=F("fence") + 1, lease_until=now + LEASE, rung_at=None):
            return None
        # Our own update holds the row until the commit: nobody's later fence is read as ours.
        fence = Subscription.objects.values_list("fence", flat=True).get(pk=subscription)
    return Claim(subscription, fence)


def keep(claimed: Claim, *, now: datetime) -> None:
    """Begin the lease anew. Raises LeaseLost."""
    if not held(claimed).filter(lease_until__gt=now).update(lease_until=now + LEASE):
        raise lost(claimed)


def release(claimed: Claim) -> None:
    """Let others have it."""
    held(claimed).update(lease_until=None)


def held(claimed: Claim) -> QuerySet[Subscription]:
    """The row, while it is ours."""
    return Subscription.objects.filter(pk=claimed.subscription, fence=claimed.fence)


def lost(claimed: Claim) -> LeaseLost:
    """What to raise when it is not."""
    return LeaseLost(f"subscription {claimed.subscription} is no longer ours")


def _free(now: datetime) -> Q:
    return Q(lease_until=None) | Q(lease_until__lt=now)


def _wants(now: datetime, size: int) -> Q:
    is_time = Q(next_at=None) | Q(next_at__lte=now)
    has_work = Q(target__isnull=False) | Q(stream=False) | Q(position__lt=size)
    return Q(test_asked_at__isnull=False) | (Q(state=Subscription.State.ACTIVE) & is_time & has_work)
