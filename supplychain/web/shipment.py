"""The page of one shipment: its stages, its way, contents, temperature, discrepancy and proof."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from uuid import UUID

from django.http import Http404, HttpResponse
from django.shortcuts import render
from django.utils import timezone

from supplychain.custody import Act
from supplychain.epcis.events import Event as EpcisEvent
from supplychain.models import Event, Shipment, ShipmentLine
from supplychain.queries import arrivals as expectations
from supplychain.queries import bundles, shipmentpage
from supplychain.queries.shipmentpage import Reading, Step
from supplychain.web import arrivals, charts, lanemap, publication, shown, words
from supplychain.web.access import MemberRequest, member
from supplychain.web.actforms import TRIP
from supplychain.web.acts import acts_of
from supplychain.web.names import Names
from supplychain.web.shown import Chip


@dataclass(frozen=True, slots=True)
class Stage:
    """One piece of the bar on top. `state` is on, now, bad or todo."""

    name: str
    note: str
    state: str


@dataclass(frozen=True, slots=True)
class WayLine:
    """One event of the way, in words."""

    row: Event
    verb: str
    by: str
    said: tuple[str, ...]
    key: str
    proof: Chip
    tone: str


@member
def shipment(request: MemberRequest, pk: UUID) -> HttpResponse:
    """Show a shipment to a party that may see it; 404 to everybody else."""
    try:
        found = shipmentpage.shipment(pk, party=request.membership.party_id)
    except shipmentpage.ShipmentMissing:
        raise Http404 from None
    now = timezone.now()  # noqa: TID251
    steps = shipmentpage.way(pk)
    readings = shipmentpage.temperatures(pk)
    names = _names(found, steps)
    proofs = publication.proofs()
    indices = [step.row.index for step in steps]
    latest = shipmentpage.latest_act(steps)
    said = expectations.of_shipment(found, now=now)
    acts = acts_of(found, request.membership, latest_by=latest.row.tenant if latest else None)
    context = {
        "now": now,
        "shipment": found,
        "title": shown.title(found, names),
        "kind": words.identifier_kind(found.unit),
        "unit": words.short_identifier(found.unit),
        "references": [words.short_identifier(each) for each in found.references],
        "route": _route(found, names),
        "chips": shown.chips(found, party=request.membership.party_id, now=now),
        "stages": stages(found, steps, names),
        "way": [_line(step, names, proofs) for step in steps],
        "parties": len({step.row.tenant for step in steps}),
        "lines": [_content(line, names) for line in found.lines.all()],
        "map": lanemap.way(found, steps, names),
        "readings": readings,
        "temperature": _pictures(readings, found.temperature_limit),
        "breached": shown.is_breached(found),
        "discrepancy": _discrepancy(found, steps, names),
        "latest": steps[0] if steps else None,
        "latest_key": words.key_kind(steps[0].key.role) if steps and steps[0].key else "",
        "latest_by": names.party(steps[0].row.tenant) if steps else "",
        "size": proofs.size,
        "verified": proofs.verified,
        "all_verified": proofs.are_verified(indices),
        "latest_proof": proofs.state(steps[0].row.index) if steps else None,
        "in_doubt": any(proofs.is_in_doubt(index) for index in indices),
        "waits": not proofs.are_published(indices),
        "acts": acts,
        "disclosable": [
            (name, words.member(name)) for name in bundles.disclosable(found, party=request.membership.party_id)
        ],
        "arrival": arrivals.card(said, names, now=now) if said else None,
        "held_by": names.party(found.custodian),
        "offered_to": names.party(found.offered_to, found.offered_to_uri) if found.offered_to_uri else "",
    }
    return render(request, "shipments/shipment.html", context)


def stages(found: Shipment, steps: Sequence[Step], names: Names) -> list[Stage]:
    """Packed, dispatched, handed over along the way, accepted, unpacked: what is done, what is now, what is to come."""
    happened = [step for step in reversed(steps) if step.row.declared_in_error_by is None]
    first = {act: next((step for step in happened if step.row.act == act), None) for act in Act}
    last = {act: next((step for step in reversed(happened) if step.row.act == act), None) for act in Act}
    opened = first[Act.PACK] or first[Act.COMMISSION]
    moving = found.status == Shipment.Status.DISPATCHED
    accepted = last[Act.ACCEPT] if not moving else None
    hands = sum(step.row.act == Act.ACCEPT for step in happened)
    bad = found.discrepancy in (Shipment.Discrepancy.OPEN, Shipment.Discrepancy.DISPUTED)
    taker = names.party(found.offered_to, found.offered_to_uri) if found.offered_to_uri else ""
    between = f"by {taker}" if moving and taker else f"{hands} hand-overs" if hands > 1 else ""
    if not between and accepted is not None:
        between = f"to {names.party(accepted.row.tenant)}"
    unpacked = found.status == Shipment.Status.UNPACKED
    return [
        Stage("Packed", _moment(opened), "on" if opened else "todo"),
        Stage("Dispatched", _moment(first[Act.DISPATCH]), _state(first[Act.DISPATCH] is not None, opened is not None)),
        Stage(
            "Waiting for acceptance" if moving else "Handed over",
            between,
            "now" if moving else "on" if hands else "todo",
        ),
        Stage("Accepted", _moment(accepted), ("bad" if bad else "on") if accepted else "todo"),
        Stage("Unpacked", _moment(last[Act.UNPACK]) if unpacked else "", "on" if unpacked else "todo"),
    ]


def _state(done: bool, before: bool) -> str:
    return "on" if done else "now" if before else "todo"


def _moment(step: Step | None) -> str:
    if step is None:
        return ""
    local = words.in_offset(step.row.event_time, step.row.event_time_zone_offset)
    return f"{local:%a %-d %b, %H:%M} {words.zone(step.row.event_time_zone_offset)}"


def _names(found: Shipment, steps: Sequence[Step]) -> Names:
    uris = {found.offered_to_uri, found.consignee_uri, found.from_location, found.to_location}
    uris |= {line.epc for line in found.lines.all()}
    uris |= {place for step in steps for place in (step.row.read_point, step.row.biz_location)}
    for step in steps:
        if step.event is not None:
            uris |= {each.destination for each in step.event.destination_list}
            uris |= {each.epc_class for each in (*step.event.quantity_list, *step.event.child_quantity_list)}
    parties = {found.shipper, found.custodian, found.offered_to, found.discrepancy_giver}
    parties |= {step.row.tenant for step in steps}
    return Names(parties=[party for party in parties if party], uris=uris)


def _route(found: Shipment, names: Names) -> str:
    start = names.place(found.from_location) or names.party(found.shipper)
    end = names.place(found.to_location) or (names.party(None, found.consignee_uri) if found.consignee_uri else "")
    return f"{start} → {end}" if end else f"from {start}"


def _line(step: Step, names: Names, proofs: publication.Proofs) -> WayLine:
    row = step.row
    is_bad = row.act == Act.DISPUTE or step.disputed or proofs.is_in_doubt(row.index)
    tone = "bad" if is_bad else "warn" if _is_warning(step) else ""
    return WayLine(
        row=row,
        verb=_verb(step),
        by=names.party(row.tenant),
        said=tuple(part for part in _said(step, names) if part),
        key=words.with_article(words.key_kind(step.key.role)) if step.key else "an unknown key",
        proof=proofs.state(row.index, disputed=step.disputed),
        tone=tone or ("plain" if row.act == Act.OBSERVE else ""),
    )


def _verb(step: Step) -> str:
    if step.row.act == Act.OBSERVE and step.event is not None and step.event.sensor_element_list:
        return "Sensor reading"
    return words.act(step.row.act, step.row.biz_step)


def _is_warning(step: Step) -> bool:
    event = step.event
    if step.row.act == Act.CORRECT or step.row.declared_in_error_by is not None:
        return True
    return event is not None and (bool(event.persistent_disposition.set) or event.waylog.seal == "broken")


def _said(step: Step, names: Names) -> list[str]:
    """What the body says, in a few words each."""
    event, row = step.event, step.row
    if event is None:
        if row.erased_by is not None:
            return [f"what it said was erased, by entry {row.erased_by:,}; the signature over it stands"]
        return ["its body is not shown; the signature over it stands"]
    return [
        names.place(row.read_point or row.biz_location),
        _handed(event, names) if row.act == Act.DISPATCH else "",
        _amounts(event, names),
        _damage(event, names),
        _temperature(event),
        *(f"{words.member(name).lower()} {event.raw[name]}" for name in TRIP if name in event.raw),
        f"seal {event.waylog.seal}" if event.waylog.seal in ("intact", "broken") else "",
        f"“{event.waylog.note}”" if event.waylog.note else "",
        "attested after the fact" if row.attested else "",
    ]


def _handed(event: EpcisEvent, names: Names) -> str:
    taker = event.destination("possessing_party") or event.destination("owning_party")
    return f"to {names.party(None, taker)}" if taker else ""


def _amounts(event: EpcisEvent, names: Names) -> str:
    listed = event.quantity_list or event.child_quantity_list
    said = []
    for each in listed[:4]:
        lot = words.lot_of(each.epc_class)
        amount = "" if each.quantity is None else words.quantity(each.quantity, each.uom or "")
        said.append(
            " ".join(part for part in (amount, names.product(each.epc_class), f"lot {lot}" if lot else "") if part)
        )
    more = f" and {len(listed) - 4} more" if len(listed) > 4 else ""
    counted = "counted " if said and event.biz_step in ("receiving", "accepting") else ""
    return f"{counted}{', '.join(said)}{more}"


def _damage(event: EpcisEvent, names: Names) -> str:
    said = [
        f"{words.quantity(each.quantity or 0, each.uom or '')} {names.product(each.epc_class)}"
        for each in event.waylog.damaged
    ]
    return f"damaged: {', '.join(said)}" if said else ""


def _temperature(event: EpcisEvent) -> str:
    values = [
        report.value if report.value is not None else report.max_value
        for element in event.sensor_element_list
        for report in element.reports
        if report.type == "Temperature" and report.uom in (None, "CEL")
    ]
    known = [value for value in values if value is not None]
    if not known:
        return ""
    low, high = min(known), max(known)
    return f"{high:g} °C" if low == high else f"{low:g} to {high:g} °C"


def _content(line: ShipmentLine, names: Names) -> dict[str, object]:
    difference = None if line.counted is None else line.counted - line.quantity
    return {
        "line": line,
        "product": names.product(line.epc),
        "lot": words.lot_of(line.epc),
        "identifier": words.short_identifier(line.epc),
        "unit": "" if line.uom else names.unit_name(line.epc),
        "short": -difference if difference is not None and difference < 0 else None,
        "over": difference if difference is not None and difference > 0 else None,
        "findings": _findings(line, difference, names),
    }


def _findings(line: ShipmentLine, difference: Decimal | None, names: Names) -> list[str]:
    """What is wrong with a line, as sentences: `2 cases of Carrots short.`"""
    found = []
    if difference:
        found.append((abs(difference), "short" if difference < 0 else "over"))
    if line.damaged:
        found.append((line.damaged, "damaged"))
    product = names.product(line.epc)
    return [
        f"{words.quantity(n, line.uom) if line.uom else words.units(n, names.unit_name(line.epc))} of {product} {what}."
        for n, what in found
    ]


def _pictures(readings: Sequence[Reading], limit: float | None) -> dict[str, charts.LineChart | None]:
    observed = [charts.Observed(each.time, each.value) for each in readings]
    return {
        "wide": charts.line_chart(observed, charts.WIDE, limit=limit, unit="°C"),
        "narrow": charts.line_chart(observed, charts.NARROW, limit=limit, unit="°C"),
    }


def _discrepancy(found: Shipment, steps: Sequence[Step], names: Names) -> dict[str, object] | None:
    """What was reported, by whom, and how the giver answered it."""
    if not found.discrepancy:
        return None
    about = next((step for step in steps if step.row.event_id == found.discrepancy_event_id), None)
    answer = next(
        (step for step in steps if step.event is not None and step.event.waylog.about == found.discrepancy_event_id),
        None,
    )
    return {
        "state": found.discrepancy,
        "giver": names.party(found.discrepancy_giver),
        "taker": names.party(about.row.tenant) if about else "",
        "reported": about,
        "answer": answer,
        "note": answer.event.waylog.note if answer is not None and answer.event is not None else "",
    }
