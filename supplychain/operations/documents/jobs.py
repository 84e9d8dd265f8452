"""Capture jobs: a document whole, or as much of it as is good (EPCIS 2.0, 8.1 and 12.6).

A small document is captured at once and its job is over when it is made. A large one is kept in parts and captured by
a worker, batch by batch: with `proceed` each batch is committed with the job's progress, so that a second attempt goes
on where the first one died; with `rollback` all batches are one transaction, so that there is nothing or everything.
Whoever else appends waits for that transaction: large documents that need not be whole are better sent to proceed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from itertools import islice
from uuid import UUID

from django.db import transaction

from forecasting import jobs as durable
from ledger import diskspace, outside, tenancy
from supplychain.epcis.documents import DocumentEvent, DocumentStream, Head
from supplychain.epcis.errors import DocumentInvalid
from supplychain.epcis.xml import XmlStream
from supplychain.models import CaptureJob
from supplychain.operations.documents import keeping, masterdata
from supplychain.operations.documents.batches import Capturer, SigningRefused, Taken, readable
from supplychain.operations.documents.keeping import Received
from supplychain.operations.documents.tally import Tally, failure, problem_of_fault

KIND = "epcis.capture"
QUEUE = "captures"
"""Captures have a worker of their own: none waits for a night's forecasts, nor loads what those need."""
AT_ONCE = 1_000
"""A document of at most so many events is captured in its request."""
BATCH = 1_000
_CAUSE = "epcis capture {}"

Stream = DocumentStream | XmlStream
Clock = Callable[[], datetime]
Beat = Callable[[int, int], None]


class _RolledBack(Exception):
    """Leave the transaction of a `rollback` job and keep nothing; without a tally an event could not be read."""

    def __init__(self, tally: Tally | None = None) -> None:
        super().__init__()
        self.tally = tally


def capture_event(received: Received, event: DocumentEvent, *, party: UUID, now: datetime) -> Taken:
    """Capture one event that came alone. Raises SigningRefused; a refusal stands in the outcome."""
    assert event.event is not None
    capturer = Capturer(party=party, source=received.digest)
    if received.media_type == keeping.XML:
        keeping.keep(received, party=party, now=now, parts=True)
    [taken] = capturer.capture([event.event], [event.body], now=now, atomic=False)
    return taken


def capture_at_once(received: Received, *, party: UUID, behaviour: str, now: datetime) -> CaptureJob | None:
    """Capture a small document; return its job, which is over, or None where it has more than AT_ONCE events.

    Raises DocumentInvalid and SigningRefused.
    """
    stream = received.stream()
    events = list(islice(stream.events(), AT_ONCE + 1))
    if len(events) > AT_ONCE:
        return None
    head = stream.head()
    capturer = Capturer(party=party, source=received.digest)
    document = keeping.keep(received, party=party, now=now, parts=isinstance(stream, XmlStream))
    tally = Tally()
    is_atomic = behaviour == CaptureJob.Behaviour.ROLLBACK
    if is_atomic and any(each.faults for each in events):
        _only_faults(tally, events)
    else:
        good, bodies = readable(events)
        tally.add(events, capturer.capture(good, bodies, now=now, atomic=is_atomic) if good else ())
    if is_atomic and not tally.is_clean:
        tally.forget_captured()
    else:
        masterdata.keep(head.header, party=party, now=now)
    with tenancy.system():
        return CaptureJob.objects.create(
            tenant=party,
            document=document,
            behaviour=behaviour,
            created_at=now,
            finished_at=now,
            running=False,
            events_total=len(events),
            **tally.columns(),
        )


def _only_faults(tally: Tally, events: Iterable[DocumentEvent]) -> None:
    for event in events:
        tally.done += 1
        if event.faults:
            tally.add_faults(event)


@transaction.atomic
def capture_later(received: Received, *, party: UUID, behaviour: str, events: int, now: datetime) -> CaptureJob:
    """Keep a large document and have a worker capture it; `events` were counted. Raises SigningRefused."""
    Capturer(party=party, source=received.digest)
    document = keeping.keep(received, party=party, now=now, parts=True)
    with tenancy.system():
        job = CaptureJob.objects.create(
            tenant=party, document=document, behaviour=behaviour, created_at=now, events_total=events
        )
        work = durable.enqueue(
            KIND, cause=_CAUSE.format(job.id), args={"job": str(job.id)}, now=now, requested_by=party
        )
        CaptureJob.objects.filter(pk=job.id).update(work=work.id)
    return job


def perform(claimed: durable.Claim, beat: Beat, clock: Clock) -> durable.Complete:
    """Do the durable job of a capture (a handler of forecasting.jobs)."""
    job_id = UUID(str(claimed.args["job"]))
    run(job_id, beat=beat, clock=clock)
    job = CaptureJob.objects.get(pk=job_id)
    return lambda: {"captured": job.events_captured, "repeated": job.events_repeated, "refused": job.events_refused}


def run(job_id: UUID, *, beat: Beat, clock: Clock) -> None:
    """Capture the document of a job that waits, from where it stands. Raises what ends the attempt."""
    job = CaptureJob.objects.select_related("document").get(pk=job_id)
    if not job.running:
        return
    try:
        tally, head = _run(job, beat, clock)
    except (SigningRefused, DocumentInvalid) as refused:
        tally, head = Tally.of(job), None
        found = refused.faults if isinstance(refused, DocumentInvalid) else ()
        tally.errors += [problem_of_fault(fault) for fault in found] or [failure(str(refused))]
    if head is not None and (tally.is_clean or job.behaviour == CaptureJob.Behaviour.PROCEED):
        masterdata.keep(head.header, party=job.tenant, now=clock())
    CaptureJob.objects.filter(pk=job.id).update(running=False, finished_at=clock(), **tally.columns())
    if job.document.media_type != keeping.XML:
        keeping.drop_parts(job.document)


def _run(job: CaptureJob, beat: Beat, clock: Clock) -> tuple[Tally, Head | None]:
    capturer = Capturer(party=job.tenant, source=bytes(job.document.digest))
    with keeping.copied(job.document) as source:
        stream = keeping.stream_of(source, job.document.media_type)
        if job.behaviour == CaptureJob.Behaviour.PROCEED:
            return _proceed(job, stream, capturer, beat, clock)
        try:
            return _all_or_none(job, stream, capturer, beat, clock), stream.head()
        except _RolledBack as refused:
            outside.forget()
            diskspace.forget()
            CaptureJob.objects.filter(pk=job.id).update(success=False)
            tally = refused.tally or _faults_of(keeping.stream_of(source, job.document.media_type), beat, job)
            tally.forget_captured()
            tally.done = tally.refused = job.events_total
            return tally, None


def _all_or_none(job: CaptureJob, stream: Stream, capturer: Capturer, beat: Beat, clock: Clock) -> Tally:
    """Capture all events in one transaction; raise _RolledBack at the first that cannot be."""
    tally = Tally()
    with transaction.atomic():
        _lock(job, done=0)
        for batch in _ahead(_batches(stream.events())):
            beat(tally.done, job.events_total)
            if any(each.faults for each in batch):
                raise _RolledBack
            good, bodies = readable(batch)
            tally.add(batch, capturer.capture(good, bodies, now=clock(), atomic=True))
            if not tally.is_clean:
                raise _RolledBack(tally)
        CaptureJob.objects.filter(pk=job.id).update(**tally.columns())
    return tally


def _faults_of(stream: Stream, beat: Beat, job: CaptureJob) -> Tally:
    """The first faults of a document, read without the log being locked for it."""
    tally = Tally()
    for number, event in enumerate(stream.events()):
        if event.faults:
            tally.add_faults(event)
            if tally.is_full:
                break
        if number % BATCH == 0:
            beat(0, job.events_total)
    return tally


def _proceed(job: CaptureJob, stream: Stream, capturer: Capturer, beat: Beat, clock: Clock) -> tuple[Tally, Head]:
    tally = Tally.of(job)
    for batch in _ahead(_batches(islice(stream.events(), tally.done, None))):
        beat(tally.done, job.events_total)
        with transaction.atomic():
            _lock(job, done=tally.done)
            good, bodies = readable(batch)
            tally.add(batch, capturer.capture(good, bodies, now=clock(), atomic=False) if good else ())
            CaptureJob.objects.filter(pk=job.id).update(**tally.columns())
    return tally, stream.head()


def _lock(job: CaptureJob, *, done: int) -> None:
    """Hold the job's row; whoever took the work over meanwhile has moved it. Raises LeaseLost."""
    row = CaptureJob.objects.select_for_update().get(pk=job.id)
    if not row.running or row.events_done != done:
        raise durable.LeaseLost(f"capture job {job.id} is no longer ours")


def _batches(events: Iterator[DocumentEvent]) -> Iterator[list[DocumentEvent]]:
    while batch := list(islice(events, BATCH)):
        yield batch


def _ahead(batches: Iterator[list[DocumentEvent]]) -> Iterator[list[DocumentEvent]]:
    """Read one batch ahead, in a thread: there is time while the database works on the one before."""
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(next, batches, None)
        while (batch := waiting.result()) is not None:
            waiting = pool.submit(next, batches, None)
            yield batch
