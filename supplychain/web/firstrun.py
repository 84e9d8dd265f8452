"""The page behind the one-time link: company, first manager, products and sites."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable
from typing import Any, TypeVar
from urllib.parse import quote
from uuid import uuid4

from django import forms
from django.conf import settings
from django.contrib import messages
from django.contrib.auth import password_validation
from django.core.files.uploadedfile import UploadedFile
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.cache import never_cache

from ledger.admission import Refused
from supplychain.epcis.errors import IdentifierInvalid
from supplychain.epcis.identifiers import gln_uri, gtin_uri, is_uri, parse_identifier, party_uri
from supplychain.operations import firstrun
from supplychain.operations.firstrun import Company, FirstRunRefused
from supplychain.operations.setup import NewProduct, NewSite

MAX_CSV = 1024 * 1024
MAX_ROWS = 5_000
MAX_FAULTS = 10
Row = TypeVar("Row")


class CompanyForm(forms.Form):
    """Company, first manager, products and sites."""

    company = forms.CharField(label="Company", max_length=160)
    gln = forms.CharField(
        label="Its GLN", required=False, max_length=13, help_text="13 digits. Without one it gets a private identifier."
    )
    manager = forms.CharField(label="Your name", max_length=120)
    email = forms.EmailField(label="Your e-mail address")
    password = forms.CharField(
        label="Password",
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
        help_text="At least 12 characters.",
    )
    products_text = forms.CharField(
        label="Products, one a line",
        required=False,
        widget=forms.Textarea(
            attrs={"class": "mono", "placeholder": "gtin,name,unit,uom\n09521001000017,Apricots,case,"}
        ),
        help_text="CSV whose first line names the columns: gtin or id, name; where you have them unit and uom (KGM).",
    )
    products_file = forms.FileField(label="or as a CSV file", required=False)
    sites_text = forms.CharField(
        label="Sites, one a line",
        required=False,
        widget=forms.Textarea(
            attrs={"class": "mono", "placeholder": "gln,name,country,latitude,longitude\n,Packhouse Sion,CH,46.23,7.36"}
        ),
        help_text="CSV: gln or id, name; country, latitude and longitude where you have them.",
    )
    sites_file = forms.FileField(label="or as a CSV file", required=False)

    def clean_gln(self) -> str:
        gln = self.cleaned_data["gln"].strip()
        if not gln:
            return f"https://{settings.WAYLOG_HOST}/party/{uuid4().hex}"
        try:
            return party_uri(gln)
        except IdentifierInvalid as invalid:
            raise forms.ValidationError(str(invalid)) from None

    def clean_password(self) -> str:
        password: str = self.cleaned_data["password"]
        password_validation.validate_password(password)
        return password

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        self.products = self._rows("products", read_product)
        self.sites = self._rows("sites", read_site)
        return cleaned

    def _rows(self, what: str, read: Callable[[dict[str, str]], Row]) -> list[Row]:
        text = self.cleaned_data.get(f"{what}_text") or ""
        given = self.cleaned_data.get(f"{what}_file")
        try:
            found, faults = read_csv(_text(given) if given else text, read)
        except forms.ValidationError as error:
            self.add_error(f"{what}_file" if given else f"{what}_text", error)
            return []
        for fault in faults:
            self.add_error(f"{what}_file" if given else f"{what}_text", fault)
        return found

    def described(self) -> Company:
        """What the cleaned form says."""
        cleaned = self.cleaned_data
        return Company(
            name=cleaned["company"].strip(),
            uri=cleaned["gln"],
            manager=cleaned["manager"].strip(),
            email=cleaned["email"],
            password=cleaned["password"],
            products=self.products,
            sites=self.sites,
        )


@never_cache
def first_run(request: HttpRequest, token: str) -> HttpResponse:
    """Set the server up, once; 404 for a link that does not hold."""
    try:
        firstrun.check_token(token)
    except FirstRunRefused:
        raise Http404 from None
    form = CompanyForm(request.POST or None, request.FILES or None)
    if request.method == "POST" and form.is_valid():
        try:
            user = firstrun.set_up(token, form.described(), now=timezone.now())  # noqa: TID251
        except FirstRunRefused:
            raise Http404 from None
        except Refused as refused:
            form.add_error(None, str(refused))
        else:
            messages.success(request, f"{form.cleaned_data['company']} is set up. Sign in as {user.email}.")
            return redirect("account_login")
    answer = render(request, "firstrun/page.html", {"form": form}, status=422 if form.errors else 200)
    # The link is told to nobody. `no-referrer` would also take the Origin from the form, which is then refused.
    answer["Referrer-Policy"] = "strict-origin"
    return answer


def read_csv(text: str, read: Callable[[dict[str, str]], Row]) -> tuple[list[Row], list[str]]:
    """Read rows under a line of column names; the faults name row and column."""
    if not text.strip():
        return [], []
    dialect = "excel" if text.count(",") >= text.count(";") else _Semicolons
    rows = list(csv.reader(io.StringIO(text.strip()), dialect))
    if len(rows) > MAX_ROWS:
        raise forms.ValidationError(f"{len(rows):,} rows are more than {MAX_ROWS:,}: import the rest later.")
    columns = [name.strip().lower() for name in rows[0]]
    if "name" not in columns:
        raise forms.ValidationError("The first line must name the columns, and one of them is name.")
    found: list[Row] = []
    faults: list[str] = []
    for number, cells in enumerate(rows[1:], start=2):
        if not any(cell.strip() for cell in cells):
            continue
        try:
            found.append(read(dict(zip(columns, (cell.strip() for cell in cells), strict=False))))
        except ValueError as error:
            faults.append(f"Row {number}: {error}")
    if len(faults) > MAX_FAULTS:
        faults = [*faults[:MAX_FAULTS], f"and {len(faults) - MAX_FAULTS} more rows"]
    return found, faults


class _Semicolons(csv.excel):
    delimiter = ";"


def read_product(row: dict[str, str]) -> NewProduct:
    """A product from its columns; ValueError names the column at fault."""
    uri = _identifier(row, "gtin", gtin_uri, "product")
    return NewProduct(uri, _name(row), row.get("uom", "").upper()[:3], row.get("unit", "")[:20] or "case")


def read_site(row: dict[str, str]) -> NewSite:
    """A site from its columns; ValueError names the column at fault."""
    country = row.get("country", "").upper()
    if country and not re.fullmatch(r"[A-Z]{2}", country):
        raise ValueError(f"country: {country!r} is not a code of two letters such as CH")
    uri = _identifier(row, "gln", gln_uri, "site")
    return NewSite(uri, _name(row), country, _degrees(row, "latitude", 90), _degrees(row, "longitude", 180))


def _name(row: dict[str, str]) -> str:
    name = row.get("name", "")
    if not name or len(name) > 160:
        raise ValueError("name: 1 to 160 characters")
    return name


def _identifier(row: dict[str, str], column: str, make: Callable[[str], str], kind: str) -> str:
    if digits := row.get(column, ""):
        try:
            return make(digits)
        except IdentifierInvalid as invalid:
            raise ValueError(f"{column}: {invalid}") from None
    own = row.get("id", "")
    if is_uri(own):
        try:
            return parse_identifier(own).uri
        except IdentifierInvalid as invalid:
            raise ValueError(f"id: {invalid}") from None
    return f"https://{settings.WAYLOG_HOST}/{kind}/{quote(own, safe='') or uuid4().hex}"


def _degrees(row: dict[str, str], column: str, limit: float) -> float | None:
    text = row.get(column, "")
    if not text:
        return None
    try:
        value = float(text)
    except ValueError:
        raise ValueError(f"{column}: {text!r} is not a number") from None
    if not -limit <= value <= limit:
        raise ValueError(f"{column}: {text} does not lie between -{limit:g} and {limit:g}")
    return value


def _text(given: UploadedFile) -> str:
    if (given.size or 0) > MAX_CSV:
        raise forms.ValidationError("The file is larger than 1 MiB.")
    try:
        return str(given.read().decode("utf-8-sig"))
    except UnicodeDecodeError:
        raise forms.ValidationError("The file is not UTF-8 text.") from None
