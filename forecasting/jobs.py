"""Durable jobs. The row is the truth; a message is a doorbell that may be lost, doubled or late.

A worker claims a row by one conditional UPDATE that raises its fence and gives it a lease; it keeps the lease while it
works, and its result is taken only with the fence it claimed with. Three claims without a result, and the job has
failed, with the reason. A sweeper rings again for what waits too long and ends what ran out of attempts.
"""

import logging
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Protocol
from uuid import UUID

from celery import current_app
from django.db import transaction
from django.db.models import F, Q, QuerySet
from kombu.exceptions import OperationalError

from forecasting.models import Job as Job
from forecasting.models import Tick

ATTEMPTS = 3
LEASE = timedelta(seconds=30)
RING_AGAIN_AFTER = timedelta(seconds=30)
_OPEN = (Job.Status.QUEUED, Job.Status.RUNNING)

log = logging.getLogger(__name__)

Clock = Callable[[], datetime]


class LeaseLost(Exception):
    """Somebody else has the job now, or it was cancelled: stop, and keep nothing."""


class GiveUp(Exception):
    """Trying again cannot help: the job fails now, with this reason."""


class UnknownKind(LookupError):
    """Nobody has said what a job of this kind does."""


@dataclass(frozen=True, slots=True)
class Claim:
    """A claimed job: what to do, and the fence that its result is taken with."""

    job: UUID
    kind: str
    args: Mapping[str, Any]
    fence: int


Beat = Callable[[int, int], None]
"""Call between steps with (done, total); it keeps the lease and raises LeaseLost when that is gone."""
Complete = Callable[[], dict[str, Any]]
"""Writes the result; called inside the transaction that marks the job done."""
Handler = Callable[[Claim, Beat, Clock], Complete]
"""Does the long part, writes nothing, and answers with what writes."""


class Failed(Protocol):
    """Told of a job that failed for good, inside the transaction that says so."""

    def __call__(self, job: Job, *, now: datetime) -> None: ...


_handlers: dict[str, Handler] = {}
_mourners: dict[str, Failed] = {}
_queues: dict[str, str] = {}


def register(kind: str, handler: Handler, *, failed: Failed | None = None, queue: str | None = None) -> None:
    """Say what a job of `kind` does, who is told when one has failed for good, and the queue of the worker that does it
    where that is not the worker of everything else."""
    _handlers[kind] = handler
    if queue is not None:
        _queues[kind] = queue
    if failed is not None:
        _mourners[kind] = failed


# --- making ----------------------------------------------------------------------------------------------------------


@transaction.atomic
def enqueue(
    kind: str,
    *,
    cause: str,
    args: Mapping[str, Any],
    now: datetime,
    requested_by: UUID | None = None,
    ring_now: bool = True,
) -> Job:
    """Make the job of this cause, or answer the one there is; the doorbell is rung on commit, if at all."""
    job, made = Job.objects.get_or_create(
        cause=cause,
        defaults={"kind": kind, "args": dict(args), "created_at": now, "sent_at": now, "requested_by": requested_by},
    )
    if made and ring_now:
        transaction.on_commit(lambda: ring(job.id, kind))
    return job


@transaction.atomic
def strike(name: str, *, time: datetime, kind: str, args: Mapping[str, Any], now: datetime) -> Job | None:
    """Make the job of one tick of the schedule, once however many beats strike; None for the others."""
    tick, first = Tick.objects.get_or_create(name=name, time=time)
    if not first:
        return None
    tick.job = enqueue(kind, cause=f"{name} {time.isoformat()}", args=args, now=now)
    tick.save(update_fields=["job"])
    return tick.job


def ring(job_id: UUID, kind: str) -> None:
    """Send the doorbell to the worker of this kind of job; without a broker the sweeper will."""
    asked = {"job_id": str(job_id)}
    try:
        current_app.send_task("forecasting.tasks.run_job", kwargs=asked, queue=_queues.get(kind), retry=False)
    except OperationalError as unreachable:
        log.warning("job %s waits for the sweeper: %s", job_id, unreachable)


def cancel(job_id: UUID, *, now: datetime) -> bool:
    """End an open job; whoever works on it finds its lease gone. False when it was over already."""
    return bool(
        Job.objects.filter(pk=job_id, status__in=_OPEN).update(
            status=Job.Status.CANCELLED, fence=F("fence") + 1, lease_until=None, finished_at=now
        )
    )


# --- working ---------------------------------------------------------------------------------------------------------


def claim(job_id: UUID, *, now: datetime) -> Claim | None:
    """Take a job that waits, or whose worker let its lease run out; None when there is nothing to take."""
    free = Q(status=Job.Status.QUEUED) | Q(status=Job.Status.RUNNING, lease_until__lt=now)
    with transaction.atomic():
        taken = Job.objects.filter(free, pk=job_id, attempts__lt=ATTEMPTS).update(
            status=Job.Status.RUNNING,
            attempts=F("attempts") + 1,
            fence=F("fence") + 1,
            lease_until=now + LEASE,
            heartbeat_at=now,
            started_at=now,
            steps_done=0,
        )
        if not taken:
            return None
        job = Job.objects.get(pk=job_id)  # our own update holds the row until the commit
    return Claim(job.id, job.kind, job.args, job.fence)


def keep_lease(claimed: Claim, *, now: datetime, done: int | None = None, total: int | None = None) -> None:
    """Say that the worker lives, and how far it is. Raises LeaseLost."""
    steps = {} if done is None else {"steps_done": done, "steps_total": total or 0}
    if not _held(claimed).update(lease_until=now + LEASE, heartbeat_at=now, **steps):
        raise LeaseLost(f"job {claimed.job} is no longer ours")


def perform(
    job_id: UUID,
    *,
    clock: Clock,
    heart: Callable[[Claim], AbstractContextManager[object]] = lambda claimed: nullcontext(),
) -> Job | None:
    """Claim a job and do it; None when there was nothing to claim. This is the edge at which every failure ends.

    `heart` keeps the lease while a step takes long.
    """
    claimed = claim(job_id, now=clock())
    if claimed is None:
        return None
    try:
        with heart(claimed):
            complete = _handler(claimed.kind)(claimed, _beat(claimed, clock), clock)
        finish(claimed, complete, clock=clock)
    except LeaseLost:
        log.warning("job %s was taken from this worker", job_id)
    except (GiveUp, UnknownKind) as reason:
        fail(claimed, str(reason), now=clock(), for_good=True)
    except Exception as failure:
        log.exception("job %s failed", job_id)
        fail(claimed, f"{type(failure).__name__}: {failure}", now=clock())
    return Job.objects.get(pk=job_id)


def _handler(kind: str) -> Handler:
    try:
        return _handlers[kind]
    except KeyError:
        raise UnknownKind(f"nobody knows how to do a job of the kind {kind!r}") from None


def _beat(claimed: Claim, clock: Clock) -> Beat:
    """Progress reaches the row twice a second at most."""
    last = clock()

    def beat(done: int, total: int) -> None:
        nonlocal last
        now = clock()
        if done == total or now - last >= timedelta(milliseconds=500):
            keep_lease(claimed, now=now, done=done, total=total)
            last = now

    return beat


def finish(claimed: Claim, complete: Complete, *, clock: Clock) -> None:
    """Write the result and mark the job done, in one transaction, if the fence is still ours. Raises LeaseLost."""
    with transaction.atomic():
        if _held(claimed).select_for_update().first() is None:
            raise LeaseLost(f"job {claimed.job} is no longer ours")
        result = complete()
        _held(claimed).update(status=Job.Status.DONE, result=result, error="", lease_until=None, finished_at=clock())


def fail(claimed: Claim, reason: str, *, now: datetime, for_good: bool = False) -> None:
    """Note why an attempt failed: the job waits for the sweeper, or has failed when that was the last one."""
    over = for_good or Job.objects.filter(pk=claimed.job, attempts__gte=ATTEMPTS).exists()
    with transaction.atomic():
        noted = _held(claimed).update(
            status=Job.Status.FAILED if over else Job.Status.QUEUED,
            error=reason[:2000] or "no reason was given",
            lease_until=None,
            sent_at=now,
            finished_at=now if over else None,
        )
        if noted and over:
            _mourn(claimed.job, now=now)


def _mourn(job_id: UUID, *, now: datetime) -> None:
    job = Job.objects.get(pk=job_id)
    if job.kind in _mourners:
        _mourners[job.kind](job, now=now)


def _held(claimed: Claim) -> QuerySet[Job]:
    return Job.objects.filter(pk=claimed.job, fence=claimed.fence, status=Job.Status.RUNNING)


# --- sweeping --------------------------------------------------------------------------------------------------------


def sweep(*, now: datetime) -> list[UUID]:
    """End jobs whose last attempt died, and ring again for those that wait or whose worker died; tell which."""
    dead = Q(status=Job.Status.RUNNING, lease_until__lt=now)
    for job_id in Job.objects.filter(dead, attempts__gte=ATTEMPTS).values_list("id", flat=True):
        with transaction.atomic():
            ended = Job.objects.filter(dead, pk=job_id).update(
                status=Job.Status.FAILED,
                error=f"its worker died {ATTEMPTS} times before it was done",
                fence=F("fence") + 1,
                lease_until=None,
                finished_at=now,
            )
            if ended:
                _mourn(job_id, now=now)
    unheard = Q(sent_at__isnull=True) | Q(sent_at__lt=now - RING_AGAIN_AFTER)
    waiting = Job.objects.filter(dead | Q(status=Job.Status.QUEUED), unheard)
    kinds = dict(waiting.values_list("id", "kind"))
    Job.objects.filter(id__in=kinds).update(sent_at=now)
    for job_id, kind in kinds.items():
        ring(job_id, kind)
    return list(kinds)
