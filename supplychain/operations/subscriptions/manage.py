"""Subscribing, and what the subscriber may do later. None of it waits for a worker, and none of it disturbs one."""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import UUID

from django.db import transaction

from ledger import keystore, tenancy
from ledger import queries as log
from supplychain.models import Delivery, Event, NamedQuery, Subscription
from supplychain.operations.subscriptions import doorbell
from supplychain.operations.subscriptions.deliver import MOST
from supplychain.queries.epcis_events import opening_of
from supplychain.webhooks.schedule import parse_schedule
from supplychain.webhooks.subscribing import Wanted

MOST_OF_A_PARTY = 100
DELIVERIES_KEPT = timedelta(days=30)


class TooMany(Exception):
    """A party has only so many subscriptions."""


class SubscriptionMissing(LookupError):
    """There is no such subscription, or it is another party's: the same answer."""


class NothingToStepOver(Exception):
    """No event is too large for the receiver now."""


class IndexRefused(Exception):
    """The log has no such index."""


def subscribe(*, query: NamedQuery, wanted: Wanted, epc_format: str, now: datetime) -> Subscription:
    """Have the events of a query sent to its party, from now on or from a record time. Raises TooMany."""
    party = query.tenant
    with tenancy.system(), transaction.atomic():
        if Subscription.objects.filter(tenant=party).count() >= MOST_OF_A_PARTY:
            raise TooMany(f"A party has at most {MOST_OF_A_PARTY} subscriptions; end one first.")
        since = wanted.initial_record_time
        made = Subscription.objects.create(
            tenant=party,
            query=query,
            dest=wanted.dest,
            sealed_token=None if wanted.token is None else keystore.seal(wanted.token),
            epc_format=epc_format,
            stream=wanted.stream,
            schedule=wanted.schedule,
            report_if_empty=wanted.report_if_empty,
            initial_record_time=since,
            created_at=now,
            position=log.tree_size() if since is None else first_index_since(since),
            batch=MOST,
            next_at=None if wanted.schedule is None else parse_schedule(wanted.schedule).next_after(now),
        )
        transaction.on_commit(doorbell.ring_worker)
    return made


def unsubscribe(subscription: UUID, *, party: UUID) -> None:
    """End a subscription, and forget what was sent. Raises SubscriptionMissing."""
    with tenancy.system():
        deleted, _ = Subscription.objects.filter(pk=subscription, tenant=party).delete()
    if not deleted:
        raise SubscriptionMissing(str(subscription))


def pause(subscription: UUID, *, party: UUID, now: datetime) -> None:
    """Send nothing until it is resumed; what is on its way arrives. Raises SubscriptionMissing."""
    _change(
        subscription, party, state=Subscription.State.PAUSED, paused_at=now, paused_because="It was paused by hand."
    )


def resume(subscription: UUID, *, party: UUID, now: datetime) -> None:
    """Go on where it stopped, at once; failures are counted anew. Raises SubscriptionMissing."""
    row = _found(subscription, party)
    _change(subscription, party, **_afresh(row, now))


def replay(subscription: UUID, *, party: UUID, index: int, now: datetime) -> None:
    """Send everything that entries from `index` on opened to the party again, at once, paused or not: these entries
    and what it came to read by them. Raises SubscriptionMissing and IndexRefused."""
    row = _found(subscription, party)
    with tenancy.system():
        size = log.tree_size()
    if not 0 <= index <= size:
        raise IndexRefused(f"The log has indexes from 0 to {size - 1:,}.")
    afresh = _afresh(row, now) | {"next_at": None}
    _change(subscription, party, position=index, within=0, target=None, run_at=None, **afresh)


def step_over(subscription: UUID, *, party: UUID, now: datetime) -> int:
    """Leave out the one event that is too large for the receiver, and go on behind it; return its index.

    Raises SubscriptionMissing and NothingToStepOver.
    """
    row = _found(subscription, party)
    if row.stuck_at is None:
        raise NothingToStepOver("No event is too large for the receiver now.")
    with tenancy.system():
        behind = opening_of(row.stuck_at, party=party).next
    _change(subscription, party, position=behind.at, within=behind.index, **_afresh(row, now))
    return row.stuck_at


def forget_old_deliveries(*, now: datetime) -> None:
    """Keep what was sent for a month: receivers' answers may hold anything."""
    with tenancy.system():
        Delivery.objects.filter(at__lt=now - DELIVERIES_KEPT).delete()


def ask_test(subscription: UUID, *, party: UUID, now: datetime) -> None:
    """Have a document without events sent, soon. Raises SubscriptionMissing."""
    _change(subscription, party, test_asked_at=now)


def first_index_since(moment: datetime) -> int:
    """The index of the first event that was recorded at `moment` or later; the size of the log when there is none.

    Record times never go back, so the place is found by halving.
    """
    with tenancy.system():
        low, first = 0, log.tree_size()
        high = first
        while low < high:
            middle = (low + high) // 2
            there = Event.objects.filter(index__gte=middle, index__lt=high).order_by("index")
            found = there.values_list("index", "record_time").first()
            if found is not None and found[1] < moment:
                low = found[0] + 1
            else:
                first, high = found[0] if found else first, middle
    return first


def _afresh(row: Subscription, now: datetime) -> dict[str, object]:
    """What a subscription that shall go on at once begins with. A schedule waits for its time, or ends its run."""
    waits = row.schedule is not None and row.target is None
    return {
        "state": Subscription.State.ACTIVE,
        "paused_at": None,
        "paused_because": "",
        "failures": 0,
        "failing_since": None,
        "told_at": None,
        "stuck_at": None,
        "next_at": parse_schedule(row.schedule).next_after(now) if waits else None,
    }


def _found(subscription: UUID, party: UUID) -> Subscription:
    with tenancy.system():
        row = Subscription.objects.filter(pk=subscription, tenant=party).first()
    if row is None:
        raise SubscriptionMissing(str(subscription))
    return row


def _change(subscription: UUID, party: UUID, **values: object) -> None:
    with tenancy.system(), transaction.atomic():
        if not Subscription.objects.filter(pk=subscription, tenant=party).update(**values):
            raise SubscriptionMissing(str(subscription))
        transaction.on_commit(doorbell.ring_worker)
