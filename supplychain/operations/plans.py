"""Plans: asked for by people and by the clock, made by a durable job; an accepted proposal is a signed order event."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from statistics import median
from typing import Any
from uuid import UUID, uuid4

from django.db.models import Sum

from forecasting import arrivals, jobs, plans
from forecasting.leadtime.trips import Trip
from forecasting.planning import routing
from forecasting.planning.routing import RoutingRefused, Stop, Travel, Vehicle
from forecasting.plans import PlanLine
from ledger import queries as log
from ledger import tenancy
from ledger.admission import Refused
from ledger.verified import LogBroken
from supplychain.epcis.builders import format_offset, format_time
from supplychain.models import Membership, Party, ShipmentLine, Site
from supplychain.operations.signing import capture_one
from supplychain.queries import arrivals as expectations

KIND, NIGHTLY = plans.KIND, "nightly-plans"
MOST_ORDERED = 10**9
LEAST_TRIPS = 3
WEEKS = 8
"""So many same weekdays tell what a site usually gets."""


class OrderRefused(Refused):
    """An order that cannot be placed; the message says why."""

    code = "order"
    status = 409


@dataclass(frozen=True, slots=True)
class Fleet:
    """What the day's deliveries are planned with."""

    vehicles: int = 2
    capacity: float = 120.0
    start: int = 5 * 60
    end: int = 15 * 60

    def __post_init__(self) -> None:
        if not (1 <= self.vehicles <= 50 and 0 < self.capacity <= 1e6 and 0 <= self.start < self.end <= routing.DAY):
            raise RoutingRefused("One to fifty vehicles that carry something, and a shift that begins before it ends.")


def request(party: UUID, *, fleet: Fleet | None = None, now: datetime) -> jobs.Job:
    """Ask for a plan of `party`; asking twice in the same minute asks once."""
    args: dict[str, Any] = {"party": party.hex}
    if fleet is not None:
        args["fleet"] = asdict(fleet)
    cause = f"plan of {party.hex} asked at {now:%Y-%m-%dT%H:%M} {sorted(args.get('fleet', {}).values())}"
    return jobs.enqueue(KIND, cause=cause, args=args, now=now, requested_by=party)


def request_nightly(*, now: datetime) -> list[jobs.Job]:
    """Ask for the plans of every party that somebody plans for, once a UTC day."""
    midnight = now.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    parties = Membership.objects.values_list("party", flat=True).distinct()
    struck = [
        jobs.strike(f"{NIGHTLY} {each.hex}", time=midnight, kind=KIND, args={"party": each.hex}, now=now)
        for each in parties
    ]
    return [job for job in struck if job is not None]


def perform(claimed: jobs.Claim, beat: jobs.Beat, clock: jobs.Clock) -> jobs.Complete:
    """Make a plan: stock, proposals, routes. Raises jobs.GiveUp for a log that does not hold."""
    party, now = UUID(claimed.args["party"]), clock()
    beat(0, 3)
    try:
        stock = plans.read_stock(party, now=now)
    except LogBroken as broken:
        raise jobs.GiveUp(str(broken)) from broken
    if stock is None:
        raise jobs.GiveUp("The log is empty.")
    beat(1, 3)
    plan, lines = plans.make(party, stock=stock, now=now)
    beat(2, 3)
    before = plans.latest(party)
    given = claimed.args.get("fleet") or (before.routes.get("fleet") if before else None) or {}
    plan.routes = _routes(party, Fleet(**given), now=now)

    def complete() -> dict[str, Any]:
        plans.store(plan, lines)
        return {"plan": plan.pk.hex, "lines": len(lines), "routes": len(plan.routes.get("routes", []))}

    return complete


# --- routes ----------------------------------------------------------------------------------------------------------


def _routes(party: UUID, fleet: Fleet, *, now: datetime) -> dict[str, Any]:
    """The routes of the next day as a row keeps them, or the reason why there are none."""
    found: dict[str, Any] = {"fleet": asdict(fleet), "made_at": now.isoformat()}
    day = (now.astimezone(UTC) + timedelta(days=1)).replace(hour=0, minute=0, second=0, microsecond=0)
    loads, found["loads"] = plans.tomorrow(party), "forecast"
    if not loads:
        loads, found["loads"] = _usual_loads(party, day), "weekdays"
    past = arrivals.trips_of(arrivals.current())
    depot_uri = _depot(party, past)
    sites = {site.uri: site for site in Site.objects.filter(uri__in={depot_uri, *loads})}
    places = {uri: each for uri, each in sites.items() if each.latitude is not None and each.longitude is not None}
    if not loads:
        return found | {"reason": "Nothing is known to leave your sites on that weekday, nor forecast to."}
    if depot_uri not in places:
        return found | {
            "reason": "The site that deliveries leave from has no position; enter its latitude and longitude."
        }
    depot = _stop(places[depot_uri], 0.0)
    stops = [_stop(places[uri], load) for uri, load in loads.items() if uri in places and uri != depot_uri]
    travel = Travel(_history(past))
    vehicles = _vehicles(party, fleet, depot, travel, day, now)
    try:
        planned = routing.plan(depot, stops, vehicles, travel=travel)
    except RoutingRefused as refused:
        return found | {"reason": str(refused)}
    return found | {
        "day": day.date().isoformat(),
        "depot": {"uri": depot_uri, "latitude": depot.latitude, "longitude": depot.longitude},
        "routes": [asdict(route) | {"load": route.load} for route in planned.routes],
        "left_out": [asdict(stop) for stop in planned.left_out],
        "no_position": sorted(uri for uri in loads if uri not in places),
        "measured": planned.measured,
        "legs": planned.legs,
        "delayed": [each.name for each in vehicles if each.start > fleet.start],
    }


def _usual_loads(party: UUID, day: datetime) -> dict[str, float]:
    """By site what eight in ten of the last same weekdays needed: shipments that the party sent there itself."""
    days = [day - timedelta(weeks=n) for n in range(1, WEEKS + 1)]
    sent: dict[str, dict[datetime, float]] = {}
    own = ShipmentLine.objects.filter(shipment__shipper=party).exclude(shipment__to_location="")
    for each in days:
        lines = own.filter(shipment__dispatched_at__gte=each, shipment__dispatched_at__lt=each + timedelta(days=1))
        for site, total in lines.values_list("shipment__to_location").annotate(total=Sum("quantity")):
            sent.setdefault(site, {})[each] = float(total or 0)
    enough = {site: sorted([*amounts.values(), *[0.0] * (WEEKS - len(amounts))]) for site, amounts in sent.items()}
    found = {site: amounts[min(WEEKS - 1, round(0.8 * WEEKS))] for site, amounts in enough.items()}
    return {site: load for site, load in found.items() if load > 0}


def _depot(party: UUID, past: list[Trip]) -> str:
    """Where most of the party's own trips left from lately."""
    left = [trip.origin for trip in past if trip.giver == party.hex][-500:]
    return max(set(left), key=left.count) if left else ""


def _stop(site: Site, load: float) -> Stop:
    assert site.latitude is not None and site.longitude is not None
    return Stop(site.uri, float(site.latitude), float(site.longitude), load)


def _history(past: list[Trip]) -> Mapping[tuple[str, str], float]:
    """The middle of what trips between two places took, in minutes, where there were a few."""
    taken: dict[tuple[str, str], list[float]] = {}
    for trip in past:
        if trip.arrived_at is not None and len(trip.stages) == 1:
            minutes = (trip.arrived_at - trip.left_at) / timedelta(minutes=1)
            taken.setdefault((trip.origin, trip.destination), []).append(minutes)
    return {pair: median(each[-200:]) for pair, each in taken.items() if len(each) >= LEAST_TRIPS}


def _vehicles(party: UUID, fleet: Fleet, depot: Stop, travel: Travel, day: datetime, now: datetime) -> list[Vehicle]:
    """The fleet; a truck that is still out, and by its estimate not back when the shift begins, can be used later."""
    back = []
    for shipment, said in expectations.under_way(party, now=now):
        if said.expected is None or shipment.from_location != depot.name or shipment.custodian != party:
            continue
        site = Site.objects.filter(uri=shipment.to_location, latitude__isnull=False).first()
        minutes = travel.minutes(_stop(site, 0.0), depot) if site else 0.0
        back.append((said.expected.upper80 - day) / timedelta(minutes=1) + minutes)
    back.sort(reverse=True)
    starts = [max(fleet.start, round(each)) for each in back[: fleet.vehicles]]
    starts += [fleet.start] * (fleet.vehicles - len(starts))
    return [Vehicle(f"Vehicle {n}", fleet.capacity, start, fleet.end) for n, start in enumerate(starts, start=1)]


# --- orders ----------------------------------------------------------------------------------------------------------


def order(line: PlanLine, *, quantity: float, reason: str, by: str, party: Party, now: datetime) -> int:
    """Place the order that a line proposes, or another quantity with a reason; the index of the signed event.

    Raises OrderRefused, and whatever refuses the event.
    """
    if line.ordered is not None:
        raise OrderRefused("This proposal was decided already.")
    if not 0 < quantity <= MOST_ORDERED:
        raise OrderRefused("An order is for more than nothing.")
    if abs(quantity - line.quantity) > 1e-9 and not reason.strip():
        raise OrderRefused("Say why you order another quantity than was proposed.")
    number = f"urn:uuid:{uuid4()}"
    event = order_event(line, quantity=quantity, number=number, reason=reason, party=party, now=now)
    captured = capture_one(event, party=party.pk, now=now)
    plans.decided(
        line, quantity=quantity, number=number, index=captured.index, reason=reason.strip()[:500], by=by, now=now
    )
    return captured.index


def order_event(
    line: PlanLine, *, quantity: float, number: str, reason: str, party: Party, now: datetime
) -> dict[str, Any]:
    """The order as an event: a transaction that adds so much of a product, for a site."""
    amount: dict[str, Any] = {"epcClass": line.product, "quantity": quantity}
    if line.unit:
        amount["uom"] = line.unit
    event: dict[str, Any] = {
        "type": "TransactionEvent",
        "eventID": f"urn:uuid:{uuid4()}",
        "eventTime": format_time(now),
        "eventTimeZoneOffset": format_offset(now),
        "action": "ADD",
        "bizTransactionList": [{"type": "po", "bizTransaction": number}],
        "quantityList": [amount],
        "destinationList": [
            {"type": "owning_party", "destination": party.uri},
            {"type": "location", "destination": line.site},
        ],
    }
    if reason.strip():
        event["waylog:note"] = reason.strip()[:500]
    return event


def count_event(*, site: str, product: str, quantity: float, unit: str, now: datetime) -> dict[str, Any]:
    """A count as an event: so much is there; an opening balance is one too."""
    amount: dict[str, Any] = {"epcClass": product, "quantity": quantity}
    if unit:
        amount["uom"] = unit
    return {
        "type": "ObjectEvent",
        "eventID": f"urn:uuid:{uuid4()}",
        "eventTime": format_time(now),
        "eventTimeZoneOffset": format_offset(now),
        "action": "OBSERVE",
        "bizStep": "stock_taking",
        "bizLocation": {"id": site},
        "quantityList": [amount],
    }


def count(line: PlanLine, *, quantity: float, party: Party, now: datetime) -> int:
    """Sign what was counted of a line's product at its site; the index of the event. Raises OrderRefused."""
    if not 0 <= quantity <= MOST_ORDERED:
        raise OrderRefused("A count is none or more.")
    event = count_event(site=line.site, product=line.product, quantity=quantity, unit=line.unit, now=now)
    return capture_one(event, party=party.pk, now=now).index


def has_log() -> bool:
    """Whether there is a log to plan from."""
    try:
        log.head()
    except log.LogMissing:
        return False
    return True


def set_rule(
    party: UUID, *, product: str = "", site: str = "", target: float, review_days: float, handling_days: float,
    pack: float, minimum: float,
) -> None:  # fmt: skip
    """Say how a product is ordered at a site (empty: the party's default). Raises OrderRefused."""
    if not (0.5 <= target < 1 and 0 < review_days <= 366 and 0 <= handling_days <= 366 and pack > 0 and minimum >= 0):
        raise OrderRefused(
            "A target from 50 % to under 100 %, review and handling of up to 366 days, packs above 0, a minimum from 0."
        )
    with tenancy.system():
        plans.OrderPolicy.objects.update_or_create(
            tenant=party,
            product=product,
            site=site,
            defaults={
                "target": target,
                "review_days": review_days,
                "handling_days": handling_days,
                "pack": pack,
                "minimum": minimum,
            },
        )
