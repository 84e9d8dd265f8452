"""The ledger's scheduled jobs."""

from celery import shared_task

from ledger import operations, tenancy


@shared_task(ignore_result=True)
def publish_checkpoint(**_later: object) -> None:
    """Keep the newest checkpoint for ever; rung each minute."""
    with tenancy.system():
        operations.keep_checkpoint()
