"""What happened in a chain so far: looked up only where something is taken back, or a link is out of date."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any
from uuid import UUID

import msgspec

from ledger import kept
from ledger.admission import Refused
from ledger.tlog.statement import ZERO, link
from supplychain.custody import Act, Happened, Parties, ShipmentState, label
from supplychain.epcis.disclosures import parse_whole
from supplychain.epcis.events import Event as EpcisEvent
from supplychain.epcis.identifiers import canonical
from supplychain.models import Event, in_scope
from supplychain.projections import parties as party_rows
from supplychain.projections.shipments import Tracked

if TYPE_CHECKING:
    from supplychain.operations.rule import CaptureRule


class StaleLink(Refused):
    """Something happened in the chain since the statement was made; the detail says what."""

    code = "stale_link"


class LinkMissing(Refused):
    """An act moves a shipment, and its statement does not say after what."""

    code = "link_missing"


def happened(tracked: Tracked, rule: CaptureRule) -> list[Happened]:
    """All events of the shipment in order, what was declared in error left out."""
    rows = Event.objects.filter(in_scope(tracked.id), is_error_declaration=False, declared_in_error_by__isnull=True)
    stored = {
        index: (tenant, event_id)
        for index, tenant, event_id in rows.values_list("index", "tenant", "event_id")
        if index not in rule.declared
    }
    events = {
        index: (
            msgspec.structs.replace(parse_whole(body.body, body.disclosures), event_id=stored[index][1]),
            stored[index][0],
        )
        for index, body in kept.bodies(stored).items()
    }
    for placed in rule.placed.values():
        if tracked.id in placed.scopes and placed.index not in rule.declared and placed.read.act != Act.CORRECT:
            events[placed.index] = placed.read.event, placed.tenant
    _know(rule, {tenant for _, tenant in events.values()}, [event for event, _ in events.values()])
    return [Happened(index, event, rule.signer_of(tenant.hex)) for index, (event, tenant) in sorted(events.items())]


def _know(rule: CaptureRule, ids: set[UUID], events: Iterable[EpcisEvent] = ()) -> Parties:
    """Let the rule know the parties with these ids, and those that these events name."""
    uris = {canonical(source.source) for event in events for source in event.source_list}
    uris |= {canonical(each.destination) for event in events for each in event.destination_list}
    missing, unknown = ids - rule.party_by_id.keys(), uris - rule.party_by_uri.keys()
    if missing or unknown:
        found = party_rows.load(missing, unknown)
        rule.party_by_id.update(found.by_id)
        rule.party_by_uri.update(found.by_uri)
    return rule.parties


def body_of(index: int, rule: CaptureRule) -> bytes | None:
    """The body of an entry, in the log or on its way into it."""
    if index in rule.placed:
        return rule.placed[index].body
    found = kept.bodies([index]).get(index)
    return found.body if found else None


def without_declaration(body: bytes) -> Any:
    """A body as a value, without what an error declaration adds to it."""
    value = json.loads(body)
    value["event"].pop("errorDeclaration", None)
    value["event"].pop("recordTime", None)
    return value


def broken_link(kind: type[Refused], tracked: Tracked, given: bytes | None, rule: CaptureRule) -> Refused:
    """The refusal for a party of the chain: the head, and what happened since the statement that it linked to."""
    since = news(tracked, given, rule)
    unit = label(tracked.state.unit)
    if given is None:
        message = f"This act moves {unit}, so its statement must carry a link to the latest act of that shipment."
    elif since:
        last = since[-1]
        message = (
            f"{unit} has moved on since you last looked: {last['party_name']} signed the {last['act']} of"
            f" {last['event_time']}. Look at it again, then sign again."
        )
    else:
        message = f"The link for {unit} does not follow the latest act of its shipment. Look again, then sign again."
    detail = {
        "unit": tracked.state.unit,
        "shipment": str(tracked.id),
        "head": tracked.head.hex(),
        "since": since,
    }
    return kind(message, pointer="/envelope/payload", detail=detail)


def news(tracked: Tracked, given: bytes | None, rule: CaptureRule) -> list[dict[str, Any]]:
    """The acts after the one that `given` links to; the latest ten where it links to none of them."""
    rows = Event.objects.filter(in_scope(tracked.id)).exclude(act=Act.OBSERVE)
    acts = [
        (index, tenant, act, event_id, event_time)
        for index, tenant, act, event_id, event_time in rows.order_by("index").values_list(
            "index", "tenant", "act", "event_id", "event_time"
        )
    ]
    acts += [
        (placed.index, placed.tenant, placed.read.act.value, placed.event_id, placed.read.event.event_time)
        for placed in rule.placed.values()
        if tracked.id in placed.scopes and placed.read.act != Act.OBSERVE
    ]
    hashes = kept.statement_hashes([act[0] for act in acts]) | rule.hashes
    names = _know(rule, {act[1] for act in acts})
    after = _after(tracked.chain, given, [hashes[act[0]] for act in acts])
    return [
        {
            "index": index,
            "act": str(act),
            "event_id": event_id,
            "event_time": event_time.isoformat(),
            "party": str(tenant),
            "party_name": names.name(tenant),
        }
        for index, tenant, act, event_id, event_time in acts[after:]
    ]


def _after(chain: bytes, given: bytes | None, hashes: list[bytes]) -> int:
    """How many of the chain's acts the giver of a link knew; all but ten where it fits none."""
    for count, prev in enumerate((ZERO, *hashes)):
        if given == link(chain, prev):
            return count
    return max(len(hashes) - 10, 0)


def parties_in(state: ShipmentState) -> set[UUID]:
    """The registered parties that a state names."""
    named = {state.shipper, state.custodian, state.offered_to}
    for each in state.discrepancies:
        named |= {each.giver, each.taker}
    return {party for party in named if party is not None}
