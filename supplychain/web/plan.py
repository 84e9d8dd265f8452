"""Plan: what to order and why, what may run out, and the day's routes on a map."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_POST

from forecasting import plans, queries
from forecasting.planning.routing import RoutingRefused
from forecasting.plans import PlanLine
from forecasting.queries import Job
from ledger.admission import Refused
from supplychain.operations import plans as operations
from supplychain.operations.plans import Fleet
from supplychain.web import routemap, words
from supplychain.web.access import MemberRequest, member
from supplychain.web.arrivals import percent
from supplychain.web.forecasts import may_forecast, planner
from supplychain.web.names import Names

LOADS = {
    "forecast": "Loads are the forecast of dispatches.",
    "weekdays": "Loads are what eight in ten of the last same weekdays needed.",
}


@dataclass(frozen=True, slots=True)
class Line:
    """One proposal in words."""

    row: PlanLine
    product: str
    site: str
    unit: str
    risk: str
    risk_if_ordered: str
    tone: str
    why: tuple[str, ...]


@member
def plan(request: MemberRequest) -> HttpResponse:
    """Show the party's newest plan."""
    party, now = request.membership.party_id, timezone.now()  # noqa: TID251
    found = plans.latest(party)
    rows = list(found.lines.all()) if found else []
    routes = found.routes if found else {}
    stops = [visit["stop"]["name"] for route in routes.get("routes", []) for visit in route["visits"]]
    uris = {uri for row in rows for uri in (row.product, row.site)} | set(stops)
    uris |= {routes["depot"]["uri"]} if routes.get("depot") else set()
    uris |= {each["name"] for each in routes.get("left_out", [])} | set(routes.get("no_position", []))
    names = Names(uris=uris)
    lines = [_line(row, names) for row in rows]
    ordering = plans.default_rule(party)
    context = {
        "now": now,
        "plan": found,
        "lines": lines,
        "to_order": sum(1 for each in lines if each.row.quantity > 0 and each.row.ordered is None),
        "at_risk": sum(1 for each in lines if each.tone),
        "day": date.fromisoformat(routes["day"]) if routes.get("day") else None,
        "routes": routemap.routes(routes, names),
        "map": routemap.drawn(routes, names),
        "trouble": routemap.trouble(routes, names),
        "fleet": routes.get("fleet") or {"vehicles": 2, "capacity": 120, "start": 300, "end": 900},
        "shift": [_clock(routes.get("fleet", {}).get(name, given)) for name, given in (("start", 300), ("end", 900))],
        "reason": routes.get("reason", ""),
        "rule": ordering,
        "percent": 100 * ordering.target,
        "loads": LOADS.get(routes.get("loads", ""), ""),
        "job": _job(request),
        "may_plan": may_forecast(request.membership),
    }
    return render(request, "plan/page.html", context)


@require_POST
@planner
def plan_now(request: MemberRequest) -> HttpResponse:
    """Ask for a plan, with the fleet that the form names."""
    try:
        fleet = _fleet(request)
    except (RoutingRefused, ValueError) as refused:
        messages.error(request, str(refused) if isinstance(refused, RoutingRefused) else "A number is not one.")
        return redirect("plan")
    operations.request(request.membership.party_id, fleet=fleet, now=timezone.now())  # noqa: TID251
    messages.success(request, "A plan is queued; a worker takes it next.")
    return redirect("plan")


@require_POST
@planner
def order(request: MemberRequest, pk: int) -> HttpResponse:
    """Place the order of a proposal, as proposed or changed with a reason."""
    return _act(request, pk, _order)


@require_POST
@planner
def count(request: MemberRequest, pk: int) -> HttpResponse:
    """Sign what was counted."""
    return _act(request, pk, _count)


@require_POST
@planner
def rule(request: MemberRequest) -> HttpResponse:
    """Say how the party orders where no product has a rule of its own."""
    given = request.POST
    try:
        operations.set_rule(
            request.membership.party_id,
            target=float(given.get("target", "")) / 100,
            review_days=float(given.get("review_days", "")),
            handling_days=float(given.get("handling_days", "")),
            pack=float(given.get("pack", "")),
            minimum=float(given.get("minimum", "")),
        )
    except ValueError:
        messages.error(request, "Every part of the rule is a number.")
    except Refused as refused:
        messages.error(request, str(refused))
    else:
        messages.success(request, "The rule is kept; plan again to use it.")
    return redirect("plan")


@member
def job_state(request: MemberRequest) -> HttpResponse:
    """How the party's own plan stands, for the page that waits for it."""
    job = _job(request)
    answer = render(request, "plan/job.html", {"job": job})
    if job is None:
        answer["HX-Refresh"] = "true"
    return answer


def _act(request: MemberRequest, pk: int, act: Any) -> HttpResponse:
    found = plans.line(pk, party=request.membership.party_id)
    if found is None:
        raise Http404
    try:
        quantity = float(request.POST.get("quantity", "").replace(",", ""))
        if quantity != quantity:
            raise ValueError
    except ValueError:
        messages.error(request, "Say how much, as a number.")
        return redirect("plan")
    try:
        act(request, found, quantity, timezone.now())  # noqa: TID251
    except Refused as refused:
        messages.error(request, str(refused))
    return redirect("plan")


def _order(request: MemberRequest, found: PlanLine, quantity: float, now: datetime) -> None:
    index = operations.order(
        found,
        quantity=quantity,
        reason=request.POST.get("reason", ""),
        by=request.user.name or request.user.email,
        party=request.membership.party,
        now=now,
    )
    messages.success(request, f"Ordered, and signed into the log as entry {index:,}.")


def _count(request: MemberRequest, found: PlanLine, quantity: float, now: datetime) -> None:
    index = operations.count(found, quantity=quantity, party=request.membership.party, now=now)
    messages.success(request, f"The count is entry {index:,} of the log; plan again to use it.")


def _fleet(request: MemberRequest) -> Fleet:
    given = request.POST
    return Fleet(
        int(given.get("vehicles", "2")),
        float(given.get("capacity", "120")),
        _minutes(given.get("start", "05:00")),
        _minutes(given.get("end", "15:00")),
    )


def _minutes(text: str) -> int:
    hours, minutes = text.split(":")[:2]
    return int(hours) * 60 + int(minutes)


def _clock(minutes: int) -> str:
    return f"{minutes // 60:02d}:{minutes % 60:02d}"


def _job(request: MemberRequest) -> Job | None:
    """The party's own latest plan job, while it is open or when it failed."""
    mine = (job for job in queries.jobs(kind=operations.KIND) if job.requested_by == request.membership.party_id)
    own = next(mine, None)
    return own if own is not None and (own.is_open or own.status == Job.Status.FAILED) else None


def _line(row: PlanLine, names: Names) -> Line:
    unit = "kg" if row.unit == "KGM" else row.unit or f"{names.unit_name(row.product)}s"
    tone = "" if row.reason or row.risk < 0.1 else "bad" if row.risk >= 0.3 else "warn"
    return Line(
        row,
        names.product(row.product),
        names.place(row.site),
        unit,
        percent(row.risk),
        percent(row.risk_if_ordered),
        tone,
        _why(row, unit),
    )


def _days(number: float) -> str:
    return "1 day" if number == 1 else f"{number:g} days"


MOST_NAMED = 5
"""Overrides that a reason names."""


def _why(row: PlanLine, unit: str) -> tuple[str, ...]:
    """The reasons of a proposal, as sentences."""
    if row.reason:
        return (row.reason,)
    lead = words.span(timedelta(days=row.lead_days))
    trips = (
        f"{row.lead_trips:,} trips to the site" if row.lead_trips else "trips elsewhere, for none is known to this site"
    )
    found = [
        f"{row.expected:,.0f} {unit} are expected to be wanted until an order of the next review could arrive; the"
        f" level for {row.policy['target']:.0%} of cycles without a shortage is {row.order_up_to:,.0f}.".replace(
            "%", " %"
        ),
        f"An order takes {lead} in the middle: {_days(row.policy['handling_days'])} of handling, and {trips}.",
        f"{row.on_hand:,.0f} are there and {row.on_order:,.0f} are on order.",
    ]
    if row.counted_at is None:
        found.append("Nobody has counted yet: stock is what came in less what went out.")
    if overridden := row.policy.get("overridden"):
        found.append(f"Planned as overridden, {'; '.join(overridden[:MOST_NAMED])}.")
    if row.quantity:
        found.append(f"In packs of {row.policy['pack']:g}, at least {row.policy['minimum']:g}.")
    return tuple(found)
