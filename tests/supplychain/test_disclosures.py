"""Members of events that are signed apart: kept, read, rebuilt, shown by name, hidden by default, erased."""

import json
from typing import Any

import pytest

from ledger import audit, kept, tenancy
from ledger import queries as log
from ledger.models import Disclosure
from ledger.tlog.bundle import parse_bundle, verify_bundle
from ledger.tlog.disclosure import DIGESTS, make_disclosure
from ledger.tlog.note import parse_verifier_key
from ledger.tlog.policy import Policy
from supplychain import operations
from supplychain.epcis import builders
from supplychain.epcis.disclosures import hide_members, whole
from supplychain.epcis.errors import EventInvalid
from supplychain.models import SensorReading, User
from supplychain.operations import rebuild
from supplychain.operations.capture import BodyInvalid
from supplychain.operations.signing import sign_event
from supplychain.projections import digests
from tests.cast import sscc
from tests.people import add_people
from tests.supplychain.api.conftest import Caller, make_client, make_token
from tests.supplychain.test_erasure import tables_with

DRIVER = "Jane Q. Driver"
PREFIX = {"ex": "https://example.org/ex/"}


def reading(world, **more: Any) -> dict[str, Any]:
    """A temperature, and who drove."""
    event = dict(
        builders.observe_event(
            units=[sscc(1)],
            event_time=world.later(),
            sensor_elements=[builders.sensor_element(time=world.now, measured="Temperature", value=4.5, uom="CEL")],
        )
    )
    return {**event, "@context": PREFIX, "ex:driver": DRIVER, **more}


def capture(world, event, *hide: str):
    return operations.capture_one(event, party=world.packer.id, now=world.now, hide=hide)


@pytest.fixture
def hidden(world):
    """The index of a reading whose temperature and driver were signed apart."""
    world.packer.pack(sscc(1))
    return capture(world, reading(world), "sensorElementList", "ex:driver").index


def everything_holds() -> Any:
    with tenancy.system():
        found = [str(fault) for fault in audit.check_log().faults]
        found += [str(fault) for _, faults in audit.check_projections() for fault in faults]
    return found == [] or found


def test_the_body_that_was_signed_names_them_by_digests_alone(world, hidden):
    with tenancy.system():
        body = kept.bodies([hidden])[hidden]
        assert DRIVER.encode() not in body.body and b"Temperature" not in body.body
        assert len(json.loads(body.body)["event"][DIGESTS]) == 2 and len(body.disclosures) == 2
        [row] = SensorReading.objects.filter(index=hidden)
        assert row.value == 4.5
        assert world.shipment(sscc(1)).temperature_max == 4.5
    assert everything_holds() is True


def test_projections_are_made_again_with_what_is_kept_beside_the_body(world, hidden):
    with tenancy.system():
        before = digests.digest_of_projections()
    assert rebuild.rebuild() == before


def test_they_are_seen_by_the_shipments_parties_and_nobody_else(world, hidden):
    with tenancy.acting_for(world.packer.id):
        assert Disclosure.objects.count() == 2
    with tenancy.acting_for(world.carrier.id):
        assert Disclosure.objects.count() == 0
    world.packer.dispatch(sscc(1), world.carrier)
    with tenancy.acting_for(world.carrier.id):
        assert Disclosure.objects.count() == 2


def caller(hand):
    scopes = "events:read events:write shipments:read"
    client, _ = make_client(hand, scopes)
    return Caller(make_token(client, scopes))


def test_a_bundle_shows_the_temperature_and_not_the_driver(world, hidden):
    packer, shipment = caller(world.packer), world.shipment(sscc(1)).pk
    plain = packer.get(f"/shipments/{shipment}/bundle").content
    chosen = packer.get(f"/shipments/{shipment}/bundle?disclose=sensorElementList").content
    assert packer.get(f"/shipments/{shipment}/bundle?disclose=,").status_code == 400
    trust = Policy((parse_verifier_key(log.verifier_key()),))
    for data, names in ((plain, ()), (chosen, ("sensorElementList",))):
        assert DRIVER.encode() not in data
        verdict = verify_bundle(parse_bundle(data), trust)
        [opened] = [each.opened for each in verdict.entries if each.opened]
        assert (opened.names, opened.closed) == (names, 2 - len(names))
    told = packer.get(f"/events/{hidden}").json()["disclosures"]
    assert len(told) == 2


def test_the_page_offers_them_by_name(world, hidden, settings):
    from django.test import Client

    settings.SESSION_ENGINE = "django.contrib.sessions.backends.db"
    manager = Client()
    manager.force_login(add_people(world).packer_manager)
    shipment = world.shipment(sscc(1)).pk
    page = manager.get(f"/shipments/{shipment}/").content.decode()
    assert 'value="ex:driver"' in page and 'value="sensorElementList"' in page and "4.5 °C" in page
    data = manager.get(f"/shipments/{shipment}/bundle/", {"disclose": ["ex:driver", "sensorElementList"]}).content
    [opened] = [each.opened for each in verify_bundle(parse_bundle(data), None).entries if each.opened]
    assert opened.closed == 0 and opened.value["event"]["ex:driver"] == DRIVER


@pytest.mark.parametrize("name", ["type", "action", "eventTime", "epcList", "bizStep", "readPoint", "waylog:note"])
def test_what_custody_decides_by_is_not_hidden(world, name):
    world.packer.pack(sscc(1))
    event = reading(world, bizStep="storing", readPoint={"id": world.packer.site}, **{"waylog:note": "x"})
    with pytest.raises(EventInvalid):
        capture(world, {**event, "@context": {**PREFIX, "waylog": "urn:waylog:epcis:"}}, name)


def test_nothing_is_hidden_inside_what_custody_decides_by(world):
    event = reading(world)
    body = json.loads(builders.body_bytes(event))
    digest = make_disclosure("ex:lot", 1)
    for place in ({"readPoint": {"id": world.packer.site, DIGESTS: [digest.digest]}},):
        told = json.dumps({**body, "event": {**body["event"], **place}}).encode()
        with pytest.raises(EventInvalid, match="may be hidden"):
            whole(told, [digest.text])


def test_hidden_members_may_not_say_what_an_event_cannot(world):
    world.packer.pack(sscc(1))
    with pytest.raises(EventInvalid):
        capture(world, reading(world, sensorElementList="warm"), "sensorElementList")


def test_a_disclosure_of_another_event_is_refused(world):
    world.packer.pack(sscc(1))
    signed = sign_event(reading(world), party=world.packer.id, hide=["ex:driver"]).item
    stray = make_disclosure("ex:driver", "John")
    from dataclasses import replace

    for told in ((stray.text,), (*signed.disclosures, stray.text), signed.disclosures * 2, ("x",)):
        [outcome] = operations.capture([replace(signed, disclosures=told)], party=world.packer.id, now=world.now)
        assert isinstance(outcome.error, BodyInvalid), outcome
    [outcome] = operations.capture([replace(signed, disclosures=())], party=world.packer.id, now=world.now)
    assert outcome.index  # a digest without a disclosure hides something from us too


def test_they_go_with_the_body(world, hidden):
    world.packer.unpack(sscc(1))
    one, two = (User.objects.create_user(f"{name}@x.example", None) for name in ("one", "two"))
    asked = operations.ask_erasure(hidden, ground="a request", party=world.packer.id, asked_by=one, now=world.now)
    operations.approve_erasure(asked.pk, party=world.operator.id, decided_by=two, now=world.later())
    with tenancy.system():
        assert not Disclosure.objects.exists()
    assert tables_with(DRIVER) == []
    assert everything_holds() is True


def test_hiding_leaves_what_is_not_there_alone(world):
    body = builders.body_bytes(reading(world))
    hidden, told = hide_members(body, ["ex:driver", "ex:absent"])
    assert len(told) == 1 and json.loads(whole(hidden, told)) == json.loads(body)
