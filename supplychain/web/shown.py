"""Shipments as pages show them: title, contents, state in words with its tone."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from uuid import UUID

from supplychain.models import Shipment, ShipmentLine
from supplychain.queries import arrivals as expectations
from supplychain.web import words
from supplychain.web.names import Names


@dataclass(frozen=True, slots=True)
class Chip:
    """A state in words. `tone` is "", go, warn, bad or proof."""

    words: str
    tone: str = ""


@dataclass(frozen=True, slots=True)
class Where:
    """A place, and whose it is where that says more."""

    place: str
    party: str = ""


@dataclass(frozen=True, slots=True)
class Row:
    """One shipment in a list."""

    shipment: Shipment
    unit: str
    contents: str
    origin: Where
    destination: Where
    chips: tuple[Chip, ...]
    promised: datetime | None
    holder: str


def rows(shipments: Iterable[Shipment], *, party: UUID, now: datetime) -> list[Row]:
    """Lay out shipments (their lines prefetched) for `party`."""
    listed = list(shipments)
    names = Names.of_shipments(listed)
    said = expectations.of_shipments(listed, now=now)
    return [row(each, names, party=party, now=now, said=said.get(each.pk)) for each in listed]


def row(shipment: Shipment, names: Names, *, party: UUID, now: datetime, said: expectations.Said | None = None) -> Row:
    """Lay out one shipment, with what is `said` of its arrival."""
    likely = likely_late(said, now=now) if said else None
    return Row(
        shipment=shipment,
        unit=words.short_identifier(shipment.unit),
        contents=contents(list(shipment.lines.all()), names),
        origin=_where(names.place(shipment.from_location), names.party(shipment.shipper)),
        destination=destination(shipment, names),
        chips=(*chips(shipment, party=party, now=now), *([likely] if likely else [])),
        promised=shipment.promised_at,
        holder=names.party(shipment.custodian),
    )


def contents(lines: list[ShipmentLine], names: Names) -> str:
    """`Apricots, 23 cases`; `3 products, 140 cases`; `no contents stated`."""
    if not lines:
        return "no contents stated"
    products = list(dict.fromkeys(line.product for line in lines))
    amounts: dict[tuple[str, str], Decimal] = {}
    for line in lines:
        key = line.uom, names.unit_name(line.product)
        amounts[key] = amounts.get(key, Decimal(0)) + line.quantity
    said = " + ".join(
        words.quantity(amount, uom) if uom and uom not in ("H87", "EA") else words.units(amount, name)
        for (uom, name), amount in amounts.items()
    )
    title = names.product(products[0]) if len(products) == 1 else f"{len(products)} products"
    return f"{title}, {said}"


def title(shipment: Shipment, names: Names) -> str:
    """The heading of a shipment's page: `Apricots, 23 cases to Nordmark Basel`."""
    where = destination(shipment, names).place
    return contents(list(shipment.lines.all()), names) + (f" to {where}" if where else "")


def destination(shipment: Shipment, names: Names) -> Where:
    """Where it goes in the end, or whom it is for."""
    who = names.party(None, shipment.consignee_uri) if shipment.consignee_uri else ""
    return _where(names.place(shipment.to_location), who)


def _where(place: str, party: str) -> Where:
    if not place or not party or party in place:
        return Where(place or party)
    return Where(place, party)


def chips(shipment: Shipment, *, party: UUID, now: datetime) -> tuple[Chip, ...]:
    """What stands out about a shipment, most pressing first; its plain state where nothing does."""
    found = []
    if shipment.discrepancy == Shipment.Discrepancy.OPEN:
        mine = shipment.discrepancy_giver == party
        found.append(Chip("discrepancy to answer" if mine else "discrepancy reported", "bad" if mine else "warn"))
    elif shipment.discrepancy == Shipment.Discrepancy.DISPUTED:
        found.append(Chip("discrepancy disputed", "bad"))
    if is_breached(shipment):
        found.append(Chip(f"breach {shipment.temperature_max:g} °C", "bad"))
    if shipment.status == Shipment.Status.DISPATCHED and shipment.offered_to == party:
        found.append(Chip("waiting for you", "go"))
    if is_late(shipment, now):
        assert shipment.promised_at is not None
        found.append(Chip(f"late by {words.span(now - shipment.promised_at)}", "warn"))
    if not any(chip.tone in ("go", "warn") for chip in found):
        found.append(Chip(Shipment.Status(shipment.status).label))
    return tuple(found)


def likely_late(said: expectations.Said, *, now: datetime) -> Chip | None:
    """`likely 40 min late`, where the promise still stands and is more likely missed than kept."""
    expected, promised = said.expected, said.row.promised_at
    if expected is None or promised is None or promised <= now or not said.is_at_risk:
        return None
    return Chip(f"likely {words.span(max(expected.middle - promised, timedelta(minutes=1)))} late", "warn")


def is_late(shipment: Shipment, now: datetime) -> bool:
    """Whether it is on its way and its promised time has passed."""
    moving = shipment.status == Shipment.Status.DISPATCHED
    return moving and shipment.promised_at is not None and shipment.promised_at < now


def is_breached(shipment: Shipment) -> bool:
    """Whether a reading exceeded the limit that its dispatch set."""
    limit, highest = shipment.temperature_limit, shipment.temperature_max
    return limit is not None and highest is not None and highest > limit
