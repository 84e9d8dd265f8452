"""Addresses under /epcis/. Identifiers in them are URIs, with slashes of their own: a server decodes %2F before we see
it, so the patterns take what is left of the path whole, and those with a word behind the identifier come first."""

from django.urls import URLPattern, path, re_path

from supplychain.epcis_api import base, capture, collections, events, paging, queries, subscriptions
from supplychain.epcis_api.collections import Collection

CAPTURE: list[URLPattern] = [
    path("capture", capture.Captures.as_view(), name="epcis-capture"),
    path("capture/<str:job_id>", capture.Job.as_view(), name="epcis-capture-job"),
]


def _of(collection: Collection) -> list[URLPattern]:
    name = collection.name
    return [
        path(name, collections.Listed.as_view(collection=collection), name=f"epcis-{name}"),
        re_path(rf"^{name}/(?P<value>[\s\S]+)/events$", collections.ResourceEvents.as_view(collection=collection)),
        re_path(rf"^{name}/(?P<value>[\s\S]+)$", collections.Resource.as_view(collection=collection)),
    ]


QUERIES: list[URLPattern] = [
    path("events", events.Events.as_view(), name="epcis-events"),
    re_path(r"^events/(?P<event_id>[\s\S]+)$", events.EventResource.as_view(), name="epcis-event"),
    *(pattern for collection in collections.COLLECTIONS for pattern in _of(collection)),
    path("queries", queries.Queries.as_view(), name="epcis-queries"),
    path("queries/<str:name>", queries.QueryResource.as_view(), name="epcis-query"),
    path("queries/<str:name>/events", queries.QueryEvents.as_view(), name="epcis-query-events"),
    path("nextPageToken/<str:token>", paging.PageToken.as_view(), name="epcis-page"),
]

SUBSCRIPTIONS: list[URLPattern] = [
    path("queries/<str:name>/subscriptions", subscriptions.Subscriptions.as_view(), name="epcis-subscriptions"),
    path(
        "queries/<str:name>/subscriptions/<str:subscription>",
        subscriptions.SubscriptionResource.as_view(),
        name="epcis-subscription",
    ),
    path("webhook-keys", subscriptions.webhook_keys, name="epcis-webhook-keys"),
]

urlpatterns = [
    path("", base.Root.as_view(), name="epcis-root"),
    *CAPTURE,
    *QUERIES,
    *SUBSCRIPTIONS,
    re_path(r"^[\s\S]*$", base.Nothing.as_view(), name="epcis-nothing"),
]
