"""Finding shipments by whatever somebody has at hand: an SSCC, a lot, an order, a product's name, a party's name."""

from __future__ import annotations

import re
from datetime import datetime
from uuid import UUID

from django.core.paginator import Page, Paginator
from django.db.models import Exists, OuterRef, Q, QuerySet

from ledger import tenancy
from supplychain.epcis.identifiers import canonical, is_uri
from supplychain.models import Party, Product, Shipment, ShipmentLine, Site
from supplychain.queries import arrivals, tower


def search(*, party: UUID, text: str, state: str, now: datetime) -> QuerySet[Shipment]:
    """The shipments in `state` that `text` finds, the latest first. Every word of `text` must be found."""
    found = tenancy.readable_by(Shipment.objects.all(), party).filter(_in_state(state, party, now))
    text = _without_brackets(text)
    for word in [text] if is_uri(text) else text.split():
        found = found.filter(_names(word))
    return found.order_by("-last_index")


def page(found: QuerySet[Shipment], *, number: str, size: int) -> Page[Shipment]:
    """One page of them, with their lines; a page number that makes no sense gives the nearest that does."""
    return Paginator(found.prefetch_related("lines"), size).get_page(number)


def _in_state(state: str, party: UUID, now: datetime) -> Q:
    if state == "risk":
        return Q(pk__in=arrivals.at_risk(party, now=now))
    return {
        "open": Q(is_open=True),
        "waiting": tower.waiting_for(party),
        "moving": tower.DISPATCHED,
        "late": tower.late(now),
        "breached": tower.BREACHED,
        "discrepancy": tower.IN_DISCREPANCY,
        "held": Q(is_open=True, custodian=party),
        "closed": Q(is_open=False),
    }.get(state, Q())


def _without_brackets(text: str) -> str:
    """Read `(00)376123450000042184` as people write it on labels."""
    return re.sub(r"^\(00\)\s*", "", text.strip())


def _names(word: str) -> Q:
    """Whatever of a shipment `word` may name."""
    lines = ShipmentLine.objects.filter(shipment=OuterRef("pk"))
    if is_uri(word):
        uri = canonical(word)
        in_lines = Exists(lines.filter(Q(epc=uri) | Q(product=uri) | Q(epc__startswith=f"{uri}/")))
        return Q(unit=uri) | Q(references__contains=[word]) | in_lines | _at(Q(uri=uri), [])
    part = _escaped(word)
    products = Product.objects.filter(name__icontains=word).values("uri")
    in_lines = Exists(lines.filter(Q(epc__icontains=part) | Q(product__in=products)))
    named = Q(name__icontains=word)
    return Q(unit__icontains=part) | Q(references__icontains=part) | in_lines | _at(named, [named])


def _escaped(word: str) -> str:
    """As it stands in a Digital Link, where a lot such as `A/7` is percent-encoded."""
    return canonical(f"https://id.gs1.org/01/09521141012345/10/{word}").rpartition("/10/")[2] or word


def _at(where: Q, who: list[Q]) -> Q:
    sites = Site.objects.filter(where).values("uri")
    found = Q(to_location__in=sites) | Q(from_location__in=sites)
    for each in who:
        parties = Party.objects.filter(each)
        found |= Q(shipper__in=parties.values("pk")) | Q(consignee_uri__in=parties.values("uri"))
        found |= Q(custodian__in=parties.values("pk")) | Q(offered_to__in=parties.values("pk"))
    return found
