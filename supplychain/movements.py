"""What an event tells of where a logistic unit is: event by event, from the event alone."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Literal
from uuid import UUID

from supplychain.custody import Act, act_of, taker_of
from supplychain.custody.acts import units_of
from supplychain.epcis.errors import EventInvalid
from supplychain.epcis.events import Event
from supplychain.epcis.identifiers import canonical
from supplychain.epcis.parsing import parse_body
from supplychain.observations import Entry

Kind = Literal["dispatch", "accept", "arrive", "depart", "end"]
_STEPS: dict[str, Kind] = {"arriving": "arrive", "departing": "depart"}
_TELLING = (b"shipping", b"receiving", b"accepting", b"arriving", b"departing", b"unpacking", b"errorDeclaration")


@dataclass(frozen=True, slots=True)
class Movement:
    """One unit, moved or seen; `source` names the event that says so, by its party and id."""

    unit: str
    kind: Kind
    at: datetime
    known_at: datetime
    by: UUID
    taker: str
    consignee: str
    origin: str
    destination: str
    promised: datetime | None
    source: str
    index: int


@dataclass(frozen=True, slots=True)
class Wrong:
    """The event that is called `source` was wrong."""

    source: str


def decode(entry: Entry, *, signer: UUID) -> Iterator[Movement | Wrong]:
    """Tell what an entry, signed by the party `signer`, says of units on their way."""
    if entry.body is None or not any(word in entry.body for word in _TELLING):
        return
    try:
        event = parse_body(entry.body)
    except EventInvalid:
        return
    source = f"{signer.hex} {event.event_id or entry.index}"
    if event.error_declaration is not None:
        yield Wrong(source)
        return
    kind = _kind(event)
    if kind is None:
        return
    told = event.waylog.known_at
    for unit in units_of(event):
        yield Movement(
            unit=unit,
            kind=kind,
            at=event.event_time,
            known_at=entry.record_time if told is None else max(told, event.event_time),
            by=signer,
            taker=taker_of(event),
            consignee=canonical(event.destination("owning_party") or "") if kind == "dispatch" else "",
            origin=canonical(event.read_point or event.biz_location or ""),
            destination=canonical(event.destination("location") or ""),
            promised=event.waylog.promised_time,
            source=source,
            index=entry.index,
        )


def _kind(event: Event) -> Kind | None:
    act = act_of(event)
    if act == Act.DISPATCH:
        return "dispatch"
    if act == Act.ACCEPT:
        return "accept"
    if act == Act.UNPACK:
        return "end"
    return _STEPS.get(event.biz_step or "") if act == Act.OBSERVE else None
