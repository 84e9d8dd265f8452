"""Capture jobs as their party sees them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db.models import Q

from forecasting import queries as work
from ledger import kept
from supplychain.epcis.answers import Answered
from supplychain.models import CaptureJob, Event

_FAILED = "failed"


class JobMissing(LookupError):
    """There is no such job, or it is another party's: the same answer."""


@dataclass(frozen=True, slots=True)
class JobState:
    """A job and, where its work failed for good, why."""

    job: CaptureJob
    failure: str = ""

    @property
    def running(self) -> bool:
        return self.job.running and not self.failure

    @property
    def success(self) -> bool:
        return self.job.success and not self.failure


def capture_job(job_id: UUID, *, party: UUID) -> JobState:
    """The job with this id. Raises JobMissing."""
    job = CaptureJob.objects.filter(pk=job_id, tenant=party).first()
    if job is None:
        raise JobMissing(str(job_id))
    return _state(job)


def capture_jobs(*, party: UUID, limit: int, after: tuple[datetime, UUID] | None = None) -> list[JobState]:
    """A party's jobs, newest first; `after` is the time and id of the last one seen."""
    jobs = CaptureJob.objects.filter(tenant=party)
    if after is not None:
        at, last = after
        jobs = jobs.filter(Q(created_at__lt=at) | Q(created_at=at, id__lt=last))
    return [_state(job) for job in jobs[:limit]]


def captured(index: int, *, party: UUID) -> Answered:
    """An event that the party captured; its body is empty once it was erased."""
    event_id, recorded = Event.objects.filter(tenant=party).values_list("event_id", "record_time").get(index=index)
    kept_body = kept.bodies([index]).get(index)
    return Answered(b"" if kept_body is None else kept_body.body, event_id, recorded)


def _state(job: CaptureJob) -> JobState:
    """A job whose worker died too often is over, though nobody was left to say so."""
    if job.running and job.work is not None:
        done_by = work.job(job.work)
        if done_by is not None and done_by.status == _FAILED:
            return JobState(job, done_by.error or "the work failed")
    return JobState(job)
