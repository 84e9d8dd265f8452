"""/api/v1/webhooks: how subscriptions stand, what was sent, and what may be done."""

from __future__ import annotations

from typing import Any

import pytest

from ledger import queries
from supplychain.models import Subscription
from supplychain.operations.subscriptions import matching
from supplychain.operations.subscriptions.deliver import Worker
from supplychain.webhooks.retrying import Answer
from tests.cast import World, sscc
from tests.receiver import make_webhook
from tests.supplychain.api.conftest import Caller, caller_for


@pytest.fixture
def hook(world: World) -> Subscription:
    return make_webhook(world.grower, now=world.now)


def work(world: World, hook: Subscription, *answers: Answer) -> None:
    told = iter(answers)
    Worker(source=matching.events, clock=lambda: world.now, post=lambda *_, **__: next(told)).perform(hook.pk)


def act(caller: Caller, hook: Subscription, **data: Any) -> Any:
    return caller.post(f"/webhooks/{hook.pk}/acts", data)


def test_it_tells_how_a_webhook_stands_and_what_was_sent(world: World, hook: Subscription, grower: Caller) -> None:
    index = world.grower.pack(sscc(1)).index
    work(world, hook, Answer(503, "down"))
    [one] = grower.get("/webhooks").json()["items"]
    assert one == grower.get(f"/webhooks/{hook.pk}").json()
    assert (one["query"], one["state"], one["failures"], one["next_index"]) == ("all", "failing", 1, hook.position)
    sent = one["last_delivery"]
    assert (sent["status"], sent["said"], sent["verdict"], sent["first_index"]) == (503, "down", "failed", index)
    assert sent["next_try"] == one["next_try"] is not None
    assert grower.get(f"/webhooks/{hook.pk}/deliveries").json() == {"items": [sent], "next": None}


def test_deliveries_come_in_pages(world: World, hook: Subscription, grower: Caller) -> None:
    for _ in range(3):
        act(grower, hook, act="test")
        work(world, hook, Answer(204))
    page = grower.get(f"/webhooks/{hook.pk}/deliveries?limit=2").json()
    assert [each["kind"] for each in page["items"]] == ["test", "test"]
    rest = grower.get(page["next"].partition("/api/v1")[2]).json()
    assert len(rest["items"]) == 1 and rest["next"] is None
    assert rest["items"][0]["id"] not in {each["id"] for each in page["items"]}


def test_what_a_page_can_do_a_program_can(world: World, hook: Subscription, grower: Caller) -> None:
    assert act(grower, hook, act="pause").json()["state"] == "paused"
    assert act(grower, hook, act="resume").json()["state"] == "current"
    world.later(hours=1)
    index = world.grower.pack(sscc(1)).index
    assert act(grower, hook, act="replay", index=3).json()["next_index"] == 3
    assert act(grower, hook, act="replay", time="2026-03-02T06:30:00Z").json()["next_index"] == index
    work(world, hook, Answer(413))
    assert grower.get(f"/webhooks/{hook.pk}").json()["stuck_at"] == index
    assert act(grower, hook, act="step_over").json()["next_index"] == index + 1


@pytest.mark.parametrize(
    "data",
    [
        {},
        {"act": "explode"},
        {"act": "replay"},
        {"act": "replay", "index": 1, "time": "2026-03-02T06:30:00Z"},
        {"act": "replay", "index": -1},
        {"act": "replay", "index": True},
        {"act": "replay", "index": 10**6},
        {"act": "replay", "time": "yesterday"},
        {"act": "pause", "index": 1},
        {"act": "step_over"},
        {"act": "pause", "more": 1},
    ],
)
def test_what_cannot_be_done_is_told(world: World, hook: Subscription, grower: Caller, data: dict[str, Any]) -> None:
    answer = act(grower, hook, **data)
    assert answer.status_code == 400
    assert answer.json()["errors"]
    assert grower.get(f"/webhooks/{hook.pk}").json()["next_index"] == queries.tree_size()


def test_it_takes_the_scope_and_a_stranger_finds_nothing(world: World, hook: Subscription, stranger: Caller) -> None:
    other = caller_for(world.grower, "events:read epcis:capture")
    assert other.get("/webhooks").status_code == 403
    assert act(other, hook, act="pause").status_code == 403
    assert stranger.get("/webhooks").json() == {"items": []}
    assert stranger.get(f"/webhooks/{hook.pk}").status_code == 404
    assert stranger.get(f"/webhooks/{hook.pk}/deliveries").status_code == 404
    assert act(stranger, hook, act="pause").status_code == 404
