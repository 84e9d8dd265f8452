"""Partners registered by a program of the party that runs the server, as its manager does on the page."""

from __future__ import annotations

from typing import Any

import pytest

from ledger import queries as log
from ledger import tenancy
from supplychain.models import KeptAnswer, Membership, Party, Role, Site, User
from tests.cast import World
from tests.people import person
from tests.supplychain.api.conftest import ALL, Caller, caller_for

SHOP = {
    "name": "Shop Bern",
    "gln": "7612345000015",
    "manager": {"email": "eva@bern.example", "name": "Eva"},
    "sites": [{"uri": "https://bern.example/site/1", "name": "Shop Bern", "country": "CH", "latitude": 46.95}],
}


@pytest.fixture
def operator(world: World, grower: Caller) -> Caller:
    """A program of the grower, which runs this server here."""
    Party.objects.update(is_operator=False)
    world.grower.party.is_operator = True
    world.grower.party.save()
    return grower


def test_a_partner_gets_a_key_sites_and_a_manager_whose_password_is_told_once(operator: Caller) -> None:
    headers = {"Idempotency_Key": "bern"}
    answer = operator.post("/parties", SHOP, **headers)
    told = answer.json()
    assert (answer.status_code, answer["Cache-Control"], told["sites"]) == (201, "no-store", 1), told
    party = Party.objects.get(name="Shop Bern")
    assert (told["id"], told["uri"]) == (str(party.pk), "https://id.gs1.org/417/7612345000015")
    assert {key.role: key.key_id for key in log.keys_of(party.pk)}["managed"] == told["managed_key"]
    with tenancy.system():
        assert Site.objects.get(party=party).latitude == 46.95
        assert Membership.objects.get(party=party).role == told["manager"]["role"] == Role.MANAGER
    assert User.objects.get(email=told["manager"]["email"]).check_password(told["password"])
    size = log.tree_size()
    again = operator.post("/parties", SHOP, **headers)
    assert (again.status_code, again.json()) == (201, {**told, "password": None})
    assert told["password"].encode() not in bytes(KeptAnswer.objects.get().body)
    assert log.tree_size() == size and Party.objects.filter(name="Shop Bern").count() == 1


def test_a_partner_may_be_a_name_alone_and_who_has_an_account_keeps_the_password(
    world: World, operator: Caller
) -> None:
    named = operator.post("/parties", {"name": "Shop Thun"}).json()
    assert (named["manager"], named["password"], named["sites"]) == (None, None, 0)
    assert "/party/" in named["uri"]
    known = person(world.carrier, Role.VIEWER, password="correct-horse-battery")
    told = operator.post("/parties", {"name": "Shop Chur", "manager": {"email": known.email}}).json()
    known.refresh_from_db()
    assert told["password"] is None and known.check_password("correct-horse-battery")
    assert known.memberships.filter(party=told["id"], role=Role.MANAGER).exists()


@pytest.mark.parametrize(
    ("change", "pointers"),
    [
        ({"name": " "}, ["/name"]),
        ({"name": "x" * 161, "owner": True}, ["/name", "/owner"]),
        ({"gln": "9521141000019"}, ["/gln"]),
        ({"gln": ""}, ["/gln"]),
        ({"manager": {"name": "Eva"}}, ["/manager"]),
        ({"manager": {"email": "nobody", "role": "viewer"}}, ["/manager/email", "/manager/role"]),
        ({"manager": "Eva"}, ["/manager"]),
        ({"sites": []}, ["/sites"]),
        ({"sites": [SHOP["sites"][0], {"uri": "no", "name": "x", "country": "Switzerland"}]}, None),
    ],
)
def test_each_fault_has_its_place_and_nothing_is_registered(operator: Caller, change: Any, pointers: Any) -> None:
    before = log.tree_size()
    answer = operator.post("/parties", SHOP | change)
    assert (answer.status_code, answer["Content-Type"]) == (400, "application/problem+json")
    found = sorted(each["pointer"] for each in answer.json()["errors"])
    assert found == (pointers or ["/sites/1/country", "/sites/1/uri"])
    assert log.tree_size() == before and not Party.objects.filter(name="Shop Bern").exists()


def test_what_is_another_partys_is_refused_with_its_place_and_nothing_stays(world: World, operator: Caller) -> None:
    before = log.tree_size()
    site = Site.objects.create(party=world.carrier.party, uri="https://carrier.example/site/1", name="Yard")
    taken = {"uri": site.uri, "name": "Mine now"}
    answer = operator.post("/parties", SHOP | {"sites": [SHOP["sites"][0], taken]})
    assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (409, "/sites/1/uri")
    gln = world.carrier.party.uri.rpartition("/")[2]
    answer = operator.post("/parties", SHOP | {"gln": gln})
    assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (409, "/gln")
    assert log.tree_size() == before and not User.objects.filter(email="eva@bern.example").exists()
    assert operator.post("/parties", SHOP).status_code == 201


def test_only_the_party_that_runs_the_server_registers_and_lists_all(
    world: World, operator: Caller, stranger: Caller
) -> None:
    before, without = log.tree_size(), caller_for(world.grower, ALL.replace(" party:manage", ""))
    for caller, code in ((stranger, "forbidden"), (without, "insufficient_scope")):
        for answer in (caller.post("/parties", SHOP), caller.post("/parties", {}), caller.get("/parties/registered")):
            assert (answer.status_code, answer.json()["code"]) == (403, code)
    assert Caller(None).post("/parties", SHOP).status_code == 401
    assert log.tree_size() == before


def test_all_parties_are_listed_by_name_in_pages(world: World, operator: Caller) -> None:
    for _ in range(2):
        operator.post("/parties", {"name": "Alike"})
    operator.post("/parties", SHOP)
    found, path = [], "/parties/registered?limit=2"
    while path:
        page = operator.get(path).json()
        assert len(page["items"]) <= 2
        found += page["items"]
        path = page["next"] and page["next"].partition("/api/v1")[2]
    ids = [each["id"] for each in found]
    assert sorted(ids) == sorted(str(pk) for pk in Party.objects.values_list("pk", flat=True))
    assert [each["name"] for each in found] == list(Party.objects.order_by("name").values_list("name", flat=True))
    assert [each["id"] for each in found if each["is_own"]] == [str(world.grower.id)]
    [shop] = [each for each in found if each["name"] == "Shop Bern"]
    assert (shop["people"], shop["sites"]) == (1, 1)
