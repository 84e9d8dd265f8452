"""The accuracy watch, as a page."""

from __future__ import annotations

from typing import Any

from django.http import HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone

from forecasting import accuracy, queries
from forecasting.accuracy import Line
from forecasting.queries import SeriesForecast
from supplychain.web import charts, seriesview
from supplychain.web.access import MemberRequest, member
from supplychain.web.names import Names

MOST_SERIES = 200
Shown = tuple[str, Line, str]


@member
def watch(request: MemberRequest) -> HttpResponse:
    """What came of forecasts: in all, live and attested apart, by class, site and series; and its alarms."""
    party, today = request.membership.party_id, timezone.now().date()  # noqa: TID251
    found = accuracy.outcomes(party=party, today=today)
    groups, series = _groups(found, party, today), _series(found, party)
    weeks = accuracy.by_week(found)
    choice = queries.latest_choice()
    context: dict[str, Any] = {
        "tab": "accuracy",
        "whole": groups[0][1] if groups else None,
        "groups": groups,
        "series": series,
        "alarms": [(name, link, words) for name, line, link in (*groups[:1], *series) for words in line.alarms],
        "weeks": weeks,
        "picture": _picture(weeks),
        "past": [(seriesview.method_name(line.method), line) for line in accuracy.at_past_origins(choice, party=party)],
        "partners": _partners(today) if request.membership.party.is_operator else [],
    }
    return render(request, "forecasts/accuracy.html", context)


def _groups(found: Any, party: Any, today: Any) -> list[Shown]:
    shown: list[Shown] = [("All series", line, "") for line in accuracy.lines(found)]
    if not shown:
        return []
    for told, name in ((False, "live: signed as it happened"), (True, "attested: told after the fact")):
        shown += [(name, line, "") for line in accuracy.lines(found.filter(attested=told))]
    shown += [(f"{line.name[0] or 'cold start'} demand", line, "") for line in accuracy.lines(found, "demand_class")]
    by_site = accuracy.lines(found, "site")
    names = Names(uris={line.name[0] for line in by_site})
    shown += [(names.place(line.name[0]), line, "") for line in by_site]
    everybody = accuracy.of_everybody(today=today)
    return shown if everybody is None else [*shown, ("everybody on this server", everybody, "")]


def _series(found: Any, party: Any) -> list[Shown]:
    lines = accuracy.by_series(found)
    # those with an alarm first, then the largest
    lines = sorted(lines, key=lambda line: not line.alarms)[:MOST_SERIES]
    run = queries.latest_run(party)
    rows: dict[int, SeriesForecast] = {}
    if run is not None:
        wanted = [line.name[3] for line in lines]
        some = queries.series_of(run, party=party).filter(observed__in=wanted)
        rows = {row.observed_id: row for row in some.defer("history", "steps", "components") if row.observed_id}
    names = Names(uris={uri for line in lines for uri in line.name[:2]})
    return [
        (
            f"{names.product(line.name[0])} at {names.place(line.name[1])}",
            line,
            reverse("forecast_series", args=[rows[line.name[3]].pk]) if line.name[3] in rows else "",
        )
        for line in lines
    ]


def _partners(today: Any) -> list[tuple[str, Line]]:
    lines = accuracy.of_partners(today=today)
    names = Names(parties={line.name[0] for line in lines if line.name[0]})
    return [(names.party(line.name[0]), line) for line in sorted(lines, key=lambda line: -(line.relative_error or 0))]


def _picture(weeks: list[tuple[Any, float]]) -> dict[str, Any]:
    if len(weeks) < 2:
        return {}
    told = [charts.Observed(at, value) for at, value in weeks]
    return {
        "wide": charts.line_chart(told, charts.WIDE, limit=1.0, unit="× naive"),
        "narrow": charts.line_chart(told, charts.NARROW, limit=1.0, unit="× naive"),
    }
