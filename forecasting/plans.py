"""Plans of one party: proposals from stock, open orders, demand quantiles and lead times; routes for the day.

All of it comes from verified history: stock and orders from the log's own events, demand from the latest forecast, lead
times from the trips that arrivals were learnt from. A period that somebody has overridden is planned as they expect it,
and the line says who that is.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from math import ceil
from typing import Any
from uuid import UUID

import numpy as np

from forecasting import arrivals, queries, stocking
from forecasting.arrivals import trips_of
from forecasting.leadtime.journeys import LEVELS
from forecasting.leadtime.trips import DAY, Trip
from forecasting.planning import inventory
from forecasting.planning.inventory import Policy, PolicyRefused, Position
from forecasting.planning.stock import Change, Held, Key, Wrong, positions
from forecasting.planrows import OrderPolicy, Plan, PlanLine
from forecasting.queries import SeriesForecast
from forecasting.stocking import register_decoder
from forecasting.timeseries.engine import Choice
from ledger import tenancy
from ledger.verified import VerifiedCheckpoint

__all__ = [
    "Change", "Key", "OrderPolicy", "Plan", "PlanLine", "Wrong", "latest", "line", "make", "read_stock",
    "register_decoder",
]  # fmt: skip

KIND = "plan"
"""The jobs that make plans."""
DAYS = {"D": 1.0, "W": 7.0, "MS": 30.4}
LEAST_TRIPS = 5
NO_FORECAST = "There is no forecast of its demand yet."
NO_STOCK = "More left than ever came in: count it, so that an opening balance is known."


@dataclass(frozen=True, slots=True, eq=False)
class Stock:
    """What a party holds and has on order, and the checkpoint that it was verified against."""

    held: dict[Key, Held]
    checkpoint: VerifiedCheckpoint


def read_stock(party: UUID, *, now: datetime) -> Stock | None:
    """The stock of `party` from the verified log, of which only what is new is read; None where it is empty.

    Raises LogBroken.
    """
    checkpoint = stocking.advance()
    changes, wrong = stocking.told_of(party)
    return Stock(positions(changes, now=now, wrong=wrong), checkpoint) if checkpoint.tree_size else None


Overrides = Mapping[tuple[str, str, str, str, date], queries.Override]


@dataclass(frozen=True, slots=True, eq=False)
class Beside:
    """What a proposal is made with, beside a forecast: how alike its errors are, and what somebody expects instead."""

    choice: Choice
    overrides: Overrides


def make(party: UUID, *, stock: Stock, now: datetime) -> tuple[Plan, list[PlanLine]]:
    """Propose for every series of the party's latest forecast what to order now; the rows, not stored yet."""
    run = queries.latest_run(party)
    plan = Plan(
        tenant=party,
        run=run.pk if run else None,
        origin=stock.checkpoint.origin,
        tree_size=stock.checkpoint.tree_size,
        root_hash=stock.checkpoint.root_hash,
        made_at=now,
    )
    series = list(queries.series_of(run, party=party)) if run else []
    past = trips_of(arrivals.current())
    policies = {(each.product, each.site): each for each in OrderPolicy.objects.filter(tenant=party)}
    beside = Beside(queries.choice_of(run), queries.standing_overrides(party))
    lines = [_line(plan, row, stock, past, policies, beside) for row in series if row.kind != "dispatches"]
    return plan, lines


def _line(
    plan: Plan,
    row: SeriesForecast,
    stock: Stock,
    past: Sequence[Trip],
    policies: dict[tuple[str, str], OrderPolicy],
    beside: Beside,
) -> PlanLine:
    key = Key(plan.tenant, row.site, row.product, row.unit)
    held = stock.held.get(key, Held())
    rule = _rule(policies, row.product, row.site, plan.tenant)
    line = PlanLine(
        plan=plan,
        tenant=plan.tenant,
        product=row.product,
        site=row.site,
        unit=row.unit,
        series=row.pk,
        on_hand=round(held.on_hand, 6),
        counted_at=held.counted_at,
        on_order=held.on_order,
        policy={name: getattr(rule, name) for name in ("target", "review_days", "handling_days", "pack", "minimum")},
    )
    if not row.steps:
        line.reason = row.reason or NO_FORECAST
        return line
    if not held.is_plausible:
        line.reason = NO_STOCK
        return line
    days = DAYS[row.frequency]
    leads, line.lead_trips = _leads(past, row.site, rule.handling_days)
    line.lead_days = float(leads[len(LEVELS) // 2])
    quantiles, overridden = _as_overridden(row, beside.overrides)
    if overridden:
        line.policy["overridden"] = overridden
    try:
        policy = Policy(rule.target, rule.review_days / days, rule.pack, rule.minimum)
    except PolicyRefused as refused:
        line.reason = str(refused)
        return line
    likeness = beside.choice.likeness(row.frequency, row.demand_class)
    found = inventory.propose(
        policy,
        Position(held.on_hand, held.on_order),
        paths=inventory.demand_paths(row.levels, quantiles, likeness=likeness),
        leads=inventory.lead_times(LEVELS, leads / days),
    )
    line.quantity, line.reorder_point, line.order_up_to = found.quantity, found.reorder_point, found.order_up_to
    line.expected, line.risk, line.risk_if_ordered = found.expected, found.risk, found.risk_if_ordered
    return line


def _as_overridden(row: SeriesForecast, standing: Overrides) -> tuple[inventory.Vector, list[str]]:
    """The quantiles of each step, moved to what somebody expects instead of the model; and who does, by period."""
    quantiles = np.array([step["quantiles"] for step in row.steps], dtype=float)
    told = []
    for place, step in enumerate(row.steps):
        period = date.fromisoformat(step["period"])
        one = standing.get((row.product, row.site, row.unit, row.frequency, period))
        if one is not None:
            point = float(step["point"])
            # As uncertain as the model was, in proportion; where it expected nothing, as certain as they are.
            quantiles[place] = quantiles[place] * (one.quantity / point) if point > 0 else one.quantity
            told.append(f"{period.isoformat()}: {one.quantity:g} by {one.author}")
    return quantiles, told


def _rule(policies: dict[tuple[str, str], OrderPolicy], product: str, site: str, tenant: UUID) -> OrderPolicy:
    """The party's own rule for a product at a site, else the narrower default."""
    for key in ((product, site), (product, ""), ("", site), ("", "")):
        if key in policies:
            return policies[key]
    return OrderPolicy(tenant=tenant)


def default_rule(party: UUID) -> OrderPolicy:
    """How a party orders where nothing narrower is said."""
    return OrderPolicy.objects.filter(tenant=party, product="", site="").first() or OrderPolicy(tenant=party)


def _leads(past: Sequence[Trip], site: str, handling: float) -> tuple[inventory.Vector, int]:
    """Lead time quantiles in days: handling, then what trips to the site took, or all trips where few went there."""
    taken = [
        (trip.arrived_at - trip.left_at) / DAY
        for trip in past
        if trip.arrived_at is not None and trip.destination == site
    ][-500:]
    every = [(trip.arrived_at - trip.left_at) / DAY for trip in past if trip.arrived_at is not None][-500:]
    chosen = taken if len(taken) >= LEAST_TRIPS else every
    if not chosen:
        return np.full(len(LEVELS), handling + 1.0), 0
    return handling + np.quantile(chosen, LEVELS), len(taken)


def store(plan: Plan, lines: Sequence[PlanLine], *, keep: int = 10) -> None:
    """Keep a plan; older ones without an order upon them go."""
    plan.save(force_insert=True)
    PlanLine.objects.bulk_create(lines, batch_size=500)
    newest = list(Plan.objects.filter(tenant=plan.tenant).values_list("pk", flat=True)[:keep])
    old = Plan.objects.filter(tenant=plan.tenant).exclude(pk__in=newest)
    old.exclude(lines__ordered__isnull=False).delete()


def latest(party: UUID) -> Plan | None:
    """The newest plan of a party."""
    return Plan.objects.filter(tenant=party).order_by("-made_at").first()


def line(pk: int, *, party: UUID) -> PlanLine | None:
    """A line of one's own newest plan, or None: the same answer for absent and foreign."""
    plan = latest(party)
    return PlanLine.objects.filter(pk=pk, tenant=party, plan=plan).first() if plan else None


def decided(
    found: PlanLine, *, quantity: float, number: str, index: int | None, reason: str, by: str, now: datetime
) -> None:
    """Note what was ordered upon a line; rows are the system's to write."""
    with tenancy.system():
        PlanLine.objects.filter(pk=found.pk).update(
            ordered=quantity,
            order_number=number,
            order_index=index,
            change_reason=reason,
            decided_by=by,
            decided_at=now,
        )


def tomorrow(party: UUID) -> dict[str, float]:
    """What is expected to be sent to each site in the first day ahead, all products together (series of dispatches)."""
    run = queries.latest_run(party)
    found: dict[str, float] = {}
    for row in queries.series_of(run, party=party) if run else []:
        if row.kind == "dispatches" and row.steps:
            found[row.site] = found.get(row.site, 0.0) + max(0.0, row.steps[0]["point"]) / DAYS[row.frequency]
    return {site: float(ceil(load)) for site, load in found.items() if load >= 0.5}


def as_dict(found: PlanLine) -> dict[str, Any]:
    """A line's numbers, for the API."""
    names = (
        "product", "site", "on_hand", "on_order", "expected", "reorder_point", "order_up_to", "quantity", "risk",
        "risk_if_ordered", "lead_days", "lead_trips", "policy",
    )  # fmt: skip
    return {name: getattr(found, name) for name in names}
