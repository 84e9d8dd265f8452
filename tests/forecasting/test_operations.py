"""A run is computed from the log, stored, signed into the log, and comes out the same again."""

import json
from contextlib import nullcontext
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import numpy as np
import pytest

from forecasting import jobs, models, operations, queries, runproof
from forecasting.history import SeriesKey
from forecasting.models import ForecastRun, Job, Manifest, Observed, SeriesForecast
from forecasting.operations import reproducing, shards
from forecasting.runs import RunRefused, RunSettings
from ledger import audit, tenancy
from ledger import operations as ledger_operations
from ledger.models import Entry, LogHead
from ledger.tlog import envelope, statement
from ledger.verified import verified_entries
from tests.forecasting.conftest import CUTOFF, FIRST_DAY

NOW = datetime(2026, 3, 2, 2, 10, tzinfo=UTC)


@pytest.fixture(autouse=True)
def _no_broker(monkeypatch):
    monkeypatch.setattr(jobs, "ring", lambda job_id, kind: None)


@pytest.fixture
def traded(world):
    """A steady, a sparse, a short and a dormant series."""
    rng = np.random.default_rng(3)
    week = np.tile([20, 20, 20, 20, 20, 50, 30], 16)
    world.demand("apples", [int(v) for v in week + rng.integers(-2, 3, 112)])
    world.demand("saws", [int(v) for v in rng.choice([0, 0, 0, 4], 112)])
    world.demand("kiwis", [5] * 10, first=CUTOFF - timedelta(days=10))
    world.demand("sledges", [5] * 30)
    return world


def run_now(**settings):
    """Ask for a run and do it all: the plan's job, and the signed run if there is one."""
    settings = RunSettings(**({"cutoff": CUTOFF, "frequency": "D", "horizon": 7} | settings))
    job = operations.request_forecast(cause=uuid4().hex, settings=settings, now=NOW)
    job = jobs.perform(job.id, clock=lambda: NOW)
    if job.status != "done":
        return job, None
    return job, operations.drive(UUID(hex=job.result["run"]), clock=lambda: NOW, heart=lambda claimed: nullcontext())


@pytest.fixture
def done(traded):
    job, run = run_now()
    assert job.status == "done", job.error
    return run


def series(product):
    return SeriesForecast.objects.get(product=product)


def test_a_run_gives_each_series_a_forecast_or_a_reason(done):
    apples = series("apples")
    assert apples.method and not apples.reason and apples.demand_class == "smooth"
    assert len(apples.steps) == 7 and apples.steps[0]["period"] == "2025-09-22"
    assert len(apples.steps[0]["quantiles"]) == len(apples.levels) == 11
    tested = queries.tested_of(apples)
    assert set(tested.scores) == {tested.method, "seasonal_naive"} and tested.method == apples.method
    assert tested.scores[tested.method]["origins"] == 3 and len(tested.backtest["origins"]) == 3
    assert {"trend", "weekly", "correction"} <= set(apples.components)
    explained = np.sum(list(apples.components.values()), axis=0)
    assert np.allclose(explained, [step["point"] for step in apples.steps], rtol=1e-9)
    assert "10 days of history" in series("kiwis").reason and series("kiwis").steps == []
    assert "no demand in the last 56 days" in series("sledges").reason
    assert (done.series_count, done.forecast_count) == (4, 2)


def test_sparse_demand_is_never_given_to_prophet(done):
    saws = series("saws")
    assert saws.demand_class in {"intermittent", "lumpy"} and "prophet" not in saws.method
    assert saws.components == {}


def test_the_run_is_one_signed_statement_that_names_tree_size_root_and_manifest(done):
    chosen, entry = [entry for entry in verified_entries() if entry.statement.type == "forecast"]
    assert chosen.statement.claims["kind"] == "choice" and chosen.index == done.choice.statement_index
    assert entry.index == done.statement_index == done.tree_size and entry.key.role == "forecaster"
    assert entry.statement.claims == {
        "run": done.id.hex,
        "kind": "forecast",
        "choice": bytes(done.choice.manifest_digest).hex(),
        "tree_size": done.tree_size,
        "root_hash": bytes(done.root_hash).hex(),
        "manifest": bytes(done.manifest_digest).hex(),
        "series_root": bytes(done.series_root).hex(),
    }
    told = json.loads(entry.body)
    assert bytes(done.manifest.body) == entry.body
    assert told["settings"]["seed"] == 1 and told["versions"]["numba"] and told["methods"]["theta"]
    assert {record["product"] for record in told["series"]} == {"apples", "saws", "kiwis", "sledges"}
    assert all(record["forecast"] or record["reason"] for record in told["series"])


def test_a_run_comes_out_again_bit_for_bit_also_after_the_log_grew(done, traded):
    traded.demand("apples", [900] * 5)
    again = operations.reproduce(done)
    assert again.holds, again.differences
    assert again.same_versions and again.series == 4 and again.largest_difference == 0


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"steps": []}, "forecast"),
        ({"flags": [{"kind": "capped"}]}, "flags"),
        ({"shares": {"elsewhere": 1.0}}, "shares"),
        ({"method": "empirical"}, "method"),
        ({"history": [1.0]}, "history"),
        ({"attested": False}, "attested"),
        ({"components": {"trend": [1.0]}}, "forecast"),
        ({"site": "elsewhere"}, "site"),
    ],
)
def test_a_changed_series_is_found_by_the_audit(done, change, word):
    row = series("apples")
    for name, value in change.items():
        setattr(row, name, value)
    if change.get("steps") == []:
        row.steps = [{**step, "point": step["point"] + 1} for step in series("apples").steps]
    row.save()
    found = dict.fromkeys(runproof.faults())
    assert {index for index, _ in found} == {done.statement_index}
    assert any(what.endswith(f"{word} of apples at shop is not what was signed") for _, what in found), found


def test_a_changed_run_is_found_by_the_audit_and_by_reproducing_it(done):
    assert list(runproof.faults()) == []
    ForecastRun.objects.filter(pk=done.pk).update(series_root=bytes(32))
    assert {what.split(": ")[1] for _, what in runproof.faults()} == {
        "its series_root is not the one that was signed",
        "its series are not those that were signed",
    }
    assert not operations.reproduce(ForecastRun.objects.get(kind="forecast")).holds


def test_a_changed_observation_is_found_by_the_audit(done):
    Observed.objects.filter(quantity__gt=0).update(quantity=1)
    assert any("kept observations of apples at shop" in what for _, what in runproof.faults())


def test_the_audit_of_forecasts_checks_the_log_once(done, monkeypatch):
    sizes, check = [], audit.check_log
    monkeypatch.setattr(audit, "check_log", lambda **how: sizes.append(how["tree_size"]) or check(**how))
    assert list(runproof.faults()) == []
    assert sizes == [done.tree_size]
    ForecastRun.objects.filter(pk=done.pk).update(statement_index=10**9)  # where the log has no entry
    assert [what for _, what in runproof.faults() if "no forecast statement stands at its index" in what]


def test_of_very_many_series_another_part_is_read_again_with_each_run(done, monkeypatch):
    monkeypatch.setattr(runproof, "READ_AGAIN", 1)
    keys = [SeriesKey(row.kind, row.product, row.site, row.unit, row.tenant) for row in done.computed.all()]
    parts = []
    for index in range(4):
        done.statement_index = index
        parts.append({key.product for key in keys if runproof._part_of(done)(key)})
    assert set.union(*parts) == {"apples", "saws", "kiwis", "sledges"} and sum(map(len, parts)) == 4
    assert list(runproof.faults()) == []


def test_a_changed_quantile_is_found_by_reproducing_the_run(done):
    row = series("apples")
    row.steps[0]["quantiles"][3] += 0.5
    row.save()
    again = operations.reproduce(done)
    assert any("the stored forecast differs" in what for what in again.differences)


def test_with_other_versions_small_differences_are_tolerated_and_large_ones_are_not(done):
    ForecastRun.objects.filter(pk=done.pk).update(versions={**done.versions, "numpy": "0.1"})
    row = series("apples")
    row.steps[0]["point"] *= 1.0001
    row.save()
    changed = operations.reproduce(ForecastRun.objects.get(kind="forecast"))
    assert not changed.same_versions and not any("stored forecast" in what for what in changed.differences)
    row.steps[0]["point"] *= 2
    row.save()
    assert any(
        "stored forecast" in what for what in operations.reproduce(ForecastRun.objects.get(kind="forecast")).differences
    )


def test_other_quantities_in_the_log_would_come_out_otherwise(done, monkeypatch):
    real = reproducing.demand_history

    def poisoned(**more):
        found = real(**more)
        for each in found.series:
            object.__setattr__(each.observations[0], "quantity", 999.0)
        return found

    monkeypatch.setattr(reproducing, "demand_history", poisoned)
    again = operations.reproduce(done)
    assert any("history" in what for what in again.differences)


def test_nothing_is_forecast_from_a_broken_log(traded):
    LogHead.objects.update(root_hash=bytes(32))
    job, _ = run_now()
    assert job.status == "failed" and "does not hold" in job.error
    assert not ForecastRun.objects.exists() and not Entry.objects.filter(type="forecast").exists()


def test_a_worker_that_lost_its_lease_stores_nothing_and_the_run_waits_for_the_next(traded):
    job = operations.request_forecast(cause="x", settings=RunSettings(CUTOFF, frequency="D"), now=NOW)
    run = UUID(hex=jobs.perform(job.id, clock=lambda: NOW).result["run"])
    [shard] = Job.objects.filter(kind="forecast-shard")
    claimed = jobs.claim(shard.id, now=NOW)
    complete = operations.shard(claimed, lambda done, total: None, lambda: NOW)
    again = jobs.claim(shard.id, now=NOW + timedelta(minutes=5))  # another worker has it now
    with pytest.raises(jobs.LeaseLost):
        jobs.finish(claimed, complete, clock=lambda: NOW)
    assert not SeriesForecast.objects.exists() and ForecastRun.every.get(pk=run).shards_left == 1
    jobs.finish(again, operations.shard(again, lambda done, total: None, lambda: NOW), clock=lambda: NOW)
    assert ForecastRun.every.get(pk=run).shards_left == 0 and SeriesForecast.objects.count() == 4
    assert Job.objects.filter(kind="forecast-sign").count() == 1


def test_what_is_not_signed_yet_is_seen_by_nobody(traded):
    job = operations.request_forecast(cause="x", settings=RunSettings(CUTOFF, frequency="D"), now=NOW)
    run = jobs.perform(job.id, clock=lambda: NOW).result["run"]
    jobs.perform(Job.objects.get(kind="forecast-shard").id, clock=lambda: NOW)
    assert SeriesForecast.objects.exists() and queries.latest_run() is None
    assert not queries.visible_series(traded.shop.party).exists()
    with pytest.raises(queries.RunMissing):
        queries.run(run)


def test_a_shard_that_fails_for_good_leaves_a_reason_and_the_run_is_signed(traded, monkeypatch):
    monkeypatch.setattr(shards, "SHARD_SIZE", 2)
    real = shards.compute

    def poisoned(told, *rest, **more):
        if any(one.history.key.product == "saws" for one in told):
            raise MemoryError("too much of it")
        return real(told, *rest, **more)

    monkeypatch.setattr(shards, "compute", poisoned)
    _, run = run_now()
    assert "could not be computed" in series("saws").reason and series("apples").method
    assert run.statement_index is not None and run.series_count == 4


def test_a_run_called_off_leaves_nothing(traded):
    job = operations.request_forecast(cause="x", settings=RunSettings(CUTOFF, frequency="D"), now=NOW)
    run = ForecastRun.every.get(pk=jobs.perform(job.id, clock=lambda: NOW).result["run"])
    assert operations.cancel_run(run, by="Mia", now=NOW) and not operations.cancel_run(run, by="Mia", now=NOW)
    assert not SeriesForecast.objects.exists() and not Job.objects.filter(status="queued").exists()
    with pytest.raises(operations.RunEnded, match="called off by Mia"):
        operations.drive(run.id, clock=lambda: NOW, heart=lambda claimed: nullcontext())


def test_a_party_asks_for_so_many_runs_a_day_and_no_more(world):
    settings, party = RunSettings(CUTOFF), uuid4()
    for number in range(2):
        operations.request_forecast(cause=f"{number}", settings=settings, now=NOW, requested_by=party)
    with pytest.raises(operations.QuotaExceeded, match="still under way"):
        operations.request_forecast(cause="3", settings=settings, now=NOW, requested_by=party)
    operations.request_forecast(cause="1", settings=settings, now=NOW, requested_by=party)  # the same asks once
    operations.request_forecast(cause="4", settings=settings, now=NOW, requested_by=uuid4())
    Job.objects.update(status="done")
    for number in range(10):
        operations.request_forecast(cause=f"more {number}", settings=settings, now=NOW, requested_by=party)
        Job.objects.update(status="done")
    with pytest.raises(operations.QuotaExceeded, match="24 hours"):
        operations.request_forecast(cause="5", settings=settings, now=NOW, requested_by=party)


def test_a_log_without_demand_gives_a_run_without_series(world):
    _, run = run_now()
    assert run.series_count == 0 and operations.reproduce(run).holds


@pytest.mark.parametrize(
    "settings",
    [
        {"horizon": 10**9},
        {"horizon": 0},
        {"choosing": 10**9},
        {"seed": -1},
        {"frequency": "H"},
        {"label": "x" * 81},
        {"chained": True, "horizon": 3},
    ],
)
def test_senseless_settings_are_refused(settings):
    with pytest.raises(RunRefused):
        RunSettings(CUTOFF, **settings)


def test_a_forged_job_with_senseless_settings_fails_with_the_reason(world):
    job = jobs.enqueue("forecast", cause="forged", args={"cutoff": "never", "horizon": 10**9}, now=NOW)
    assert jobs.perform(job.id, clock=lambda: NOW).status == "failed"
    other = jobs.enqueue("forecast", cause="forged 2", args={"surprise": 1}, now=NOW)
    assert jobs.perform(other.id, clock=lambda: NOW).status == "failed"


def test_the_rule_takes_forecasts_and_nothing_else(world):
    event = world.log.event(world.shop, body=b"{}")
    [outcome] = ledger_operations.append_many([event], rule=operations.ForecastsOnly(), now=NOW)
    assert outcome.error.code == "refused"


def test_nobody_but_the_forecaster_signs_a_forecast(world):
    forged = ledger_operations.submission(
        "forecast", {"run": "1"}, origin=world.log.origin, by=world.shop.signer, body=b"{}"
    )
    [outcome] = ledger_operations.append_many([forged], rule=operations.ForecastsOnly(), now=NOW)
    assert outcome.error.code == "key"


def test_the_nightly_run_is_asked_for_once_a_day(db, as_system):
    first = operations.request_nightly_forecast(now=NOW)
    assert operations.request_nightly_forecast(now=NOW + timedelta(hours=3)) is None
    assert operations.request_nightly_forecast(now=NOW + timedelta(days=1)) is not None
    assert Job.objects.count() == 2 and first.args["cutoff"] == NOW.isoformat()


def test_a_party_sees_the_series_at_its_own_sites_and_a_stranger_none(done, traded):
    assert queries.series_of(done, party=traded.shop.party).count() == 4
    assert queries.series_of(done, party=uuid4()).count() == 0
    assert queries.series_forecast(series("apples").pk, party=uuid4()) is None
    assert queries.latest_forecast(product="apples", site="shop", party=None) is None


def test_the_database_itself_hides_series_and_manifests_from_strangers(done, traded):
    with tenancy.acting_for(traded.shop.party):
        assert SeriesForecast.objects.count() == 4 and Manifest.objects.count() == 0
        assert models.Tested.objects.exists() and not Observed.objects.exists()
    for stranger in (uuid4(), None):
        with tenancy.acting_for(stranger):
            assert not SeriesForecast.objects.exists() and not models.Tested.objects.exists()


def test_the_sentence_of_provenance_names_root_cutoff_and_entry(done):
    said = queries.provenance(done)
    assert bytes(done.root_hash).hex()[:16] in said.sentence and "2025-09-22 02:00" in said.sentence
    assert f"entry {done.statement_index}" in said.sentence


def test_a_run_is_found_by_the_beginning_of_its_id(done):
    assert queries.run(done.id.hex[:8]) == done
    for unknown in ("zz", "", "0" * 40, uuid4()):
        with pytest.raises(queries.RunMissing):
            queries.run(unknown)


def test_the_statement_fits_a_key_management_service(done):
    for entry in Entry.objects.filter(type="forecast"):
        assert len(envelope.parse_leaf(bytes(entry.leaf)).payload) < statement.MAX_BYTES / 4


def test_history_before_the_cutoff_only_is_in_the_forecast(done):
    assert series("apples").history_start == FIRST_DAY.date() and len(series("apples").history) == 112
