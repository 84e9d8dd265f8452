"""What an event tells of demand: event by event, from the event alone.

Demand of a product at a site is, in this order, what the site records as consumed (sold, dispensed), else what it
accepted, else what was dispatched to it (which stock may have cut short). Which of them counts for a series is chosen
over all of its observations. A receipt is what the acceptance itself counted; an acceptance without a count tells
nothing, such as a carrier's, who takes over closed units.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol
from uuid import UUID

from supplychain.custody import Act, CustodyRefused, act_of, contents_of, product_of, taker_of
from supplychain.epcis.errors import EventInvalid
from supplychain.epcis.events import Event
from supplychain.epcis.identifiers import canonical
from supplychain.epcis.parsing import parse_body

CONSUMPTION, RECEIPTS, DISPATCHES = "consumption", "receipts", "dispatches"
KINDS = (CONSUMPTION, RECEIPTS, DISPATCHES)
"""What may count as demand, the best first."""
CONSUMING_STEPS = frozenset({"retail_selling", "dispensing", "consuming"})
_TELLING = tuple(word.encode() for word in (*CONSUMING_STEPS, "receiving", "accepting", "shipping", "errorDeclaration"))


class Entry(Protocol):
    """What is asked of a verified entry."""

    @property
    def index(self) -> int: ...
    @property
    def record_time(self) -> datetime: ...
    @property
    def body(self) -> bytes | None: ...


@dataclass(frozen=True, slots=True)
class Observation:
    """So much of a product was wanted at a site; an empty `unit` means pieces. `source` names the event that says so,
    by its party and id; `origin` is the place that the goods came from, where the event tells it."""

    kind: str
    product: str
    site: str
    unit: str
    tenant: UUID
    at: datetime
    known_at: datetime
    quantity: float
    attested: bool
    index: int
    source: str
    origin: str = ""


@dataclass(frozen=True, slots=True)
class Withdrawal:
    """The event that is called `source` was wrong, which is known from `known_at` on."""

    source: str
    known_at: datetime


def decode(entry: Entry, *, signer: UUID) -> Iterator[Observation | Withdrawal]:
    """Tell what an entry, signed by the party `signer`, says of demand; nothing where its body is none of ours."""
    if entry.body is None or not any(word in entry.body for word in _TELLING):
        return
    try:
        event = parse_body(entry.body)
    except EventInvalid:
        return
    source = f"{signer.hex} {event.event_id or entry.index}"
    if event.error_declaration is not None:
        yield Withdrawal(source, entry.record_time)
        return
    kind, site = _kind(event), _site(event)
    if not kind or not site:
        return
    attested, known_at = event.waylog.known_at is not None, event.waylog.known_at or entry.record_time
    for (product, unit), quantity in _wanted(event).items():
        yield Observation(
            kind=kind,
            product=product,
            site=site,
            unit=unit,
            tenant=signer,
            at=event.event_time,
            known_at=max(known_at, event.event_time) if attested else known_at,
            quantity=quantity,
            attested=attested,
            index=entry.index,
            source=source,
            origin=_origin(event, site),
        )


def choose_kinds(observations: Iterable[Observation]) -> list[Observation]:
    """Keep, for each product, site, unit and party, the observations of the best kind that it has."""
    kept = list(observations)
    best: dict[tuple[str, str, str, UUID], int] = {}
    for each in kept:
        rank = KINDS.index(each.kind)
        best[_series(each)] = min(rank, best.get(_series(each), rank))
    return [each for each in kept if KINDS.index(each.kind) == best[_series(each)]]


def _series(each: Observation) -> tuple[str, str, str, UUID]:
    return each.product, each.site, each.unit, each.tenant


def _kind(event: Event) -> str:
    if event.event_type != "ObjectEvent" or event.action == "ADD":
        return ""
    if event.biz_step in CONSUMING_STEPS:
        return CONSUMPTION
    act = act_of(event)
    if act == Act.ACCEPT or (act == Act.OBSERVE and event.biz_step in ("receiving", "accepting")):
        return RECEIPTS
    return DISPATCHES if event.biz_step == "shipping" else ""


def _site(event: Event) -> str:
    """Where the goods are wanted: where they are consumed or taken in, or where a dispatch sends them."""
    if event.biz_step == "shipping":
        return canonical(event.destination("location") or "") or taker_of(event)
    return canonical(event.biz_location or event.read_point or event.destination("location") or "")


def _origin(event: Event, site: str) -> str:
    """Where the goods set out: the source's place, else where a dispatch was read, else whoever gave them."""
    told = event.source("location") or (event.read_point or event.biz_location if event.biz_step == "shipping" else "")
    found = canonical(told or event.source("possessing_party") or event.source("owning_party") or "")
    return "" if found == site else found


def _wanted(event: Event) -> dict[tuple[str, str], float]:
    """Quantities by product and unit of measure; lots of one product are added up."""
    found: dict[tuple[str, str], float] = {}
    try:
        contents = contents_of(event)
    except CustodyRefused:  # a quantity is missing: the event tells no amount
        return found
    for (epc, uom), quantity in contents.items():
        key = product_of(epc), uom
        found[key] = found.get(key, 0.0) + float(quantity)
    return found
