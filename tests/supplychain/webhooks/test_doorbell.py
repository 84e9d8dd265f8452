"""From a commit to a task: the doorbell may be lost, the rows may not."""

import threading

import pytest
import redis

from ledger import tenancy
from ledger.admission import Refused
from supplychain import heartbeat, tasks
from supplychain.operations.subscriptions import doorbell
from tests.cast import sscc


@pytest.fixture
def rung(monkeypatch, services):
    """The tasks that were sent, and a doorbell that nobody has rung."""
    sent = []
    monkeypatch.setattr(heartbeat, "_client", None)
    monkeypatch.setattr(doorbell, "ring_soon", doorbell.ring)
    monkeypatch.setattr(doorbell.current_app, "send_task", lambda name, **more: sent.append((name, more["queue"])))
    doorbell.heard()
    yield sent
    doorbell.heard()


def test_a_capture_rings_once_it_is_committed(world, rung, django_capture_on_commit_callbacks):
    with django_capture_on_commit_callbacks(execute=True):
        world.packer.pack(sscc(1))
        assert rung == []
    assert rung == [("supplychain.tasks.deliver_due", "webhooks")]


def test_what_is_refused_rings_nobody(world, rung, django_capture_on_commit_callbacks):
    world.packer.pack(sscc(1))
    with django_capture_on_commit_callbacks(execute=True), pytest.raises(Refused):
        world.stranger.dispatch(sscc(1), world.shop)
    assert rung == []


def test_many_commits_ring_once_until_the_worker_looks(rung):
    for _ in range(5):
        doorbell.ring()
    assert len(rung) == 1
    doorbell.heard()
    doorbell.ring()
    assert len(rung) == 2


def test_no_capture_waits_for_the_doorbell(rung, monkeypatch):
    """A thread rings; what is asked for while it rings is rung for once more, and not once each."""
    entered, go_on, rings = threading.Event(), threading.Event(), []

    def slow():
        rings.append(threading.current_thread().name)
        entered.set()
        go_on.wait(10)

    monkeypatch.setattr(doorbell, "ring", slow)
    ringer = doorbell._Ringer()
    ringer.ask()
    assert entered.wait(10)
    for _ in range(20):
        ringer.ask()
    entered.clear()
    go_on.set()
    assert entered.wait(10)
    assert rings == ["doorbell", "doorbell"]


def test_streams_hear_every_commit(rung):
    with heartbeat.valkey().pubsub() as heard:
        heard.subscribe(doorbell.CHANNEL)
        assert heard.get_message(timeout=2)["type"] == "subscribe"
        doorbell.ring()
        assert heard.get_message(timeout=2)["type"] == "message"


def test_without_valkey_a_capture_goes_on_and_waits_for_nobody(
    world, rung, monkeypatch, django_capture_on_commit_callbacks
):
    monkeypatch.setattr(heartbeat, "_client", redis.Redis.from_url("redis://127.0.0.1:1/0"))
    monkeypatch.setattr(doorbell, "_silent_until", 0.0)
    with django_capture_on_commit_callbacks(execute=True):
        world.packer.pack(sscc(1))
    assert rung == []
    assert doorbell._silent_until > 0
    monkeypatch.setattr(doorbell, "_silent_until", 0.0)


def test_the_tasks_deliver_what_is_due(desk, rung, monkeypatch, settings):
    settings.WAYLOG_WEBHOOK_ALLOW = [desk.receiver.origin]
    row = desk.subscribe()
    ids = desk.happen(2)
    asked = []
    monkeypatch.setattr(tasks.deliver, "apply_async", lambda kwargs, queue: asked.append((kwargs, queue)))
    tasks.deliver_due()
    tasks.deliver_due(later="arguments")
    assert asked == [({"subscription": str(row.id)}, "webhooks")]
    tasks.deliver(**asked[0][0], later="arguments")
    assert desk.receiver.taken == ids
    assert rung == []


def test_keys_and_old_deliveries_are_tended_by_a_task(desk):
    row = desk.subscribe()
    desk.happen(1)
    desk.work(row)
    assert len(desk.log(row)) == 1
    tasks.tend_webhooks()
    assert desk.log(row) == []  # the cast's time is months ago
    with tenancy.system():
        assert len(tasks.signing.published(now=desk.world.now)) == 2
