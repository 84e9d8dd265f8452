"""What was short is acknowledged or disputed by the giver, with a signature of its own."""

from ledger.admission import Appended
from supplychain.epcis.events import Quantity
from tests.cast import APPLES_LOT, World
from tests.supplychain.byhand import UNIT, accept, link_of, refused, sign_by_hand


def test_the_giver_acknowledges_a_shortage_with_a_signature_of_its_own(world: World) -> None:
    world.grower.pack(UNIT)
    world.grower.dispatch(UNIT, world.carrier)
    accepted = world.carrier.accept(UNIT, world.grower, Quantity(APPLES_LOT, 48))
    assert world.shipment(UNIT).discrepancy == "open"
    world.carrier.unpack(UNIT)
    about = world.event(accepted.index).event_id
    with refused("not_giver"):
        world.carrier.answer(UNIT, about)
    world.grower.answer(UNIT, about)
    assert world.shipment(UNIT).discrepancy == "acknowledged"


def test_a_stranger_cannot_answer_a_shortage(world: World) -> None:
    world.grower.pack(UNIT)
    world.grower.dispatch(UNIT, world.carrier)
    accepted = world.carrier.accept(UNIT, world.grower, Quantity(APPLES_LOT, 48))
    with refused("unknown_shipment"):
        world.stranger.answer(UNIT, world.event(accepted.index).event_id)


def test_an_acceptance_without_an_id_is_answered_under_the_id_beside_it(world: World) -> None:
    world.grower.pack(UNIT)
    world.grower.dispatch(UNIT, world.carrier)
    event = accept(world, world.carrier, counted=[Quantity(APPLES_LOT, 48)])
    del event["eventID"]
    [outcome] = world.capture([sign_by_hand(world.carrier, event, link_of(world.shipment(UNIT)))])
    assert isinstance(outcome, Appended)
    shipment = world.shipment(UNIT)
    assert shipment.discrepancy_event_id == world.event(outcome.index).event_id != ""
    world.grower.answer(UNIT, shipment.discrepancy_event_id)
    assert world.shipment(UNIT).discrepancy == "acknowledged"
