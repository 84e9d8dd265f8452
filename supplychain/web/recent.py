"""The latest events as lines: when, who did what, on which shipment."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from supplychain.models import Event
from supplychain.queries.feeds import readable_shipments
from supplychain.web import words
from supplychain.web.names import Names


@dataclass(frozen=True, slots=True)
class Line:
    """One event in a list of what happened lately."""

    event: Event
    verb: str
    party: str
    unit: str
    shipment: UUID | None


def lines(events: Sequence[Event], *, party: UUID) -> list[Line]:
    """Lay out `events` with the names of who signed them and the unit they are about."""
    names = Names(parties={event.tenant for event in events})
    units = dict(
        readable_shipments(party).filter(pk__in={s for e in events for s in e.scopes}).values_list("pk", "unit")
    )
    found = []
    for event in events:
        scope = next((each for each in event.scopes if each in units), None)
        unit = words.short_identifier(units[scope]) if scope else ""
        found.append(Line(event, words.act(event.act, event.biz_step), names.party(event.tenant), unit, scope))
    return found
