"""People, programs and waiting keys through the API, and what it tells of the log."""

from __future__ import annotations

from typing import Any

import pytest

from ledger import queries
from ledger.models import AuditRun
from supplychain.models import ApiClient, KeptAnswer, KeyRequest, Membership, Role, User
from tests.cast import World, sscc
from tests.people import person
from tests.supplychain.api.conftest import ALL, Caller, caller_for
from tests.supplychain.api.test_keys import request_key

NEW = {"email": "ada@grower.example", "name": "Ada", "role": "operator"}


@pytest.fixture
def manager(world: World) -> User:
    return person(world.grower, Role.MANAGER)


def test_a_person_is_added_and_the_password_told_once(grower: Caller, manager: User) -> None:
    headers = {"Idempotency_Key": "a person"}
    added = grower.post("/people", NEW, **headers)
    told = added.json()
    assert (added.status_code, added["Cache-Control"], told["role"]) == (201, "no-store", "operator")
    user = User.objects.get(email=NEW["email"])
    assert user.check_password(told["password"])
    again = grower.post("/people", NEW, **headers)
    assert (again.status_code, again.json()) == (201, {**told, "password": None})
    assert told["password"].encode() not in bytes(KeptAnswer.objects.get().body)
    assert grower.post("/people", NEW).status_code == 409
    assert {each["email"] for each in grower.get("/people").json()["items"]} == {NEW["email"], manager.email}


def test_who_has_an_account_keeps_its_password(world: World, grower: Caller, manager: User) -> None:
    known = person(world.carrier, Role.VIEWER, password="correct-horse-battery")
    answer = grower.post("/people", {"email": known.email, "role": "viewer"})
    assert (answer.status_code, answer.json()["password"]) == (201, None)
    known.refresh_from_db()
    assert known.check_password("correct-horse-battery")


def test_a_role_is_changed_and_taken_away_but_not_the_last_managers(grower: Caller, manager: User) -> None:
    last = manager.memberships.get().pk
    for answer in (grower("patch", f"/people/{last}", {"role": "viewer"}), grower("delete", f"/people/{last}")):
        assert (answer.status_code, "last manager" in answer.json()["detail"]) == (409, True)
    made = grower.post("/people", NEW).json()["id"]
    changed = grower("patch", f"/people/{made}", {"role": "manager"})
    assert (changed.status_code, changed.json()["role"]) == (200, "manager")
    assert grower("delete", f"/people/{last}").status_code == 204
    assert [row.pk for row in Membership.objects.filter(user__email=NEW["email"])] == [made]
    assert [each["id"] for each in grower.get("/people").json()["items"]] == [made]


@pytest.mark.parametrize(
    ("data", "pointers"),
    [
        ([], [""]),
        ({}, ["", ""]),
        ({"email": "nobody", "role": "manger"}, ["/email", "/role"]),
        ({"email": 7, "role": None, "is_superuser": True}, ["/email", "/is_superuser", "/role"]),
        ({"email": "a@b.example", "role": "viewer", "name": "x" * 121}, ["/name"]),
        ({"email": "a@b.example", "role": "viewer", "name": "\0"}, ["/name"]),
    ],
)
def test_each_fault_of_a_person_is_told_with_its_place(grower: Caller, data: Any, pointers: list[str]) -> None:
    answer = grower.post("/people", data)
    assert answer.status_code == 400
    assert sorted(each["pointer"] for each in answer.json()["errors"]) == pointers
    if data and "manger" in str(data):
        assert "manager" in [each.get("did_you_mean") for each in answer.json()["errors"]]


def test_a_program_is_made_used_and_ended(world: World, grower: Caller) -> None:
    made = grower.post("/clients", {"name": "ERP", "scopes": ["events:read"]}, Idempotency_Key="erp")
    told = made.json()
    assert (made.status_code, told["scopes"], told["last_used_at"]) == (201, ["events:read"], None)
    assert told["client_secret"].encode() not in bytes(KeptAnswer.objects.get().body)
    http = Caller(None).http
    credentials = {"client_id": told["client_id"], "client_secret": told["client_secret"]}
    token = http.post("/oauth/token/", {"grant_type": "client_credentials", **credentials}).json()["access_token"]
    program = Caller(token)
    assert program.get("/events").status_code == 200
    [listed] = [each for each in grower.get("/clients").json()["items"] if each["name"] == "ERP"]
    assert listed["last_used_at"] is not None and "client_secret" not in listed
    assert grower("delete", f"/clients/{told['client_id']}").status_code == 204
    assert program.get("/events").status_code == 401


def test_a_program_gives_no_more_than_it_has(world: World) -> None:
    small = caller_for(world.grower, "party:manage events:read")
    before = ApiClient.objects.count()
    answer = small.post("/clients", {"name": "more", "scopes": ["events:read", "events:write", "epcis:capture"]})
    assert (answer.status_code, answer.json()["code"]) == (403, "insufficient_scope")
    assert [each["value"] for each in answer.json()["errors"]] == ["epcis:capture", "events:write"]
    assert ApiClient.objects.count() == before
    assert small.post("/clients", {"name": "as much", "scopes": ["events:read"]}).status_code == 201
    assert small.post("/clients", {"name": "x", "scopes": ["events:reed"]}).status_code == 400


def test_a_key_that_waits_is_approved_or_refused_once(world: World, grower: Caller, stranger: Caller) -> None:
    first, second = request_key(world.grower), request_key(world.grower)
    for caller in (stranger, caller_for(world.grower, ALL.replace(" party:manage", ""))):
        assert caller.post(f"/keys/requests/{first.id}/approve", {}).status_code in (403, 404)
    approved = grower.post(f"/keys/requests/{first.id}/approve", {})
    assert approved.status_code == 200
    record = queries.key(first.key_id)
    assert record is not None and record.registered_index == approved.json()["registered_index"]
    assert grower.post(f"/keys/requests/{second.id}/refuse", {}).json() == {
        "state": "refused",
        "registered_index": None,
    }
    assert queries.key(second.key_id) is None
    for request_id, way in ((first.id, "refuse"), (second.id, "approve")):
        assert grower.post(f"/keys/requests/{request_id}/{way}", {}).status_code == 409
    assert set(KeyRequest.objects.values_list("state", flat=True)) == {"approved", "refused"}


def test_entries_are_told_without_what_they_are_about(world: World, grower: Caller, stranger: Caller) -> None:
    world.grower.pack(sscc(1))
    sent = world.grower.dispatch(sscc(1), world.carrier)
    page = stranger.get("/log/entries?limit=2").json()
    assert [each["index"] for each in page["items"]] == [sent.index, sent.index - 1]
    assert page["items"][0]["links"] == 1
    more = stranger.http.get(page["next"], headers={"Authorization": f"Bearer {stranger.token}"}).json()
    assert more["items"][0]["index"] == sent.index - 2
    one = stranger.get(f"/log/entries/{sent.index}")
    for hidden in (sscc(1), str(world.grower.id), "dispatch"):
        assert hidden not in one.content.decode()
    assert one.json() == grower.get(f"/log/entries/{sent.index}").json()
    assert stranger.get("/log/entries/99999").status_code == 404


def test_checks_say_who_looked_and_what_was_found(world: World, grower: Caller) -> None:
    assert grower.get("/log/checks").json()["standing"] == "not verified yet"
    AuditRun.objects.create(
        kind="full",
        started_at=world.now,
        finished_at=world.now,
        tree_size=9,
        holds=False,
        first_bad_index=7,
        fault_count=1,
        faults=[{"index": 7, "what": "the leaf hash is another", "part": "entries"}],
    )
    told = grower.get("/log/checks").json()
    assert told["alarm"] and "entry 7" in told["standing"]
    assert (told["runs"][0]["first_bad_index"], told["witnesses"]) == (7, [])


def test_parties_are_the_own_one_and_those_met(world: World, grower: Caller, stranger: Caller) -> None:
    person(world.grower, Role.MANAGER)
    assert [each["name"] for each in grower.get("/parties").json()["items"]] == ["Grower"]
    world.grower.pack(sscc(1))
    world.grower.dispatch(sscc(1), world.carrier)
    found = grower.get("/parties").json()["items"]
    assert [(each["name"], each["is_own"]) for each in found] == [("Grower", True), ("Carrier", False)]
    assert [each["name"] for each in stranger.get("/parties").json()["items"]] == ["Stranger"]


def test_a_program_does_not_cut_itself_off(world: World) -> None:
    caller = caller_for(world.grower, "party:manage")
    [own] = caller.get("/clients").json()["items"]
    assert caller("delete", f"/clients/{own['client_id']}").status_code == 409
    assert caller.get("/clients").status_code == 200
