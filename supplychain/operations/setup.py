"""The first writes of an empty database: the log, the party that runs it, its people, sites and products.

The demo world and the page of the first run come through here.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import uuid4

from django.contrib.auth.hashers import make_password
from django.db import transaction

from ledger import tenancy
from supplychain.models import Membership, Party, Product, Role, Site, User
from supplychain.operations.parties import set_up


@dataclass(frozen=True, slots=True)
class NewPerson:
    """Somebody who will sign in; `password_hash` instead of a password where it was hashed before."""

    name: str
    email: str
    role: str
    password: str = ""
    password_hash: str = ""


@dataclass(frozen=True, slots=True)
class NewSite:
    """A place of a party."""

    uri: str
    name: str
    country: str = ""
    latitude: float | None = None
    longitude: float | None = None


@dataclass(frozen=True, slots=True)
class NewProduct:
    """A product of a party."""

    uri: str
    name: str
    uom: str = ""
    unit_name: str = "case"


@transaction.atomic
def set_up_log(
    *,
    host: str,
    operator_name: str,
    now: datetime,
    operator_uri: str = "",
    people: Sequence[NewPerson] = (),
    sites: Iterable[NewSite] = (),
    products: Iterable[NewProduct] = (),
) -> Party:
    """Make the log and the party that runs it, with its people, sites and products. Raises LogExists.

    Without a URI of its own the party gets a private one.
    """
    party = set_up(host=host, name=operator_name, uri=operator_uri or uuid4().urn, now=now)
    with tenancy.system():
        add_people(party, people)
        add_sites(party, sites)
        add_products(party, products)
    return party


def add_people(party: Party, people: Sequence[NewPerson]) -> list[User]:
    """Let people sign in for `party`, each in a role."""
    users = User.objects.bulk_create(
        User(
            email=User.objects.normalize_email(each.email),
            name=each.name,
            password=each.password_hash or make_password(each.password or None),
        )
        for each in people
    )
    Membership.objects.bulk_create(
        Membership(user=user, party=party, role=Role(each.role)) for user, each in zip(users, people, strict=True)
    )
    return users


def add_sites(party: Party, sites: Iterable[NewSite]) -> None:
    """Give places names; one that has a name keeps it."""
    rows = (
        Site(uri=s.uri, party=party, name=s.name, country=s.country, latitude=s.latitude, longitude=s.longitude)
        for s in sites
    )
    Site.objects.bulk_create(rows, ignore_conflicts=True)


def add_products(party: Party, products: Iterable[NewProduct]) -> None:
    """Give products names; one that has a name keeps it."""
    rows = (Product(uri=p.uri, party=party, name=p.name, uom=p.uom, unit_name=p.unit_name) for p in products)
    Product.objects.bulk_create(rows, ignore_conflicts=True)
