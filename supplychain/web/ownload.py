"""The installation's own load: a page for whoever runs it, and figures for a monitor or an autoscaler."""

from __future__ import annotations

import hmac
from typing import Any

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone

from forecasting import load
from forecasting.load import Load, Quantity
from ledger import tenancy
from supplychain.web import charts
from supplychain.web.access import MemberRequest, member

TITLES = {"entries": "Entries a day", "bytes": "Database growth, MB a day", "job_seconds": "Job time, seconds a day"}
SCALES = {"bytes": 1e6}
SHOWN = 56


@member
def own_load(request: MemberRequest) -> HttpResponse:
    """What is carried, what is expected, when a limit is reached; 404 for all but the party that runs the server."""
    if not request.membership.party.is_operator:
        raise Http404
    now = timezone.now()  # noqa: TID251
    with tenancy.system():
        found = load.load(now=now)
    quantities = [_shown(one) for one in (found.entries, found.bytes, found.job_seconds)]
    context = {
        "tab": "load",
        "load": found,
        "quantities": quantities,
        "busiest_hour": found.entries.high * found.entries.peak_share,
        "metrics_are_on": bool(settings.WAYLOG_METRICS_TOKEN),
    }
    return render(request, "forecasts/load.html", context)


def _shown(one: Quantity) -> dict[str, Any]:
    scale = SCALES.get(one.name, 1.0)
    series = load.series_of(one)
    observed = [
        charts.Observed(at, None if value != value else value / scale)
        for at, value in zip(series.periods, one.days.tolist(), strict=True)
    ][-SHOWN:]
    steps = []
    if one.forecast is not None:
        columns = [one.forecast.quantile(level) / scale for level in (0.1, 0.9, 0.025, 0.975)]
        for place, at in enumerate(series.future(one.forecast.horizon)):
            bounds = [float(column[place]) for column in columns]
            steps.append(charts.Step(at, float(one.forecast.point[place]) / scale, *bounds))
    return {
        "title": TITLES[one.name],
        "mean": one.mean / scale,
        "high": one.high / scale,
        "reason": one.reason,
        "days": one.days.size,
        "rows": [(step.at, step.forecast, step.lower80, step.upper80) for step in steps],
        "wide": charts.band_chart(observed, steps, charts.WIDE) if observed else None,
        "narrow": charts.band_chart(observed, steps, charts.NARROW) if observed else None,
    }


def metrics(request: HttpRequest) -> HttpResponse:
    """The figures as Prometheus reads them, for whoever shows WAYLOG_METRICS_TOKEN; 404 for all others."""
    token = settings.WAYLOG_METRICS_TOKEN
    shown = request.headers.get("Authorization", "").removeprefix("Bearer ")
    if not token or not hmac.compare_digest(shown.encode(), token.encode()):
        raise Http404
    with tenancy.system():
        found = load.load(now=timezone.now())  # noqa: TID251
    text = "".join(
        f"# HELP waylog_{name} {help_}\n# TYPE waylog_{name} gauge\nwaylog_{name} {value:g}\n"
        for name, help_, value in _figures(found)
    )
    kind = "text/plain; version=0.0.4; charset=utf-8"
    return HttpResponse(text, content_type=kind, headers={"Cache-Control": "no-store"})


def _figures(found: Load) -> list[tuple[str, str, float]]:
    full = found.disk_full_on
    days = float((full - timezone.now().date()).days) if full else float("inf")  # noqa: TID251
    return [
        ("workers_needed", "Workers for the busiest hour forecast, and for what waits.", found.workers_needed),
        ("jobs_waiting", "Jobs that no worker has taken yet.", found.jobs_waiting),
        ("longest_wait_seconds", "How long the first of them has waited.", found.longest_wait_seconds),
        ("entries_per_day_forecast", "Entries a day, mean of the next 28 days.", found.entries.mean),
        (
            "entries_per_hour_peak_forecast",
            "Entries in the busiest hour of a day, in nine of ten.",
            found.entries.high * found.entries.peak_share,
        ),
        ("database_growth_bytes_per_day_forecast", "Growth of the database a day.", found.bytes.mean),
        ("job_seconds_per_day_forecast", "Time that jobs take a day.", found.job_seconds.mean),
        ("disk_full_in_days", "Days until nothing is appended for want of disk space.", days),
    ]
