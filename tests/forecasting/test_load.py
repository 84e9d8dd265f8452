"""What this installation will carry: forecast by the same engine, with the day a limit is reached and the workers."""

from datetime import UTC, date, datetime, timedelta

import numpy as np
import pytest

from forecasting import load
from forecasting.models import Job, LoadSample

NOW = datetime(2026, 3, 2, 0, 2, tzinfo=UTC)
DAY = 24
pytestmark = pytest.mark.usefixtures("as_system")


def measured(days, entries_an_hour=100, bytes_an_hour=10**6, seconds=600.0, free=10**9, jitter=5):
    rng = np.random.default_rng(2)
    start, size, stored = NOW.replace(minute=0) - timedelta(days=days), 0, 0
    samples = []
    for hour in range(days * DAY):
        size += entries_an_hour + int(rng.integers(-jitter, jitter + 1))
        stored += bytes_an_hour
        samples.append(
            LoadSample(
                hour=start + timedelta(hours=hour),
                tree_size=size,
                database_bytes=stored,
                free_bytes=free,
                job_seconds=seconds * (4 if hour % DAY == 2 else 1),
                jobs_waiting=0,
                longest_wait_seconds=0,
            )
        )
    LoadSample.objects.bulk_create(samples)


def test_a_steady_load_is_forecast_as_steady_and_the_day_the_disk_is_full_is_named():
    measured(40)
    found = load.load(now=NOW)
    assert found.entries.forecast is not None and found.entries.mean == pytest.approx(2400, rel=0.02)
    assert found.bytes.mean == pytest.approx(24e6, rel=0.02)
    # 10^9 bytes at 24 million a day
    assert abs((found.disk_full_on - date(2026, 4, 12)).days) <= 2


def test_workers_follow_the_busiest_hour():
    measured(40, seconds=1500.0)
    found = load.load(now=NOW)
    peak = 1500 * 4
    assert found.job_seconds.peak_share == pytest.approx(4 / 27, rel=0.01)
    assert found.workers_needed == int(np.ceil(peak / (3600 * load.BUSY)))


def test_workers_follow_what_waits():
    assert load.workers(0.0, 0, 0.0) == 1
    assert load.workers(0.0, 200, 9.0) == 6
    assert load.workers(3600 * load.BUSY * 3, 0, 0.0) == 3


def test_a_young_installation_says_that_it_knows_little_and_reckons_with_what_there_is():
    measured(3)
    found = load.load(now=NOW)
    assert found.entries.forecast is None and "a forecast needs 28" in found.entries.reason
    assert found.disk_full_on is not None and found.entries.mean == pytest.approx(2400, rel=0.05)
    assert load.load(now=NOW + timedelta(days=1)).workers_needed >= 1


def test_nothing_measured_is_no_answer_and_no_failure(db):
    found = load.load(now=NOW)
    assert (found.measured_at, found.disk_full_on, found.workers_needed) == (None, None, 1)


def test_an_hour_is_noted_once_with_the_time_that_jobs_took():
    hour = NOW.replace(minute=0) - timedelta(hours=1)
    Job.objects.create(
        kind="x",
        cause="done",
        status="done",
        created_at=hour,
        started_at=hour + timedelta(minutes=50),
        finished_at=hour + timedelta(minutes=70),
    )
    Job.objects.create(kind="x", cause="waits", created_at=NOW - timedelta(seconds=90))
    for size in (5, 7):
        load.measure(now=NOW, tree_size=size, database_bytes=1, free_bytes=2)
    sample = LoadSample.objects.get()
    assert (sample.hour, sample.tree_size, sample.job_seconds) == (hour, 7, 600)
    assert (sample.jobs_waiting, sample.longest_wait_seconds) == (1, 90)


def test_a_day_that_was_measured_in_part_is_scaled_and_one_hardly_measured_is_missing():
    measured(4)
    first = NOW.date() - timedelta(days=4)
    LoadSample.objects.filter(hour__date=first + timedelta(days=1), hour__hour__gte=18).delete()
    LoadSample.objects.filter(hour__date=first + timedelta(days=2), hour__hour__gte=5).delete()
    days = load.load(now=NOW).job_seconds.days
    assert days[1] == pytest.approx((17 * 600 + 2400) * 24 / 18) and np.isnan(days[2])
