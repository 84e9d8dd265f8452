"""Products, sites and company prefixes of a party, for its manager: what events name, in words that people read."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django import forms
from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_POST

from ledger.admission import Refused
from supplychain.models import CompanyPrefix, Product, Site
from supplychain.operations import naming
from supplychain.web.access import MemberRequest, manager
from supplychain.web.firstrun import read_csv, read_product, read_site

SHOWN = 500


class RowsForm(forms.Form):
    """Rows under a line of column names."""

    rows = forms.CharField(
        label="One a line", widget=forms.Textarea(attrs={"class": "mono", "rows": 4}), max_length=1024 * 1024
    )

    def __init__(self, data: Any, *, prefix: str, read: Callable[[dict[str, str]], Any], example: str) -> None:
        super().__init__(data, prefix=prefix)
        self._read = read
        self.fields["rows"].widget.attrs["placeholder"] = example
        self.fields["rows"].help_text = "CSV; the first line names the columns: " + example.partition("\n")[0]
        self.found: list[Any] = []

    def clean_rows(self) -> str:
        text: str = self.cleaned_data["rows"]
        self.found, faults = read_csv(text, self._read)
        if faults:
            raise forms.ValidationError([*faults])
        if not self.found:
            raise forms.ValidationError("There is no row below the line of column names.")
        return text


def _products(data: Any = None) -> RowsForm:
    return RowsForm(
        data, prefix="products", read=read_product, example="gtin,name,unit,uom\n09521001000017,Apricots,case,"
    )


def _sites(data: Any = None) -> RowsForm:
    example = "gln,name,country,latitude,longitude\n,Packhouse Sion,CH,46.23,7.36"
    return RowsForm(data, prefix="sites", read=read_site, example=example)


@manager
def names(request: MemberRequest) -> HttpResponse:
    """Show what the party's goods and places are called."""
    return _page(request)


@require_POST
@manager
def add_products(request: MemberRequest) -> HttpResponse:
    """Name products, or name them anew."""
    form = _products(request.POST)
    return _named(request, form, naming.name_products, "products", products_form=form)


@require_POST
@manager
def add_sites(request: MemberRequest) -> HttpResponse:
    """Name sites, or name them anew."""
    form = _sites(request.POST)
    return _named(request, form, naming.name_sites, "sites", sites_form=form)


@require_POST
@manager
def add_prefix(request: MemberRequest) -> HttpResponse:
    """Keep a company prefix."""
    try:
        naming.register_prefix(request.POST.get("prefix", "").strip(), party=request.membership.party_id)
    except Refused as refused:
        return _page(request, prefix_fault=f"{refused}.", prefix=request.POST.get("prefix", ""), status=422)
    messages.success(request, "The prefix is kept: your identifiers can be written as EPC URNs now.")
    return redirect("names")


@require_POST
@manager
def remove_prefix(request: MemberRequest, prefix: str) -> HttpResponse:
    """Forget a company prefix."""
    try:
        naming.release_prefix(prefix, party=request.membership.party_id)
    except Refused:
        raise Http404 from None
    messages.success(request, f"{prefix} is no prefix of yours any more.")
    return redirect("names")


def _named(
    request: MemberRequest, form: RowsForm, name: Callable[..., None], what: str, **shown: RowsForm
) -> HttpResponse:
    if form.is_valid():
        try:
            name(form.found, party=request.membership.party_id)
        except Refused as refused:
            form.add_error("rows", str(refused))
        else:
            messages.success(request, f"{len(form.found):,} {what} named.")
            return redirect("names")
    return _page(request, status=422, **shown)


def _page(request: MemberRequest, *, status: int = 200, **more: Any) -> HttpResponse:
    party = request.membership.party_id
    products, sites = Product.objects.filter(party=party), Site.objects.filter(party=party)
    context = {
        "products": products[:SHOWN],
        "product_count": products.count(),
        "sites": sites[:SHOWN],
        "site_count": sites.count(),
        "prefixes": CompanyPrefix.objects.filter(party=party).order_by("prefix"),
        "products_form": _products(),
        "sites_form": _sites(),
        "shown": SHOWN,
    }
    return render(request, "names/page.html", context | more, status=status)
