"""What collections list: for each party what the events name that it may read, and no more once these are erased."""

from importlib import import_module

import pytest
from django.db import connection

from ledger import tenancy
from supplychain import operations
from supplychain.models import EventWord, User
from supplychain.queries import vocabularies
from tests.cast import sscc
from tests.supplychain.epcis_api.conftest import document, event
from tests.supplychain.epcis_api.test_capture import rows
from tests.supplychain.test_erasure import everything_holds


def listed(hand, field):
    with tenancy.acting_for(hand.id):
        return vocabularies.named(field, party=hand.id, after="", limit=100)


def test_a_party_finds_the_words_of_a_shipment_once_it_is_opened_to_it(world):
    world.packer.pack(sscc(1))
    own = {field: listed(world.packer, field) for field in ("eventType", "bizStep", "readPoint")}
    assert own["eventType"] == ["AggregationEvent"] and own["bizStep"] == ["packing"] and len(own["readPoint"]) == 1
    assert [listed(world.carrier, field) for field in own] == [[], [], []]
    world.packer.dispatch(sscc(1), world.carrier)
    assert listed(world.carrier, "bizStep") == ["packing", "shipping"]
    assert set(own["readPoint"]) <= set(listed(world.carrier, "readPoint"))
    world.packer.observe(sscc(1))
    assert listed(world.carrier, "bizStep") == listed(world.packer, "bizStep")
    assert [listed(world.stranger, field) for field in own] == [[], [], []]


def test_the_rows_of_others_are_not_there_for_who_asks_the_table(world):
    world.packer.pack(sscc(1))
    with tenancy.acting_for(world.stranger.id), connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM supplychain_eventword")
        assert cursor.fetchone() == (0,)


def test_the_migration_fills_what_is_kept_since(world):
    world.packer.pack(sscc(1))
    world.packer.dispatch(sscc(1), world.carrier)
    with tenancy.system(), connection.cursor() as cursor:
        kept = set(EventWord.objects.values_list("party", "field", "value"))
        EventWord.objects.all().delete()
        cursor.execute(import_module("supplychain.migrations.0014_event_words")._FILLED)
        assert set(EventWord.objects.values_list("party", "field", "value")) == kept
    assert {party for party, _, _ in kept} >= {world.packer.id, world.carrier.id}


def test_what_only_an_erased_event_named_is_listed_no_more(grower, world):
    places = ("https://example.org/places/secret", "https://example.org/places/known")
    for number, place in enumerate((places[0], places[1], places[1]), 1):
        grower.job(document(event(number, bizLocation={"id": place})))
    assert set(places) <= set(listed(world.grower, "bizLocation"))
    askers = [User.objects.create_user(f"{name}@x.example", None) for name in ("one", "two")]
    for row in rows()[-3:-1]:
        asked = operations.ask_erasure(
            row.index, ground="by law", party=world.grower.id, asked_by=askers[0], now=world.later()
        )
        operations.approve_erasure(asked.pk, party=world.operator.id, decided_by=askers[1], now=world.later())
    assert places[0] not in listed(world.grower, "bizLocation")
    assert places[1] in listed(world.grower, "bizLocation")
    with tenancy.system():
        assert not EventWord.objects.filter(value=places[0]).exists()
    assert everything_holds() is True


@pytest.mark.parametrize("few", [0, vocabularies.FEW])
def test_epcs_are_the_same_however_they_are_found(world, monkeypatch, few):
    for number in (1, 2):
        world.packer.pack(sscc(number))
    world.packer.dispatch(sscc(1), world.carrier)
    monkeypatch.setattr(vocabularies, "FEW", few)
    whole = listed(world.packer, "epc")
    assert len(whole) >= 3 and whole == sorted(whole)
    with tenancy.acting_for(world.packer.id):
        assert vocabularies.named("epc", party=world.packer.id, after=whole[0], limit=1) == whole[1:2]
    assert set(listed(world.carrier, "epc")) < set(whole)
    assert listed(world.stranger, "epc") == []
