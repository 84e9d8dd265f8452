"""Doorbells: what they ring for stands in rows."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from uuid import UUID

from celery import shared_task
from django.conf import settings
from django.db import DatabaseError, connection
from django.utils import timezone

from forecasting import jobs, operations
from ledger import tenancy

_HEARTBEAT_SECONDS = 7.0


@shared_task(ignore_result=True)
def run_job(*, job_id: str, **_later: object) -> None:
    """Do the job, if it is still to be done."""
    with tenancy.system():
        jobs.perform(UUID(job_id), clock=timezone.now, heart=beating_heart)  # noqa: TID251


@shared_task(ignore_result=True)
def sweep_jobs(**_later: object) -> None:
    """Ring again for jobs that wait or whose worker died; end those that died too often."""
    with tenancy.system():
        jobs.sweep(now=timezone.now())  # noqa: TID251


@shared_task(ignore_result=True)
def nightly_forecast(**_later: object) -> None:
    """Ask for tonight's forecast, once however many beats strike."""
    with tenancy.system():
        operations.request_nightly_forecast(now=timezone.now())  # noqa: TID251


@shared_task(ignore_result=True)
def weekly_choice(**_later: object) -> None:
    """Ask for the week's choice of methods, once however many beats strike."""
    with tenancy.system():
        operations.request_weekly_choice(now=timezone.now())  # noqa: TID251


@shared_task(ignore_result=True)
def let_go(**_later: object) -> None:
    """Let go of the numbers of forecasts that others have replaced for long enough."""
    with tenancy.system():
        operations.let_go(now=timezone.now(), days=settings.WAYLOG_FORECAST_DAYS)  # noqa: TID251


@contextmanager
def beating_heart(claimed: jobs.Claim) -> Iterator[None]:
    """Keep the lease from a thread of its own while a step takes long (verifying the log, fitting one series)."""
    stop = threading.Event()
    heart = threading.Thread(target=_beat, args=(claimed, stop), name=f"heart of job {claimed.job}", daemon=True)
    heart.start()
    try:
        yield
    finally:
        stop.set()
        heart.join()


def _beat(claimed: jobs.Claim, stop: threading.Event) -> None:
    try:
        while not stop.wait(_HEARTBEAT_SECONDS):
            try:
                jobs.keep_lease(claimed, now=timezone.now())  # noqa: TID251
            except jobs.LeaseLost:
                return  # the worker learns it at its next step, and at the latest when it hands in the result
            except DatabaseError:
                connection.close()  # the next beat opens another
    finally:
        connection.close()
