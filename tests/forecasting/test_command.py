"""`manage.py forecast`."""

import json
from io import StringIO

import numpy as np
import pytest
from django.core.management import CommandError, call_command

from forecasting import jobs
from forecasting.management.commands import forecast as command
from forecasting.models import ForecastRun, Job, Observed, SeriesForecast


@pytest.fixture(autouse=True)
def _one_thread(monkeypatch):
    """A second thread would not see this transaction, and there is no broker."""
    from contextlib import nullcontext

    monkeypatch.setattr(command, "beating_heart", lambda claimed: nullcontext())
    monkeypatch.setattr(jobs, "ring", lambda job_id, kind: None)


@pytest.fixture
def sparse(world):
    world.demand("saws", [int(v) for v in np.random.default_rng(1).choice([0, 0, 4], 112)])
    return world


def forecast(*arguments):
    out, err = StringIO(), StringIO()
    call_command("forecast", *arguments, stdout=out, stderr=err)
    return out.getvalue() + err.getvalue()


RUN = ("run", "--cutoff", "2025-09-22", "--frequency", "D", "--horizon", "7")


def test_run_forecasts_now_and_reproduce_and_list_name_the_run(sparse):
    assert "1 of 1 series forecast" in forecast(*RUN)
    found = ForecastRun.objects.get(kind="forecast")
    assert "bit for bit" in forecast("reproduce", found.id.hex)
    assert "bit for bit" in forecast("reproduce", "latest")
    assert "its inputs are what these entries tell" in forecast("verify", "latest")
    assert "bit for bit" in forecast("reproduce", found.choice.id.hex)
    listed = forecast("list")
    assert found.id.hex in listed and found.choice.id.hex in listed


def test_choose_names_the_champion_of_each_pool_and_what_was_not_reached(sparse):
    said = forecast("choose", "--cutoff", "2025-09-22", "--series", "5")
    assert "1 series reached, 0 not reached" in said and ("lumpy" in said or "intermittent" in said)


def test_rebuild_reads_the_log_again(sparse):
    assert "is kept anew" in forecast("rebuild") and Observed.objects.exists()


def test_verify_ends_with_1_when_the_kept_history_is_another(sparse):
    forecast(*RUN)
    row = SeriesForecast.objects.get()
    changed = json.dumps({**json.loads(row.record), "history": "00"}, sort_keys=True, separators=(",", ":"))
    SeriesForecast.objects.update(record=changed)
    with pytest.raises(SystemExit):
        forecast("verify", "latest")


def test_reproduce_ends_with_1_when_the_run_comes_out_otherwise(sparse):
    forecast(*RUN)
    row = SeriesForecast.objects.get()
    row.steps[0]["point"] = 99.0
    row.save()
    with pytest.raises(SystemExit) as ended:
        forecast("reproduce", "latest")
    assert ended.value.code == 1


def test_enqueue_leaves_it_to_a_worker(sparse):
    assert "waits for a worker" in forecast(*RUN, "--enqueue")
    assert Job.objects.get().status == "queued" and not ForecastRun.objects.exists()


@pytest.mark.parametrize("arguments", [("reproduce", "abcdef"), ("reproduce", "latest"), ("run", "--horizon", "0")])
def test_what_makes_no_sense_is_one_sentence(as_system, arguments):
    with pytest.raises(CommandError):
        forecast(*arguments)


def test_a_job_that_fails_says_why_and_does_not_wait_on(sparse):
    from ledger.models import LogHead

    LogHead.objects.update(root_hash=bytes(32))
    with pytest.raises(CommandError, match="does not hold"):
        forecast(*RUN)
    assert Job.objects.get().status == "failed"
