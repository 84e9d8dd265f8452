"""What an event tells of stock and of orders: event by event, from the event alone.

Accepted goods that were counted come in, and so does what a site makes; what is packed into units, consumed, sold or
used up goes out. A count (`stock_taking`, `cycle_counting`) says what is there: opening balances are counts too. An
order is a transaction event that adds a purchase order's quantities.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Literal
from uuid import UUID

from supplychain.custody import Act, CustodyRefused, act_of, contents_of, product_of
from supplychain.custody.acts import added
from supplychain.epcis.errors import EventInvalid
from supplychain.epcis.events import Event
from supplychain.epcis.identifiers import canonical
from supplychain.epcis.parsing import parse_body
from supplychain.observations import CONSUMING_STEPS, Entry

Kind = Literal["in", "out", "count", "order"]
COUNTING_STEPS = frozenset({"stock_taking", "cycle_counting"})
GONE_STEPS = frozenset({"destroying", "decommissioning"})


@dataclass(frozen=True, slots=True)
class Change:
    """So much of a product came to, left, was counted at or was ordered for a site."""

    kind: Kind
    tenant: UUID
    site: str
    product: str
    unit: str
    quantity: float
    at: datetime
    source: str
    index: int


@dataclass(frozen=True, slots=True)
class Wrong:
    """The event that is called `source` was wrong."""

    source: str


def decode(entry: Entry, *, signer: UUID) -> Iterator[Change | Wrong]:
    """Tell what an entry, signed by the party `signer`, says of its stock and orders."""
    if entry.body is None:
        return
    try:
        event = parse_body(entry.body)
    except EventInvalid:
        return
    source = f"{signer.hex} {event.event_id or entry.index}"
    if event.error_declaration is not None:
        yield Wrong(source)
        return
    for kind, site, amounts in _told(event):
        for (product, unit), quantity in amounts.items():
            if site:
                yield Change(kind, signer, site, product, unit, quantity, event.event_time, source, entry.index)


def _told(event: Event) -> Iterator[tuple[Kind, str, dict[tuple[str, str], float]]]:
    here = canonical(event.biz_location or event.read_point or "")
    if event.event_type == "TransactionEvent":
        if event.action == "ADD" and any(each.type == "po" for each in event.biz_transaction_list):
            yield "order", canonical(event.destination("location") or ""), _amounts(event)
        return
    if event.event_type == "TransformationEvent":
        yield "out", here, _sum(event.input_quantity_list, "/inputQuantityList")
        yield "in", here, _sum(event.output_quantity_list, "/outputQuantityList")
        return
    act = act_of(event)
    if act == Act.ACCEPT or (act == Act.OBSERVE and event.biz_step in ("receiving", "accepting")):
        yield "in", here or canonical(event.destination("location") or ""), _amounts(event)
    elif act == Act.PACK:
        yield "out", here, _amounts(event)
    elif event.event_type == "ObjectEvent" and event.biz_step in COUNTING_STEPS:
        yield "count", here, _amounts(event)
    elif event.event_type == "ObjectEvent" and (event.biz_step in CONSUMING_STEPS or event.biz_step in GONE_STEPS):
        yield "out", here, _amounts(event)
    elif event.event_type == "ObjectEvent" and event.action == "ADD" and event.biz_step == "commissioning":
        yield "in", here, _amounts(event)


def _amounts(event: Event) -> dict[tuple[str, str], float]:
    try:
        contents = contents_of(event)
    except CustodyRefused:  # a quantity is missing: the event tells no amount
        return {}
    return _by_product(contents.items())


def _sum(quantities: tuple[object, ...], pointer: str) -> dict[tuple[str, str], float]:
    try:
        return _by_product(added(quantities, (), pointer).items())  # type: ignore[arg-type]
    except CustodyRefused:
        return {}


def _by_product(items: object) -> dict[tuple[str, str], float]:
    found: dict[tuple[str, str], float] = {}
    for (epc, uom), quantity in items:  # type: ignore[attr-defined]
        key = product_of(epc), uom
        found[key] = found.get(key, 0.0) + float(quantity)
    return found
