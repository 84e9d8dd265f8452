"""One cause, one job, one result: whatever dies, doubles or comes late."""

from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from django.db import IntegrityError, transaction
from kombu.exceptions import OperationalError

from forecasting import jobs
from forecasting.models import Job, Tick

NOW = datetime(2026, 3, 1, 2, 10, tzinfo=UTC)
pytestmark = pytest.mark.usefixtures("as_system")


class Clock:
    def __init__(self):
        self.now = NOW

    def __call__(self):
        return self.now

    def pass_by(self, **span):
        self.now += timedelta(**span)


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def rung(monkeypatch):
    """The jobs for which the doorbell was rung."""
    found = []
    monkeypatch.setattr(
        jobs.current_app, "send_task", lambda name, kwargs, **_: found.append(kwargs["job_id"]), raising=False
    )
    return found


@pytest.fixture
def kind(monkeypatch):
    """Registers what jobs of the kind "test" do."""
    monkeypatch.setattr(jobs, "_handlers", dict(jobs._handlers))

    def register(work=lambda claimed, beat, clock: lambda: {"done": True}):
        jobs.register("test", work)

    register()
    return register


def enqueue(cause="a", **args):
    return jobs.enqueue("test", cause=cause, args=args, now=NOW)


def test_the_same_cause_makes_one_job(rung):
    assert enqueue() == enqueue()
    assert Job.objects.count() == 1


def test_the_doorbell_rings_after_the_commit(rung, django_capture_on_commit_callbacks):
    with django_capture_on_commit_callbacks(execute=True):
        job = enqueue()
        assert rung == []
    assert rung == [str(job.id)]


def test_a_kind_with_a_worker_of_its_own_rings_there_and_so_does_the_sweeper(
    monkeypatch, kind, django_capture_on_commit_callbacks
):
    queues = []
    monkeypatch.setattr(jobs, "_queues", {})
    monkeypatch.setattr(jobs.current_app, "send_task", lambda name, queue, **_: queues.append(queue), raising=False)
    with django_capture_on_commit_callbacks(execute=True):
        enqueue("common")
    jobs.register("test", lambda claimed, beat, clock: dict, queue="captures")
    with django_capture_on_commit_callbacks(execute=True):
        enqueue("own")
    assert queues == [None, "captures"]
    jobs.sweep(now=NOW + timedelta(minutes=1))
    assert queues[2:] == ["captures", "captures"]


def test_without_a_broker_the_job_waits_for_the_sweeper(monkeypatch, django_capture_on_commit_callbacks):
    def unreachable(*_args, **_more):
        raise OperationalError("no broker")

    monkeypatch.setattr(jobs.current_app, "send_task", unreachable, raising=False)
    with django_capture_on_commit_callbacks(execute=True):
        job = enqueue()
    assert Job.objects.get(pk=job.pk).status == "queued"


def test_a_job_is_done_once_however_often_the_doorbell_rings(kind, clock):
    job = enqueue()
    assert jobs.perform(job.id, clock=clock).status == "done"
    assert jobs.perform(job.id, clock=clock) is None
    done = Job.objects.get(pk=job.pk)
    assert done.result == {"done": True} and done.attempts == 1 and done.finished_at == NOW


def test_a_job_that_nobody_made_is_not_done(kind, clock):
    assert jobs.perform(uuid4(), clock=clock) is None


def test_two_workers_do_not_claim_the_same_job():
    job = enqueue()
    assert jobs.claim(job.id, now=NOW) is not None
    assert jobs.claim(job.id, now=NOW) is None


def test_another_worker_takes_over_when_the_lease_ran_out(kind, clock):
    job = enqueue()
    dead = jobs.claim(job.id, now=NOW)
    clock.pass_by(minutes=5)
    alive = jobs.claim(job.id, now=clock())
    assert alive.fence > dead.fence
    with pytest.raises(jobs.LeaseLost):
        jobs.keep_lease(dead, now=clock())
    with pytest.raises(jobs.LeaseLost):
        jobs.finish(dead, lambda: pytest.fail("a worker without the fence wrote a result"), clock=clock)
    jobs.finish(alive, lambda: {"by": "the living"}, clock=clock)
    assert Job.objects.get(pk=job.pk).result == {"by": "the living"}


def test_a_heartbeat_keeps_the_job(clock):
    claimed = jobs.claim(enqueue().id, now=NOW)
    for _ in range(10):
        clock.pass_by(seconds=20)
        jobs.keep_lease(claimed, now=clock(), done=1, total=2)
        assert jobs.claim(claimed.job, now=clock()) is None
    assert Job.objects.get(pk=claimed.job).steps_done == 1


def test_three_failures_and_the_job_has_failed_with_the_reason(kind, clock):
    def broken(claimed, beat, clock):
        raise ZeroDivisionError("a bug")

    kind(broken)
    job = enqueue()
    assert [jobs.perform(job.id, clock=clock).status for _ in range(3)] == ["queued", "queued", "failed"]
    assert jobs.perform(job.id, clock=clock) is None
    assert Job.objects.get(pk=job.pk).error == "ZeroDivisionError: a bug"


def test_what_cannot_get_better_fails_at_once(kind, clock):
    def hopeless(claimed, beat, clock):
        raise jobs.GiveUp("The log does not hold.")

    kind(hopeless)
    found = jobs.perform(enqueue().id, clock=clock)
    assert (found.status, found.attempts, found.error) == ("failed", 1, "The log does not hold.")


def test_a_kind_that_nobody_knows_fails_at_once(clock):
    job = jobs.enqueue("unheard of", cause="x", args={}, now=NOW)
    assert jobs.perform(job.id, clock=clock).status == "failed"


def test_a_result_that_cannot_be_written_leaves_nothing_behind(kind, clock):
    def half_written():
        Tick.objects.create(name="half", time=NOW)
        raise RuntimeError("disk full")

    kind(lambda claimed, beat, clock: half_written)
    assert jobs.perform(enqueue().id, clock=clock).status == "queued"
    assert not Tick.objects.exists()


def test_a_cancelled_job_stops_at_its_next_step_and_keeps_nothing(kind, clock):
    def long(claimed, beat, clock):
        assert jobs.cancel(claimed.job, now=NOW)
        beat(2, 2)
        pytest.fail("went on")

    kind(long)
    found = jobs.perform(enqueue().id, clock=clock)
    assert found.status == "cancelled" and found.result is None


def test_what_is_over_cannot_be_cancelled(kind, clock):
    job = enqueue()
    jobs.perform(job.id, clock=clock)
    assert not jobs.cancel(job.id, now=NOW)


def test_the_sweeper_rings_for_what_was_not_heard_and_for_what_died(rung, clock):
    unheard, dead, fresh = enqueue("unheard"), enqueue("dead"), enqueue("fresh")
    jobs.claim(dead.id, now=NOW)
    clock.pass_by(minutes=2)
    Job.objects.filter(pk=fresh.pk).update(sent_at=clock())
    assert set(jobs.sweep(now=clock())) == {unheard.id, dead.id}
    assert set(rung) == {str(unheard.id), str(dead.id)}
    assert jobs.sweep(now=clock()) == []


def test_the_sweeper_leaves_the_living_alone(rung, clock):
    claimed = jobs.claim(enqueue().id, now=NOW)
    clock.pass_by(minutes=2)
    jobs.keep_lease(claimed, now=clock())
    assert jobs.sweep(now=clock()) == []


def test_a_job_whose_worker_dies_three_times_has_failed(rung, clock):
    job = enqueue()
    for _ in range(3):
        assert jobs.claim(job.id, now=clock()) is not None
        clock.pass_by(minutes=2)
        jobs.sweep(now=clock())
    found = Job.objects.get(pk=job.pk)
    assert found.status == "failed" and "died 3 times" in found.error


def test_two_beats_make_one_job(rung):
    first = jobs.strike("nightly", time=NOW, kind="test", args={}, now=NOW)
    assert jobs.strike("nightly", time=NOW, kind="test", args={}, now=NOW) is None
    assert Job.objects.get() == first and Tick.objects.get().job == first


def test_the_database_refuses_a_failure_without_a_reason():
    job = enqueue()
    with pytest.raises(IntegrityError), transaction.atomic():
        Job.objects.filter(pk=job.pk).update(status="failed", error="")
