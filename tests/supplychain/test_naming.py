"""What goods and places are called, and company prefixes: by API and page; nobody names what is another's."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from supplychain.epcis.identifiers import gln_uri
from supplychain.models import CompanyPrefix, Product, Role, Site, User
from supplychain.operations import naming
from tests.cast import APPLES, World, gln
from tests.people import person
from tests.supplychain.api.conftest import Caller, caller_for, grower, made_world, stranger, world  # noqa: F401

SITE = {"uri": "urn:epc:id:sgln:9521141.00777.0", "name": "Packhouse", "country": "CH", "latitude": 46.2}
CANONICAL = gln_uri(gln(777))


def test_sites_and_products_are_named_and_named_anew(grower: Caller) -> None:  # noqa: F811
    assert grower.post("/sites", {"items": [SITE]}).json() == {"count": 1}
    assert grower.post("/sites", {"items": [{**SITE, "name": "Packhouse Sion"}]}).status_code == 200
    assert Site.objects.get(uri=CANONICAL).name == "Packhouse Sion"
    product = {"uri": APPLES, "name": "Apples", "uom": "KGM", "unit_name": "kg"}
    assert grower.post("/products", {"items": [product]}).status_code == 200
    [own] = grower.get("/parties").json()["items"]
    assert own["sites"] == [{"uri": CANONICAL, "name": "Packhouse Sion", "country": "CH"}]
    assert own["products"] == [{"uri": APPLES, "name": "Apples", "uom": "KGM"}]


def test_what_is_anothers_keeps_its_name(grower: Caller, stranger: Caller) -> None:  # noqa: F811
    grower.post("/sites", {"items": [SITE]})
    other = {**SITE, "uri": "https://stranger.example/site/1"}
    answer = stranger.post("/sites", {"items": [other, {**SITE, "name": "mine"}]})
    assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (409, "/items/1/uri")
    assert list(Site.objects.values_list("name", flat=True)) == ["Packhouse"]  # all or none


@pytest.mark.parametrize(
    ("items", "pointers"),
    [
        ([], ["/items"]),
        ([{}], ["/items/0", "/items/0"]),
        ([SITE, {**SITE, "latitude": 91, "country": "ch"}], ["/items/1/country", "/items/1/latitude"]),
        ([{"uri": "urn:epc:id:sgln:9521141.00777", "name": "x"}], ["/items/0/uri"]),
        ([{**SITE, "latitude": True}], ["/items/0/latitude"]),
        ([{**SITE, "owner": "me"}], ["/items/0/owner"]),
        (["x"], ["/items/0"]),
    ],
)
def test_each_fault_is_told_with_its_place(grower: Caller, items: Any, pointers: list[str]) -> None:  # noqa: F811
    answer = grower.post("/sites", {"items": items})
    assert answer.status_code == 400
    assert sorted(each["pointer"] for each in answer.json()["errors"]) == pointers
    assert not Site.objects.exists()


def test_the_same_place_twice_is_refused(grower: Caller) -> None:  # noqa: F811
    assert grower.post("/sites", {"items": [SITE, {**SITE, "uri": CANONICAL}]}).status_code == 409


def test_a_prefix_is_one_partys_and_none_begins_like_another(grower: Caller, stranger: Caller) -> None:  # noqa: F811
    assert grower.post("/prefixes", {"prefix": "9521141"}).status_code == 201
    assert grower.post("/prefixes", {"prefix": "9521141"}).status_code == 201  # again changes nothing
    for taken in ("9521141", "952114", "95211415"):
        assert stranger.post("/prefixes", {"prefix": taken}).status_code == 409
    for wrong in ("95211", "9521141234567", "9521A41", "٩٥٢١١٤١"):
        assert grower.post("/prefixes", {"prefix": wrong}).status_code in (400, 409)
    assert grower.get("/parties").json()["items"][0]["prefixes"] == ["9521141"]
    assert stranger("delete", "/prefixes/9521141").status_code == 404
    assert grower("delete", "/prefixes/9521141").status_code == 204
    assert not CompanyPrefix.objects.exists()


def test_without_the_scope_nothing_is_named(world: World) -> None:  # noqa: F811
    small = caller_for(world.grower, "events:write events:read")
    for path in ("/sites", "/products", "/prefixes"):
        assert small.post(path, {}).status_code == 403


# --- the page --------------------------------------------------------------------------------------------------------


def signed_in(user: User, settings: Any) -> Client:
    settings.SESSION_ENGINE = "django.contrib.sessions.backends.db"
    client = Client()
    client.force_login(user)
    return client


def test_the_page_names_and_tells_faults_with_their_rows(world: World, settings: Any) -> None:  # noqa: F811
    page = signed_in(person(world.grower, Role.MANAGER), settings)
    rows = f"gln,name,country\n{gln(777)},Packhouse,CH\n"
    assert page.post("/names/sites/", {"sites-rows": rows}).status_code == 302
    assert page.post("/names/products/", {"products-rows": "id,name\nA-1,Apples\n"}).status_code == 302
    assert page.post("/names/prefixes/", {"prefix": "9521141"}).status_code == 302
    shown = page.get("/names/").content.decode()
    for text in ("Packhouse", "Apples", "9521141"):
        assert text in shown
    wrong = page.post("/names/sites/", {"sites-rows": "gln,name\n123,Packhouse\n"})
    assert (wrong.status_code, "Row 2: gln" in wrong.content.decode()) == (422, True)
    refused = page.post("/names/prefixes/", {"prefix": "12"})
    assert (refused.status_code, "6 to 12 digits" in refused.content.decode()) == (422, True)
    assert page.post("/names/prefixes/9521141/remove/").status_code == 302
    assert not CompanyPrefix.objects.exists()


def test_only_managers_come_in_and_nobody_removes_anothers(world: World, settings: Any) -> None:  # noqa: F811
    naming.register_prefix("9521141", party=world.grower.id)
    viewer = signed_in(person(world.grower, Role.VIEWER), settings)
    assert viewer.get("/names/").status_code == 403
    other = signed_in(person(world.stranger, Role.MANAGER), settings)
    assert other.post("/names/prefixes/9521141/remove/").status_code == 404
    assert CompanyPrefix.objects.exists() and not Product.objects.exists()
