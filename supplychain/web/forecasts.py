"""Forecasts: the series of a party, asking for a run or freezing one for a meeting, and how runs stand."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from django import forms
from django.contrib import messages
from django.core.paginator import Paginator
from django.db.models import Q
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_POST

from forecasting import operations, queries
from forecasting.queries import ForecastRun, Job, SeriesForecast, Tested
from forecasting.runs import RunSettings
from supplychain.models import Membership, Product, Role, Site
from supplychain.web import seriesview
from supplychain.web.access import MemberRequest, View, member, only
from supplychain.web.names import Names

PLANNERS = (Role.OPERATOR, Role.PLANNER, Role.MANAGER)
AHEAD = 7
PAGE = 50
FURTHEST_BACK = timedelta(days=5 * 366)


def may_forecast(membership: Membership) -> bool:
    """Whether they may ask for a run; viewers and auditors read."""
    return membership.role in PLANNERS


def planner(view: View) -> View:
    """Let only those in who may ask for a run."""
    return only(may_forecast, view)


class FreezeForm(forms.Form):
    """A forecast as of a day, kept under a name."""

    label = forms.CharField(label="Name", max_length=80, help_text="Such as a meeting: Sales and operations, March.")
    cutoff = forms.DateField(
        label="As of",
        widget=forms.DateInput(attrs={"type": "date"}),
        help_text="Only what was known at the beginning of this day (UTC) goes in.",
    )

    def clean_cutoff(self) -> Any:
        found, today = self.cleaned_data["cutoff"], timezone.now().date()  # noqa: TID251
        if not today - FURTHEST_BACK <= found <= today:
            raise forms.ValidationError("This lies ahead, or more than five years back.")
        return found


@member
def forecasts(request: MemberRequest) -> HttpResponse:
    """List the series of the latest run, or of one that was frozen."""
    party, query = request.membership.party_id, _text(request)
    frozen = queries.frozen_runs(party)
    run = _asked_for(request, frozen) or queries.latest_run(party)
    found = queries.series_of(run, party=party) if run else SeriesForecast.objects.none()
    page = Paginator(_matching(found, query), PAGE).get_page(request.GET.get("page"))
    rows = list(page.object_list)
    names = Names(uris={uri for row in rows for uri in (row.product, row.site)})
    tested = queries.tested_in(run, rows) if run else {}
    kept = {"q": query, "run": run.id.hex if run and run.label else ""}
    context = {
        "tab": "series",
        "run": run,
        "frozen": frozen,
        "page": page,
        "query": query,
        "address": "?" + urlencode({name: value for name, value in kept.items() if value}),
        "rows": [_line(row, names, tested.get(row.pk)) for row in rows],
        "provenance": queries.provenance(run) if run else None,
        "job": _job(party),
        "may_forecast": may_forecast(request.membership),
        "freeze": FreezeForm(),
    }
    return render(request, "forecasts/list.html", context)


def _text(request: MemberRequest) -> str:
    return request.GET.get("q", "").replace("\0", "").strip()[:200]


def _asked_for(request: MemberRequest, frozen: list[ForecastRun]) -> ForecastRun | None:
    wanted = request.GET.get("run", "")
    return next((run for run in frozen if run.id.hex == wanted), None)


def _matching(found: Any, query: str) -> Any:
    if not query:
        return found
    products = Product.objects.filter(name__icontains=query).values("uri")
    sites = Site.objects.filter(name__icontains=query).values("uri")
    text = Q(product__icontains=query) | Q(site__icontains=query)
    return found.filter(text | Q(product__in=products) | Q(site__in=sites))


@require_POST
@planner
def run_now(request: MemberRequest) -> HttpResponse:
    """Ask for a run of the party's series; asking twice in the same minute asks once."""
    party, now = request.membership.party_id, timezone.now()  # noqa: TID251
    cause = f"asked on a page by {party.hex} at {now:%Y-%m-%dT%H:%M}"
    return _ask(request, cause, RunSettings(cutoff=now, tenant=party), now)


@require_POST
@planner
def freeze(request: MemberRequest) -> HttpResponse:
    """Ask for a forecast as of a day that stays under its name, whatever is forecast later."""
    party, now = request.membership.party_id, timezone.now()  # noqa: TID251
    form = FreezeForm(request.POST)
    if not form.is_valid():
        for errors in form.errors.values():
            messages.error(request, " ".join(str(error) for error in errors))
        return redirect("forecasts")
    label = str(form.cleaned_data["label"]).strip()
    cutoff = datetime.combine(form.cleaned_data["cutoff"], time(), UTC)
    cause = f"frozen by {party.hex} as of {cutoff:%Y-%m-%d}: {label}"
    return _ask(request, cause, RunSettings(cutoff=cutoff, tenant=party, label=label), now)


def _ask(request: MemberRequest, cause: str, settings: RunSettings, now: datetime) -> HttpResponse:
    try:
        job = operations.request_forecast(
            cause=cause, settings=settings, now=now, requested_by=request.membership.party_id
        )
    except operations.QuotaExceeded as refused:
        messages.error(request, str(refused))
        return redirect("forecasts")
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
    state = queries.progress(job)
    answer = render(request, "forecasts/job.html", {"job": job, "state": state})
    if not state.is_open:
        answer["HX-Refresh"] = "true"
    return answer


@member
def runs(request: MemberRequest) -> HttpResponse:
    """The runs of the nights and the party's own: what they did, how far they are."""
    party = request.membership.party_id
    found = queries.runs_with_open(party)
    context = {
        "tab": "runs",
        "runs": [(run, queries.provenance(run) if run.statement_index is not None else None) for run in found],
        "is_open": any(run.statement_index is None and not run.error for run in found),
        "choice": queries.latest_choice(),
        "pools": seriesview.pools(queries.latest_choice()),
        "may_forecast": may_forecast(request.membership),
        "party": party,
    }
    template = "forecasts/runrows.html" if request.headers.get("HX-Request") else "forecasts/runs.html"
    return render(request, template, context)


@require_POST
@planner
def cancel(request: MemberRequest, run_id: UUID) -> HttpResponse:
    """Call off one of the party's own runs; 404 for others'."""
    run = queries.run_under_way(run_id, party=request.membership.party_id)
    if run is None or run.tenant != request.membership.party_id:
        raise Http404
    ended = operations.cancel_run(run, by=str(request.user), now=timezone.now())  # noqa: TID251
    messages.success(request, "The run is called off." if ended else "The run was over already.")
    return redirect("forecast_runs")


def _job(party: UUID) -> Job | None:
    """The party's own latest job, while its run is under way or when it failed."""
    own = next((job for job in queries.jobs(kind=operations.FORECAST) if job.requested_by == party), None)
    if own is None:
        return None
    state = queries.progress(own)
    own.state = state  # type: ignore[attr-defined]
    return own if state.is_open or own.status == Job.Status.FAILED else None


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
        "flags": len(row.flags),
    }
