"""People of the cast, for tests of pages: who signs in for whom, in which role."""

from dataclasses import dataclass

from supplychain.epcis.identifiers import gln_uri
from supplychain.models import Membership, Product, Role, Site, User
from tests.cast import APPLES, PEARS, Hand, World, gln

PASSWORD = "correct-horse-battery"


@dataclass
class People:
    """One person a role; the stranger's manager tries everything."""

    packer: User
    packer_manager: User
    packer_viewer: User
    packer_auditor: User
    carrier: User
    carrier_manager: User
    stranger: User


def person(hand: Hand, role: str, *, password: str | None = None) -> User:
    """Somebody with a role at a party of the cast."""
    name = hand.party.name.lower()
    user = User.objects.create_user(f"{role}@{name}.example", password, name=f"{role.title()} of {hand.party.name}")
    Membership.objects.create(user=user, party=hand.party, role=role)
    return user


def add_people(world: World, *, password: str | None = None) -> People:
    """Give the cast its people, sites and names of products."""
    for number, hand in enumerate(world.hands):
        Site.objects.create(
            uri=gln_uri(gln(100 + number)), party=hand.party, name=f"{hand.party.name} site", country="CH"
        )
    Product.objects.create(uri=APPLES, party=world.packer.party, name="Apples")
    Product.objects.create(uri=PEARS, party=world.packer.party, name="Pears")
    return People(
        packer=person(world.packer, Role.OPERATOR, password=password),
        packer_manager=person(world.packer, Role.MANAGER, password=password),
        packer_viewer=person(world.packer, Role.VIEWER, password=password),
        packer_auditor=person(world.packer, Role.AUDITOR, password=password),
        carrier=person(world.carrier, Role.OPERATOR, password=password),
        carrier_manager=person(world.carrier, Role.MANAGER, password=password),
        stranger=person(world.stranger, Role.MANAGER, password=password),
    )
