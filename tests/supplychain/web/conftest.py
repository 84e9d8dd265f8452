"""Signed-in people in front of the cast's world."""

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from supplychain.epcis.events import Quantity
from supplychain.models import Shipment, User
from tests.cast import APPLES_LOT, PEARS_LOT, World, sscc
from tests.people import People, add_people

SignIn = Callable[[User], Client]


@pytest.fixture
def people(world: World) -> People:
    return add_people(world)


@pytest.fixture
def sign_in(settings: Any) -> SignIn:
    """A client whose user is signed in."""
    settings.SESSION_ENGINE = "django.contrib.sessions.backends.db"

    def signed_in(user: User) -> Client:
        client = Client()
        client.force_login(user)
        return client

    return signed_in


@pytest.fixture
def on_the_way(world: World, people: People) -> Shipment:
    """Packed by the packer and dispatched to the carrier, two lines in it."""
    unit = sscc(1)
    world.packer.pack(unit, Quantity(APPLES_LOT, 50), Quantity(PEARS_LOT, 12))
    world.packer.dispatch(unit, world.carrier, seal="intact")
    return world.shipment(unit)
