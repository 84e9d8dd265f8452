"""The first run: one link, one company."""

import pytest
from django.test import Client

from ledger import queries as log
from supplychain.models import Membership, Party, Product, Site
from supplychain.operations import firstrun
from supplychain.web.firstrun import read_csv, read_product, read_site

COMPANY = {
    "company": "Alpine Packing",
    "gln": "",
    "manager": "Ada",
    "email": "ada@alpine.example",
    "password": "a-long-enough-secret",
    "products_text": "gtin,name,unit,uom\n09521141001011,Apricots,case,\n,Loose apricots,,KGM",
    "sites_text": "gln;name;country;latitude;longitude\n;Packhouse Sion;CH;46.23;7.36",
}


@pytest.fixture
def link(db, settings, tmp_path):
    settings.WAYLOG_DATA, settings.WAYLOG_SECRETS = tmp_path, tmp_path / "secrets"
    return f"/first-run/{firstrun.make_token()}/"


def test_the_link_sets_a_company_up_with_its_manager_products_and_sites(link, django_capture_on_commit_callbacks):
    with django_capture_on_commit_callbacks(execute=True):
        answer = Client().post(link, COMPANY)
    assert answer.status_code == 302, answer.content.decode()
    party = Party.objects.get()
    assert (party.name, party.is_operator) == ("Alpine Packing", True)
    assert Membership.objects.get().role == "manager"
    assert {key.role for key in log.keys_of(party.pk)} >= {"admin", "managed"}
    assert set(Product.objects.values_list("name", "uom")) == {("Apricots", ""), ("Loose apricots", "KGM")}
    assert Site.objects.get().country == "CH"


def test_the_link_works_once(link, django_capture_on_commit_callbacks):
    with django_capture_on_commit_callbacks(execute=True):
        Client().post(link, COMPANY)
    assert Client().get(link).status_code == 404


@pytest.mark.parametrize("token", ["x", "0" * 32])
def test_a_guessed_link_answers_404(link, token):
    assert Client().get(f"/first-run/{token}/").status_code == 404


def test_a_newer_link_replaces_the_older(link):
    newer = firstrun.make_token()
    assert Client().get(link).status_code == 404
    assert Client().get(f"/first-run/{newer}/").status_code == 200


def test_no_link_is_made_once_there_is_a_log(world):
    with pytest.raises(firstrun.FirstRunRefused):
        firstrun.make_token()


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"password": "short"}, "at least 12"),
        ({"gln": "9521141000000"}, "check digit"),
        ({"products_text": "gtin,name\n123,Apricots"}, "Row 2: gtin"),
        ({"products_text": "gtin\n123"}, "must name the columns"),
        ({"sites_text": "name,latitude\nSion,north"}, "Row 2: latitude"),
        ({"sites_text": "name,country\nSion,Switzerland"}, "Row 2: country"),
    ],
)
def test_a_wrong_form_makes_no_log(link, change, said):
    answer = Client().post(link, COMPANY | change)
    assert answer.status_code == 422
    assert said in answer.content.decode()
    assert firstrun.is_needed()


def test_every_faulty_row_is_named():
    rows, faults = read_csv("name,latitude\nSion,1\n,2\nBasel,x\n\nBern,91", read_site)
    assert [row.name for row in rows] == ["Sion"]
    assert [fault.split(":")[0] for fault in faults] == ["Row 3", "Row 4", "Row 6"]


def test_a_product_may_have_an_identifier_of_its_own():
    [row], _ = read_csv("id,name\nurn:example:product:7,Apricots", read_product)
    assert row.uri == "urn:example:product:7"
