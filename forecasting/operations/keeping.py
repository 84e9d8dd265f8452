"""Let go of what no page, accuracy watch or signature needs any more, once it is old enough.

Nothing that was signed is deleted: of a series that later nights have replaced the record and its hash stay, under the
root of each of its nights, and what can be computed again from the log (history, steps, components) goes. Verifying
such a run compares what is left with its signature, reproducing it computes the rest and compares the digests.
Outcomes, on which the accuracy of forecasts is judged, and runs under a label stay whole.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Max, Q, QuerySet

from forecasting.models import ForecastRun, Job, SeriesForecast, Tested
from forecasting.operations.asking import CHOICE, FORECAST

JOBS_STAY = timedelta(days=30)
"""Jobs that nobody asked for stay no longer, where anything is let go."""
AT_ONCE = 2_000
"""Rows that one statement touches: none holds others up for long."""
_THIN: dict[str, Any] = {"history": [], "steps": [], "levels": [], "components": {}, "scores": {}, "backtest": {}}


@dataclass(frozen=True, slots=True)
class LetGo:
    """How many rows of each went, or were thinned."""

    thinned: int
    runs: int
    tested: int
    jobs: int


def let_go(*, now: datetime, days: int) -> LetGo:
    """Let go of what has been superseded or has failed for so many days; of nothing for 0 days."""
    if days <= 0:
        return LetGo(0, 0, 0, 0)
    before = now - timedelta(days=days)
    return LetGo(
        thinned=_in_parts(_superseded(before), lambda rows: rows.update(**_THIN)),
        runs=_delete(ForecastRun.every.filter(statement_index__isnull=True, finished_at__lt=before).exclude(error="")),
        tested=_delete(_old_tests(before)),
        jobs=_delete(_done_jobs(max(before, now - JOBS_STAY))),
    )


def _superseded(before: datetime) -> QuerySet[SeriesForecast]:
    """Whole rows of nights that ended before then, and of runs without a label that a newer one has replaced."""
    nights = ForecastRun.objects.filter(number__isnull=False, cutoff__lt=before)
    reached = nights.aggregate(last=Max("number"))["last"] or 0
    replaced = [
        run.pk
        for run in ForecastRun.objects.filter(number__isnull=True, label="", kind="forecast", finished_at__lt=before)
        if ForecastRun.objects.filter(
            tenant=run.tenant, label="", kind="forecast", cutoff__gte=run.cutoff, finished_at__gt=run.finished_at
        ).exists()
    ]
    return SeriesForecast.objects.filter(Q(last__lt=reached) | Q(run__in=replaced)).exclude(steps=[], history=[])


def _done_jobs(before: datetime) -> QuerySet[Job]:
    """Jobs that the schedule, an event or another job made: a shard, what is said every few seconds of arrivals."""
    over = (Job.Status.DONE, Job.Status.FAILED, Job.Status.CANCELLED)
    found = Job.objects.filter(requested_by__isnull=True, status__in=over, finished_at__lt=before)
    return found.exclude(kind__in=(FORECAST, CHOICE))


def _old_tests(before: datetime) -> QuerySet[Tested]:
    """What choices saw at past origins, but for those that a forecast still uses which counts, and the newest."""
    used = SeriesForecast.objects.filter(last__isnull=True).exclude(steps=[]).values("run__choice")
    choices = ForecastRun.objects.filter(kind="choice")
    newest = choices.order_by("-cutoff", "-finished_at").values_list("pk", flat=True)[:1]
    return Tested.objects.filter(run__finished_at__lt=before).exclude(run__in=used).exclude(run__in=list(newest))


def _delete(rows: QuerySet[Any]) -> int:
    return _in_parts(rows, lambda some: some.delete())


def _in_parts(rows: QuerySet[Any], act: Callable[[QuerySet[Any]], object]) -> int:
    """Some at a time, until none is left; how many."""
    done = 0
    while ids := list(rows.order_by("pk").values_list("pk", flat=True)[:AT_ONCE]):
        act(rows.model._base_manager.filter(pk__in=ids))
        done += len(ids)
    return done
