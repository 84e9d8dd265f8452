"""Doorbells of the product: what they ring for stands in rows."""

from uuid import UUID

from celery import shared_task
from django.utils import timezone

from ledger import tenancy
from supplychain.operations import arrivals, auditing, measuring, plans, reminders
from supplychain.operations.subscriptions import doorbell, leases, manage, matching, signing
from supplychain.operations.subscriptions.deliver import Worker


@shared_task(ignore_result=True)
def nightly_audit(**_later: object) -> None:
    """Ask for tonight's check of the log, once however many beats strike."""
    with tenancy.system():
        auditing.request_nightly_audit(now=timezone.now())  # noqa: TID251


@shared_task(ignore_result=True)
def measure_load(**_later: object) -> None:
    """Note what this installation carried in the hour that has ended."""
    with tenancy.system():
        measuring.measure(now=timezone.now())  # noqa: TID251


@shared_task(ignore_result=True)
def remind_of_ending_keys(**_later: object) -> None:
    """Mail the managers whose keys end soon, once a key."""
    reminders.remind(now=timezone.now())  # noqa: TID251


@shared_task(ignore_result=True)
def refresh_arrivals(**_later: object) -> None:
    """Ask for arrivals where a shipment moved since it was last spoken of."""
    with tenancy.system():
        arrivals.ring_if_stale(now=timezone.now())  # noqa: TID251


@shared_task(ignore_result=True)
def learn_arrivals(**_later: object) -> None:
    """Ask for tonight's learning of arrivals, once however many beats strike."""
    with tenancy.system():
        arrivals.request_learning(now=timezone.now())  # noqa: TID251


@shared_task(ignore_result=True)
def deliver_due(**_later: object) -> None:
    """Have each subscription delivered that has something to send."""
    doorbell.heard()
    with tenancy.system():
        for subscription in leases.due(now=timezone.now()):  # noqa: TID251
            deliver.apply_async(kwargs={"subscription": str(subscription)}, queue=doorbell.QUEUE)


@shared_task(ignore_result=True)
def deliver(*, subscription: str, **_later: object) -> None:
    """Send what one subscription has not had yet, for a turn."""
    if Worker(source=matching.events, clock=timezone.now).perform(UUID(subscription)):  # noqa: TID251
        doorbell.ring_worker()


@shared_task(ignore_result=True)
def tend_webhooks(**_later: object) -> None:
    """Make the next key that signs deliveries where it is time, and forget what was sent long ago."""
    with tenancy.system():
        signing.rotate_if_due(now=timezone.now())  # noqa: TID251
    manage.forget_old_deliveries(now=timezone.now())  # noqa: TID251


@shared_task(ignore_result=True)
def nightly_plans(**_later: object) -> None:
    """Ask for tonight's plans, once a party however many beats strike."""
    with tenancy.system():
        plans.request_nightly(now=timezone.now())  # noqa: TID251
