"""Acts: pack, dispatch, accept, answer, unpack, correct. A device signs a draft itself; else the managed key signs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.http import Http404, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_POST

from ledger import keystore
from ledger import queries as log
from ledger.admission import Appended, Refused, Repeated
from ledger.keystore import KeyNotHeld
from supplychain.custody import units_of
from supplychain.epcis import builders
from supplychain.epcis.errors import EventInvalid
from supplychain.epcis.parsing import parse_body
from supplychain.models import Event, Membership, Shipment
from supplychain.operations import signing
from supplychain.queries import shipmentpage
from supplychain.web import actforms, problems, shown, words
from supplychain.web.access import MemberRequest, operator
from supplychain.web.actforms import ActForm, Acting, JsonObject
from supplychain.web.names import Names


@dataclass(frozen=True, slots=True)
class ActPage:
    """One act: its form and its words."""

    name: str
    form: type[ActForm]
    title: str
    verb: str
    says: str
    template: str = "acts/act.html"


PACK = ActPage("pack", actforms.PackForm, "New shipment", "Pack", "What is packed into which unit.", "acts/pack.html")
ACTS = {
    act.name: act
    for act in (
        ActPage(
            "dispatch", actforms.DispatchForm, "Dispatch", "Dispatch", "You hand the unit over; the taker accepts it."
        ),
        ActPage(
            "accept",
            actforms.AcceptForm,
            "Accept",
            "Accept",
            "You take the unit over, as you counted it. The giver answers what is short, over or damaged.",
            "acts/accept.html",
        ),
        ActPage(
            "unpack", actforms.UnpackForm, "Unpack", "Unpack", "All of its contents leave the unit, which is closed."
        ),
        ActPage(
            "answer",
            actforms.AnswerForm,
            "Answer the discrepancy",
            "Answer",
            "Your signature stands beside that of the party that reported it.",
        ),
        ActPage(
            "correct",
            actforms.CorrectForm,
            "Take back the latest act",
            "Declare it wrong",
            "Nothing is edited or deleted: the event stays, declared wrong by you, and what it did is undone.",
        ),
    )
}


def acts_of(shipment: Shipment, membership: Membership, *, latest_by: UUID | None) -> list[ActPage]:
    """What `membership` may do next with a shipment, the likeliest first. Custody decides again when it is signed."""
    if not membership.may_operate:
        return []
    party, names = membership.party_id, []
    if shipment.discrepancy == Shipment.Discrepancy.OPEN and shipment.discrepancy_giver == party:
        names.append("answer")
    if shipment.status == Shipment.Status.DISPATCHED:
        names += ["accept"] if shipment.offered_to == party else []
    elif shipment.is_open and shipment.custodian == party:
        # What has arrived where it was going is unpacked; everything else goes on.
        arrived = shipment.status == Shipment.Status.ACCEPTED and shipment.consignee_uri == membership.party.uri
        names += ["unpack", "dispatch"] if arrived else ["dispatch", "unpack"]
    if latest_by == party:
        names.append("correct")
    return [ACTS[name] for name in names]


@operator
def new_shipment(request: MemberRequest) -> HttpResponse:
    """Pack a new unit."""
    return _page(request, PACK, None)


@require_POST
@operator
def new_draft(request: MemberRequest) -> HttpResponse:
    """Draft the event that packs a new unit, for a device to sign."""
    return _draft(request, PACK, None)


@operator
def act(request: MemberRequest, pk: UUID, name: str) -> HttpResponse:
    """Do one act on a shipment."""
    return _page(request, _act(name), _shipment(request, pk))


@require_POST
@operator
def draft(request: MemberRequest, pk: UUID, name: str) -> HttpResponse:
    """Draft the event of an act, for a device to sign."""
    return _draft(request, _act(name), _shipment(request, pk))


def captured(outcome: Appended | Repeated) -> str:
    """The address of the shipment that a captured event belongs to."""
    scopes = Event.objects.values_list("scopes", flat=True).get(index=outcome.index)
    return reverse("shipment", args=[scopes[0]]) if scopes else reverse("log_entry", args=[outcome.index])


def _act(name: str) -> ActPage:
    if name not in ACTS:
        raise Http404
    return ACTS[name]


def _shipment(request: MemberRequest, pk: UUID) -> Shipment:
    try:
        return shipmentpage.shipment(pk, party=request.membership.party_id)
    except shipmentpage.ShipmentMissing:
        raise Http404 from None


def _form(request: MemberRequest, page: ActPage, shipment: Shipment | None) -> ActForm:
    acting = Acting(request.membership, log.origin(), timezone.now())  # noqa: TID251
    more: dict[str, Any] = {}
    if page.name == "correct" and shipment is not None:
        more["wrong"], more["hidden"] = _wrong(shipment, request.membership.party_id)
    return page.form(request.POST or None, acting=acting, shipment=shipment, **more)


def _wrong(shipment: Shipment, party: UUID) -> tuple[JsonObject, tuple[str, ...]]:
    """The party's own latest act, and what was signed apart in it; 404 when the latest is none of its."""
    latest = shipmentpage.latest_act(shipmentpage.way(shipment.pk))
    if latest is None or latest.event is None or latest.row.tenant != party:
        raise Http404
    return dict(latest.event.raw), shipmentpage.hidden_in(latest.row.index)


def _page(request: MemberRequest, page: ActPage, shipment: Shipment | None) -> HttpResponse:
    form = _form(request, page, shipment)
    if request.method == "POST" and form.is_valid():
        try:
            party, now = request.membership.party_id, form.acting.now
            outcome = signing.capture_one(form.event(), party=party, now=now, hide=form.hide())
            return redirect(captured(outcome))
        except EventInvalid as invalid:
            for fault in invalid.faults:
                form.add_error(None, str(fault.as_dict()["message"]))
        except (Refused, KeyNotHeld) as refused:
            form.add_error(None, str(refused))
    names = Names.of_shipments([shipment] if shipment else [])
    undone = shipmentpage.latest_act(shipmentpage.way(shipment.pk)) if shipment and page.name == "correct" else None
    context = {
        "undone": undone,
        "has_products": page.name != "pack" or form.has_products(),  # type: ignore[attr-defined]
        "partnerless": page.name == "dispatch" and not form.has_takers(),  # type: ignore[attr-defined]
        "undone_act": words.act(undone.row.act) if undone else "",
        "act": page,
        "form": form,
        "shipment": shipment,
        "heading": shown.title(shipment, names) if shipment else "",
        "names": names,
        "lines": _lines(form, names),
        "held": _managed_key(request.membership),
    }
    return render(request, page.template, context, status=422 if form.errors else 200)


def _lines(form: ActForm, names: Names) -> list[dict[str, Any]]:
    if not isinstance(form, actforms.AcceptForm):
        return []
    return [
        {
            "line": line,
            "product": names.product(line.epc),
            "unit": names.unit_name(line.epc),
            "counted": c,
            "damaged": d,
        }
        for line, c, d in form.line_fields()
    ]


def _managed_key(membership: Membership) -> str:
    held = keystore.held_key_ids(party=membership.party_id, roles=signing.KEY_ROLES)
    return held[0] if held else ""


def _draft(request: MemberRequest, page: ActPage, shipment: Shipment | None) -> HttpResponse:
    form = _form(request, page, shipment)
    if not form.is_valid():
        return problems.form_errors(form)
    body = builders.body_bytes(form.event())
    try:
        units = units_of(parse_body(body))
    except EventInvalid as invalid:
        messages = [{"message": str(fault.as_dict()["message"])} for fault in invalid.faults]
        return JsonResponse({"errors": messages}, status=422)
    chains = []
    for unit in units:
        known = shipment if shipment is not None and shipment.unit == unit else None
        known = known or shipmentpage.has_open(unit, party=request.membership.party_id)
        chains.append(shipmentpage.chain(known) if known else {"unit": unit, "head": None})
    told = {
        "origin": form.acting.origin,
        "body": body.decode(),
        "hide": list(form.hide()),
        "claims": {},
        "chains": chains,
        "names": Names(uris=_uris(form.event())).known(),
    }
    answer = JsonResponse(told)
    answer["Cache-Control"] = "no-store"
    return answer


def _uris(value: Any) -> set[str]:
    if isinstance(value, dict):
        return {uri for each in value.values() for uri in _uris(each)}
    if isinstance(value, list):
        return {uri for each in value for uri in _uris(each)}
    return {value} if isinstance(value, str) and ":" in value else set()
