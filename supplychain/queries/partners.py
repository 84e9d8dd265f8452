"""The parties that a party has met: it has signed, or may read, an event with each of them. And all that there are."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from uuid import UUID

from django.db.models import Count, Q

from ledger import tenancy
from supplychain.models import CompanyPrefix, Event, EventReader, Party, PartyIdentifier, Product, Shipment, Site


@dataclass(frozen=True, slots=True)
class Met:
    """A party, and what events name it and its places and goods by."""

    party: Party
    is_own: bool
    identifiers: list[str]
    prefixes: list[str]
    sites: list[Site]
    products: list[Product]


def ids(party: UUID) -> set[UUID]:
    """The ids of those that `party` has met, without itself: who signed, held or was offered what it may read."""
    shared = Event.objects.filter(index__in=EventReader.objects.filter(party=party).values("index"))
    found = set(shared.order_by().values_list("tenant", flat=True).distinct())
    shipments = tenancy.readable_by(Shipment.objects.order_by(), party)
    for column in ("shipper", "custodian", "offered_to"):
        found |= set(shipments.values_list(column, flat=True).distinct())
    return {each for each in found if each is not None} - {party}


def met(party: UUID) -> list[Met]:
    """The party itself, then those it has met, by name."""
    known = ids(party) | {party}
    identifiers: dict[UUID, list[str]] = defaultdict(list)
    for row in PartyIdentifier.objects.filter(party__in=known).order_by("uri"):
        identifiers[row.party_id].append(row.uri)
    sites: dict[UUID, list[Site]] = defaultdict(list)
    for site in Site.objects.filter(party__in=known):
        sites[site.party_id].append(site)  # type: ignore[index]  # it has one: it is filtered by it
    products: dict[UUID, list[Product]] = defaultdict(list)
    for product in Product.objects.filter(party__in=known):
        products[product.party_id].append(product)  # type: ignore[index]
    prefixes: dict[UUID, list[str]] = defaultdict(list)
    for prefix in CompanyPrefix.objects.filter(party__in=known):
        prefixes[prefix.party_id].append(prefix.prefix)
    rows = sorted(Party.objects.filter(id__in=known), key=lambda row: (row.id != party, row.name))
    return [
        Met(row, row.id == party, identifiers[row.id], prefixes[row.id], sites[row.id], products[row.id])
        for row in rows
    ]


@dataclass(frozen=True, slots=True)
class Registered:
    """A party of this server, with how many people sign in for it and how many places it has."""

    party: Party
    people: int
    places: int


def registered(*, limit: int, after: UUID | None = None, apart_from: UUID | None = None) -> list[Registered]:
    """All parties by name, from the one after `after` on: for whoever runs the server alone."""
    with tenancy.system():
        rows = Party.objects.exclude(pk=apart_from) if apart_from else Party.objects.all()
        if after is not None:
            last = Party.objects.filter(pk=after).values_list("name", flat=True).first() or ""
            rows = rows.filter(Q(name__gt=last) | Q(name=last, pk__gt=after))
        counted = rows.annotate(people=Count("memberships", distinct=True), places=Count("sites", distinct=True))
        return [Registered(row, row.people, row.places) for row in counted.order_by("name", "pk")[:limit]]


def count(*, apart_from: UUID) -> int:
    """How many parties there are beside `apart_from`."""
    return Party.objects.exclude(pk=apart_from).count()
