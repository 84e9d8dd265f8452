"""Doorbells of the product: what they ring for stands in rows."""

from celery import shared_task
from django.utils import timezone

from ledger import tenancy
from supplychain.operations import arrivals, auditing, reminders


@shared_task(ignore_result=True)
def nightly_audit(**_later: object) -> None:
    """Ask for tonight's check of the log, once however many beats strike."""
    with tenancy.system():
        auditing.request_nightly_audit(now=timezone.now())  # noqa: TID251


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
