"""Who sees what: every address, every verb, as a stranger. What is somebody else's answers as if it were not there."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import pytest
from django.urls import get_resolver

from ledger import keystore, tenancy
from ledger.tlog import keys
from supplychain import operations
from supplychain.models import CompanyPrefix, Role
from supplychain.operations import held_key
from supplychain.operations.plans import request as request_plan
from tests.cast import World, sscc
from tests.people import person
from tests.receiver import make_webhook
from tests.supplychain.api.conftest import ALL, API, Caller, caller_for, make_client
from tests.supplychain.api.test_forecasts import known_days, make_run, override
from tests.supplychain.api.test_keys import request_key

VERBS = ("get", "head", "post", "put", "patch", "delete", "options")
OPEN = {"log", "schema", "docs"}
OF_ALL = {"log/entries", "log/entries/<int:index>"}
"""What stands in the log is every party's to see, as in the tiles; what it is about is not (test_managing)."""
UNIT = sscc(1)


def routes() -> list[str]:
    """Every address under /api/v1/, as it is written in the URL patterns."""
    [api] = [each for each in get_resolver().url_patterns if str(each.pattern) == "api/v1/"]
    return [str(each.pattern) for each in api.url_patterns if not str(each.pattern).startswith("^")]


def filled(route: str, values: dict[str, str]) -> str:
    for name, value in values.items():
        route = route.replace(name, value)
    return "/" + route


@pytest.fixture
def shipped(world: World) -> dict[str, str]:
    """Something of the grower's behind every address."""
    world.grower.pack(UNIT)
    sent = world.grower.dispatch(UNIT, world.carrier)
    run, series = make_run(world)
    return {
        "<int:index>": str(sent.index),
        "<uuid:shipment_id>": str(world.shipment(UNIT).id),
        "<str:key_id>": keys.key_id(bytes(held_key(world.grower.id).verify_key)),
        "<uuid:run_id>": str(run.id),
        "<int:series_id>": str(series.pk),
        "<int:known_id>": str(known_days(world.grower)),
        "<int:override_id>": str(override(world.grower)),
        "<uuid:request_id>": str(request_key(world.grower).id),
        "<uuid:webhook_id>": str(make_webhook(world.grower, now=world.now).pk),
        "<uuid:erasure_id>": str(_asked(world)),
        "<int:membership_id>": str(person(world.grower, Role.MANAGER).memberships.get().pk),
        "<str:client_id>": make_client(world.grower)[0].client_id,
        "<uuid:job_id>": str(request_plan(world.grower.id, now=world.now).id),
        "<int:line_id>": "1",
        "<str:prefix>": CompanyPrefix.objects.create(prefix="9521141", party=world.grower.party).prefix,
    }


def _asked(world: World) -> Any:
    """An erasure that the grower asked for."""
    packed = world.grower.pack(sscc(7))
    world.grower.unpack(sscc(7))
    return operations.ask_erasure(
        packed.index, ground="a request", party=world.grower.id, asked_by=None, now=world.later()
    ).pk


ABSENT = {
    "<uuid:job_id>": str(uuid4()),
    "<int:line_id>": "99999",
    "<uuid:erasure_id>": str(uuid4()),
    "<uuid:webhook_id>": str(uuid4()),
    "<int:index>": "99999",
    "<uuid:shipment_id>": str(uuid4()),
    "<str:key_id>": "A" * 43,
    "<int:series_id>": "99999",
    "<int:known_id>": "99999",
    "<int:override_id>": "99999",
    "<uuid:request_id>": str(uuid4()),
    "<int:membership_id>": "99999",
    "<str:client_id>": "nobody",
    "<str:prefix>": "9521142",
}


def seen(answer: Any) -> tuple[Any, ...]:
    """All that an answer tells, apart from what names the request itself."""
    headers = {name: value for name, value in answer.headers.items() if name not in ("Date", "ETag", "RateLimit")}
    return answer.status_code, headers, answer.content


def test_every_address_is_here() -> None:
    assert len(routes()) >= 14


@pytest.mark.django_db
@pytest.mark.parametrize("verb", VERBS)
def test_without_a_token_there_is_nothing_to_see(world: World, verb: str) -> None:
    for route in set(routes()) - OPEN:
        answer = Caller(None)(verb, filled(route, ABSENT | {"<uuid:run_id>": str(uuid4())}))
        assert answer.status_code == 401, (verb, route)


@pytest.mark.parametrize("verb", VERBS)
def test_a_stranger_sees_the_same_as_where_there_is_nothing(
    world: World, shipped: dict[str, str], stranger: Caller, verb: str
) -> None:
    secrets = {str(world.grower.id), str(world.carrier.id), UNIT, bytes(world.shipment(UNIT).head).hex()}
    for route in set(routes()) - OPEN - OF_ALL:
        data = b"{}" if verb in ("post", "put", "patch") else None
        there = stranger(verb, filled(route, shipped), data)
        absent = stranger(verb, filled(route, shipped | ABSENT), data)
        assert seen(there) == seen(absent), (verb, route)
        assert there.status_code < 500
        assert not [secret for secret in secrets if secret in there.content.decode()], (verb, route)


def test_lists_of_a_stranger_are_empty_whatever_it_asks(
    world: World, shipped: dict[str, str], stranger: Caller
) -> None:
    for query in ("", f"?epc={UNIT}", f"?shipment={shipped['<uuid:shipment_id>']}", f"?party={world.grower.id}"):
        assert stranger.get(f"/events{query}").json() == {"items": [], "next": None}
    for query in ("", f"?q={UNIT}", "?q=Grower", "?status=moving"):
        assert stranger.get(f"/shipments{query}").json() == {"items": [], "next": None}


def test_a_strangers_etag_does_not_change_with_other_parties_goods(world: World, stranger: Caller) -> None:
    before = {path: stranger.get(path)["ETag"] for path in ("/events", "/shipments", "/keys")}
    world.grower.pack(UNIT)
    world.grower.dispatch(UNIT, world.carrier)
    assert {path: stranger.get(path)["ETag"] for path in before} == before


def test_the_party_of_one_request_does_not_stay_for_the_next(world: World, grower: Caller, stranger: Caller) -> None:
    world.grower.pack(UNIT)
    for _ in range(3):
        assert len(grower.get("/shipments").json()["items"]) == 1
        assert stranger.get("/shipments").json()["items"] == []
        assert Caller(None).get("/shipments").status_code == 401


def test_a_key_held_for_another_party_is_not_listed(world: World, stranger: Caller) -> None:
    held = {
        key for hand in world.hands[:-1] for key in keystore.held_key_ids(party=hand.id, roles=("admin", "managed"))
    }
    listed = {each["key_id"] for each in stranger.get("/keys").json()["items"]}
    assert listed.isdisjoint(held)


NOBODY = "0f2a6a52-5d0e-4c1b-9d0a-6d1d5f0d3c11"


def _scopes_per_route() -> Iterator[tuple[str, str, str]]:
    for scope, paths in {
        "events:read": ("/events", "/events/1"),
        "shipments:read": ("/shipments", f"/shipments/{NOBODY}", f"/shipments/{NOBODY}/chain"),
        "forecasts:read": (
            "/forecasts",
            f"/forecasts/{NOBODY}",
            f"/forecasts/{NOBODY}/series/1",
            "/forecasts/days",
            "/forecasts/overrides",
            "/forecasts/accuracy",
            "/forecasts/totals",
        ),
    }.items():
        for path in paths:
            yield "get", path, scope
    yield "post", "/events", "events:write"
    yield "post", "/keys", "keys:write"
    for name in ("days", "overrides"):
        yield "post", f"/forecasts/{name}", "forecasts:write"
        yield "delete", f"/forecasts/{name}/1", "forecasts:write"
    for path in ("/people", "/clients", "/erasures"):
        yield "get", path, "party:manage"
        yield "post", path, "party:manage"
    yield "post", f"/keys/requests/{NOBODY}/approve", "party:manage"
    yield "delete", "/people/1", "party:manage"
    yield "delete", "/clients/x", "party:manage"


@pytest.mark.parametrize(("verb", "path", "scope"), list(_scopes_per_route()))
def test_each_address_asks_for_its_scope_and_no_other_will_do(world: World, verb: str, path: str, scope: str) -> None:
    others = set(ALL.split()) - {scope}
    data = json.dumps({}).encode() if verb == "post" else None
    assert caller_for(world.grower, " ".join(sorted(others)))(verb, path, data).status_code == 403
    assert caller_for(world.grower, scope)(verb, path, data).status_code in (200, 400, 404)


def test_every_other_address_is_a_problem_too(world: World, grower: Caller) -> None:
    for path in ("/nothing", "/events/", "/events/1/2", "/", "/admin", "/events/x"):
        answer = grower.http.get(API + path)
        assert (answer.status_code, answer["Content-Type"]) == (404, "application/problem+json")


@pytest.mark.parametrize("route", routes())
def test_a_token_that_does_not_hold_sees_nothing_of_whom_the_connection_served_before(
    route: str, world: World, shipped: dict[str, str]
) -> None:
    path = filled(route, shipped)
    assert caller_for(world.grower).get("/events").status_code == 200
    assert tenancy.current() == str(world.grower.id)
    Caller("no such token").get(path)
    assert tenancy.current() == ""
