"""What a party's places and goods are called, and the GS1 company prefixes that are its own."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TypeVar
from uuid import UUID

from django.db import IntegrityError, transaction

from ledger.admission import Refused
from supplychain.models import CompanyPrefix, Product, Site
from supplychain.operations.setup import NewProduct, NewSite

_PREFIX = re.compile(r"[0-9]{6,12}", re.ASCII)
Named = TypeVar("Named", Site, Product)


class NamingRefused(Refused):
    """A name or a prefix cannot be taken as given; the message says why, `pointer` where."""

    code = "naming"


@transaction.atomic
def name_sites(sites: Sequence[NewSite], *, party: UUID) -> None:
    """Name places of the party, or name them anew; all or none. Raises NamingRefused for another party's."""
    rows = [
        Site(
            uri=each.uri,
            party_id=party,
            name=each.name,
            country=each.country,
            latitude=each.latitude,
            longitude=each.longitude,
        )
        for each in sites
    ]
    _name(Site, rows, party, ["name", "country", "latitude", "longitude", "party"])


@transaction.atomic
def name_products(products: Sequence[NewProduct], *, party: UUID) -> None:
    """Name products of the party, or name them anew; all or none. Raises NamingRefused for another party's."""
    rows = [
        Product(uri=each.uri, party_id=party, name=each.name, uom=each.uom, unit_name=each.unit_name)
        for each in products
    ]
    _name(Product, rows, party, ["name", "uom", "unit_name", "party"])


def _name(model: type[Named], rows: list[Named], party: UUID, fields: list[str]) -> None:
    uris = [row.uri for row in rows]
    for position, uri in enumerate(uris):
        if uri in uris[:position]:
            raise NamingRefused(f"{uri} is named twice", pointer=f"/items/{position}/uri")
    known = model.objects.select_for_update().filter(uri__in=uris).exclude(party=None).exclude(party=party)
    foreign = set(known.values_list("uri", flat=True))
    for position, uri in enumerate(uris):
        if uri in foreign:
            raise NamingRefused(f"{uri} is another party's", pointer=f"/items/{position}/uri")
    model.objects.bulk_create(rows, update_conflicts=True, unique_fields=["uri"], update_fields=fields)


def register_prefix(prefix: str, *, party: UUID) -> None:
    """Say that a GS1 company prefix is the party's; it tells where the prefix ends in a key. Raises NamingRefused.

    A prefix that begins with another one, or that another one begins with, would leave the end in doubt.
    """
    if not _PREFIX.fullmatch(prefix):
        raise NamingRefused("a GS1 company prefix is 6 to 12 digits", pointer="/prefix")
    starts = [prefix[:count] for count in range(6, len(prefix))]
    beside = CompanyPrefix.objects.filter(prefix__in=starts) | CompanyPrefix.objects.filter(prefix__startswith=prefix)
    if beside.exclude(prefix=prefix, party=party).exists():
        raise NamingRefused(f"{prefix} is registered, or one that begins like it", pointer="/prefix")
    try:
        with transaction.atomic():
            CompanyPrefix.objects.get_or_create(prefix=prefix, defaults={"party_id": party})
    except IntegrityError:  # somebody else was faster
        raise NamingRefused(f"{prefix} is registered", pointer="/prefix") from None


def release_prefix(prefix: str, *, party: UUID) -> None:
    """Take a prefix of the party back. Raises NamingRefused (404) when it is none of its own."""
    if "\0" in prefix or not CompanyPrefix.objects.filter(prefix=prefix, party=party).delete()[0]:
        refused = NamingRefused("there is no such prefix of your party")
        refused.status = 404
        raise refused
