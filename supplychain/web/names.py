"""What identifiers are called on pages: parties, sites and products, read for one page at a time."""

from __future__ import annotations

from collections.abc import Iterable
from uuid import UUID

from django.db.models import Q

from supplychain import custody
from supplychain.models import Party, PartyIdentifier, Product, Shipment, Site
from supplychain.web import words


class Names:
    """The names of what a page shows. What has none is shown by its identifier."""

    def __init__(self, *, parties: Iterable[UUID] = (), uris: Iterable[str] = ()) -> None:
        ids, wanted = {each for each in parties if each}, {each for each in uris if each}
        wanted |= {custody.product_of(uri) for uri in wanted}
        self._wanted = wanted
        known = Party.objects.filter(Q(pk__in=ids) | Q(uri__in=wanted))
        self._parties = {party.pk: party.name for party in known}
        self._uris = {party.uri: party.name for party in known}
        aliases = PartyIdentifier.objects.filter(uri__in=wanted).select_related("party")
        self._uris |= {alias.uri: alias.party.name for alias in aliases}
        sites = list(Site.objects.filter(uri__in=wanted))
        self._sites = {site.uri: site for site in sites}
        self._products = {product.uri: product for product in Product.objects.filter(uri__in=wanted)}

    @classmethod
    def of_shipments(cls, shipments: Iterable[Shipment]) -> Names:
        """Those of a list of shipments whose lines were prefetched."""
        ids: set[UUID] = set()
        uris: set[str] = set()
        for each in shipments:
            ids |= {party for party in (each.shipper, each.custodian, each.offered_to, each.discrepancy_giver) if party}
            uris |= {each.offered_to_uri, each.consignee_uri, each.from_location, each.to_location}
            uris |= {line.product for line in each.lines.all()}
        return cls(parties=ids, uris=uris)

    def party(self, party: UUID | None, uri: str = "") -> str:
        """A party's name, else the identifier that events gave."""
        if party is not None and party in self._parties:
            return self._parties[party]
        return self._uris.get(uri) or (words.short_identifier(uri) if uri else "someone outside the register")

    def place(self, uri: str) -> str:
        """A site's name, else the identifier."""
        site = self._sites.get(uri)
        return site.name if site else (words.short_identifier(uri) if uri else "")

    def position(self, uri: str) -> tuple[float, float] | None:
        """A site's latitude and longitude, where they were told."""
        site = self._sites.get(uri)
        if site is None or site.latitude is None or site.longitude is None:
            return None
        return site.latitude, site.longitude

    def product(self, uri: str) -> str:
        """A product's name, else the identifier of its class."""
        found = self._products.get(custody.product_of(uri))
        return found.name if found else words.short_identifier(custody.product_of(uri))

    def unit_name(self, uri: str) -> str:
        """What one of a product is called: `case`."""
        found = self._products.get(custody.product_of(uri))
        return found.unit_name if found else "piece"

    def known(self) -> dict[str, str]:
        """Every identifier asked for that has a name, with it."""
        found = {uri: site.name for uri, site in self._sites.items()} | self._uris
        return found | {
            uri: self._products[product].name
            for uri in self._wanted
            if (product := custody.product_of(uri)) in self._products
        }
