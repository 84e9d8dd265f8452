"""Doorbells of the product: what they ring for stands in rows."""

from celery import shared_task
from django.utils import timezone

from ledger import tenancy
from supplychain.operations import auditing


@shared_task(ignore_result=True)
def nightly_audit(**_later: object) -> None:
    """Ask for tonight's check of the log, once however many beats strike."""
    with tenancy.system():
        auditing.request_nightly_audit(now=timezone.now())  # noqa: TID251
