"""Requests that are sent twice, and too often."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from ledger import queries
from supplychain.api import base
from supplychain.models import KeptAnswer
from supplychain.operations import idempotency
from supplychain.operations.idempotency import Answer, Claim, InFlight, KeyReused
from supplychain.ratelimits import HANDFUL, Limiter
from tests.cast import World, sscc
from tests.supplychain.api.conftest import Caller, Signer, caller_for, make_client, make_token

KEY = {"Idempotency_Key": '"4f1c"'}


def test_the_same_request_gets_the_same_answer(grower: Caller, signer: Signer) -> None:
    item = signer.packed(sscc(1))
    first = grower.post("/events", [item], **KEY)
    size = queries.tree_size()
    again = grower.post("/events", [item], **KEY)
    assert (first.status_code, again.status_code) == (201, 201)
    assert again.content == first.content
    assert again["Idempotency-Replayed"] == "true"
    assert "Idempotency-Replayed" not in first
    assert queries.tree_size() == size
    assert grower.post("/events", [item], Idempotency_Key="4f1c").status_code == 201  # quoted or not


def test_a_refusal_for_good_is_kept_and_one_that_may_pass_is_not(grower: Caller, signer: Signer) -> None:
    wrong = [{"envelope": {}}]
    assert grower.post("/events", wrong, **KEY).status_code == 400
    assert grower.post("/events", wrong, **KEY)["Idempotency-Replayed"] == "true"
    unlinked = signer.item({**_observed(signer), "errorDeclaration": {}})
    other = {"Idempotency_Key": "other"}
    assert grower.post("/events", [unlinked], **other).status_code == 422
    assert KeptAnswer.objects.count() in (1, 2)


def _observed(signer: Signer) -> dict[str, object]:
    from supplychain.epcis import builders

    return dict(builders.observe_event(units=[sscc(9)], event_time=signer.hand.world.later(), event_id="urn:x:1"))


def test_another_request_with_the_key_is_refused(grower: Caller, signer: Signer) -> None:
    assert grower.post("/events", [signer.packed(sscc(1))], **KEY).status_code == 201
    answer = grower.post("/events", [signer.packed(sscc(2))], **KEY)
    assert (answer.status_code, answer.json()["code"]) == (422, "idempotency_key_reused")


def test_keys_of_two_clients_have_nothing_to_do_with_each_other(world: World, grower: Caller, signer: Signer) -> None:
    assert grower.post("/events", [signer.packed(sscc(1))], **KEY).status_code == 201
    assert caller_for(world.grower).post("/events", [signer.packed(sscc(2))], **KEY).status_code == 201
    assert caller_for(world.stranger).post("/events", [signer.packed(sscc(3))], **KEY).status_code == 403


@pytest.mark.parametrize("key", ["", '""', "a" * 256, "ä"], ids=["empty", "quoted empty", "long", "not ASCII"])
def test_a_key_that_is_none_is_refused(grower: Caller, signer: Signer, key: str) -> None:
    if not key.isascii():
        key = key.encode().decode("latin-1")
    assert grower.post("/events", [signer.seen()], Idempotency_Key=key).status_code == 400


def test_while_the_first_is_in_flight_the_second_is_told_so(world: World) -> None:
    client, _ = make_client(world.grower)
    given = {"client": client.pk, "party": world.grower.id, "key": "k", "request": b"a"}
    now = timezone.now()
    claimed = idempotency.claim(now=now, **given)
    assert isinstance(claimed, Claim)
    with pytest.raises(InFlight):
        idempotency.claim(now=now, **given)
    with pytest.raises(KeyReused):
        idempotency.claim(now=now, **{**given, "request": b"b"})
    assert isinstance(idempotency.claim(now=now + timedelta(minutes=6), **given), Claim)  # its process was lost
    idempotency.keep(claimed, Answer(200, {}, b"x"))
    assert idempotency.claim(now=now, **given) == Answer(200, {}, b"x")
    assert isinstance(idempotency.claim(now=now + timedelta(hours=25), **{**given, "request": b"b"}), Claim)


def test_a_client_is_told_how_often_it_may_ask(world: World, settings: pytest.FixtureRequest) -> None:
    settings.WAYLOG_API_RATE = 5
    client, _ = make_client(world.grower)
    caller = Caller(make_token(client))
    answers = [caller.get("/client") for _ in range(7)]
    if len({each["RateLimit-Policy"] for each in answers}) == 1 and answers[-1].status_code == 200:
        pytest.skip("a minute ended in between")
    assert [each.status_code for each in answers][:5] == [200] * 5
    over = answers[-1]
    assert over.status_code == 429
    assert over.json()["code"] == "too_many_requests"
    assert 0 < int(over["Retry-After"]) <= 60
    assert answers[0]["RateLimit"].startswith('"requests";r=4;t=')
    assert caller_for(world.carrier).get("/client").status_code == 200


def test_permits_are_counted_over_all_processes() -> None:
    counters: dict[str, int] = {}

    def count(name: str, more: int) -> int:
        counters[name] = counters.get(name, 0) + more
        return counters[name]

    one, two = Limiter("x", count=count), Limiter("x", count=count)
    taken = [each.take("a", limit=10_000, now=30.0) for each in (one, two) for _ in range(6_000)]
    assert sum(not each.is_over for each in taken) == 10_000
    assert sum(counters.values()) <= 10_000 + 3 * HANDFUL
    assert not one.take("a", limit=10_000, now=61.0).is_over
    assert taken[0].headers()["RateLimit"] == '"requests";r=9999;t=30'


def test_without_a_cache_nobody_is_turned_away() -> None:
    limiter = Limiter("x", count=lambda name, more: None)
    assert not any(limiter.take("a", limit=1, now=1.0).is_over for _ in range(5))
    assert base.LIMITER is not limiter
