"""Addresses under /epcis/. Identifiers in them are URIs, with slashes of their own: a server decodes %2F before we see
it, so the patterns take what is left of the path whole, and those with a word behind the identifier come first."""

from django.urls import URLPattern, path, re_path

from supplychain.epcis_api import base, capture

CAPTURE: list[URLPattern] = [
    path("capture", capture.Captures.as_view(), name="epcis-capture"),
    path("capture/<str:job_id>", capture.Job.as_view(), name="epcis-capture-job"),
]
QUERIES: list[URLPattern] = [
    path("events", capture.EventCapture.as_view(), name="epcis-events"),
]
"""Events, collections, queries and their pages: see events.py, collections.py, queries.py, paging.py. The endpoint of
all events extends capture.EventCapture, which takes one in."""

urlpatterns = [
    path("", base.Root.as_view(), name="epcis-root"),
    *CAPTURE,
    *QUERIES,
    re_path(r"^.*$", base.Nothing.as_view(), name="epcis-nothing"),
]
