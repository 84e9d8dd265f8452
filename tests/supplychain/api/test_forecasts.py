"""Forecasts through the API: a party reads the series at its own sites."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from typing import Any
from uuid import uuid4

from django.apps import apps

from ledger import tenancy
from tests.cast import World
from tests.supplychain.api.conftest import Caller

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)


def make_run(world: World) -> tuple[Any, Any]:
    """A run with one series of the grower's and one of the carrier's."""
    run_model, series_model = (apps.get_model("forecasting", name) for name in ("ForecastRun", "SeriesForecast"))
    with tenancy.system():
        run = run_model.objects.create(
            cutoff=world.now,
            origin=world.origin,
            tree_size=7,
            root_hash=bytes(32),
            settings={"horizon": 28},
            versions={"prophet": "1.1"},
            seed=1,
            manifest_digest=uuid4().bytes * 2,
            series_root=bytes(32),
            statement_index=6,
            series_count=2,
            forecast_count=1,
            started_at=world.now,
            finished_at=world.now,
        )
        made = [
            series_model.objects.create(
                run=run,
                tenant=hand.id,
                kind="demand",
                product="https://id.gs1.org/01/09521141001011",
                site=hand.site,
                frequency="D",
                reason="too short: 3 days of history",
                attested=False,
                history=[1, None, 2],
                record=json.dumps({}),
            )
            for hand in (world.grower, world.carrier)
        ]
    return run, made[0]


def known_days(hand: Any) -> int:
    """Something that a party entered of some days; its id."""
    day = date(2026, 3, 9)
    with tenancy.system():
        row = apps.get_model("forecasting", "Known").objects.create(
            kind="promotion", tenant=hand.id, name="secret", start=day, end=day, entered_by="x", entered_at=NOON
        )
    return int(row.pk)


def override(hand: Any) -> int:
    """An override of a party; its id."""
    with tenancy.system():
        row = apps.get_model("forecasting", "Override").objects.create(
            tenant=hand.id,
            product="https://id.gs1.org/01/09521141001011",
            site=hand.site,
            frequency="D",
            period=date(2026, 3, 9),
            quantity=5,
            model_quantity=4,
            reason="secret",
            author="x",
            made_at=NOON,
        )
    return int(row.pk)


def test_runs_are_listed_with_what_they_were_made_from(world: World, grower: Caller) -> None:
    run, _ = make_run(world)
    [found] = grower.get("/forecasts").json()["items"]
    assert (found["id"], found["tree_size"], found["statement_index"]) == (str(run.id), 7, 6)
    assert "verified entries" in found["provenance"]


def test_a_run_shows_the_series_of_the_party_alone(world: World, grower: Caller, carrier: Caller) -> None:
    run, series = make_run(world)
    [own] = grower.get(f"/forecasts/{run.id}").json()["series"]
    assert (own["id"], own["site"], own["method"]) == (series.pk, world.grower.site, None)
    [other] = carrier.get(f"/forecasts/{run.id}").json()["series"]
    assert other["site"] == world.carrier.site


def test_a_series_says_why_there_is_no_forecast(world: World, grower: Caller) -> None:
    run, series = make_run(world)
    found = grower.get(f"/forecasts/{run.id}/series/{series.pk}").json()
    assert (found["history"], found["steps"], found["reason"]) == ([1, None, 2], [], "too short: 3 days of history")


def test_a_series_of_another_party_or_run_is_a_404(world: World, grower: Caller, carrier: Caller) -> None:
    run, series = make_run(world)
    assert carrier.get(f"/forecasts/{run.id}/series/{series.pk}").status_code == 404
    assert grower.get(f"/forecasts/{uuid4()}/series/{series.pk}").status_code == 404
    assert grower.get(f"/forecasts/{run.id}/series/{10**30}").status_code == 404
