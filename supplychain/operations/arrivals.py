"""Arrivals are said anew of each shipment that an event moved: a durable job, rung for by capture and by the clock."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from django.db.models import Max

from forecasting import arrivals, jobs, plans
from forecasting.operations import sign_arrivals
from ledger import queries as log
from ledger.verified import LogBroken
from supplychain.models import Event, Shipment
from supplychain.queries.arrivals import LIKELY

KIND, LEARN = "arrivals", "learn-arrivals"
EVERY = timedelta(seconds=5)
"""One job for all that moved in so many seconds."""
BATCH = 200
MOST = 5_000
"""Shipments that one job looks at; the next one goes on."""
OLD = timedelta(hours=36)

_rung: dict[str, datetime] = {}


def ring(*, now: datetime) -> None:
    """Ask, once in `EVERY`, for arrivals to be said anew. It is called after events were captured."""
    at = _slot(now)
    if _rung.get(KIND) == at:
        return
    _rung[KIND] = at
    jobs.enqueue(KIND, cause=f"arrivals {at.isoformat()}", args={}, now=now)


def ring_if_stale(*, now: datetime) -> jobs.Job | None:
    """Ask where a shipment moved since it was last spoken of: whatever way its events came in."""
    try:
        log.head()
    except log.LogMissing:
        return None
    model = arrivals.current()
    if model is None or model.made_at < now - OLD or stale(limit=1):
        return jobs.enqueue(KIND, cause=f"arrivals {_slot(now).isoformat()} by the clock", args={}, now=now)
    return None


def request_learning(*, now: datetime) -> jobs.Job | None:
    """Ask for tonight's learning, once a UTC day."""
    midnight = now.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    return jobs.strike(LEARN, time=midnight, kind=KIND, args={"learn": True}, now=now)


def _slot(now: datetime) -> datetime:
    seconds = EVERY.total_seconds()
    return datetime.fromtimestamp(now.timestamp() // seconds * seconds, UTC)


def stale(*, limit: int = MOST) -> list[Shipment]:
    """Shipments on their way of which nothing was said since their last event, the latest moved first."""
    moving = Shipment.objects.filter(status=Shipment.Status.DISPATCHED, is_open=True).order_by("-last_index")
    found: list[Shipment] = []
    rows = list(moving.only("id", "tenant", "unit", "opened_index", "last_index")[:MOST])
    said = dict(
        arrivals.Arrival.objects.filter(scope__in=[row.id for row in rows])
        .values_list("scope")
        .annotate(last=Max("last_index"))
    )
    for row in rows:
        if said.get(row.id, -1) < row.last_index:
            found.append(row)
            if len(found) == limit:
                break
    return found


def perform(claimed: jobs.Claim, beat: jobs.Beat, clock: jobs.Clock) -> jobs.Complete:
    """Learn where there is no model of late, then say of every shipment that moved when it will be there.

    Raises jobs.GiveUp for a log that does not hold.
    """
    now, learnt = clock(), False
    try:
        model = arrivals.current()
        if claimed.args.get("learn") or model is None or model.made_at < now - OLD:
            model, learnt = arrivals.learn(now=now), True
        if model is None:
            return lambda: {"said": 0}
        waiting, rows = stale(), []
        for start in range(0, len(waiting), BATCH):
            beat(start, len(waiting))
            rows += arrivals.say(_asked(waiting[start : start + BATCH]), model=model, now=now)
    except LogBroken as broken:
        raise jobs.GiveUp(str(broken)) from broken

    def complete() -> dict[str, Any]:
        said = arrivals.store(rows)
        _plan_again(rows, now)
        entry = {"entry": sign_arrivals(model, now=now)} if learnt else {}
        return {"said": said, "learnt_size": model.tree_size, **entry}

    return complete


def _plan_again(rows: Sequence[arrivals.Arrival], now: datetime) -> None:
    """Who holds a shipment that is likely late may have a truck back late: plan again, four times an hour at most."""
    late = [row.scope for row in rows if (said := arrivals.expected(row, now=now)) and (said.risk or 0) >= LIKELY]
    slot = now.replace(minute=now.minute // 15 * 15, second=0, microsecond=0)
    for party in set(Shipment.objects.filter(pk__in=late).values_list("custodian", flat=True)):
        found = plans.latest(party) if party else None
        if party and found is not None and found.routes.get("routes"):
            cause = f"plan of {party.hex} late {slot.isoformat()}"
            jobs.enqueue(plans.KIND, cause=cause, args={"party": party.hex}, now=now)


def _asked(shipments: Sequence[Shipment]) -> list[arrivals.Asked]:
    wanted = {each.id for each in shipments}
    indices: dict[UUID, list[int]] = {each: [] for each in wanted}
    rows = Event.objects.filter(scopes__overlap=list(wanted)).order_by("index").values_list("index", "scopes")
    for index, scopes in rows:
        for scope in wanted.intersection(scopes):
            indices[scope].append(index)
    return [
        arrivals.Asked(each.id, each.tenant, each.unit, tuple(indices[each.id]))
        for each in shipments
        if indices[each.id]
    ]
