"""Addresses under /epcis/. Identifiers in them are URIs, with slashes of their own: a server decodes %2F before we see
it, so the patterns take what is left of the path whole, and those with a word behind the identifier come first."""

from django.urls import URLPattern, re_path

from supplychain.epcis_api import base

CAPTURE: list[URLPattern] = []
QUERIES: list[URLPattern] = []
"""Events, collections, queries and their pages: see events.py, collections.py, queries.py, paging.py."""

urlpatterns = [
    *CAPTURE,
    *QUERIES,
    re_path(r"^.*$", base.Nothing.as_view(), name="epcis-nothing"),
]
