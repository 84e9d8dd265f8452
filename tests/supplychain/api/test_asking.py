"""Forecasts, plans, orders and counts asked for by a program."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from forecasting import jobs
from forecasting.models import Job
from ledger import queries as log
from ledger import tenancy
from tests.cast import World
from tests.supplychain.api.conftest import Caller, caller_for
from tests.supplychain.test_plans import forecast, make, receive

SCOPES = "forecasts:read forecasts:write epcis:capture"


@pytest.fixture(autouse=True)
def no_ring(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jobs, "ring", lambda job_id, kind: None)


@pytest.fixture
def centre(world: World) -> Caller:
    return caller_for(world.centre, SCOPES)


def planned(world: World, centre: Caller) -> dict[str, Any]:
    """A plan with a proposal for the centre."""
    receive(world, 100)
    forecast(world, world.centre)
    make(world, world.centre)
    [line] = centre.get("/plan").json()["lines"]
    return dict(line)


def test_a_forecast_is_queued_once_a_minute_and_its_job_is_ones_own(
    world: World, centre: Caller, stranger: Caller
) -> None:
    first, again = centre.post("/forecasts/requests", {}), centre.post("/forecasts/requests", {})
    assert (first.status_code, first.json()["status"], first.json()["is_open"]) == (202, "queued", True)
    assert Job.objects.count() in (1, 2) and again.status_code == 202  # two when the minute ended between
    path = f"/forecasts/jobs/{first.json()['id']}"
    assert centre.get(path).json() == first.json()
    assert caller_for(world.stranger, SCOPES).get(path).status_code == 404


def test_a_frozen_one_has_a_day_that_is_over_and_a_name(centre: Caller) -> None:
    today = timezone.now().date()
    good = {"cutoff": str(today), "label": "S&OP"}
    assert centre.post("/forecasts/requests", good).status_code == 202
    assert "S&OP" in Job.objects.get().cause
    for wrong in ({"label": "S&OP"}, {"cutoff": str(today)}, {**good, "cutoff": str(today + timedelta(days=2))}):
        assert centre.post("/forecasts/requests", wrong).status_code == 422
    assert centre.post("/forecasts/requests", {"cutoff": "soon"}).json()["errors"][0]["pointer"] == "/cutoff"


def test_a_plan_is_asked_for_with_a_fleet(centre: Caller) -> None:
    fleet = {"vehicles": 3, "capacity": 80, "start": "06:00", "end": "14:30"}
    assert centre.post("/plan/requests", fleet).status_code == 202
    assert Job.objects.get().args["fleet"] == {"vehicles": 3, "capacity": 80.0, "start": 360, "end": 870}
    assert centre.post("/plan/requests", {**fleet, "end": "05:00"}).status_code == 422
    for clock in ("5:00", "24:01", "05:60", "noon!", 5):
        assert centre.post("/plan/requests", {"start": clock}).json()["errors"][0]["pointer"] == "/start"


def test_a_proposal_is_ordered_once_and_another_quantity_needs_a_reason(world: World, centre: Caller) -> None:
    line = planned(world, centre)
    path = f"/plan/lines/{line['id']}/order"
    assert centre.post(path, {"quantity": line["quantity"] + 5}).status_code == 409
    placed = centre.post(path, {"quantity": line["quantity"] + 5, "reason": "a fair"})
    assert (placed.status_code, placed.json()["index"]) == (201, log.tree_size() - 1)
    assert centre.get("/plan").json()["lines"][0]["order_index"] == placed.json()["index"]
    assert centre.post(path, {"quantity": line["quantity"]}).status_code == 409


def test_a_count_is_signed(world: World, centre: Caller) -> None:
    line = planned(world, centre)
    counted = centre.post(f"/plan/lines/{line['id']}/count", {"quantity": 0})
    assert (counted.status_code, counted.json()["index"]) == (201, log.tree_size() - 1)
    assert centre.post(f"/plan/lines/{line['id']}/count", {"quantity": -1}).status_code == 409
    with tenancy.system():
        assert world.event(counted.json()["index"]).biz_step == "stock_taking"


def test_nobody_orders_for_another_party_or_without_the_scope(world: World, centre: Caller) -> None:
    line, size = planned(world, centre), log.tree_size()
    for act in ("order", "count"):
        path = f"/plan/lines/{line['id']}/{act}"
        assert caller_for(world.stranger, SCOPES).post(path, {"quantity": 1}).status_code == 404
        assert caller_for(world.centre, "forecasts:read forecasts:write").post(path, {"quantity": 1}).status_code == 403
    assert log.tree_size() == size


def test_a_rule_is_kept_where_it_makes_sense(centre: Caller) -> None:
    rule = {"target": 0.9, "review_days": 2, "handling_days": 0, "pack": 6, "minimum": 12}
    assert centre.post("/plan/rule", rule).json() == rule
    assert centre.post("/plan/rule", {**rule, "target": 1}).status_code == 409
    assert centre.post("/plan/rule", {**rule, "pack": True}).status_code == 400
