"""Who plays in the demo world: six parties, their sites, products and people.

All keys begin with 952, the prefix that GS1 keeps for demonstrations and examples: they are well-formed and name
nothing. The companies are invented; the places are real ones in Switzerland.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

from supplychain.epcis.identifiers import check_digit, gln_uri, gtin_uri, party_uri, sscc_uri


@cache
def _key(prefix: str, reference: int, digits: int) -> str:
    """Company prefix, reference and check digit: `_key("9521001", 7, 13)` is `9521001000079`."""
    stem = prefix + str(reference).zfill(digits - 1 - len(prefix))
    return stem + check_digit(stem)


_party_uri = cache(party_uri)


@dataclass(frozen=True, slots=True)
class PartyOf:
    """A party of the cast; its keys are made under `prefix`."""

    key: str
    name: str
    prefix: str

    @property
    def gln(self) -> str:
        return _key(self.prefix, 0, 13)

    @property
    def uri(self) -> str:
        return _party_uri(self.gln)

    def sscc(self, serial: int) -> str:
        """The URI of the party's logistic unit with this serial number."""
        stem = f"3{self.prefix}{serial:09d}"
        return sscc_uri(stem + check_digit(stem))

    def document(self, number: int) -> str:
        """The URI of one of the party's documents (CBV 2.0, 8.5)."""
        return f"urn:epcglobal:cbv:bt:{self.gln}:{number}"


@dataclass(frozen=True, slots=True)
class SiteOf:
    """A place of a party."""

    key: str
    party: str
    name: str
    uri: str
    latitude: float
    longitude: float
    country: str = "CH"


@dataclass(frozen=True, slots=True)
class ProductOf:
    """A product, counted in cases, or loose and weighed in kilograms."""

    key: str
    party: str
    name: str
    gtin: str
    uom: str = ""
    unit_name: str = "case"
    source: str = ""
    """Of a packed product: the loose one it is packed from."""

    @property
    def uri(self) -> str:
        return gtin_uri(self.gtin)

    def lot(self, lot: str) -> str:
        return gtin_uri(self.gtin, lot=lot)


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody who signs in."""

    name: str
    email: str
    party: str
    role: str


PARTIES = {
    each.key: each
    for each in (
        PartyOf("seeland", "Seeland Gemüse Genossenschaft", "9521001"),
        PartyOf("rhone", "Vergers du Rhône SA", "9521002"),
        PartyOf("mittelland", "Mittelland Packhaus AG", "9521003"),
        PartyOf("alpentrans", "Alpentrans Kühllogistik AG", "9521004"),
        PartyOf("aare", "Aare Frische Verteilzentrum AG", "9521005"),
        PartyOf("limmat", "Limmat Markt AG", "9521006"),
    )
}
OPERATOR = "aare"
"""The party that runs the server of the demo world."""
DISHONEST = "alpentrans"
"""The party whose word is not always true."""


def _site(key: str, party: str, name: str, number: int, latitude: float, longitude: float) -> SiteOf:
    uri = gln_uri(_key(PARTIES[party].prefix, number, 13))
    return SiteOf(key, party, name, uri, latitude, longitude)


SITES = {
    each.key: each
    for each in (
        _site("kerzers", "seeland", "Hof Moosacker, Kerzers", 1, 46.9764, 7.1958),
        _site("saxon", "rhone", "Vergers de Saxon", 1, 46.1494, 7.1756),
        _site("lyss", "mittelland", "Packhaus Lyss", 1, 47.0741, 7.3065),
        _site("haerkingen", "alpentrans", "Depot Härkingen", 1, 47.3094, 7.8180),
        _site("oensingen", "aare", "Verteilzentrum Oensingen", 1, 47.2876, 7.7167),
        _site("zurich", "limmat", "Limmat Markt Zürich HB", 1, 47.3782, 8.5402),
        _site("lausanne", "limmat", "Limmat Markt Lausanne Gare", 2, 46.5169, 6.6291),
    )
}
SHOPS = ("zurich", "lausanne")


def _loose(key: str, party: str, name: str, number: int) -> ProductOf:
    gtin = "9" + PARTIES[party].prefix + f"{number:05d}"
    return ProductOf(key, party, name, gtin + check_digit(gtin), uom="KGM", unit_name="kg")


def _packed(key: str, name: str, number: int, source: str) -> ProductOf:
    gtin = "1" + PARTIES["mittelland"].prefix + f"{number:05d}"
    return ProductOf(key, "mittelland", name, gtin + check_digit(gtin), source=source)


PRODUCTS = {
    each.key: each
    for each in (
        _loose("carrots-loose", "seeland", "Carrots, loose", 101),
        _loose("lettuce-loose", "seeland", "Lamb's lettuce, loose", 102),
        _loose("apples-loose", "rhone", "Gala apples, loose", 201),
        _loose("pears-loose", "rhone", "Conference pears, loose", 202),
        _packed("carrots", "Carrots, 6 bags of 1 kg", 301, "carrots-loose"),
        _packed("lettuce", "Lamb's lettuce, 12 trays of 125 g", 302, "lettuce-loose"),
        _packed("apples", "Gala apples, 6 bags of 1 kg", 303, "apples-loose"),
        _packed("pears", "Conference pears, 8 trays of 500 g", 304, "pears-loose"),
    )
}
PACKED = tuple(key for key, product in PRODUCTS.items() if product.source)
KILOGRAMS = {"carrots": 6.0, "lettuce": 1.5, "apples": 6.0, "pears": 4.0}
"""What a case of each holds."""

PEOPLE = (
    Person("Nora Aebi", "nora@aare.example", "aare", "manager"),
    Person("Luca Ferrari", "luca@aare.example", "aare", "operator"),
    Person("Petra Wyss", "petra@aare.example", "aare", "planner"),
    Person("Marc Jenni", "marc@mittelland.example", "mittelland", "manager"),
    Person("Sina Roth", "sina@alpentrans.example", "alpentrans", "manager"),
    Person("Yves Rochat", "yves@limmat.example", "limmat", "manager"),
    Person("Anna Keller", "anna@limmat.example", "limmat", "auditor"),
    Person("Ueli Mader", "ueli@seeland.example", "seeland", "viewer"),
)


@dataclass(frozen=True, slots=True)
class Client:
    """A program that acts for a party through the API, with a key of its own."""

    party: str
    name: str
    scopes: str


_ALL = "events:write events:read shipments:read forecasts:read keys:write"
CLIENTS = (
    Client("aare", "Warehouse system of the distribution centre", f"{_ALL} epcis:capture epcis:query"),
    Client("mittelland", "Packing line", _ALL),
    Client("alpentrans", "Fleet telematics", _ALL),
)
