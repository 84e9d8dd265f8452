"""What is replaced and old is let go, what was signed stays: its runs verify and come out again."""

from contextlib import nullcontext
from datetime import timedelta
from uuid import uuid4

import pytest

from forecasting import jobs, models, operations, queries, runproof
from forecasting.models import ForecastRun, Outcome, SeriesForecast
from forecasting.runs import RunSettings
from forecasting.tasks import let_go as task
from tests.forecasting.conftest import CUTOFF
from tests.forecasting.test_nights import _no_broker, night, trading  # noqa: F401 - fixtures

DAY = timedelta(days=1)


@pytest.fixture
def nights(trading):  # noqa: F811
    """Three nights; apples are told of before each, salt and pears stand still within their periods."""
    found = []
    for number in range(3):
        found.append(night(CUTOFF + number * DAY))
        trading.demand("apples", [25 + number], first=CUTOFF + number * DAY + timedelta(hours=12))
    return found


def whole():
    return SeriesForecast.objects.exclude(steps=[]).count()


def mine(run, trading):  # noqa: F811
    return queries.series_of(run, party=trading.shop.party)


def test_what_nights_have_replaced_is_thinned_once_it_is_old_and_every_run_still_holds(nights, trading):  # noqa: F811
    third = nights[-1]
    before = {run.pk: (bytes(run.series_root), run.series_count) for run in nights}
    assert operations.let_go(now=CUTOFF + 9 * DAY, days=10).thinned == 0, "it is not old yet"
    assert operations.let_go(now=CUTOFF + 900 * DAY, days=0).thinned == 0, "0 keeps everything"
    replaced = SeriesForecast.objects.filter(last__lt=third.number).count()
    outcomes, rows = Outcome.objects.count(), SeriesForecast.objects.count()
    assert replaced >= 2 and outcomes
    gone = operations.let_go(now=CUTOFF + 13 * DAY, days=10)
    assert gone.thinned == replaced
    assert operations.let_go(now=CUTOFF + 13 * DAY, days=10).thinned == 0
    assert SeriesForecast.objects.count() == rows and Outcome.objects.count() == outcomes
    assert whole() == rows - replaced == 3 == mine(third, trading).exclude(steps=[]).count()
    for run in ForecastRun.objects.filter(pk__in=before):
        assert runproof.verify(run) == [] and operations.reproduce(run).holds
        assert (bytes(run.series_root), run.series_count) == before[run.pk]
    assert list(runproof.faults()) == []


def test_a_thinned_series_that_is_changed_and_one_that_counts_and_is_emptied_are_noticed(nights):
    first, _, third = nights
    operations.let_go(now=CUTOFF + 13 * DAY, days=10)
    old = SeriesForecast.objects.filter(steps=[], first=first.number).first()
    SeriesForecast.objects.filter(pk=old.pk).update(method="guess")
    assert any("method" in what for what in runproof.verify(first))
    SeriesForecast.objects.filter(pk=old.pk).update(method=old.method)
    SeriesForecast.objects.filter(pk=old.pk).update(record=old.record.replace('"forecast":"', '"forecast":"0'))
    assert runproof.verify(first) != []
    SeriesForecast.objects.filter(pk=old.pk).update(record=old.record)
    assert runproof.verify(first) == []
    current = SeriesForecast.objects.filter(last__isnull=True, first=third.number).first()
    SeriesForecast.objects.filter(pk=current.pk).update(steps=[], history=[])
    assert runproof.verify(third) != [], "nobody may empty what still counts"


def test_runs_that_failed_go_with_their_jobs_and_runs_under_a_label_stay_whole(trading):  # noqa: F811
    made = []
    for number, label in enumerate(("spring meeting", "", "")):
        settings = RunSettings(cutoff=CUTOFF, tenant=trading.shop.party, label=label, horizon=7, frequency="D")
        now = CUTOFF + number * DAY
        job = operations.request_forecast(cause=uuid4().hex, settings=settings, now=now)
        done = jobs.perform(job.id, clock=lambda now=now: now)
        run = ForecastRun.every.get(pk=done.result["run"])
        if number < 2:
            operations.drive(run.pk, clock=lambda now=now: now, heart=lambda claimed: nullcontext())
        made.append(run)
    assert operations.cancel_run(made[2], by="Mia", now=CUTOFF + 2 * DAY)
    asked = {"kind": "plan", "status": "done", "created_at": CUTOFF, "finished_at": CUTOFF}
    mine = models.Job.objects.create(cause="asked", requested_by=trading.shop.party, **asked)
    models.Job.objects.create(cause="each five seconds", **asked)
    waiting = models.Job.objects.create(cause="waits", kind="plan", created_at=CUTOFF)
    gone = operations.let_go(now=CUTOFF + 40 * DAY, days=400)
    assert (gone.runs, gone.thinned) == (0, 0)
    assert gone.jobs == 1 + 5, "shards, signatures and what nobody asked for go after a month in any case"
    assert {mine.pk, waiting.pk} < set(models.Job.objects.values_list("pk", flat=True))
    gone = operations.let_go(now=CUTOFF + 40 * DAY, days=10)
    assert (gone.runs, gone.thinned) == (1, 0), "a newer run has replaced none of those that were signed"
    assert {run.pk for run in ForecastRun.every.filter(kind="forecast")} == {made[0].pk, made[1].pk}
    assert all(operations.reproduce(ForecastRun.objects.get(pk=run.pk)).holds for run in made[:2])


def test_what_a_choice_saw_goes_once_no_forecast_uses_it(trading):  # noqa: F811
    night(CUTOFF)
    old = queries.latest_choice()
    assert models.Tested.objects.filter(run=old).exists()
    assert operations.let_go(now=CUTOFF + 30 * DAY, days=10).tested == 0, "it is in use"
    job = operations.request_weekly_choice(now=CUTOFF + 7 * DAY)
    assert jobs.perform(job.id, clock=lambda: CUTOFF + 7 * DAY).status == "done"
    night(CUTOFF + 8 * DAY)
    assert operations.let_go(now=CUTOFF + 30 * DAY, days=10).tested == 3
    assert not models.Tested.objects.filter(run=old).exists()
    assert models.Tested.objects.filter(run=queries.latest_choice()).count() == 3
    assert operations.reproduce(old).holds and runproof.verify(old) == []


def test_the_scheduled_job_keeps_what_the_setting_says(nights, settings):
    settings.WAYLOG_FORECAST_DAYS = 0
    rows = whole()
    task()
    assert whole() == rows
    settings.WAYLOG_FORECAST_DAYS = 1
    task()
    assert whole() < rows
