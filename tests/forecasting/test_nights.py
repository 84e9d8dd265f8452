"""Nights share what has not changed; each is signed whole, and computes and scores only what is new."""

import json
from contextlib import nullcontext
from datetime import date, timedelta
from uuid import UUID

import numpy as np
import pytest

from forecasting import jobs, operations, queries, runproof
from forecasting.models import ForecastRun, Job, Known, Outcome, Override, SeriesForecast
from forecasting.operations import shards, signing
from tests.forecasting.conftest import CUTOFF, FIRST_DAY


@pytest.fixture(autouse=True)
def _no_broker(monkeypatch):
    monkeypatch.setattr(jobs, "ring", lambda job_id, kind: None)


@pytest.fixture
def trading(world):
    """Two daily series and a monthly one, which no event touches later on."""
    rng = np.random.default_rng(3)
    world.demand("apples", rng.integers(18, 23, 112).tolist())
    world.demand("pears", rng.integers(8, 13, 112).tolist())
    months = [FIRST_DAY.replace(year=2023 + n // 12, month=n % 12 + 1, day=10) for n in range(32)]
    for at in months:
        world.tell(product="salt", site="shop", at=at.isoformat(), known_at=at.isoformat(), quantity=40 + at.month)
    return world


def night(now):
    """One night's run, done here."""
    job = operations.request_nightly_forecast(now=now)
    done = jobs.perform(job.id, clock=lambda: now)
    assert done.status == "done", done.error
    return operations.drive(UUID(hex=done.result["run"]), clock=lambda: now, heart=lambda claimed: nullcontext())


def computed(run):
    return sorted(run.computed.values_list("product", flat=True))


def test_the_second_night_computes_what_has_changed_and_shares_the_rest(trading):
    first = night(CUTOFF)
    assert computed(first) == ["apples", "pears", "salt"] and first.carried_count == 0
    trading.demand("apples", [25], first=CUTOFF.replace(hour=12))
    second = night(CUTOFF + timedelta(days=1))
    assert computed(second) == ["apples", "pears"], "a day is over for both; no month is"
    assert (second.series_count, second.carried_count, second.choice) == (3, 1, first.choice)
    rows = queries.series_of(second, party=trading.shop.party)
    assert sorted(row.product for row in rows) == ["apples", "pears", "salt"]
    assert [row.run for row in rows if row.product == "salt"] == [first]
    assert {row.run for row in queries.series_of(first, party=trading.shop.party)} == {first}, "the past stays"
    assert list(runproof.faults()) == []
    for run in (first, second, first.choice):
        again = operations.reproduce(run)
        assert again.holds, again.differences


def test_what_came_is_kept_beside_what_was_forecast(trading):
    first = night(CUTOFF)
    trading.demand("apples", [25], first=CUTOFF.replace(hour=12))
    night(CUTOFF + timedelta(days=1))
    apples, pears = Outcome.objects.order_by("observed__product")
    row = SeriesForecast.objects.get(product="apples", first=first.number)
    assert (apples.actual, apples.step, apples.period) == (25, 1, date(2025, 9, 22))
    assert apples.point == row.steps[0]["point"] and apples.upper_80 == row.steps[0]["quantiles"][9]
    assert apples.naive == row.history[-7] and apples.attested
    assert (pears.actual, pears.attested, pears.forecast_by) == (0, True, first), "as what was told before it"


def test_a_promotion_entered_by_day_changes_its_series_at_night(trading):
    night(CUTOFF)
    known = operations.enter_known(
        party=trading.shop.party,
        kind="promotion",
        name="salt week",
        product="salt",
        start=date(2025, 10, 6),
        end=date(2025, 10, 12),
        by="Mia",
        now=CUTOFF + timedelta(hours=3),
    )
    second = night(CUTOFF + timedelta(days=1))
    assert "salt" in computed(second)
    assert operations.withdraw_known(known.pk, party=trading.shop.party, by="Mia", now=CUTOFF + timedelta(hours=30))
    assert operations.reproduce(second).holds, "what was known then is still known of then"
    assert "salt" in computed(night(CUTOFF + timedelta(days=2)))


def test_a_promotion_that_is_changed_afterwards_is_noticed_by_verifying_and_by_reproducing(trading):
    known = operations.enter_known(
        party=trading.shop.party,
        kind="promotion",
        name="salt week",
        product="salt",
        start=date(2025, 10, 6),
        end=date(2025, 10, 12),
        by="Mia",
        now=CUTOFF - timedelta(hours=3),
    )
    run = night(CUTOFF)
    assert runproof.verify(run) == [] and operations.reproduce(run).holds
    Known.objects.filter(pk=known.pk).update(end=date(2025, 10, 13))
    assert any("entered beside it" in what and "salt" in what for what in runproof.verify(run))
    assert any("salt" in what and "beside" in what for what in operations.reproduce(run).differences)


def test_overrides_are_under_the_signature_of_the_next_run_and_one_that_is_changed_is_noticed(trading):
    first = night(CUTOFF)
    assert manifest_of(first)["overrides"]["standing"] == 0
    row = SeriesForecast.objects.get(product="apples", first=first.number)
    later = {"party": trading.shop.party, "now": CUTOFF + timedelta(hours=3)}
    period = date.fromisoformat(row.steps[2]["period"])
    operations.override(row, period=period, quantity=80, reason="a fair", by="Mia", **later)
    second = night(CUTOFF + timedelta(days=1))
    assert manifest_of(second)["overrides"]["standing"] == 1
    assert runproof.verify(first) == [] == runproof.verify(second), "it did not stand when the first was made"
    assert operations.reproduce(second).holds
    mine = Override.objects.get()
    assert operations.end_override(mine.pk, party=trading.shop.party, now=CUTOFF + timedelta(hours=30))
    assert runproof.verify(second) == [], "it stood then"
    for change in ({"quantity": 90}, {"author": "Nobody"}, {"reason": "none"}, {"made_at": CUTOFF}):
        Override.objects.filter(pk=mine.pk).update(**change)
        assert any("overrides" in what for what in runproof.verify(second)), change
        assert not operations.reproduce(second).holds
        Override.objects.filter(pk=mine.pk).update(**{name: getattr(mine, name) for name in change})
    assert runproof.verify(second) == []
    mine.delete()
    assert any("overrides" in what for _, what in runproof.faults())


def test_a_run_that_was_signed_before_overrides_were_told_still_comes_out_the_same(trading, monkeypatch):
    with monkeypatch.context() as before:
        before.setattr(signing.queries, "override_leaves", lambda run: None)
        run = night(CUTOFF)
    assert "overrides" not in manifest_of(run)
    assert operations.reproduce(run).holds and runproof.verify(run) == []


def manifest_of(run):
    return json.loads(bytes(run.manifest.body))


def test_a_new_choice_computes_everything_anew(trading):
    night(CUTOFF)
    job = operations.request_weekly_choice(now=CUTOFF + timedelta(hours=5))
    assert operations.request_weekly_choice(now=CUTOFF + timedelta(hours=6)) is None
    assert jobs.perform(job.id, clock=lambda: CUTOFF + timedelta(hours=5)).status == "done"
    second = night(CUTOFF + timedelta(days=1))
    assert computed(second) == ["apples", "pears", "salt"]
    assert second.choice == queries.latest_choice() and second.choice.chosen.reached == 3


def test_a_site_that_begins_to_record_consumption_leaves_its_receipts_behind(trading):
    night(CUTOFF)
    trading.demand("salt", [3], first=CUTOFF, kind="consumption")
    second = night(CUTOFF + timedelta(days=1))
    found = {row.product: row.kind for row in queries.series_of(second, party=trading.shop.party)}
    assert found == {"apples": "receipts", "pears": "receipts", "salt": "consumption"}
    assert second.series_count == 3 and operations.reproduce(second).holds


def test_one_night_is_under_way_at_a_time_and_none_goes_back(trading):
    first = operations.request_nightly_forecast(now=CUTOFF)
    jobs.perform(first.id, clock=lambda: CUTOFF)
    later = operations.request_nightly_forecast(now=CUTOFF + timedelta(days=1))
    refused = jobs.perform(later.id, clock=lambda: CUTOFF + timedelta(days=1))
    assert refused.status == "failed" and "still under way" in refused.error


def test_two_beats_many_workers_and_a_killed_one_leave_every_series_once(trading, monkeypatch):
    """The plan, a shard and the signature are each claimed by a worker that dies; whoever comes next does them once."""
    monkeypatch.setattr(shards, "SHARD_SIZE", 1)
    [plan] = [job for job in (operations.request_nightly_forecast(now=CUTOFF) for _ in range(2)) if job]
    now = CUTOFF
    for kind in ("forecast", "forecast-shard", "forecast-sign"):
        dead = Job.objects.filter(kind=kind).first()
        claimed = jobs.claim(dead.id, now=now)  # and killed: it never comes back
        assert claimed is not None and jobs.perform(dead.id, clock=lambda now=now: now) is None
        now += timedelta(minutes=1)
        jobs.sweep(now=now)
        for job in Job.objects.filter(kind=kind, status__in=("queued", "running")):
            jobs.perform(job.id, clock=lambda now=now: now)
            assert jobs.perform(job.id, clock=lambda now=now: now) is None, "the doorbell rang twice"
    run = ForecastRun.objects.get(kind="forecast")
    assert run.shards == 3 and run.series_count == 3 == SeriesForecast.objects.count()
    assert Job.objects.filter(kind="forecast-sign").count() == 1 and plan.kind == "forecast"
    assert operations.reproduce(run).holds
