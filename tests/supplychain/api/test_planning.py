"""What programs enter beside forecasts, and what a stranger gets of it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.apps import apps
from django.utils import timezone

from ledger import tenancy
from tests.cast import World
from tests.supplychain.api.conftest import Caller, caller_for
from tests.supplychain.api.test_forecasts import make_run

LEVELS = [0.025, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.975]
SCOPES = "forecasts:read forecasts:write"


@pytest.fixture
def planner(world: World) -> Caller:
    return caller_for(world.grower, SCOPES)


@pytest.fixture
def series(world: World) -> Any:
    """A series of the grower's with a forecast of two days."""
    _, row = make_run(world)
    steps = [
        {"period": f"2026-03-0{day}", "point": 10.0, "quantiles": [10.0 + 8 * (level - 0.5) for level in LEVELS]}
        for day in (3, 4)
    ]
    with tenancy.system():
        row.steps, row.levels, row.method, row.reason = steps, LEVELS, "theta", ""
        row.history_end, row.season_length = world.now.date(), 7
        row.save()
    return row


def soon(days: int = 5) -> str:
    return (timezone.now() + timedelta(days=days)).date().isoformat()


def test_a_promotion_is_entered_listed_and_withdrawn(planner: Caller, carrier: Caller) -> None:
    told = {"kind": "promotion", "name": "half price", "start": soon(), "end": soon(7)}
    made = planner.post("/forecasts/days", told)
    assert made.status_code == 201 and made.json()["entered_by"].startswith("program ")
    assert [each["name"] for each in planner.get("/forecasts/days").json()["items"]] == ["half price"]
    assert carrier.get("/forecasts/days").json() == {"items": []}
    address = f"/forecasts/days/{made.json()['id']}"
    assert carrier("delete", address).status_code in (403, 404)
    assert planner("delete", address).status_code == 204 and planner("delete", address).status_code == 404
    assert planner.get("/forecasts/days").json() == {"items": []}


@pytest.mark.parametrize(
    ("wrong", "status"),
    [
        ({"kind": "party"}, 400),
        ({"start": "1.3.2026"}, 400),
        ({"start": 20260301}, 400),
        ({"surprise": 1}, 400),
        ({"end": soon(2)}, 422),
        ({"start": "2999-01-01", "end": "2999-01-02"}, 422),
        ({"kind": "stockout"}, 422),
    ],
)
def test_what_makes_no_sense_is_refused_with_a_sentence(planner: Caller, wrong: dict[str, Any], status: int) -> None:
    told = {"kind": "promotion", "name": "half price", "start": soon(), "end": soon(7), **wrong}
    answer = planner.post("/forecasts/days", told)
    assert answer.status_code == status and answer.json()["detail"], answer.json()


def test_reading_is_not_writing(world: World) -> None:
    reader = caller_for(world.grower, "forecasts:read")
    assert reader.get("/forecasts/days").status_code == 200
    assert reader.post("/forecasts/days", {}).status_code == 403
    assert reader.post("/forecasts/overrides", {}).status_code == 403


def test_an_override_is_made_beside_the_model_and_ends(planner: Caller, carrier: Caller, series: Any) -> None:
    told = {"series": series.pk, "period": "2026-03-03", "quantity": 25, "reason": "the fair"}
    made = planner.post("/forecasts/overrides", told).json()
    assert (made["quantity"], made["model_quantity"], made["reason"], made["ended_at"]) == (25, 10.0, "the fair", None)
    again = planner.post("/forecasts/overrides", {**told, "quantity": 30}).json()
    newest, first = planner.get("/forecasts/overrides").json()["items"]
    assert (newest["id"], first["id"]) == (again["id"], made["id"]) and first["ended_at"] is not None
    assert carrier.get("/forecasts/overrides").json() == {"items": []}
    assert planner("delete", f"/forecasts/overrides/{again['id']}").status_code == 204
    assert planner("delete", f"/forecasts/overrides/{again['id']}").status_code == 404


def test_nobody_overrides_what_is_not_theirs_or_not_forecast(world: World, planner: Caller, series: Any) -> None:
    told = {"series": series.pk, "period": "2026-03-03", "quantity": 25, "reason": "the fair"}
    assert caller_for(world.carrier, SCOPES).post("/forecasts/overrides", told).status_code == 404
    assert planner.post("/forecasts/overrides", {**told, "series": 10**12}).status_code == 404
    assert planner.post("/forecasts/overrides", {**told, "period": "2026-03-09"}).status_code == 422
    assert planner.post("/forecasts/overrides", {**told, "quantity": -1}).status_code == 422
    assert planner.post("/forecasts/overrides", {**told, "quantity": "many"}).status_code == 400


def test_totals_add_up_what_is_the_partys_and_nothing_else(planner: Caller, carrier: Caller, series: Any) -> None:
    [node] = planner.get("/forecasts/totals?every=D").json()["items"]
    assert [cell["point"] for cell in node["cells"]] == [10.0, 10.0] and node["name"] == []
    [site] = planner.get("/forecasts/totals?every=D&level=site").json()["items"]
    assert site["name"] == [series.site]
    assert carrier.get("/forecasts/totals").status_code == 404
    assert planner.get("/forecasts/totals?level=everything").status_code == 400


def test_accuracy_is_told_by_group_to_the_party_alone(
    world: World, planner: Caller, carrier: Caller, series: Any
) -> None:
    observed, outcome = (apps.get_model("forecasting", name) for name in ("ObservedSeries", "Outcome"))
    with tenancy.system():
        row = observed.objects.create(
            kind="receipts",
            product=series.product,
            site=series.site,
            tenant=world.grower.id,
            first_known_at=world.now,
            first_at=world.now,
            last_index=0,
        )
        outcome.objects.create(
            observed=row,
            tenant=world.grower.id,
            site=series.site,
            frequency="D",
            demand_class="smooth",
            period=timezone.now().date() - timedelta(days=1),
            step=1,
            forecast_by=series.run,
            point=12,
            lower_80=9,
            upper_80=15,
            lower_95=8,
            upper_95=16,
            naive=14,
            actual=10,
            attested=False,
            seen_at=world.now,
        )
    items = planner.get("/forecasts/accuracy").json()["items"]
    assert [each["group"] for each in items] == ["all", "live", "class", "site", "series"]
    assert items[-1]["name"][:2] == [series.product, series.site] and items[0]["bias"] == 2
    assert carrier.get("/forecasts/accuracy").json() == {"items": []}
