"""Every event once or more, in the order of the log, whatever fails."""

from datetime import timedelta

import pytest
from django.core import mail

from forecasting.jobs import LeaseLost
from ledger import keystore, tenancy
from supplychain.models import Delivery, Subscription
from supplychain.operations import namedqueries
from supplychain.operations.subscriptions import leases, manage, sending, signing
from supplychain.operations.subscriptions.deliver import Looked
from supplychain.queries.candidates import Opened
from supplychain.webhooks import signatures
from supplychain.webhooks.retrying import Answer
from tests.cast import sscc
from tests.people import person
from tests.supplychain.webhooks.conftest import TOKEN


def too_many(limit):
    """A receiver that takes so many events at once."""
    return lambda request: 413 if len(request.events) > limit else 204


def test_events_arrive_in_the_order_of_the_log_and_once(desk):
    row = desk.subscribe()
    ids = desk.happen(5)
    after = desk.work(row)
    assert desk.receiver.taken == ids
    assert after.position == desk.world.shipment(sscc(5)).opened_index + 1
    assert desk.work(row).position == after.position
    assert len(desk.receiver.got) == 1


def test_the_document_is_what_the_standard_says(desk):
    row = desk.subscribe()
    desk.happen(1)
    desk.work(row)
    [request] = desk.receiver.got
    results = request.document["epcisBody"]["queryResults"]
    assert request.document["type"] == "EPCISQueryDocument"
    assert (results["queryName"], results["subscriptionID"]) == ("all", str(row.id))
    assert request.events[0]["recordTime"] == "2026-03-02T06:01:00.000+00:00"
    assert request.headers["Content-Type"] == "application/json"
    assert request.headers["GS1-EPCIS-Version"] == "2.0"


def test_it_is_signed_with_the_published_key_and_the_token(desk):
    row = desk.subscribe()
    desk.happen(1)
    desk.work(row)
    [request] = desk.receiver.got
    keys = {key.key_id: bytes(key.public_key) for key in signing.published(now=desk.world.now)}
    header = request.headers["GS1-Signature"]
    signatures.verify(header, now=desk.world.now, destination=row.dest, body=request.body, keys=keys, token=TOKEN)
    assert TOKEN.decode() not in str(request.headers)
    assert bytes(desk.row(row).sealed_token) != TOKEN
    assert keystore.unseal(bytes(desk.row(row).sealed_token)) == TOKEN


def test_a_subscription_begins_where_it_was_made_or_at_the_record_time_that_was_asked_for(desk):
    old = desk.happen(2)
    since = desk.world.later()
    some = desk.happen(2, first=3)
    from_now = desk.subscribe()
    from_then = desk.subscribe(initial_record_time=since)
    from_ever = desk.subscribe(initial_record_time=since - timedelta(days=99))
    new = desk.happen(1, first=5)
    for row, expected in ((from_now, new), (from_then, some + new), (from_ever, old + some + new)):
        desk.receiver.got.clear()
        desk.work(row)
        assert desk.receiver.taken == expected


def test_only_what_the_query_finds_is_sent(desk):
    world = desk.world
    query = desk.query(world.packer, "shipped", EQ_bizStep=["shipping"])
    row = desk.subscribe(query=query)
    desk.happen(2)
    shipped = world.event(world.packer.dispatch(sscc(1), world.carrier).index).event_id
    desk.happen(1, first=3)
    after = desk.work(row)
    assert desk.receiver.taken == [shipped]
    assert after.position > desk.world.shipment(sscc(3)).opened_index
    assert desk.receiver.got[0].document["epcisBody"]["queryResults"]["queryName"] == "shipped"


def test_a_query_for_a_time_that_is_past_sends_nothing_and_ends(desk):
    query = desk.query(desk.world.packer, "old", LT_recordTime="2026-03-02T06:00:30Z")
    row = desk.subscribe(query=query)
    desk.happen(2)
    desk.work(row)
    assert desk.receiver.got == []


def test_a_subscription_ends_with_its_query(desk):
    row = desk.subscribe()
    desk.happen(1)
    desk.work(row)
    namedqueries.delete_query("all", party=desk.world.packer.id)
    with tenancy.system():
        assert not Subscription.objects.exists() and not Delivery.objects.exists()
    assert desk.worker().perform(row.id) is False


def test_a_stranger_gets_nothing_of_it(desk):
    row = desk.subscribe(desk.world.stranger)
    desk.happen(3)
    after = desk.work(row)
    assert desk.receiver.got == []
    assert after.position == after.position and after.position > row.position


def test_a_source_that_forgets_whose_events_they_are_finds_none(desk):
    """The second wall: while events are read, the database shows those of the subscriber alone."""
    from supplychain.models import Event

    seen = []

    def careless(row, limit):
        seen.extend(Event.objects.filter(index__gte=row.position))
        return Looked([], Opened(row.position + 1))

    row = desk.subscribe(desk.world.stranger)
    desk.happen(2)
    desk.work(row, source=careless)
    assert seen == []


@pytest.mark.parametrize("refusal", [500, 404, 301, (307, {"Location": "https://other.example/"}, b"")])
def test_nothing_moves_before_a_2xx_and_nothing_overtakes(desk, refusal):
    row = desk.subscribe()
    ids = desk.happen(1)
    desk.receiver.answers = [refusal]
    failed = desk.work(row)
    assert (failed.position, failed.failures, failed.next_at) == (
        row.position,
        1,
        desk.world.now + timedelta(seconds=5),
    )
    ids += desk.happen(1, first=2)
    desk.world.now = failed.next_at - timedelta(seconds=1)
    assert desk.work(row).failures == 1
    assert len(desk.receiver.got) == 1
    desk.world.now = failed.next_at
    healed = desk.work(row)
    assert desk.receiver.taken == [ids[0], *ids]
    assert (healed.failures, healed.failing_since, healed.next_at) == (0, None, None)


def test_retry_after_is_respected(desk):
    row = desk.subscribe()
    desk.happen(1)
    desk.receiver.answers = [(503, {"Retry-After": "900"}, b"down for maintenance")]
    assert desk.work(row).next_at == desk.world.now + timedelta(minutes=15)
    [entry] = desk.log(row)
    assert (entry.status, entry.said, entry.verdict) == (503, "down for maintenance", "failed")
    assert entry.next_at == desk.world.now + timedelta(minutes=15)


@pytest.mark.parametrize("status", [408, 425, 429])
def test_a_receiver_that_asks_for_time_gets_it_and_nobody_is_mailed(desk, status, django_capture_on_commit_callbacks):
    person(desk.world.packer, "manager")
    row = desk.subscribe()
    desk.happen(1)
    desk.receiver.answers = [(status, {"Retry-After": "600"}, b"")] * 5
    with django_capture_on_commit_callbacks(execute=True):
        for _ in range(5):
            current = desk.work(row)
            assert current.next_at >= desk.world.now + timedelta(minutes=10)
            desk.world.now = current.next_at
    assert {entry.verdict for entry in desk.log(row)} == {"failed"}
    assert mail.outbox == [] and not current.is_paused


def test_refusals_are_told_once_tried_for_a_day_and_paused(desk, django_capture_on_commit_callbacks):
    manager = person(desk.world.packer, "manager")
    person(desk.world.stranger, "manager")
    row = desk.subscribe()
    ids = desk.happen(1)
    desk.receiver.answers = [(404, {}, b"no such hook")] * 200
    told = []
    with django_capture_on_commit_callbacks(execute=False) as callbacks:
        for _ in range(200):
            current = desk.work(row)
            told.append(current.told_at is not None)
            if current.is_paused:
                break
            desk.world.now = current.next_at
    assert told[:3] == [False, False, True]
    assert timedelta(days=1) <= current.paused_at - current.failing_since < timedelta(days=1, hours=2)
    assert "404: no such hook" in current.paused_because
    for callback in callbacks:
        callback()
    assert [(letter.to, letter.subject) for letter in mail.outbox] == [
        ([manager.email], "A webhook's receiver refuses events"),
        ([manager.email], "A webhook is paused"),
    ]
    assert "404: no such hook" in mail.outbox[0].body and row.dest in mail.outbox[0].body
    desk.receiver.answers = []
    manage.resume(row.id, party=desk.world.packer.id, now=desk.world.now)
    healed = desk.work(row)
    assert (healed.is_paused, healed.told_at, desk.receiver.taken[-1]) == (False, None, ids[0])


def test_after_days_of_failure_it_pauses_and_says_so(desk):
    row = desk.subscribe()
    desk.happen(1)
    desk.receiver.answers = [500] * 200
    for _ in range(200):
        current = desk.work(row)
        if current.is_paused:
            break
        desk.world.now = max(current.next_at, desk.world.now + timedelta(hours=8))
    assert current.is_paused
    assert current.position == row.position
    assert current.paused_at - current.failing_since >= timedelta(days=3)
    assert "failed since 2026-03-02" in current.paused_because


def test_the_managers_are_told_by_mail(desk, django_capture_on_commit_callbacks):
    manager = person(desk.world.packer, "manager")
    person(desk.world.packer, "viewer")
    person(desk.world.stranger, "manager")
    row = desk.subscribe()
    desk.happen(1)
    desk.receiver.answers = [410]
    with django_capture_on_commit_callbacks(execute=True):
        desk.work(row)
    [letter] = mail.outbox
    assert letter.to == [manager.email]
    assert "gone for good" in letter.body and row.dest in letter.body
    assert TOKEN.decode() not in letter.body


def test_a_paused_one_goes_on_where_it_stopped(desk):
    row = desk.subscribe()
    ids = desk.happen(1)
    desk.receiver.answers = [410]
    assert desk.work(row).is_paused
    ids += desk.happen(1, first=2)
    assert desk.work(row).is_paused
    manage.resume(row.id, party=desk.world.packer.id, now=desk.world.now)
    assert not desk.work(row).is_paused
    assert desk.receiver.taken == [ids[0], *ids]


def test_413_halves_the_batch_until_it_fits(desk):
    row = desk.subscribe()
    ids = desk.happen(7)
    desk.receiver.answers = [too_many(2)] * 20
    after = desk.work(row)
    taken = [
        event["eventID"]
        for request, entry in zip(desk.receiver.got, desk.log(row), strict=True)
        if entry.verdict == "delivered"
        for event in request.events
    ]
    assert taken == ids
    assert [len(request.events) for request in desk.receiver.got][:3] == [7, 3, 1]
    assert after.failures == 0


def test_one_event_that_is_too_large_waits_for_a_decision(desk):
    row = desk.subscribe()
    ids = desk.happen(3)
    desk.receiver.answers = [lambda request: 413 if ids[1] in str(request.body) else 204] * 20
    stuck = desk.work(row)
    assert stuck.is_paused
    assert desk.world.event(stuck.stuck_at).event_id == ids[1]
    assert stuck.position == stuck.stuck_at
    assert "too large" in stuck.paused_because
    assert manage.step_over(row.id, party=desk.world.packer.id, now=desk.world.now) == stuck.stuck_at
    done = desk.work(row)
    assert (done.is_paused, done.stuck_at) == (False, None)
    assert desk.receiver.taken[-1] == ids[2]
    with pytest.raises(manage.NothingToStepOver):
        manage.step_over(row.id, party=desk.world.packer.id, now=desk.world.now)


def test_a_long_document_is_sent_in_parts(desk, monkeypatch):
    monkeypatch.setattr("supplychain.operations.subscriptions.deliver.MOST_BYTES", 1_200)
    row = desk.subscribe()
    ids = desk.happen(6)
    desk.work(row)
    assert desk.receiver.taken == ids
    assert len(desk.receiver.got) > 2


def test_more_than_a_batch_goes_out_in_several(desk):
    row = desk.subscribe()
    with tenancy.system():
        Subscription.objects.update(batch=2)
    ids = desk.happen(7)
    desk.work(row)
    assert desk.receiver.taken == ids
    assert [len(request.events) for request in desk.receiver.got] == [2, 3, 2]


def test_replay_sends_from_an_index_again(desk):
    row = desk.subscribe()
    ids = desk.happen(3)
    desk.work(row)
    manage.replay(row.id, party=desk.world.packer.id, index=row.position + 1, now=desk.world.now)
    desk.work(row)
    assert desk.receiver.taken == [*ids, *ids[1:]]
    with pytest.raises(manage.IndexRefused):
        manage.replay(row.id, party=desk.world.packer.id, index=10**9, now=desk.world.now)


def test_a_replay_that_is_asked_for_while_something_is_on_its_way_is_not_lost(desk):
    row = desk.subscribe()
    ids = desk.happen(2)

    def meanwhile(request):
        manage.replay(row.id, party=desk.world.packer.id, index=0, now=desk.world.now)
        return 204

    class Interrupted:
        def __call__(self, url, body, *, headers, before, **_):
            answer = sending.post(url, body, headers=headers, before=before, allow=[desk.receiver.origin])
            if len(desk.receiver.got) == 1:
                meanwhile(None)
            return answer

    desk.work(row, post=Interrupted())
    assert desk.receiver.taken == [*ids, *ids]


def test_a_test_is_sent_even_when_paused_and_changes_nothing(desk):
    row = desk.subscribe()
    manage.pause(row.id, party=desk.world.packer.id, now=desk.world.now)
    desk.happen(1)
    manage.ask_test(row.id, party=desk.world.packer.id, now=desk.world.now)
    after = desk.work(row)
    [request] = desk.receiver.got
    assert request.events == []
    assert request.headers["Waylog-Kind"] == "test"
    assert (after.is_paused, after.position, after.test_asked_at) == (True, row.position, None)
    assert [entry.kind for entry in desk.log(row)] == [Delivery.Kind.TEST]


def test_strangers_can_do_nothing_to_it(desk):
    row, stranger, now = desk.subscribe(), desk.world.stranger.id, desk.world.now
    for act in (
        lambda: manage.unsubscribe(row.id, party=stranger),
        lambda: manage.pause(row.id, party=stranger, now=now),
        lambda: manage.resume(row.id, party=stranger, now=now),
        lambda: manage.replay(row.id, party=stranger, index=0, now=now),
        lambda: manage.step_over(row.id, party=stranger, now=now),
        lambda: manage.ask_test(row.id, party=stranger, now=now),
    ):
        with pytest.raises(manage.SubscriptionMissing):
            act()
    with tenancy.acting_for(stranger):
        assert not Subscription.objects.exists() and not Delivery.objects.exists()
        assert not Subscription.objects.update(dest="https://stranger.example/")
    assert desk.row(row).dest == row.dest


# --- schedules ------------------------------------------------------------------------------------------------------


def test_a_schedule_sends_at_its_time_what_came_until_then(desk):
    row = desk.subscribe(schedule={"hour": "12"})
    ids = desk.happen(2)
    noon = desk.world.now.replace(hour=12, minute=0, second=0)
    desk.work(row)
    assert desk.receiver.got == []
    desk.world.now = noon + timedelta(seconds=3)
    after = desk.work(row)
    assert desk.receiver.taken == ids
    assert (after.next_at, after.target) == (noon + timedelta(days=1), None)


def test_an_empty_run_is_reported_where_it_was_asked_for(desk):
    silent = desk.subscribe(schedule={"hour": "12"})
    telling = desk.subscribe(schedule={"hour": "12"}, report_if_empty=True)
    for day in range(2):
        desk.world.now = desk.world.now.replace(hour=12, minute=0, second=5) + timedelta(days=day)
        assert desk.work(silent).target is None
        assert desk.work(telling).target is None
    assert [request.document["epcisBody"]["queryResults"]["subscriptionID"] for request in desk.receiver.got] == [
        str(telling.id)
    ] * 2
    assert desk.receiver.taken == []


def test_a_run_with_events_is_not_reported_as_empty_too(desk):
    row = desk.subscribe(schedule={"hour": "12"}, report_if_empty=True)
    ids = desk.happen(1)
    desk.world.now = desk.world.now.replace(hour=12, minute=0, second=5)
    desk.work(row)
    assert desk.receiver.taken == ids
    assert len(desk.receiver.got) == 1


def test_a_run_that_fails_is_finished_before_the_next(desk):
    row = desk.subscribe(schedule={"hour": "12"})
    ids = desk.happen(1)
    desk.world.now = desk.world.now.replace(hour=12, minute=0, second=5)
    desk.receiver.answers = [500]
    failed = desk.work(row)
    assert failed.target is not None and failed.next_at == desk.world.now + timedelta(seconds=5)
    ids += desk.happen(1, first=2)
    after = desk.work(row)
    assert desk.receiver.taken == [ids[0], *ids]
    assert after.next_at.hour == 12 and after.next_at > desk.world.now


# --- workers --------------------------------------------------------------------------------------------------------


def test_two_workers_never_send_at_once(desk):
    row = desk.subscribe()
    desk.happen(1)
    inside = []

    def second(*_, before, **__):
        before()
        inside.append(desk.worker().perform(row.id))
        return Answer(204)

    desk.work(row, post=second)
    assert inside == [False]
    assert desk.receiver.got == []


def test_a_killed_worker_loses_nothing(desk):
    class Killed(BaseException):
        pass

    row = desk.subscribe()
    ids = desk.happen(2)

    def dies(url, body, *, headers, before, **_):
        sending.post(url, body, headers=headers, before=before, allow=[desk.receiver.origin])
        raise Killed

    worker = desk.worker(post=dies)
    release, leases.release = leases.release, lambda claimed: None
    try:
        with pytest.raises(Killed):
            worker.perform(row.id)
    finally:
        leases.release = release
    assert desk.receiver.taken == ids
    assert desk.work(row).position == row.position  # its lease still runs
    desk.world.later(minutes=2)
    assert desk.work(row).position > row.position
    assert desk.receiver.taken == [*ids, *ids]


def test_a_worker_that_was_away_too_long_neither_sends_nor_notes_anything(desk):
    row = desk.subscribe()
    ids = desk.happen(2)

    def slow_name(host, port):
        desk.world.later(minutes=5)  # the name takes long; meanwhile another worker does it all
        desk.work(row)
        return ["127.0.0.1"]

    def post(url, body, **more):
        return sending.post(url, body, resolve=slow_name, **more)

    desk.work(row, post=post)
    assert desk.receiver.taken == ids
    assert [entry.verdict for entry in desk.log(row)] == ["delivered"]


def test_progress_is_noted_with_the_fence_alone(desk):
    row = desk.subscribe()
    desk.happen(1)
    with tenancy.system():
        old = leases.claim(row.id, now=desk.world.now)
        assert leases.claim(row.id, now=desk.world.now) is None
        desk.world.later(minutes=5)
        new = leases.claim(row.id, now=desk.world.now)
        assert new is not None and new.fence > old.fence
        with pytest.raises(LeaseLost):
            leases.keep(old, now=desk.world.now)
        leases.release(old)
        leases.keep(new, now=desk.world.now)


def test_what_came_while_a_worker_had_it_is_due_when_it_lets_go(desk):
    row = desk.subscribe()
    desk.happen(1)

    def post(*_, **__):
        return Answer(204)

    worker = desk.worker(post=post)
    release = leases.release

    def late(claimed):
        desk.happen(1, first=2)
        release(claimed)

    leases.release = late
    try:
        assert worker.perform(row.id) is True
    finally:
        leases.release = release
    assert worker.perform(row.id) is False


def test_a_doorbell_is_rung_once_until_it_is_heard(desk):
    row = desk.subscribe()
    desk.happen(1)
    with tenancy.system():
        assert leases.due(now=desk.world.now) == [row.id]
        assert leases.due(now=desk.world.now) == []
        assert leases.due(now=desk.world.now + timedelta(minutes=1)) == [row.id]
        desk.work(row)
        assert leases.due(now=desk.world.now) == []
        desk.happen(1, first=2)
        assert leases.due(now=desk.world.now) == [row.id]


# --- keys -----------------------------------------------------------------------------------------------------------


def test_keys_are_published_before_they_sign_and_after(desk):
    with tenancy.system():
        now = desk.world.now
        first, _ = signing.current(now=now)
        assert signing.rotate_if_due(now=now + timedelta(days=89)) is None
        rotated = now + timedelta(days=90)
        second = signing.rotate_if_due(now=rotated)
        assert signing.rotate_if_due(now=rotated + timedelta(hours=1)) is None
        assert {key.key_id for key in signing.published(now=rotated)} == {first, second.key_id}
        assert signing.current(now=rotated)[0] == first
        later = rotated + signing.PUBLISHED_BEFORE
        assert signing.current(now=later)[0] == second.key_id
        assert len(signing.published(now=later + timedelta(days=29))) == 2
        assert [key.key_id for key in signing.published(now=later + timedelta(days=31))] == [second.key_id]


def test_the_key_signs_nothing_else(desk):
    with tenancy.system():
        key_id, _ = signing.current(now=desk.world.now)
    assert key_id not in keystore.held_key_ids(party=desk.world.operator.id, roles=("managed", "admin", "log", "root"))
