"""Doorbells ring for rows."""

from datetime import UTC, datetime
from uuid import uuid4

import pytest

from forecasting import jobs, tasks
from forecasting.models import Job

NOW = datetime(2026, 3, 1, tzinfo=UTC)


@pytest.fixture
def kind(monkeypatch):
    monkeypatch.setattr(jobs, "_handlers", {"test": lambda claimed, beat, clock: lambda: {"args": claimed.args}})
    monkeypatch.setattr(jobs, "ring", lambda job_id, kind: None)


def test_a_doorbell_does_the_job_and_tolerates_spare_arguments(as_system, kind):
    job = jobs.enqueue("test", cause="a", args={"n": 1}, now=NOW)
    tasks.run_job(job_id=str(job.id), added_later=True)
    tasks.run_job(job_id=str(job.id))
    assert Job.objects.get().result == {"args": {"n": 1}}


def test_a_forged_doorbell_does_nothing(as_system, kind):
    tasks.run_job(job_id=str(uuid4()))
    assert not Job.objects.exists()


def test_the_nightly_task_asks_once(as_system, kind):
    tasks.nightly_forecast()
    tasks.nightly_forecast()
    assert Job.objects.get().kind == "forecast"


def test_the_sweeper_rings_for_old_jobs(as_system, kind, monkeypatch):
    rung = []
    monkeypatch.setattr(jobs, "ring", lambda job_id, kind: rung.append((job_id, kind)))
    job = jobs.enqueue("test", cause="a", args={}, now=NOW)
    tasks.sweep_jobs()
    assert rung == [(job.id, "test")]


@pytest.mark.django_db(transaction=True)
def test_the_heart_keeps_the_lease_from_a_thread_of_its_own(kind, monkeypatch):
    beaten = tasks.threading.Event()
    monkeypatch.setattr(tasks, "_HEARTBEAT_SECONDS", 0.01)
    keep = jobs.keep_lease
    monkeypatch.setattr(jobs, "keep_lease", lambda claimed, *, now: (keep(claimed, now=now), beaten.set()))
    claimed = jobs.claim(jobs.enqueue("test", cause="a", args={}, now=NOW).id, now=NOW)
    with tasks.beating_heart(claimed):
        assert beaten.wait(10)
    assert Job.objects.get().heartbeat_at > NOW
