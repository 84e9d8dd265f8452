"""The rules: what each act does to a shipment, or why it may not, in words for whoever signed it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from uuid import UUID

from supplychain.custody.acts import act_beneath, added, contents_of, exact, taker_of, temperature_of, units_of
from supplychain.custody.names import label, product_of
from supplychain.custody.state import (
    OPENING,
    Act,
    CustodyRefused,
    Discrepancy,
    Happened,
    Line,
    Parties,
    Party,
    ShipmentState,
    Status,
    Transition,
)
from supplychain.epcis.events import Event
from supplychain.epcis.identifiers import canonical

FUTURE = timedelta(hours=24)
"""How far ahead of the log's clock an event may lie: clocks differ, and so do time zones."""
_MISMATCHES = frozenset({"mismatch_quantity", "mismatch_class", "mismatch_instance", "damaged"})


def check_time(event: Event, *, now: datetime) -> None:
    """Raise CustodyRefused when the event, or what its history is said to have been known at, lies in the future."""
    if event.event_time > now + FUTURE:
        raise CustodyRefused(
            f"The event time {event.event_time:%Y-%m-%d %H:%M %Z} lies more than a day ahead of now.",
            code="time",
            pointer="/event/eventTime",
        )
    known_at = event.waylog.known_at
    if known_at is not None and known_at > now + FUTURE:
        raise CustodyRefused(
            f"It cannot have been known at {known_at:%Y-%m-%d %H:%M %Z}: that lies in the future.", code="time"
        )


def decide(state: ShipmentState | None, event: Event, *, unit: str, signer: Party, parties: Parties) -> Transition:
    """Decide what `event`, signed by `signer`, does to the shipment of `unit`; None: it has no open shipment.

    Raises CustodyRefused. Error declarations are not decided here but by `undo`.
    """
    act = act_beneath(event)
    assert event.error_declaration is None
    if state is None:
        if act not in OPENING:
            raise unknown_shipment(unit, signer)
        return _OPEN[act](event, unit, signer, parties)
    if act == Act.COMMISSION:
        raise CustodyRefused(
            f"A shipment of {label(unit)} is open already; unpack it before the identifier is used again.",
            code="already_open",
        )
    moved = _MOVE[act](state, event, signer, parties)
    return replace(moved, state=_observed(moved.state, event))


def unknown_shipment(unit: str, signer: Party) -> CustodyRefused:
    """The one answer to whoever names a shipment that does not exist, or that is none of theirs."""
    return CustodyRefused(
        f"No shipment of {label(unit)} was handed to {signer.name} or is held by it. Check the identifier; if the goods"
        f" are here, ask whoever sent them to dispatch them to {signer.name}.",
        code="unknown_shipment",
        status=404,
    )


def _opened(event: Event, unit: str, signer: Party, status: Status) -> ShipmentState:
    return ShipmentState(
        unit=unit,
        status=status,
        shipper=signer.id,
        custodian=signer.id,
        last_event_at=event.event_time,
        attested=event.waylog.known_at is not None,
        from_location=canonical(event.read_point or event.biz_location or ""),
    )


def _open_by_commission(event: Event, unit: str, signer: Party, parties: Parties) -> Transition:
    state = _opened(event, unit, signer, Status.COMMISSIONED)
    return Transition(Act.COMMISSION, _observed(_with_references(state, event), event), (signer.id,))


def _open_by_pack(event: Event, unit: str, signer: Party, parties: Parties) -> Transition:
    opened = _pack(_opened(event, unit, signer, Status.PACKED), event, signer, parties)
    return Transition(Act.PACK, _observed(opened.state, event), (signer.id,))


def _open_by_dispatch(event: Event, unit: str, signer: Party, parties: Parties) -> Transition:
    opened = _dispatch(_opened(event, unit, signer, Status.PACKED), event, signer, parties)
    return Transition(Act.DISPATCH, _observed(opened.state, event), (signer.id, *opened.readers))


def _pack(state: ShipmentState, event: Event, signer: Party, parties: Parties) -> Transition:
    _check_holds(state, signer, parties, "pack into it")
    lines = {(line.epc, line.uom): line for line in state.lines}
    for (epc, uom), quantity in contents_of(event).items():
        line = lines.get((epc, uom))
        held = line.held if line else Decimal(0)
        lines[epc, uom] = Line(epc, product_of(epc), exact(held + quantity), uom)
    packed = replace(
        state,
        status=Status.PACKED,
        lines=tuple(lines.values()),
        packed_at=event.event_time,
        attested=_attested(state, event),
    )
    return Transition(Act.PACK, _with_references(packed, event))


def _dispatch(state: ShipmentState, event: Event, signer: Party, parties: Parties) -> Transition:
    _check_holds(state, signer, parties, "dispatch it")
    _check_giver(event, signer, parties)
    taker_uri = taker_of(event)
    taker = parties.at(taker_uri)
    if taker is not None and taker.id == signer.id:
        raise CustodyRefused(f"{signer.name} cannot dispatch to itself; name who takes the goods.", code="taker")
    consignee_uri = canonical(event.destination("owning_party") or "") or taker_uri
    if state.consignee_uri and signer.id != state.shipper:
        consignee_uri = state.consignee_uri
    consignee = parties.at(consignee_uri)
    sent = replace(
        state,
        status=Status.DISPATCHED,
        offered_to=taker.id if taker else None,
        offered_to_uri=taker_uri,
        consignee_uri=consignee_uri,
        from_location=canonical(event.source("location") or event.read_point or "") or state.from_location,
        to_location=canonical(event.destination("location") or "") or state.to_location,
        lines=_handed_over(state, event),
        seal=event.waylog.seal or state.seal,
        temperature_limit=_limit(event, state),
        dispatched_at=state.dispatched_at or event.event_time,
        promised_at=event.waylog.promised_time or state.promised_at,
        attested=_attested(state, event),
    )
    readers = tuple(dict.fromkeys(party.id for party in (taker, consignee) if party))
    return Transition(Act.DISPATCH, _with_references(sent, event), readers)


def _limit(event: Event, state: ShipmentState) -> float | None:
    return state.temperature_limit if event.waylog.max_temperature is None else event.waylog.max_temperature


def _handed_over(state: ShipmentState, event: Event) -> tuple[Line, ...]:
    """The contents as they leave: what the dispatch states must be what is held."""
    stated = contents_of(event)
    if stated and len(units_of(event)) > 1:
        raise CustodyRefused(
            "Contents are listed for one logistic unit at a time: dispatch each by an event of its own.",
            code="quantity",
        )
    held = {(line.epc, line.uom): line.held for line in state.lines if line.held}
    if not held:
        return tuple(Line(epc, product_of(epc), quantity, uom) for (epc, uom), quantity in stated.items())
    wrong = next((key for key in {**held, **stated} if stated and held.get(key) != stated.get(key)), None)
    if wrong is not None:
        raise CustodyRefused(
            f"The dispatch states {_amount(stated.get(wrong), wrong[1])} of {label(wrong[0])}, but"
            f" {_amount(held.get(wrong), wrong[1])} of it are held in {label(state.unit)}."
            " Unpack or pack the difference first, or leave the contents out.",
            code="quantity",
            pointer="/event/quantityList",
        )
    return tuple(Line(line.epc, line.product, line.held, line.uom) for line in state.lines if line.held)


def _accept(state: ShipmentState, event: Event, signer: Party, parties: Parties) -> Transition:
    taker = _taker(state, event, signer, parties)
    lines = _counted(state, event)
    lines = _with_damage(lines, event)
    found = (
        any(line.held != line.quantity or line.damaged for line in lines)
        or event.waylog.seal == "broken"
        or not _MISMATCHES.isdisjoint((*event.persistent_disposition.set, event.disposition))
    )
    discrepancies = state.discrepancies
    if found:
        discrepancies += (Discrepancy(event.event_id or "", state.custodian, taker),)
    accepted = replace(
        state,
        status=Status.ACCEPTED,
        custodian=taker,
        offered_to=None,
        offered_to_uri="",
        lines=lines,
        seal=event.waylog.seal or state.seal,
        discrepancies=discrepancies,
        accepted_at=event.event_time,
        attested=_attested(state, event),
    )
    return Transition(Act.ACCEPT, _with_references(accepted, event))


def _taker(state: ShipmentState, event: Event, signer: Party, parties: Parties) -> UUID | None:
    """Who holds the goods after this acceptance: the signer, or nobody registered where the giver attests it."""
    unit, giver = label(state.unit), parties.name(state.custodian)
    if not state.is_open or state.status != Status.DISPATCHED:
        where = f"it is held by {giver}" if state.is_open else f"it is {state.status}"
        raise CustodyRefused(
            f"{unit} waits for nobody's acceptance: {where}. It is accepted after it was dispatched.",
            code="not_offered",
        )
    offered = parties.at(state.offered_to_uri)
    taker = parties.name(offered.id if offered else None, state.offered_to_uri)
    if offered is not None and offered.id == signer.id:
        return signer.id
    if signer.id != state.custodian:
        raise CustodyRefused(
            f"{unit} was handed to {taker} by {giver}, not to {signer.name}, so {signer.name} cannot accept it."
            f" If the goods are with {signer.name}, ask {giver} to declare the dispatch in error and to dispatch anew.",
            code="not_offered",
        )
    if offered is None and event.waylog.known_at is not None:
        return None
    raise CustodyRefused(f"{signer.name} dispatched {unit} to {taker}; only {taker} can accept it.", code="own_goods")


def _counted(state: ShipmentState, event: Event) -> tuple[Line, ...]:
    stated = contents_of(event)
    if not stated:
        return state.lines
    if len(units_of(event)) > 1:
        raise CustodyRefused(
            "Counted quantities are given for one logistic unit at a time: accept each by an event of its own.",
            code="quantity",
        )
    lines = [replace(line, counted=stated.pop((line.epc, line.uom), Decimal(0))) for line in state.lines]
    lines += [
        Line(epc, product_of(epc), Decimal(0) if state.lines else quantity, uom, counted=quantity)
        for (epc, uom), quantity in stated.items()
    ]
    return tuple(lines)


def _with_damage(lines: tuple[Line, ...], event: Event) -> tuple[Line, ...]:
    damaged = added(event.waylog.damaged, (), "/waylog:damaged")
    marked = tuple(replace(line, damaged=damaged.pop((line.epc, line.uom), None)) for line in lines)
    worse = next((line for line in marked if line.damaged and line.damaged > line.held), None)
    if damaged or worse:
        epc = worse.epc if worse else next(iter(damaged))[0]
        raise CustodyRefused(
            f"More of {label(epc)} is reported damaged than was counted; damaged goods are part of the count.",
            code="quantity",
        )
    return marked


def _answer(state: ShipmentState, event: Event, signer: Party, parties: Parties) -> Transition:
    """The giver acknowledges or disputes what the taker found; also after the goods moved on or were unpacked."""
    about = event.waylog.about
    found = next((each for each in state.discrepancies if each.event_id == about), None)
    if found is None:
        raise CustodyRefused(
            f"No shortage or damage was reported for {label(state.unit)} by the event {about}.", code="no_discrepancy"
        )
    if found.giver != signer.id:
        raise CustodyRefused(
            f"Only {parties.name(found.giver)}, who handed {label(state.unit)} over, acknowledges or disputes what"
            f" {parties.name(found.taker)} reported.",
            code="not_giver",
        )
    if found.answer != "open":
        raise CustodyRefused(f"{signer.name} has {found.answer} this already.", code="answered")
    act = act_beneath(event)
    answer = "acknowledged" if act == Act.ACKNOWLEDGE else "disputed"
    settled = tuple(replace(each, answer=answer) if each is found else each for each in state.discrepancies)
    return Transition(act, replace(state, discrepancies=settled, attested=_attested(state, event)))


def _unpack(state: ShipmentState, event: Event, signer: Party, parties: Parties) -> Transition:
    _check_holds(state, signer, parties, "unpack it")
    taken = contents_of(event)
    held = {(line.epc, line.uom): line.held for line in state.lines}
    for (epc, uom), quantity in taken.items():
        if held and quantity > held.get((epc, uom), Decimal(0)):
            raise CustodyRefused(
                f"{_amount(quantity, uom)} of {label(epc)} cannot be unpacked from {label(state.unit)}: it holds"
                f" {_amount(held.get((epc, uom)), uom)}.",
                code="quantity",
                pointer="/event/childQuantityList",
            )
    attested = _attested(state, event)
    left = {key: quantity - taken.get(key, Decimal(0)) for key, quantity in held.items()}
    if taken and any(left.values()):
        lines = tuple(
            Line(line.epc, line.product, left[line.epc, line.uom], line.uom)
            for line in state.lines
            if left[line.epc, line.uom]
        )
        return Transition(Act.UNPACK, replace(state, lines=lines, attested=attested))
    closed = replace(state, status=Status.UNPACKED, is_open=False, closed_at=event.event_time, attested=attested)
    return Transition(Act.UNPACK, closed)


def _observe(state: ShipmentState, event: Event, signer: Party, parties: Parties) -> Transition:
    return Transition(Act.OBSERVE, state)


_OPEN = {Act.COMMISSION: _open_by_commission, Act.PACK: _open_by_pack, Act.DISPATCH: _open_by_dispatch}
_MOVE = {
    Act.PACK: _pack,
    Act.DISPATCH: _dispatch,
    Act.OBSERVE: _observe,
    Act.ACCEPT: _accept,
    Act.ACKNOWLEDGE: _answer,
    Act.DISPUTE: _answer,
    Act.UNPACK: _unpack,
}


def _check_holds(state: ShipmentState, signer: Party, parties: Parties, what: str) -> None:
    """Raise unless the signer holds the goods and has not handed them to somebody who is still to accept them."""
    unit = label(state.unit)
    if not state.is_open:
        raise CustodyRefused(f"{unit} is {state.status}; nobody can {what} any more.", code="closed")
    if state.custodian != signer.id:
        raise CustodyRefused(
            f"{unit} is held by {parties.name(state.custodian)}, not by {signer.name}; only who holds it can {what}.",
            code="not_custodian",
        )
    if state.status == Status.DISPATCHED:
        taker = parties.name(state.offered_to, state.offered_to_uri)
        raise CustodyRefused(
            f"{unit} was dispatched to {taker} and waits for its acceptance. If that was wrong, declare the dispatch in"
            f" error first; then {signer.name} can {what}.",
            code="offered",
        )


def _check_giver(event: Event, signer: Party, parties: Parties) -> None:
    """The dispatch's own word on who gives the goods away must not contradict its signature."""
    stated = event.source("possessing_party")
    if not stated:
        return
    giver = parties.at(stated)
    if giver.id == signer.id if giver else event.waylog.known_at is not None:
        return
    name = giver.name if giver else label(canonical(stated))
    raise CustodyRefused(
        f"The dispatch says that {name} gives the goods away, but {signer.name} signed it.",
        code="giver",
        pointer="/event/sourceList",
    )


def _attested(state: ShipmentState, event: Event) -> bool:
    return state.attested and event.waylog.known_at is not None


def _with_references(state: ShipmentState, event: Event) -> ShipmentState:
    named = tuple(canonical(item.biz_transaction) for item in event.biz_transaction_list)
    return replace(state, references=tuple(dict.fromkeys((*state.references, *named)))) if named else state


def _observed(state: ShipmentState, event: Event) -> ShipmentState:
    """What any event adds, act or not: when something was last heard, and the highest temperature."""
    heard = max(state.last_event_at, event.event_time)
    warmest = temperature_of(event)
    known = state.temperature_max
    if warmest is None or (known is not None and known >= warmest):
        return state if heard == state.last_event_at else replace(state, last_event_at=heard)
    return replace(state, last_event_at=heard, temperature_max=warmest)


def _amount(quantity: Decimal | None, uom: str) -> str:
    text = f"{(quantity or Decimal(0)).normalize():f}"
    return f"{text} {uom}" if uom else text


# --- taking back -----------------------------------------------------------------------------------------------------


def replay(happened: Iterable[Happened], *, unit: str, parties: Parties) -> ShipmentState | None:
    """The state that these events lead to, from nothing; what was declared wrong must be left out by the caller."""
    state: ShipmentState | None = None
    for each in happened:
        if state is not None or act_beneath(each.event) in OPENING:
            state = decide(state, each.event, unit=unit, signer=each.signer, parties=parties).state
    return state


def undo(
    state: ShipmentState, happened: Sequence[Happened], *, index: int, at: datetime, signer: Party, parties: Parties
) -> Transition:
    """Take back the event at `index`: an observation at any time, an act only while it is the chain's latest.

    `happened` is all that stands in the chain, the event at `index` included, what was taken back before left out.
    Raises CustodyRefused.
    """
    target = next((each for each in happened if each.index == index), None)
    if target is None or target.signer.id != signer.id:
        raise CustodyRefused("Only the party that signed an event can declare it in error.", code="not_signer")
    acts = [each for each in happened if act_beneath(each.event) != Act.OBSERVE]
    if act_beneath(target.event) != Act.OBSERVE and acts[-1].index != index:
        later = acts[acts.index(target) + 1]
        raise CustodyRefused(
            f"Later acts build on this {act_beneath(target.event)} of {label(state.unit)}: {later.signer.name} signed"
            f" the {act_beneath(later.event)} of {later.event.event_time:%Y-%m-%d %H:%M}. The latest act is corrected"
            f" first, by who signed it: {acts[-1].signer.name} signed the {act_beneath(acts[-1].event)}.",
            code="built_upon",
        )
    rest = [each for each in happened if each.index != index]
    before = replay(rest, unit=state.unit, parties=parties)
    if before is None:
        before = replace(state, status=Status.VOID, is_open=False, closed_at=at, offered_to=None, offered_to_uri="")
    return Transition(Act.CORRECT, before)
