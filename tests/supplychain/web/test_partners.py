"""Partners: registered by whoever runs the server, with managed keys; goods can be handed to them at once."""

import re

import pytest
from django.test import Client

from ledger import queries as log
from ledger import tenancy
from supplychain.models import Membership, Party, Role, Site, User
from supplychain.templatetags.waylog import ident
from tests.cast import APPLES, sscc

SHOP = {
    "company": "Shop Bern",
    "gln": "",
    "manager": "Eva",
    "email": "eva@bern.example",
    "sites_text": "gln,name,country,latitude,longitude\n,Shop Bern,CH,46.95,7.45",
}


@pytest.fixture
def manager(world, people, sign_in):
    """A manager of the packer, which runs this server here."""
    world.packer.party.is_operator = True
    world.packer.party.save()
    return sign_in(people.packer_manager)


def test_a_partner_is_registered_with_keys_sites_and_a_manager_who_signs_in(world, manager, settings):
    page = manager.post("/partners/register/", SHOP)
    assert page.status_code == 200, page.content.decode()
    text = page.content.decode()
    assert "Shop Bern is registered" in text and page["Cache-Control"] == "no-store"
    party = Party.objects.get(name="Shop Bern")
    assert {key.role for key in log.keys_of(party.pk)} == {"admin", "managed"}
    with tenancy.system():
        assert Site.objects.get(party=party).latitude == 46.95
        assert Membership.objects.get(party=party).role == Role.MANAGER
    password = re.search(r'id="password">([0-9a-f-]+)<', text)[1]
    settings.SESSION_ENGINE = "django.contrib.sessions.backends.db"
    eva = Client()
    assert eva.post("/accounts/login/", {"login": SHOP["email"], "password": password}).status_code == 302
    assert "Shop Bern · manager" in eva.get("/").content.decode()
    listed = manager.get("/partners/").content.decode()
    assert password not in listed
    assert f'<td>Shop Bern</td><td data-k="Identifier"><span class="mono">{ident(party.uri)}' in listed


def test_goods_are_handed_to_a_new_partner_and_it_accepts_them(world, people, sign_in, manager):
    manager.post("/partners/register/", SHOP)
    world.packer.pack(sscc(1))
    shipment = world.shipment(sscc(1))
    party = Party.objects.get(name="Shop Bern")
    told = {"taker": str(party.pk), "seal": "none", "offset": "+00:00", "happened": "", "note": "", "place": ""}
    assert sign_in(people.packer).post(f"/shipments/{shipment.pk}/dispatch/", told).status_code == 302
    eva = sign_in(User.objects.get(email=SHOP["email"]))
    counted = {"counted_0": "50", "damaged_0": "", "seal": "none", "offset": "+00:00", "happened": "", "place": ""}
    assert "waiting for you" in eva.get("/").content.decode()
    answer = eva.post(f"/shipments/{shipment.pk}/accept/", counted | {"note": ""})
    assert answer.status_code == 302, answer.content.decode()
    assert world.shipment(sscc(1)).custodian == party.pk


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"company": ""}, "This field is required"),
        ({"gln": "9521141000019"}, "check digit"),
        ({"email": ""}, "Which address"),
        ({"sites_text": "gln,name,country\n,Dock,Switzerland"}, "not a code of two letters"),
        ({"sites_text": "gln,country\n,CH"}, "one of them is name"),
    ],
)
def test_a_fault_is_said_beside_its_field_and_nothing_is_registered(manager, change, said):
    before = log.tree_size()
    answer = manager.post("/partners/register/", SHOP | change)
    assert answer.status_code == 422 and said in answer.content.decode()
    assert log.tree_size() == before and not User.objects.filter(email=SHOP["email"]).exists()


def test_what_names_another_partys_site_registers_nothing(world, manager):
    before = log.tree_size()
    site = Site.objects.filter(party=world.carrier.id).first()
    answer = manager.post("/partners/register/", SHOP | {"sites_text": f"id,name\n{site.uri},Mine now"})
    assert answer.status_code in (409, 422) and "another party" in answer.content.decode()
    assert log.tree_size() == before and not Party.objects.filter(name="Shop Bern").exists()
    assert "Shop Bern is registered" in manager.post("/partners/register/", SHOP).content.decode()


def test_nobody_else_registers_partners(people, sign_in):
    for user in (people.packer_manager, people.packer, people.stranger):
        assert sign_in(user).get("/partners/").status_code == 403
        assert sign_in(user).post("/partners/register/", SHOP).status_code == 403
    assert "Partners" not in sign_in(people.packer_manager).get("/").content.decode()


def test_a_new_company_reads_what_to_do_first_and_where_nothing_can_be_chosen_yet(world, people, sign_in, manager):
    from supplychain.models import Product

    assert "First steps" in manager.get("/").content.decode()
    Product.objects.all().delete()
    text = manager.get("/shipments/new/").content.decode()
    assert "No product has a name yet" in text and 'href="/names/"' in text
    Product.objects.create(uri=APPLES, name="Apples")
    assert "No product has a name yet" not in manager.get("/shipments/new/").content.decode()
    world.packer.pack(sscc(1))
    assert "First steps" not in manager.get("/").content.decode()
