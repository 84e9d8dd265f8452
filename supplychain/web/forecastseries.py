"""One series: its picture, its parts, what is flagged, what people expect instead; all quantiles to take away."""

from __future__ import annotations

import math
from datetime import date
from typing import Any

from django import forms
from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_POST

from forecasting import operations, queries
from forecasting.queries import SeriesForecast
from supplychain import sheets
from supplychain.queries import quantiles
from supplychain.web import seriesview, words
from supplychain.web.access import MemberRequest, member
from supplychain.web.forecasts import may_forecast, planner
from supplychain.web.names import Names


class OverrideForm(forms.Form):
    """What somebody expects instead of the model in one period."""

    period = forms.DateField()
    quantity = forms.FloatField(min_value=0, max_value=1e12)
    reason = forms.CharField(max_length=500)

    def clean_quantity(self) -> float:
        found = float(self.cleaned_data["quantity"])
        if not math.isfinite(found):
            raise forms.ValidationError("A quantity is a finite number.")
        return found


@member
def series(request: MemberRequest, pk: int) -> HttpResponse:
    """Show one series."""
    row = _found(request, pk)
    names = Names(uris={row.product, row.site, *(origin for origin in row.shares if origin)})
    tested, overrides = queries.tested_of(row), queries.overrides_of(row)
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
        "components": seriesview.components(row),
        "flags": seriesview.flags(row),
        "ahead": seriesview.known_ahead(row),
        "lanes": [(_from(origin, names), share) for origin, share in seriesview.lanes(row)],
        "scores": seriesview.score_rows(row, tested),
        "candidates": seriesview.candidates(queries.pool_of(row)),
        "ratio": seriesview.against_naive(tested),
        "overrides": [one for one in overrides if one.ended_at is None],
        "ended": [one for one in overrides if one.ended_at is not None],
        "periods": [date.fromisoformat(step["period"]) for step in row.steps],
        "may_override": may_forecast(request.membership) and bool(row.steps),
        "provenance": queries.provenance(row.run),
    }
    return render(request, "forecasts/series.html", context)


@require_POST
@planner
def override(request: MemberRequest, pk: int) -> HttpResponse:
    """Say what is expected instead of the model in one period; the model's number stays beside it."""
    row, form = _found(request, pk), OverrideForm(request.POST)
    if not form.is_valid():
        for name, errors in form.errors.items():
            messages.error(request, f"{name}: {' '.join(str(error) for error in errors)}")
        return redirect("forecast_series", pk)
    try:
        operations.override(
            row,
            party=request.membership.party_id,
            period=form.cleaned_data["period"],
            quantity=form.cleaned_data["quantity"],
            reason=form.cleaned_data["reason"],
            by=str(request.user),
            now=timezone.now(),  # noqa: TID251
        )
        messages.success(request, "Kept, with your name and reason, beside what the model says.")
    except operations.OverrideRefused as refused:
        messages.error(request, str(refused))
    return redirect("forecast_series", pk)


@require_POST
@planner
def end_override(request: MemberRequest, pk: int, override_id: int) -> HttpResponse:
    """Withdraw an override; it is kept as one that ended."""
    _found(request, pk)
    if not operations.end_override(override_id, party=request.membership.party_id, now=timezone.now()):  # noqa: TID251
        raise Http404
    messages.success(request, "The override is withdrawn; the model counts again.")
    return redirect("forecast_series", pk)


@member
def export(request: MemberRequest, kind: str) -> HttpResponse:
    """All quantiles of all series of the latest run, as CSV or Excel."""
    party = request.membership.party_id
    run = queries.latest_run(party)
    if run is None:
        raise Http404
    table = quantiles.rows(run, party=party)
    name = f"forecast-{run.cutoff:%Y-%m-%d}-{run.id.hex[:8]}.{kind}"
    return sheets.answer(table, kind=kind, filename=name)


def _from(origin: str, names: Names) -> str:
    """A lane's beginning: a place, or the party that gave the goods where no place was told."""
    return names.known().get(origin) or (words.short_identifier(origin) if origin else "elsewhere")


def _found(request: MemberRequest, pk: int) -> SeriesForecast:
    row: Any = queries.series_forecast(pk, party=request.membership.party_id)
    if row is None:
        raise Http404
    return row  # type: ignore[no-any-return]
