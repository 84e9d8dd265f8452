"""The one way into the log for events, whoever signed them and however they came."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from uuid import UUID

from django.db import connection

from ledger import turns
from ledger.admission import (
    Admission,
    Appended,
    BatchRefused,
    Invalid,
    Outcome,
    Refusal,
    Refused,
    Repeated,
    Submission,
)
from ledger.operations import append_many, keep_note
from ledger.tlog.disclosure import has_digests
from ledger.tlog.envelope import Envelope
from supplychain.epcis.disclosures import parse_whole
from supplychain.epcis.errors import EventInvalid
from supplychain.epcis.events import Event
from supplychain.epcis.identifiers import canonical
from supplychain.epcis.parsing import parse_body
from supplychain.operations import arrivals
from supplychain.operations.grouping import Finish, Grouping
from supplychain.operations.rule import CaptureRule, EventIdTaken, Item, UnknownEvent
from supplychain.operations.subscriptions import doorbell
from supplychain.projections import events as event_rows

MAX_IDENTIFIER = 1_000
"""Longer ones fit no index, and name nothing."""

MOST_GROUPED = 50
"""A request with more items than this is a group by itself."""

__all__ = [
    "Admission",
    "Appended",
    "BodyInvalid",
    "CaptureItem",
    "EventIdTaken",
    "Invalid",
    "Outcome",
    "Refusal",
    "Refused",
    "Repeated",
    "UnknownEvent",
    "capture",
    "read_item",
]


class BodyInvalid(Invalid):
    """The body is not a valid EPCIS event; `detail["faults"]` lists every fault with its pointer into the body."""

    code = "body"


@dataclass(frozen=True, slots=True)
class CaptureItem:
    """One signed event as it is handed in; `chains` holds the secret (16 bytes) of each chain it opens, by unit."""

    envelope: Envelope
    body: bytes
    salt: bytes
    chains: Mapping[str, bytes] = field(default_factory=dict)
    parsed: Event | None = None
    """The body, parsed, where whoever made it has parsed it already."""
    once: bool = False
    """Whether an event that says the same as one that its signer captured before is that one (`rule.Item`)."""
    disclosures: tuple[str, ...] = ()
    """What the body names by digests alone (`epcis.disclosures`)."""


def capture(items: Sequence[CaptureItem], *, party: UUID | None, now: datetime, atomic: bool = False) -> list[Outcome]:
    """Capture signed events, in order; one outcome an item, in the same order.

    Each stands or falls alone, and what is accepted is committed together; with `atomic`, all or none. A later item
    of a chain falls with a refused earlier one. `party` is the one whose keys may have signed (None: any key).
    An outcome's `context` is the event as it was read (`rule.Item`), where it could be read.
    """
    outcomes: list[Outcome | None] = [None] * len(items)
    submissions: list[Submission] = []
    positions: list[int] = []
    for position, item in enumerate(items):
        turns.give_way()
        try:
            read = read_item(item, party=party)
        except Refused as refused:
            outcomes[position] = Refusal(refused)
        else:
            submissions.append(Submission(item.envelope, item.body, item.salt, read, item.disclosures))
            positions.append(position)
    if atomic and len(submissions) < len(items):
        return [outcome or Refusal(_batch_refused()) for outcome in outcomes]
    for position, outcome in zip(positions, _append(submissions, now, atomic=atomic), strict=True):
        outcomes[position] = outcome
    if not connection.in_atomic_block and any(isinstance(outcome, Appended) for outcome in outcomes):
        arrivals.ring(now=now)
    if any(isinstance(outcome, Appended) for outcome in outcomes):
        doorbell.on_commit()
    return [outcome for outcome in outcomes if outcome is not None]


def _append(submissions: Sequence[Submission], now: datetime, *, atomic: bool) -> list[Outcome]:
    """Append with what other threads append now, unless the items are many, atomic, or part of a transaction."""
    if atomic or not 0 < len(submissions) <= MOST_GROUPED or connection.in_atomic_block:
        return append_many(submissions, rule=CaptureRule(now=now), now=now, atomic=atomic)
    return _grouping.append(submissions, now)


def _append_together(submissions: Sequence[Submission], now: datetime, finish: list[Finish]) -> list[Outcome]:
    return append_many(
        submissions, rule=CaptureRule(now=now), now=now, keep=lambda note: finish.append(partial(keep_note, note))
    )


_grouping = Grouping(_append_together)


def read_item(item: CaptureItem, *, party: UUID | None = None) -> Item:
    """Parse the body strictly; raise BodyInvalid with every fault, or Invalid for chains that are none."""
    try:
        if item.disclosures or has_digests(item.body):
            parse_body(item.body)  # without what it hides it is a valid event too
            event = parse_whole(item.body, item.disclosures)
        else:
            event = item.parsed or parse_body(item.body)
    except EventInvalid as invalid:
        faults = [fault.as_dict() | {"pointer": f"/body{fault.pointer}"} for fault in invalid.faults]
        first = faults[0]
        message = str(first["message"]) if len(faults) == 1 else f"{first['message']} ({len(faults)} faults in all)"
        raise BodyInvalid(message, pointer=str(first["pointer"]), detail={"faults": faults}) from None
    read = event_rows.read(item.body, event)
    _check_lengths(read)
    return Item(read, _chains(item.chains, read), party, item.once)


def _chains(given: Mapping[str, bytes], read: event_rows.Read) -> dict[str, bytes]:
    chains = {canonical(unit): chain for unit, chain in given.items()} if given else {}
    for unit, chain in chains.items():
        if unit not in read.units:
            raise Invalid("a chain secret is for a logistic unit that the event is about", pointer="/chains")
        if len(chain) != 16:
            raise Invalid(f"a chain secret has 16 bytes, this one {len(chain)}", pointer="/chains")
    return chains


def _check_lengths(read: event_rows.Read) -> None:
    event = read.event
    named = [epc for _, epc, _, _ in read.objects]
    named += [each for each in (event.event_id, event.read_point, event.biz_location, event.biz_step) if each]
    named += [each.destination for each in event.destination_list]
    if named and max(map(len, named)) > MAX_IDENTIFIER:
        raise Invalid(f"an identifier has at most {MAX_IDENTIFIER:,} characters", pointer="/body/event")


def _batch_refused() -> BatchRefused:
    return BatchRefused("another item of this batch was refused, and the batch was to be taken whole or not at all")
