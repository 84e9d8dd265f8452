"""Ask for runs, within what a party may ask for; and call one off."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

from django.db import transaction

from forecasting import jobs, manifest
from forecasting.models import ForecastRun, Job, SeriesForecast
from forecasting.runs import RunSettings

FORECAST = "forecast"
SHARD = "forecast-shard"
SIGN = "forecast-sign"
CHOICE = "forecast-choice"
NIGHTLY = "nightly-forecast"
WEEKLY = "weekly-choice"
MOST_A_DAY = 12
"""Runs that one party may ask for in 24 hours: a worker's time is everybody's."""
MOST_OPEN = 2


class QuotaExceeded(ValueError):
    """A party has asked for as many runs as it may."""


def request_forecast(
    *, cause: str, settings: RunSettings, now: datetime, requested_by: UUID | None = None, ring: bool = True
) -> Job:
    """Ask for a run; the same cause asks once. A worker does it after the commit; without `ring`, whoever asked.

    Raises QuotaExceeded when a party asks for more than its share.
    """
    if requested_by is not None and not Job.objects.filter(cause=cause).exists():
        _within_quota(requested_by, now)
    args = manifest.format_settings(settings)
    return jobs.enqueue(FORECAST, cause=cause, args=args, now=now, requested_by=requested_by, ring_now=ring)


def _within_quota(party: UUID, now: datetime) -> None:
    mine = Job.objects.filter(kind=FORECAST, requested_by=party)
    if mine.filter(status__in=(Job.Status.QUEUED, Job.Status.RUNNING)).count() >= MOST_OPEN:
        raise QuotaExceeded(f"{MOST_OPEN} runs that you asked for are still under way.")
    if mine.filter(created_at__gt=now - timedelta(days=1)).count() >= MOST_A_DAY:
        raise QuotaExceeded(f"You asked for {MOST_A_DAY} runs in the last 24 hours, which is as many as one may.")


def request_nightly_forecast(*, now: datetime) -> Job | None:
    """Ask for tonight's run, once a UTC day; None when it has been asked for."""
    args = manifest.format_settings(RunSettings(cutoff=now, chained=True))
    return jobs.strike(NIGHTLY, time=_midnight(now), kind=FORECAST, args=args, now=now)


def request_weekly_choice(*, now: datetime) -> Job | None:
    """Ask for the week's choice of methods, once; None when it has been asked for."""
    monday = _midnight(now) - timedelta(days=now.astimezone(UTC).weekday())
    args = manifest.format_settings(RunSettings(cutoff=now))
    return jobs.strike(WEEKLY, time=monday, kind=CHOICE, args=args, now=now)


def request_choice(*, cause: str, settings: RunSettings, now: datetime, ring: bool = True) -> Job:
    """Ask for a choice now."""
    return jobs.enqueue(CHOICE, cause=cause, args=manifest.format_settings(settings), now=now, ring_now=ring)


@transaction.atomic
def cancel_run(run: ForecastRun, *, by: str, now: datetime) -> bool:
    """Call off a run that is under way, with its shards; False when it was over."""
    taken = ForecastRun.every.filter(pk=run.pk, statement_index__isnull=True, error="").update(
        error=f"called off by {by}", finished_at=now
    )
    if taken:
        end_jobs(run.pk, now=now)
    return bool(taken)


def end_jobs(run: UUID, *, now: datetime) -> None:
    """End the open jobs of a run that is over, and drop what they had made."""
    for job in Job.objects.filter(kind__in=(SHARD, SIGN), args__run=run.hex):
        jobs.cancel(job.pk, now=now)
    SeriesForecast.objects.filter(run_id=run).delete()


def _midnight(now: datetime) -> datetime:
    return now.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
