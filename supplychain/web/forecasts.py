"""Forecasts: the series of a party, one series with its picture, backtest and provenance, and asking for a run."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_POST

from forecasting import operations, queries
from forecasting.queries import Job, SeriesForecast, Tested
from forecasting.runs import RunSettings
from supplychain.models import Membership, Role
from supplychain.web import seriesview
from supplychain.web.access import MemberRequest, View, member, only
from supplychain.web.names import Names

PLANNERS = (Role.OPERATOR, Role.PLANNER, Role.MANAGER)
AHEAD = 7


def may_forecast(membership: Membership) -> bool:
    """Whether they may ask for a run; viewers and auditors read."""
    return membership.role in PLANNERS


def planner(view: View) -> View:
    """Let only those in who may ask for a run."""
    return only(may_forecast, view)


@member
def forecasts(request: MemberRequest) -> HttpResponse:
    """List the series of the latest run."""
    party = request.membership.party_id
    run = queries.latest_run(party)
    rows = list(queries.series_of(run, party=party)) if run else []
    names = Names(uris={uri for row in rows for uri in (row.product, row.site)})
    tested = queries.tested_in(run, rows) if run else {}
    context = {
        "run": run,
        "rows": [_line(row, names, tested.get(row.pk)) for row in rows],
        "provenance": queries.provenance(run) if run else None,
        "job": _job(party),
        "may_forecast": may_forecast(request.membership),
    }
    return render(request, "forecasts/list.html", context)


@member
def series(request: MemberRequest, pk: int) -> HttpResponse:
    """Show one series."""
    row = queries.series_forecast(pk, party=request.membership.party_id)
    if row is None:
        raise Http404
    names = Names(uris={row.product, row.site})
    tested = queries.tested_of(row)
    context = {
        "row": row,
        "title": seriesview.title(row, names),
        "unit": seriesview.unit(row, names),
        "every": seriesview.every(row.frequency),
        "kind": seriesview.kind_name(row.kind),
        "method": seriesview.method_name(row.method) if row.method else "",
        "pictures": seriesview.pictures(row) if row.steps else {},
        "steps": seriesview.steps(row),
        "history": seriesview.observed(row)[-28:][::-1],
        "scores": seriesview.score_rows(row, tested),
        "ratio": seriesview.against_naive(tested),
        "provenance": queries.provenance(row.run),
    }
    return render(request, "forecasts/series.html", context)


@require_POST
@planner
def run_now(request: MemberRequest) -> HttpResponse:
    """Ask for a run; asking twice in the same minute asks once."""
    party, now = request.membership.party_id, timezone.now()  # noqa: TID251
    cause = f"asked on a page by {party.hex} at {now:%Y-%m-%dT%H:%M}"
    job = operations.request_forecast(cause=cause, settings=_settings(now), now=now, requested_by=party)
    if request.headers.get("HX-Request"):
        return render(request, "forecasts/job.html", {"job": job})
    messages.success(request, "A forecast run is queued; a worker takes it next.")
    return redirect("forecasts")


@member
def job_state(request: MemberRequest, job_id: UUID) -> HttpResponse:
    """How a job stands, for the page that waits for it; 404 for the jobs of others."""
    job = queries.job(job_id)
    if job is None or job.requested_by != request.membership.party_id:
        raise Http404
    answer = render(request, "forecasts/job.html", {"job": job})
    if not job.is_open:
        answer["HX-Refresh"] = "true"
    return answer


def _settings(now: datetime) -> RunSettings:
    return RunSettings(cutoff=now)


def _job(party: UUID) -> Job | None:
    """The party's own latest job, while it is open or when it failed."""
    own = next((job for job in queries.jobs(kind=operations.FORECAST) if job.requested_by == party), None)
    return own if own is not None and (own.is_open or own.status == Job.Status.FAILED) else None


def _line(row: SeriesForecast, names: Names, tested: Tested | None) -> dict[str, Any]:
    ahead = [step["point"] for step in row.steps[:AHEAD]]
    return {
        "row": row,
        "title": seriesview.title(row, names),
        "unit": seriesview.unit(row, names),
        "every": seriesview.every(row.frequency),
        "method": seriesview.method_name(row.method) if row.method else "",
        "ahead": sum(ahead) if ahead else None,
        "count": len(ahead),
        "ratio": seriesview.against_naive(tested),
    }
