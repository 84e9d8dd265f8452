"""What pages show: a shipment on its way in the cast's world."""

import pytest

from supplychain.epcis.events import Quantity
from supplychain.models import Shipment
from tests.cast import APPLES_LOT, PEARS_LOT, World, sscc
from tests.people import People


@pytest.fixture
def on_the_way(world: World, people: People) -> Shipment:
    """Packed by the packer and dispatched to the carrier, two lines in it."""
    unit = sscc(1)
    world.packer.pack(unit, Quantity(APPLES_LOT, 50), Quantity(PEARS_LOT, 12))
    world.packer.dispatch(unit, world.carrier, seal="intact")
    return world.shipment(unit)
