"""Erasures, on pages and through the API: asked by who signed, told to the others, decided by the operator."""

from datetime import timedelta

import pytest
from django.utils import timezone

from ledger import queries as log
from ledger import tenancy
from ledger.operations import submission
from ledger.tlog.envelope import sign
from supplychain.models import Approval, Membership, Role, Shipment, User
from supplychain.operations import held_key
from tests.cast import sscc
from tests.supplychain.api.conftest import Caller, make_client, make_token

GROUND = "they asked for it, and the law says so"


@pytest.fixture
def index(world, people):
    """The dispatch of a shipment that is closed since."""
    world.packer.pack(sscc(1))
    dispatched = world.packer.dispatch(sscc(1), world.carrier)
    world.carrier.accept(sscc(1), world.packer)
    world.carrier.unpack(sscc(1))
    return dispatched.index


@pytest.fixture
def operator(world, sign_in):
    user = User.objects.create_user("manager@operator.example", None, name="Olga Operator")
    Membership.objects.create(user=user, party=world.operator, role=Role.MANAGER)
    return sign_in(user)


def the_request():
    """What became of the one erasure that was asked for."""
    with tenancy.system():
        return Approval.objects.get()


def wait_for_the_notice():
    with tenancy.system():
        Approval.objects.update(asked_at=timezone.now() - timedelta(days=8))


def test_a_body_is_asked_for_told_and_erased_on_pages(world, people, sign_in, index, operator):
    manager = sign_in(people.packer_manager)
    assert f"/erasures/?entry={index}" in manager.get(f"/ledger/{index}/").content.decode()
    assert manager.post("/erasures/ask/", {"index": index, "ground": GROUND}).status_code == 302
    asked = the_request()
    assert "download the shipment" in sign_in(people.carrier_manager).get("/erasures/").content.decode()
    assert GROUND not in sign_in(people.stranger).get("/erasures/").content.decode()
    operator.post(f"/erasures/{asked.pk}/approve/")  # before the others had time
    asked = the_request()
    assert asked.state == "waiting"
    wait_for_the_notice()
    assert "Erase the body" in operator.get("/erasures/").content.decode()
    assert "Erase the body" not in manager.get("/erasures/").content.decode()
    operator.post(f"/erasures/{asked.pk}/approve/")
    asked = the_request()
    assert log.entry(asked.done_index).statement.type == "body.erased"
    assert "What this event said was erased by" in manager.get(f"/ledger/{index}/").content.decode()
    with tenancy.system():
        [shipment] = Shipment.objects.all()
    page = manager.get(f"/shipments/{shipment.pk}/").content.decode()
    assert "what it said was erased" in page and "partly erased" in page
    for path in ("/", "/shipments/", "/ledger/", f"/shipments/{shipment.pk}/bundle/"):
        assert manager.get(path).status_code == 200, path


def test_strangers_and_operators_of_a_party_ask_for_nothing(world, people, sign_in, index, operator):
    assert sign_in(people.packer).post("/erasures/ask/", {"index": index, "ground": GROUND}).status_code == 403
    assert sign_in(people.stranger).post("/erasures/ask/", {"index": index, "ground": GROUND}).status_code == 404
    manager = sign_in(people.packer_manager)
    for ground in ("", "two\nlines", "x" * 201):
        assert manager.post("/erasures/ask/", {"index": index, "ground": ground}).status_code == 422
    with tenancy.system():
        assert not Approval.objects.exists()
    manager.post("/erasures/ask/", {"index": index, "ground": GROUND})
    asked = the_request()
    assert sign_in(people.stranger).post(f"/erasures/{asked.pk}/refuse/").status_code == 404
    sign_in(people.carrier_manager).post(f"/erasures/{asked.pk}/refuse/")  # told of it, and no more
    asked = the_request()
    assert asked.state == "waiting"
    manager.post(f"/erasures/{asked.pk}/refuse/")
    asked = the_request()
    assert asked.state == "refused"


def caller(hand):
    client, _ = make_client(hand, "party:manage events:read")
    return Caller(make_token(client, "party:manage events:read"))


def test_the_same_through_the_api(world, index):
    from tests.cast import Hand

    packer, running = caller(world.packer), caller(Hand(world, world.operator))
    bad = packer.post("/erasures", {"index": -1, "ground": "a\nb"})
    assert bad.status_code == 400 and {each["pointer"] for each in bad.json()["errors"]} == {"/index", "/ground"}
    assert caller(world.stranger).post("/erasures", {"index": index, "ground": GROUND}).status_code == 404
    asked = packer.post("/erasures", {"index": index, "ground": GROUND})
    assert asked.status_code == 201 and asked.json()["act"] == "dispatch"
    made = asked.json()["id"]
    assert [each["id"] for each in caller(world.carrier).get("/erasures").json()["items"]] == [made]
    assert caller(world.stranger).get("/erasures").json() == {"items": []}
    assert packer.post(f"/erasures/{made}/approve", None).status_code == 409  # its own
    assert running.post(f"/erasures/{made}/approve", None).status_code == 409  # the others have time
    wait_for_the_notice()
    done = running.post(f"/erasures/{made}/approve", None).json()
    assert done["state"] == "done"
    event = packer.get(f"/events/{index}").json()
    assert (event["body"], event["erased_by"], event["act"]) == (None, done["erased_by"], "dispatch")


def test_a_party_hands_in_a_request_that_it_signed_itself(world, index):
    packer = caller(world.packer)
    own, commitment = held_key(world.packer.id), log.entry(index).statement.body.hex()

    def signed(key=own, **claims):
        claims = {"act": "body.erased", "commitment": commitment, "ground": GROUND} | claims
        made = submission("approval.request", claims, origin=log.origin(), by=key)
        return sign(made.envelope.payload, key)

    def ask(envelope):
        return packer.post("/erasures", {"index": index, "ground": GROUND, "envelope": envelope})

    assert ask({"payload": "x"}).status_code == 400
    assert ask(signed(held_key(world.carrier.id))).status_code == 403
    assert ask(signed(ground="another")).status_code == 422
    assert ask(signed(act="key.revoke")).status_code == 422
    good = signed()
    made = ask(good)
    assert made.status_code == 201
    assert log.entry(made.json()["asked_index"]).statement.claims["commitment"] == commitment
    assert packer.post(f"/erasures/{made.json()['id']}/refuse", None).json()["state"] == "refused"
    assert ask(good).status_code == 409  # decided already: a new one is to be signed
    assert ask(signed()).status_code == 201
