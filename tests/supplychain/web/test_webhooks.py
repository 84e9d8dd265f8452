"""The pages of webhooks: for managers, and for their own party alone."""

import re

import pytest
from django.urls import reverse

from ledger import tenancy
from supplychain.models import Delivery, Subscription
from supplychain.operations import namedqueries
from supplychain.operations.subscriptions import manage, matching
from supplychain.operations.subscriptions.deliver import Worker
from supplychain.webhooks.retrying import Answer
from supplychain.webhooks.subscribing import Wanted
from tests.cast import sscc

HOOK = "https://partner.example/hook"


@pytest.fixture
def query(world):
    return namedqueries.keep_query("shipped", {}, party=world.packer.id, now=world.now)


@pytest.fixture
def hook(world, query):
    return manage.subscribe(
        query=query, wanted=Wanted(HOOK, None, None, False, None), epc_format="Always_GS1_Digital_Link", now=world.now
    )


@pytest.fixture
def manager(people, sign_in):
    return sign_in(people.packer_manager)


def work(world, hook, *answers):
    told = iter(answers)
    Worker(source=matching.events, clock=lambda: world.now, post=lambda *_, **__: next(told)).perform(hook.pk)


def row(hook):
    with tenancy.system():
        return Subscription.objects.get(pk=hook.pk)


def act(client, hook, name, **data):
    return client.post(reverse("webhook_act", args=[hook.pk, name]), data)


def test_without_a_query_the_page_says_how_to_make_one(world, manager):
    page = manager.get("/webhooks/").content.decode()
    assert "make one below first" in page and "Keep it" in page


def test_a_webhook_is_added_and_its_secret_shown_once(world, query, manager):
    page = manager.post(
        "/webhooks/add/", {"query": "shipped", "dest": HOOK, "when": "stream", "with_token": "on"}
    ).content.decode()
    token = re.search(r'id="token">([0-9a-f]{64})<', page)[1]
    with tenancy.system():
        made = Subscription.objects.get()
    assert made.dest == HOOK and made.stream
    for address in ("/webhooks/", f"/webhooks/{made.pk}/"):
        assert token not in manager.get(address).content.decode()


def test_a_schedule_is_set_in_words(world, query, manager):
    given = {"query": "shipped", "dest": HOOK, "when": "schedule", "hour": "6,18", "days": "[1-5]"}
    manager.post("/webhooks/add/", given)
    with tenancy.system():
        made = Subscription.objects.get()
    assert made.schedule == {"hour": "6,18", "dayOfWeek": "[1-5]"}
    assert "hour 6,18; dayOfWeek [1-5] (UTC)" in manager.get(f"/webhooks/{made.pk}/").content.decode()


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"dest": "http://partner.example/"}, "https"),
        ({"dest": "https://127.0.0.1/"}, "not a public address"),
        ({"when": "schedule"}, "at least one field"),
        ({"when": "schedule", "hour": "99"}, "from 0 to 23"),
        ({"query": "another"}, "Select a valid choice"),
    ],
)
def test_what_cannot_be_added_is_told_beside_its_field(world, query, manager, more, said):
    answer = manager.post("/webhooks/add/", {"query": "shipped", "dest": HOOK, "when": "stream"} | more)
    assert answer.status_code == 422
    assert said in answer.content.decode()
    with tenancy.system():
        assert not Subscription.objects.exists()


def test_the_page_tells_what_was_sent_and_what_comes_next(world, hook, manager):
    world.packer.pack(sscc(1))
    work(world, hook, Answer(503, "<b>down</b>"))
    page = manager.get(f"/webhooks/{hook.pk}/").content.decode()
    assert "1 request in a row failed" in page
    assert "&lt;b&gt;down&lt;/b&gt;" in page and "<b>down</b>" not in page
    assert "503" in page and "failing" in manager.get("/webhooks/").content.decode()
    assert "after three days it is paused" in page


def test_the_page_tells_a_refusal_from_a_failure(world, hook, manager):
    world.packer.pack(sscc(1))
    work(world, hook, Answer(404, "no such hook"))
    page = manager.get(f"/webhooks/{hook.pk}/").content.decode()
    assert "answers and refuses (404)" in page and "after a day of that it is paused" in page


def test_a_paused_one_is_told_of_and_resumed(world, hook, manager):
    world.packer.pack(sscc(1))
    work(world, hook, Answer(413))
    stuck = row(hook).stuck_at
    page = manager.get(f"/webhooks/{hook.pk}/").content.decode()
    assert "too large" in page and "Leave this event out" in page
    assert "1<span" in manager.get("/").content.decode().split("Webhooks", 1)[1][:80]
    act(manager, hook, "step-over")
    assert (row(hook).is_paused, row(hook).position) == (False, stuck + 1)


def test_pause_resume_test_replay_end(world, hook, manager):
    act(manager, hook, "pause")
    assert row(hook).is_paused
    act(manager, hook, "test")
    work(world, hook, Answer(204))
    with tenancy.system():
        assert Delivery.objects.get().kind == "test"
    act(manager, hook, "resume")
    assert not row(hook).is_paused
    act(manager, hook, "replay", index="3")
    assert row(hook).position == 3
    world.later(hours=1)
    index = world.packer.pack(sscc(1)).index
    act(manager, hook, "replay", time="2026-03-02T06:30")
    assert row(hook).position == index
    answer = act(manager, hook, "replay", index="999999")
    assert "Refused" in manager.get(answer["Location"]).content.decode()
    assert act(manager, hook, "replay").status_code == 302
    assert row(hook).position == index
    assert act(manager, hook, "end")["Location"] == "/webhooks/"
    with tenancy.system():
        assert not Subscription.objects.exists()
    assert act(manager, hook, "pause").status_code == 404


def test_the_log_is_paged(world, hook, manager, monkeypatch):
    monkeypatch.setattr("supplychain.web.webhooks.SHOWN", 2)
    for _ in range(3):
        act(manager, hook, "test")
        work(world, hook, Answer(204))
    page = manager.get(f"/webhooks/{hook.pk}/").content.decode()
    older = re.search(r'href="\?before=(\d+)"', page)[1]
    assert manager.get(f"/webhooks/{hook.pk}/?before={older}").content.decode().count("<span>a test</span>") == 1


def test_others_see_and_do_nothing(world, hook, people, sign_in):
    names = ("pause", "resume", "test", "step-over", "replay", "end")
    for user in (people.packer, people.packer_viewer, people.packer_auditor):
        client = sign_in(user)
        assert client.get("/webhooks/").status_code == 403
        assert client.get(f"/webhooks/{hook.pk}/").status_code == 403
        assert act(client, hook, "end").status_code == 403
    for user in (people.stranger, people.carrier_manager):
        client = sign_in(user)
        assert HOOK not in client.get("/webhooks/").content.decode()
        assert client.get(f"/webhooks/{hook.pk}/").status_code == 404
        assert [act(client, hook, name, index="0").status_code for name in names] == [404] * 6
        assert client.post("/webhooks/add/", {"query": "shipped", "dest": HOOK, "when": "stream"}).status_code == 422
    assert row(hook).dest == HOOK


def test_a_query_of_business_steps_is_kept_and_its_events_can_be_sent(world, manager):
    assert "Make a query" in manager.get("/webhooks/").content.decode()
    answer = manager.post("/webhooks/queries/", {"name": "goods-out", "steps": ["shipping"]}, follow=True)
    text = answer.content.decode()
    assert "goods-out is kept" in text and '<option value="goods-out">' in text
    kept = namedqueries.NamedQuery.objects.get(tenant=world.packer.id)
    assert kept.query == {"EQ_bizStep": ["shipping"]}
    world.packer.pack(sscc(1))
    sent = world.packer.dispatch(sscc(1), world.carrier)
    found = manager.post("/webhooks/add/", {"query": "goods-out", "dest": HOOK, "when": "stream"})
    assert found.status_code == 200, found.content.decode()
    assert sent.index > 0 and Subscription.objects.get().query_id == kept.pk


@pytest.mark.parametrize(
    ("told", "status", "said"),
    [
        ({"name": "two words"}, 422, "Letters, digits"),
        ({"name": "SimpleEventQuery"}, 422, "that EPCIS defines"),
        ({"name": "x", "steps": ["flying"]}, 422, "not one of the available choices"),
        ({"name": "shipped"}, 409, "There is a query with the name"),
    ],
)
def test_a_query_that_cannot_be_kept_says_why_beside_its_field(query, manager, told, status, said):
    answer = manager.post("/webhooks/queries/", told)
    assert answer.status_code == status and said in answer.content.decode()


def test_only_a_manager_makes_queries(people, sign_in):
    assert sign_in(people.packer).post("/webhooks/queries/", {"name": "x"}).status_code == 403
