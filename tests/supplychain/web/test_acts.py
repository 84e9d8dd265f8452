"""Acts by forms, signed with the managed key, and drafts for a device to sign."""

import base64
import json

import pytest

from ledger import kept, tenancy
from ledger import queries as log
from ledger.tlog import envelope, statement
from ledger.tlog.bundle import parse_bundle, verify_bundle
from ledger.tlog.note import parse_verifier_key
from ledger.tlog.policy import Policy
from supplychain.models import Event, Party, Shipment
from supplychain.sandbox.samples import SANDBOX_URI
from tests.cast import APPLES, sscc

SSCC = sscc(7).rpartition("/")[2]
WHEN = {"offset": "+01:00", "happened": "", "note": "", "place": ""}


def packing(**more):
    return {"sscc": SSCC, "order": "PO-7", "product_0": APPLES, "lot_0": "B2", "quantity_0": "24", **WHEN, **more}


def counting(first="50", second="12", **more):
    return {"counted_0": first, "counted_1": second, "damaged_0": "", "damaged_1": "", "seal": "intact", **WHEN, **more}


def last_event():
    with tenancy.system():
        return Event.objects.order_by("-index")[0]


def test_a_new_shipment_is_packed_and_shown(people, sign_in):
    answer = sign_in(people.packer).post("/shipments/new/", packing(), follow=True)
    assert answer.status_code == 200
    text = answer.content.decode()
    assert "Apples, 24 cases" in text
    assert SSCC in text
    assert "PO-7" in text
    assert log.key(last_event().key_id).role == "managed"


def test_a_unit_without_an_sscc_gets_a_private_identifier_and_no_invented_key(people, sign_in):
    sign_in(people.packer).post("/shipments/new/", packing(sscc=""))
    with tenancy.system():
        assert Shipment.objects.get().unit.startswith(f"https://{log.origin()}/unit/")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"sscc": "376123450000042185"}, "check digit"),
        ({"product_0": "", "lot_0": "", "quantity_0": ""}, "State at least one product"),
        ({"quantity_0": ""}, "How much of it?"),
        ({"quantity_0": "-3"}, "greater than or equal to 0"),
        ({"product_0": ""}, "Choose the product"),
        ({"lot_0": "ü"}, "characters"),
        ({"offset": "+25:00"}, "+01:00"),
        ({"happened": "2999-01-01T10:00"}, "ahead of now"),
    ],
)
def test_a_wrong_form_says_what_is_wrong_and_nothing_is_appended(people, sign_in, change, said):
    before = log.tree_size()
    answer = sign_in(people.packer).post("/shipments/new/", packing(**change))
    assert answer.status_code == 422
    assert said in answer.content.decode()
    assert log.tree_size() == before


def test_goods_are_dispatched_to_a_partner(world, people, sign_in):
    world.packer.pack(sscc(3))
    shipment = world.shipment(sscc(3))
    data = {"taker": world.carrier.id, "consignee": world.shop.id, "destination": world.shop.site, "limit": "8"}
    data |= {"promised": "2026-03-03T14:00", "seal": "intact", **WHEN}
    answer = sign_in(people.packer).post(f"/shipments/{shipment.pk}/dispatch/", data)
    assert answer.status_code == 302, answer.content.decode()
    shipment = world.shipment(sscc(3))
    assert (shipment.status, shipment.offered_to, shipment.temperature_limit) == ("dispatched", world.carrier.id, 8)
    assert shipment.consignee_uri == world.shop.uri
    assert shipment.promised_at.isoformat() == "2026-03-03T13:00:00+00:00"


DRIVER, PLATE = "Jane Q. Driver", "ZH 471 108"


def dispatching(world, **more):
    trip = {"driver": DRIVER, "vehicle": PLATE, "apart": ["trip:driver"]}
    return {"taker": str(world.carrier.id), "seal": "intact", **trip, **WHEN, **more}


def body_of(index):
    with tenancy.system():
        return kept.bodies([index])[index].body.decode()


@pytest.fixture
def driven(world, people, sign_in):
    """Dispatched on the page, by a driver who is signed apart in a vehicle that is not."""
    world.packer.pack(sscc(1))
    shipment = world.shipment(sscc(1))
    answer = sign_in(people.packer).post(f"/shipments/{shipment.pk}/dispatch/", dispatching(world))
    assert answer.status_code == 302, answer.content.decode()
    return shipment


def test_a_driver_is_signed_apart_and_shown_in_a_bundle_only_where_somebody_chooses(people, sign_in, driven):
    body = body_of(last_event().index)
    assert DRIVER not in body and PLATE in body
    taker = sign_in(people.carrier)
    text = taker.get(f"/shipments/{driven.pk}/").content.decode()
    assert f"driver {DRIVER}" in text and f"vehicle {PLATE}" in text
    assert 'name="disclose" value="trip:driver"' in text and ">Driver</label>" in text
    closed = taker.get(f"/shipments/{driven.pk}/bundle/").content
    chosen = taker.get(f"/shipments/{driven.pk}/bundle/", {"disclose": "trip:driver"}).content
    policy = Policy(logs=(parse_verifier_key(log.verifier_key()),))
    for data, told in ((closed, []), (chosen, [DRIVER])):
        verdict = verify_bundle(parse_bundle(data), policy)
        found = [each.opened.value["event"] for each in verdict.entries if each.opened is not None]
        assert [event["trip:driver"] for event in found if "trip:driver" in event] == told
        assert [event["trip:vehicle"] for event in found if "trip:vehicle" in event] == [PLATE]


def test_nothing_is_signed_apart_that_nobody_asked_for(world, people, sign_in, driven):
    world.carrier.accept(sscc(1), world.packer)
    answer = sign_in(people.carrier).post(
        f"/shipments/{driven.pk}/dispatch/", dispatching(world, taker=str(world.packer.id), apart=[])
    )
    assert answer.status_code == 302, answer.content.decode()
    assert DRIVER in body_of(last_event().index)


def test_taking_an_act_back_tells_nobody_who_drove(people, sign_in, driven):
    told = {"reason": "did_not_occur", "offset": "+00:00"}
    assert sign_in(people.packer).post(f"/shipments/{driven.pk}/correct/", told).status_code == 302
    assert last_event().is_error_declaration and DRIVER not in body_of(last_event().index)
    draft = sign_in(people.packer).post(f"/shipments/{driven.pk}/dispatch/draft/", {"taker": "", **WHEN})
    assert draft.status_code == 422


def test_the_sandbox_and_real_parties_hand_nothing_to_each_other(world, people, sign_in):
    tester = Party.objects.create(name="Sandbox", uri=SANDBOX_URI)
    world.packer.pack(sscc(1))
    address = f"/shipments/{world.shipment(sscc(1)).pk}/dispatch/"
    client = sign_in(people.packer)
    assert ">Carrier</option>" in (page := client.get(address).content.decode()) and ">Sandbox<" not in page
    assert client.post(address, dispatching(world, taker=str(tester.pk))).status_code == 422


def test_a_draft_says_what_the_device_signs_apart(world, people, sign_in):
    world.packer.pack(sscc(1))
    address = f"/shipments/{world.shipment(sscc(1)).pk}/dispatch/draft/"
    draft = sign_in(people.packer).post(address, dispatching(world)).json()
    assert draft["hide"] == ["trip:driver"] and DRIVER in draft["body"]


def test_all_was_counted_and_there_is_no_discrepancy(world, people, sign_in, on_the_way):
    answer = sign_in(people.carrier).post(f"/shipments/{on_the_way.pk}/accept/", counting())
    assert answer.status_code == 302, answer.content.decode()
    shipment = world.shipment(on_the_way.unit)
    assert (shipment.status, shipment.custodian, shipment.discrepancy) == ("accepted", world.carrier.id, "")


def test_a_shortage_is_reported_and_answered_by_the_giver(world, people, sign_in, on_the_way):
    taker, giver = sign_in(people.carrier), sign_in(people.packer)
    taker.post(f"/shipments/{on_the_way.pk}/accept/", counting("48", damaged_1="2", seal="broken"))
    text = giver.get(f"/shipments/{on_the_way.pk}/").content.decode()
    assert "Carrier reported a discrepancy" in text
    assert "2 cases of Apples short" in text
    assert "2 cases of Pears damaged" in text
    assert "The seal was broken" in text
    assert "acknowledge or dispute" in text
    assert taker.get(f"/shipments/{on_the_way.pk}/").content.decode().count("acknowledge or dispute") == 0
    answer = giver.post(f"/shipments/{on_the_way.pk}/answer/", {"answer": "acknowledged", **WHEN})
    assert answer.status_code == 302, answer.content.decode()
    assert world.shipment(on_the_way.unit).discrepancy == "acknowledged"
    assert (
        "acknowledged the discrepancy with its own signature"
        in giver.get(f"/shipments/{on_the_way.pk}/").content.decode()
    )


def test_more_damaged_than_counted_is_refused_beside_its_field(people, sign_in, on_the_way):
    answer = sign_in(people.carrier).post(f"/shipments/{on_the_way.pk}/accept/", counting("3", damaged_0="4"))
    assert answer.status_code == 422
    assert "part of what was counted" in answer.content.decode()


def test_the_giver_cannot_accept_its_own_goods_and_reads_why(world, people, sign_in, on_the_way):
    answer = sign_in(people.packer).post(f"/shipments/{on_the_way.pk}/accept/", counting())
    assert answer.status_code == 422
    assert "only Carrier can accept it" in answer.content.decode()
    assert world.shipment(on_the_way.unit).status == "dispatched"


@pytest.mark.parametrize("name", ["accept", "dispatch", "unpack", "answer", "correct"])
@pytest.mark.parametrize("draft", ["", "draft/"])
def test_a_stranger_gets_404_for_every_act(people, sign_in, on_the_way, name, draft):
    before = log.tree_size()
    answer = sign_in(people.stranger).post(f"/shipments/{on_the_way.pk}/{name}/{draft}", counting())
    assert answer.status_code == 404
    assert log.tree_size() == before


@pytest.mark.parametrize("address", ["accept/", "accept/draft/", "correct/", "dispatch/draft/"])
def test_a_viewer_may_not_act(people, sign_in, on_the_way, address):
    assert sign_in(people.packer_viewer).post(f"/shipments/{on_the_way.pk}/{address}", counting()).status_code == 403


def test_a_dispatch_is_taken_back(world, people, sign_in, on_the_way):
    page = sign_in(people.packer).get(f"/shipments/{on_the_way.pk}/correct/").content.decode()
    assert "Taken back is: <b>Dispatched</b>" in page and f'href="/ledger/{log.tree_size() - 1}/"' in page
    answer = sign_in(people.packer).post(
        f"/shipments/{on_the_way.pk}/correct/", {"reason": "did_not_occur", "offset": "+00:00"}
    )
    assert answer.status_code == 302, answer.content.decode()
    assert world.shipment(on_the_way.unit).status == "packed"
    text = sign_in(people.packer).get(f"/shipments/{on_the_way.pk}/").content.decode()
    assert "declared wrong later" in text


def test_nobody_takes_back_what_another_signed(people, sign_in, on_the_way):
    assert sign_in(people.carrier).get(f"/shipments/{on_the_way.pk}/correct/").status_code == 404


def test_what_arrived_is_unpacked_and_closed(world, people, sign_in, on_the_way):
    client = sign_in(people.carrier)
    client.post(f"/shipments/{on_the_way.pk}/accept/", counting())
    assert client.post(f"/shipments/{on_the_way.pk}/unpack/", WHEN).status_code == 302
    assert not world.shipment(on_the_way.unit).is_open


def test_a_draft_brings_the_body_and_the_whole_chain(people, sign_in, on_the_way):
    draft = sign_in(people.carrier).post(f"/shipments/{on_the_way.pk}/accept/draft/", counting("49")).json()
    event = json.loads(draft["body"])["event"]
    assert event["bizStep"] == "receiving"
    assert event["quantityList"][0]["quantity"] == 49
    assert draft["names"][APPLES + "/10/A1"] == "Apples"
    [chain] = draft["chains"]
    prev, secret = statement.ZERO, base64.b64decode(chain["chain"])
    for entry in chain["entries"]:
        payload = base64.b64decode(entry["payload"])
        assert statement.link(secret, prev) in statement.parse_statement(payload).links
        prev = envelope.statement_hash(payload)
    assert prev.hex() == chain["head"]


def test_a_draft_of_a_wrong_form_names_the_field(people, sign_in):
    answer = sign_in(people.packer).post("/shipments/new/draft/", packing(quantity_0=""))
    assert answer.status_code == 422
    assert answer.json()["errors"] == [{"field": "quantity_0", "label": "Quantity 1", "message": "How much of it?"}]


def test_a_draft_of_a_new_unit_leaves_the_secret_to_the_device(people, sign_in):
    draft = sign_in(people.packer).post("/shipments/new/draft/", packing()).json()
    assert draft["chains"] == [{"unit": sscc(7), "head": None}]


@pytest.mark.parametrize(
    "body", [b"", b"[]", b"{", b'{"envelope":{},"body":"","salt":""}', b'{"envelope":1,"envelope":2}', b"\xff"]
)
def test_rubbish_in_place_of_a_signed_event_is_refused(people, sign_in, body):
    answer = sign_in(people.packer).post("/capture/", body, content_type="application/json")
    assert answer.status_code == 400
    assert answer.json()["errors"][0]["message"].startswith("What was sent cannot be read")


def test_an_event_signed_by_another_party_is_not_taken_from_this_session(world, people, sign_in):
    from supplychain.epcis import builders
    from supplychain.epcis.events import Quantity

    event = builders.pack_event(unit=sscc(9), contents=[Quantity(APPLES, 1)], event_time=world.later())
    signed = world.packer.sign(event)
    item = {
        "envelope": envelope.sign(signed.item.envelope.payload, _held(world.packer.id)),
        "body": base64.b64encode(signed.item.body).decode(),
        "salt": base64.b64encode(signed.item.salt).decode(),
        "chains": {unit: base64.b64encode(secret).decode() for unit, secret in signed.item.chains.items()},
    }
    stranger = sign_in(people.stranger).post("/capture/", json.dumps(item), content_type="application/json")
    assert stranger.status_code == 403
    own = sign_in(people.packer).post("/capture/", json.dumps(item), content_type="application/json")
    assert own.status_code == 201
    assert own.json()["url"].startswith("/shipments/")


def _held(party):
    from supplychain.operations import signing

    return signing.held_key(party)
