"""The ledger's scheduled jobs."""

from celery import shared_task
from django.utils import timezone

from ledger import cosigning, operations, quorum, tenancy


@shared_task(ignore_result=True)
def publish_checkpoint(**_later: object) -> None:
    """Keep the newest checkpoint for ever, then ring for its cosignatures; rung each minute."""
    with tenancy.system():
        operations.keep_checkpoint()
    if quorum.witnesses():
        collect_cosignatures.delay()


@shared_task(ignore_result=True, expires=240)
def expire_keys(**_later: object) -> None:
    """Revoke, signed by the log key, the keys whose end has come; once however many beats strike."""
    try:
        operations.expire_keys(now=timezone.now())  # noqa: TID251
    except operations.LogMissing:
        return


@shared_task(ignore_result=True, expires=50)
def collect_cosignatures(**_later: object) -> None:
    """Ask the witnesses to cosign the newest checkpoint."""
    with tenancy.system():
        cosigning.collect_cosignatures(now=timezone.now())  # noqa: TID251
