"""What a party knows of days: promotions, holidays of its own, stockouts; and the public holidays of its countries."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID

from django import forms
from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_POST

from forecasting import operations, queries
from forecasting.queries import Known
from forecasting.timeseries.calendars import holidays_between
from supplychain.models import Site
from supplychain.web.access import MemberRequest, member
from supplychain.web.forecasts import may_forecast, planner
from supplychain.web.names import Names

AHEAD = timedelta(days=60)


class KnownForm(forms.Form):
    """Something that is known of some days."""

    kind = forms.ChoiceField(label="What", choices=Known.Kind.choices)
    name = forms.CharField(
        label="Name",
        max_length=60,
        help_text="Promotions of one name are expected to do what earlier ones of that name did.",
    )
    start = forms.DateField(label="First day", widget=forms.DateInput(attrs={"type": "date"}))
    end = forms.DateField(label="Last day", widget=forms.DateInput(attrs={"type": "date"}))
    product = forms.ChoiceField(label="Product", required=False)
    site = forms.ChoiceField(label="Site", required=False)

    def __init__(self, *args: Any, party: UUID, **more: Any) -> None:
        super().__init__(*args, **more)
        run = queries.latest_run(party)
        pairs = list(queries.series_of(run, party=party).values_list("product", "site")) if run else []
        products, sites = sorted({one for one, _ in pairs}), sorted({one for _, one in pairs})
        names = Names(uris={*products, *sites})
        for field, uris, told in (("product", products, names.product), ("site", sites, names.place)):
            self.fields[field].choices = [  # type: ignore[attr-defined]
                ("", f"every {field}"),
                *sorted(((uri, told(uri)) for uri in uris), key=lambda one: one[1]),
            ]


@member
def known_days(request: MemberRequest) -> HttpResponse:
    """List what was entered, and take one more."""
    party, now = request.membership.party_id, timezone.now()  # noqa: TID251
    form = KnownForm(request.POST or None, party=party)
    if request.method == "POST":
        return _enter(request, form)
    return _page(request, form, now)


@planner
def _enter(request: MemberRequest, form: KnownForm) -> HttpResponse:
    party, now = request.membership.party_id, timezone.now()  # noqa: TID251
    if form.is_valid():
        try:
            operations.enter_known(party=party, by=str(request.user), now=now, **form.cleaned_data)
            messages.success(request, "Entered; the next night forecasts with it.")
            return redirect("known_days")
        except operations.KnownRefused as refused:
            form.add_error(None, str(refused))
    return _page(request, form, now)


def _page(request: MemberRequest, form: KnownForm, now: Any) -> HttpResponse:
    party = request.membership.party_id
    rows = list(queries.known_by(party).order_by("-start", "-pk")[:500])
    names = Names(uris={uri for row in rows for uri in (row.product, row.site) if uri})
    countries = sorted(set(Site.objects.filter(party=party).exclude(country="").values_list("country", flat=True)))
    today = now.date()
    until = today + AHEAD
    free = [(day, name, country) for country in countries for day, name in holidays_between(country, today, until)]
    context = {
        "tab": "known",
        "form": form,
        "rows": [
            (row, names.product(row.product) if row.product else "", names.place(row.site) if row.site else "")
            for row in rows
        ],
        "countries": countries,
        "holidays": sorted(free),
        "may_forecast": may_forecast(request.membership),
    }
    return render(request, "forecasts/known.html", context, status=400 if form.errors else 200)


@require_POST
@planner
def withdraw(request: MemberRequest, pk: int) -> HttpResponse:
    """Take back what was entered; 404 for others'."""
    party, now = request.membership.party_id, timezone.now()  # noqa: TID251
    if not operations.withdraw_known(pk, party=party, by=str(request.user), now=now):
        raise Http404
    messages.success(request, "Withdrawn; the next night forecasts without it.")
    return redirect("known_days")
