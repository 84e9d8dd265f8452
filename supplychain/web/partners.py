"""Partners, for managers of the party that runs this server: who there is, and registering another."""

from __future__ import annotations

import secrets
from typing import Any

from django import forms
from django.http import HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_POST

from ledger.admission import Refused
from supplychain.epcis.errors import IdentifierInvalid
from supplychain.operations.partners import NewPartner, register_partner, uri_of
from supplychain.queries import partners
from supplychain.web.access import MemberRequest, operators_manager
from supplychain.web.firstrun import read_csv, read_site

SHOWN = 200


class PartnerForm(forms.Form):
    """A company that goods are handed to, or that hands them over."""

    company = forms.CharField(label="Company", max_length=160)
    gln = forms.CharField(
        label="Its GLN", required=False, max_length=13, help_text="13 digits. Without one it gets a private identifier."
    )
    manager = forms.CharField(label="Name of its manager", max_length=120, required=False)
    email = forms.EmailField(
        label="E-mail address of its manager",
        required=False,
        help_text="Who signs in there first; nobody, where the partner shall only be named.",
    )
    sites_text = forms.CharField(
        label="Its sites, one a line",
        required=False,
        widget=forms.Textarea(
            attrs={"class": "mono", "placeholder": "gln,name,country,latitude,longitude\n,Shop Bern,CH,46.95,7.45"}
        ),
        help_text="CSV: gln or id, name; country, latitude and longitude where you have them.",
    )

    def clean_gln(self) -> str:
        try:
            return uri_of(self.cleaned_data["gln"].strip())
        except IdentifierInvalid as invalid:
            raise forms.ValidationError(str(invalid)) from None

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        try:
            self.sites, faults = read_csv(cleaned.get("sites_text", ""), read_site)
        except forms.ValidationError as error:
            self.sites, faults = [], list(error.messages)
        for fault in faults:
            self.add_error("sites_text", fault)
        if cleaned.get("manager") and not cleaned.get("email") and "email" not in self.errors:
            self.add_error("email", "Which address does the manager sign in with?")
        return cleaned

    def described(self) -> NewPartner:
        """What the cleaned form says."""
        cleaned = self.cleaned_data
        return NewPartner(
            cleaned["company"].strip(), cleaned["gln"], cleaned["manager"].strip(), cleaned["email"], self.sites
        )


@operators_manager
def page(request: MemberRequest) -> HttpResponse:
    """Show the partners, and the form that registers one."""
    return _page(request, PartnerForm())


@require_POST
@operators_manager
def register(request: MemberRequest) -> HttpResponse:
    """Register a partner; the password of its first manager is shown once."""
    form = PartnerForm(request.POST)
    if not form.is_valid():
        return _page(request, form, status=422)
    password = "-".join(secrets.token_hex(3) for _ in range(3))
    try:
        made, manager = register_partner(form.described(), password=password, now=timezone.now())  # noqa: TID251
    except Refused as refused:
        form.add_error(None, str(refused))
        return _page(request, form, status=refused.status)
    is_new = manager is not None and manager.user.last_login is None and manager.user.check_password(password)
    return _page(request, PartnerForm(), made=made, manager=manager, password=password if is_new else "")


def _page(request: MemberRequest, form: PartnerForm, *, status: int = 200, **more: Any) -> HttpResponse:
    own = request.membership.party_id
    found, total = partners.registered(limit=SHOWN, apart_from=own), partners.count(apart_from=own)
    context = {"form": form, "partners": found, "total": total, "shown": SHOWN, **more}
    answer = render(request, "partners/page.html", context, status=status)
    answer["Cache-Control"] = "no-store"
    return answer
