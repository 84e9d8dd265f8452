"""What a statement must be linked to: the chains that events are going to move, as they stand now."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from uuid import UUID

from ledger import tenancy
from supplychain.custody import OPENING, Act, act_beneath, act_of, units_of
from supplychain.epcis.events import Event as EpcisEvent
from supplychain.models import Event, Shipment


@dataclass(frozen=True, slots=True)
class Link:
    """One unit that an event moves, and what the link for it is made of.

    `chain` and `head` are of an open shipment that the party may see. Where an earlier event of the same request moves
    the unit, `after` is that event's position and the head is that event's statement hash; where one opens its chain,
    `opened_by` is its position. An event that opens a chain itself `opens` it. None of all these: the party holds no
    such shipment, and the act will be refused.
    """

    unit: str
    shipment: UUID | None = None
    chain: bytes | None = None
    head: bytes | None = None
    after: int | None = None
    opened_by: int | None = None
    opens: bool = False

    @property
    def is_known(self) -> bool:
        """Whether there is something to link to."""
        return self.opens or self.opened_by is not None or self.chain is not None


@dataclass(frozen=True, slots=True)
class Needed:
    """What an event does in custody, and its links in the order of its units."""

    act: Act
    links: tuple[Link, ...] = ()


@dataclass(slots=True)
class _Chains:
    """The chains that the events may move, followed from event to event."""

    open: dict[str, Link] = field(default_factory=dict)
    answered: dict[str, dict[str, Link]] = field(default_factory=dict)
    """By event id: the chains that an event moved, for answers to it and corrections of it."""


def needed(events: Sequence[EpcisEvent], *, party: UUID) -> list[Needed]:
    """Say, for events that `party` is about to sign in this order, what each must be linked to."""
    chains = _load(events, party)
    return [_need(event, position, chains) for position, event in enumerate(events)]


def _load(events: Sequence[EpcisEvent], party: UUID) -> _Chains:
    acts = [event for event in events if act_beneath(event) != Act.OBSERVE]
    units = {unit for event in acts for unit in units_of(event)}
    abouts = {about for event in acts if (about := _about(event))}
    moved = tenancy.readable_by(Event.objects.filter(event_id__in=abouts, is_error_declaration=False), party)
    scopes = dict(moved.values_list("event_id", "scopes")) if abouts else {}
    seen = tenancy.readable_by(Shipment.objects.all(), party)
    ids = {scope for found in scopes.values() for scope in found}
    rows = [*seen.filter(unit__in=units, is_open=True), *seen.filter(id__in=ids)] if units else []
    found = _Chains()
    for row in rows:
        link = Link(row.unit, row.id, bytes(row.chain), bytes(row.head))
        if row.is_open:
            found.open[row.unit] = link
        for event_id in (event_id for event_id, named in scopes.items() if row.id in named):
            found.answered.setdefault(event_id, {})[row.unit] = link
    return found


def _about(event: EpcisEvent) -> str | None:
    """The id of the event that this one takes back or answers."""
    return event.event_id if act_of(event) == Act.CORRECT else event.waylog.about


def _need(event: EpcisEvent, position: int, chains: _Chains) -> Needed:
    act = act_of(event)
    if act_beneath(event) == Act.OBSERVE:
        return Needed(act)
    answered = chains.answered.get(_about(event) or "", {})
    links = tuple(_link(unit, act, answered.get(unit), chains) for unit in units_of(event))
    _follow(event, act, position, links, chains)
    return Needed(act, links)


def _link(unit: str, act: Act, answered: Link | None, chains: _Chains) -> Link:
    current = chains.open.get(unit)
    if answered is not None and (current is None or not _is_same(answered, current)):
        return answered
    return current or answered or Link(unit, opens=act in OPENING)


def _is_same(one: Link, other: Link) -> bool:
    return (one.chain, one.opened_by) == (other.chain, other.opened_by)


def _follow(event: EpcisEvent, act: Act, position: int, links: Sequence[Link], chains: _Chains) -> None:
    closes = act == Act.UNPACK and not (event.child_epcs or event.child_quantity_list)
    moved = {link.unit: _moved(link, position) for link in links if link.is_known}
    for unit, link in moved.items():
        undone = act == Act.CORRECT and link.opened_by is not None
        if closes or undone:
            chains.open.pop(unit, None)
        else:
            chains.open[unit] = link
    if event.event_id and act != Act.CORRECT:
        chains.answered[event.event_id] = moved


def _moved(link: Link, position: int) -> Link:
    opened_by = position if link.opens else link.opened_by
    return replace(link, head=None, after=position, opened_by=opened_by, opens=False)
