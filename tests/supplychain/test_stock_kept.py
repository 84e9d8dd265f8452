"""What is kept of stock is what the whole log tells: as it grows, after counts, corrections, erasures, lost keys."""

from datetime import timedelta

import pytest

from forecasting import plans, stocking
from forecasting.planning.stock import Change, Wrong, positions
from forecasting.planrows import StockChange, StockTo
from ledger import tenancy, verified
from ledger.verified import verified_entries
from supplychain import decoder
from supplychain.epcis.events import Quantity
from supplychain.operations import parties
from supplychain.operations.plans import count_event
from tests.cast import APPLES, APPLES_LOT, PEARS, sscc
from tests.supplychain.test_erasure import approve, ask, decider, people  # noqa: F401 - fixtures


def whole(world, hand):
    """The stock of a party, read from the first entry on."""
    changes, wrong = [], set()
    for entry in verified_entries():
        if entry.statement.type == "event" and not entry.disputed and entry.key.party == hand.id.hex:
            for told in decoder.decode_stock(entry):
                changes.append(told) if isinstance(told, Change) else wrong.add(told.source)
                assert isinstance(told, (Change, Wrong))
    return positions(changes, now=world.now, wrong=wrong)


def agrees(world):
    """Whether every party's stock is the same from what is kept; and the packer's."""
    with tenancy.system():
        for hand in world.hands:
            kept = plans.read_stock(hand.id, now=world.now)
            assert kept.held == whole(world, hand), hand.party.name
        assert list(stocking.differences()) == []
        return {key.product: held for key, held in plans.read_stock(world.packer.id, now=world.now).held.items()}


def receive(world, number, amount):
    unit = sscc(number)
    world.grower.pack(unit, Quantity(APPLES_LOT, amount))
    world.grower.dispatch(unit, world.packer)
    made = world.packer.accept(unit, world.grower, Quantity(APPLES_LOT, amount))
    world.packer.unpack(unit)
    return made.index


def counted(world, quantity, product=APPLES):
    event = count_event(site=world.packer.site, product=product, quantity=quantity, unit="", now=world.later())
    return world.packer.capture(event), event


def test_what_is_kept_agrees_with_the_log_after_every_kind_of_event(world, people, decider):  # noqa: F811
    first = receive(world, 1, 12)
    assert agrees(world)[APPLES].on_hand == 12
    _, event = counted(world, 40)
    counted(world, 7, PEARS)
    assert agrees(world)[APPLES].on_hand == 40
    receive(world, 2, 5)
    world.packer.pack(sscc(3), Quantity(APPLES_LOT, 30))
    found = agrees(world)
    assert (found[APPLES].on_hand, found[PEARS].on_hand) == (15, 7)
    world.packer.correct(event)
    assert agrees(world)[APPLES].on_hand == 12 + 5 - 30, "the count was declared wrong"
    approve(world, decider, ask(world, people, first))
    assert agrees(world)[APPLES].on_hand == 5 - 30, "what was erased counts no more"


def test_only_what_is_new_is_decoded_and_a_lost_key_has_all_read_again(world, monkeypatch):
    receive(world, 1, 12)
    assert agrees(world)[APPLES].on_hand == 12
    second = receive(world, 2, 5)
    seen = []

    def decode(entry):
        seen.append(entry.index)
        return decoder.decode_stock(entry)

    with tenancy.system():
        before = StockTo.objects.get().tree_size
        monkeypatch.setattr(stocking, "_decoder", [decode])
        stocking.advance()
        assert seen and min(seen) >= before
        seen.clear()
        stocking.advance()
        assert seen == []
        [entry] = verified.verified_few([second])
    key = entry.statement.key
    parties.revoke_key(key, party=world.packer.id, now=world.later(), last_valid_index=before - 1)
    assert agrees(world)[APPLES].on_hand == 12, "what the key signed after it was lost counts no more"
    assert min(seen) < before
    parties.attest(str(second), party=world.packer.id, now=world.later())
    assert agrees(world)[APPLES].on_hand == 17, "its party stands by it"


def test_an_erased_body_is_in_no_row_before_anybody_plans_again(world, people, decider):  # noqa: F811
    index = receive(world, 1, 12)
    agrees(world)
    with tenancy.system():
        assert StockChange.objects.filter(index=index).exists()
    approve(world, decider, ask(world, people, index))
    with tenancy.system():
        assert not StockChange.objects.filter(index=index).exists()


@pytest.mark.parametrize("change", [{"quantity": 99}, {"kind": "out"}, {"product": PEARS}, {"at": timedelta(days=1)}])
def test_a_row_that_is_changed_is_named_by_the_audit_and_mended_by_a_rebuild(world, change):
    index = receive(world, 1, 12)
    agrees(world)
    with tenancy.system():
        row = StockChange.objects.filter(index=index)
        values = {name: row.get().at + value if name == "at" else value for name, value in change.items()}
        row.update(**values)
        assert [found for found, _ in stocking.differences()] == [index]
        stocking.rebuild()
    assert agrees(world)[APPLES].on_hand == 12


def test_rows_are_their_partys_alone_and_nothing_is_kept_of_a_broken_log(world, monkeypatch):
    receive(world, 1, 12)
    agrees(world)
    with tenancy.acting_for(world.packer.id):
        assert StockChange.objects.count() > 0
        assert set(StockChange.objects.values_list("tenant", flat=True)) == {world.packer.id}
    with tenancy.acting_for(world.stranger.id):
        assert not StockChange.objects.exists()
    receive(world, 2, 5)

    def broken(*given):
        raise verified.LogBroken("the log does not hold")

    with monkeypatch.context() as breaking, tenancy.system(), pytest.raises(verified.LogBroken):
        breaking.setattr(stocking, "verified_since", broken)
        plans.read_stock(world.packer.id, now=world.now)
    assert agrees(world)[APPLES].on_hand == 17
