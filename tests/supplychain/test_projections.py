"""Projections follow from the log alone: made again they are the same, row for row, and what was changed is found."""

import dataclasses
import json
from collections.abc import Callable
from io import StringIO

import pytest
from django.core.management import call_command

from ledger import audit, kept, tenancy
from supplychain import operations
from supplychain.epcis import builders
from supplychain.epcis.events import Quantity
from supplychain.models import Event, Party, Shipment, ShipmentLine
from supplychain.operations import rebuild
from supplychain.projections.digests import digest_of_projections
from tests.cast import APPLES_LOT, Hand, World, sscc


@pytest.fixture
def busy(world: World) -> World:
    """A world where everything happened once: shortages, corrections, readings, a party that came late."""
    first, second, third = sscc(1), sscc(2), sscc(3)
    world.grower.commission(first)
    world.grower.pack(first)
    world.grower.dispatch(first, world.carrier, final_party=world.shop.uri)
    wrong = world.carrier.observe(first, 40)
    world.carrier.observe(first, 7)
    world.carrier.correct(_raw(wrong.index))
    short = world.carrier.accept(first, world.grower, Quantity(APPLES_LOT, 48))
    world.carrier.dispatch(first, world.shop)
    world.shop.accept(first, world.carrier)
    world.grower.answer(first, world.event(short.index).event_id, "disputed")
    world.shop.unpack(first)
    world.packer.pack(second)
    sent = world.packer.dispatch(second, world.stranger)
    world.packer.correct(_raw(sent.index))
    world.packer.dispatch(second, "https://example.org/parties/late")
    opened = world.grower.pack(third)
    world.grower.correct(_raw(opened.index))
    world.stranger.observe(second, 5)
    late = Hand(world, operations.register_party("Late", "https://example.org/parties/late", now=world.now))
    late.capture(
        builders.accept_event(units=[second], giver=world.packer.uri, taker=late.uri, event_time=world.later())
    )
    return world


def _raw(index: int) -> dict[str, object]:
    with tenancy.system():
        event: dict[str, object] = json.loads(kept.bodies([index])[index].body)["event"]
    return event


def digests() -> dict[str, str]:
    with tenancy.system():
        return digest_of_projections()


def test_a_rebuild_gives_the_same_rows(busy: World) -> None:
    before = digests()
    assert rebuild.rebuild() == before == digests()


def test_a_rebuild_from_many_small_pieces_gives_the_same_rows(busy: World, monkeypatch: pytest.MonkeyPatch) -> None:
    before = digests()
    monkeypatch.setattr(rebuild, "CHUNK", 1)
    assert rebuild.rebuild() == before


def test_the_command_remakes_what_was_changed(busy: World) -> None:
    before = digests()
    with tenancy.system():
        Shipment.objects.update(custodian=busy.stranger.id)
        ShipmentLine.objects.all().delete()
        Party.objects.filter(id=busy.shop.id).update(name="Somebody else")
    assert digests() != before
    call_command("rebuild", stdout=(out := StringIO()))
    assert digests() == before
    assert before["supplychain_event"] in out.getvalue()


def test_people_stay_with_their_party_through_a_rebuild(busy: World) -> None:
    from supplychain.models import Membership, Role, User

    user = User.objects.create_user("ann@example.org")
    Membership.objects.create(user=user, party=busy.shop.party, role=Role.VIEWER)
    rebuild.rebuild()
    assert Membership.objects.get().party_id == busy.shop.id


def test_the_audit_finds_nothing_where_nothing_was_changed(busy: World) -> None:
    assert dict(audit.check_projections())["projections"] == []


@pytest.mark.parametrize(
    ("change", "table"),
    [
        (lambda: Shipment.objects.filter(status="unpacked").update(status="accepted"), "supplychain_shipment"),
        (lambda: Event.objects.filter(act="observe").update(biz_step="storing"), "supplychain_event"),
        (lambda: ShipmentLine.objects.all().delete(), "supplychain_shipmentline"),
        (lambda: Party.objects.filter(name="Shop").update(name="Shoe"), "supplychain_party"),
        (lambda: kept.forget_readers(), "ledger_scopereader"),
    ],
    ids=["shipment", "event", "line", "party", "reader"],
)
def test_the_audit_names_the_projection_that_was_changed(busy: World, change: Callable[[], object], table: str) -> None:
    with tenancy.system():
        change()
    faults = dict(audit.check_projections())["projections"]
    assert [table in fault.what for fault in faults] == [True]


def test_the_audit_leaves_everything_as_it_was(busy: World) -> None:
    before = digests()
    with tenancy.system():
        Shipment.objects.filter(status="unpacked").update(status="accepted")
    changed = digests()
    list(rebuild.differences())
    assert before != changed == digests()


def test_the_audit_names_the_index_of_an_event_whose_row_was_changed(busy: World) -> None:
    with tenancy.system():
        index = Event.objects.filter(act="accept").order_by("index")[0].index
        Event.objects.filter(index=index).update(event_id="urn:x:other")
    [fault] = dict(audit.check_projections())["projections"]
    assert fault.index == index


def test_a_body_with_other_chains_than_it_led_to_is_named(busy: World, monkeypatch: pytest.MonkeyPatch) -> None:
    with tenancy.system():
        index = Event.objects.filter(act="accept").order_by("index")[0].index
    real = kept.entries

    def without_chains(first: int, end: int) -> list[kept.KeptEntry]:
        found = real(first, end)
        for place, entry in enumerate(found):
            if entry.index == index and entry.body is not None:
                found[place] = dataclasses.replace(entry, body=dataclasses.replace(entry.body, chains=()))
        return found

    monkeypatch.setattr(kept, "entries", without_chains)
    before = digests()
    with pytest.raises(rebuild.NotRebuilt) as caught:
        rebuild.rebuild()
    assert caught.value.index == index
    assert digests() == before
