"""Addresses under /api/v1/. Answers with secrets are never packed nor kept; the others are both."""

from typing import Any

from django.urls import path, re_path
from django.views.decorators.gzip import gzip_page
from django.views.decorators.http import conditional_page
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerSplitView

from supplychain.api import (
    asking,
    base,
    client,
    clients,
    entries,
    erasures,
    events,
    forecasts,
    keyrequests,
    keys,
    log,
    naming,
    parties,
    people,
    plan,
    planning,
    preparing,
    proofs,
    samples,
    shipments,
    webhooks,
)


def _packed(view: type[base.Endpoint]) -> Any:
    """With an ETag (304 when nothing changed) and gzip, for those who ask."""
    return gzip_page(conditional_page(view.as_view()))


class TryIt(SpectacularSwaggerSplitView):
    """The page on which the addresses can be tried; nothing in it is inline."""

    template_name = "api/docs.html"


urlpatterns = [
    path("log", _packed(log.Log), name="api-log"),
    path("log/entries", _packed(entries.Entries), name="api-entries"),
    path("log/entries/<int:index>", _packed(entries.OneEntry), name="api-entry"),
    path("log/checks", _packed(entries.Checks), name="api-checks"),
    path("parties", _packed(parties.Parties), name="api-parties"),
    path("parties/registered", _packed(parties.Registered), name="api-registered-parties"),
    path("sites", naming.Sites.as_view(), name="api-sites"),
    path("products", naming.Products.as_view(), name="api-products"),
    path("prefixes", naming.Prefixes.as_view(), name="api-prefixes"),
    path("prefixes/<str:prefix>", naming.OnePrefix.as_view(), name="api-prefix"),
    path("people", people.People.as_view(), name="api-people"),
    path("people/<int:membership_id>", people.Person.as_view(), name="api-person"),
    path("clients", clients.Clients.as_view(), name="api-clients"),
    path("clients/<str:client_id>", clients.OneClient.as_view(), name="api-one-client"),
    path("keys/requests/<uuid:request_id>/approve", keyrequests.Approve.as_view(), name="api-approve-key"),
    path("keys/requests/<uuid:request_id>/refuse", keyrequests.Refuse.as_view(), name="api-refuse-key"),
    path("client", _packed(client.Client), name="api-client"),
    path("keys", _packed(keys.Keys), name="api-keys"),
    path("keys/<str:key_id>", _packed(keys.Key), name="api-key"),
    path("erasures", _packed(erasures.Erasures), name="api-erasures"),
    path("erasures/<uuid:erasure_id>/approve", erasures.Approve.as_view(), name="api-approve-erasure"),
    path("erasures/<uuid:erasure_id>/refuse", erasures.Refuse.as_view(), name="api-refuse-erasure"),
    path("events", _packed(events.Events), name="api-events"),
    path("events/prepare", preparing.Prepare.as_view(), name="api-prepare"),
    path("events/<int:index>", _packed(events.Event), name="api-event"),
    path("shipments", _packed(shipments.Shipments), name="api-shipments"),
    path("shipments/<uuid:shipment_id>", _packed(shipments.Shipment), name="api-shipment"),
    path("shipments/<uuid:shipment_id>/arrival", shipments.Arrival.as_view(), name="api-arrival"),
    path("shipments/<uuid:shipment_id>/chain", shipments.Chain.as_view(), name="api-chain"),
    path("shipments/<uuid:shipment_id>/bundle", shipments.Bundle.as_view(), name="api-bundle"),
    path("proofs/<int:index>", _packed(proofs.Proof), name="api-proof"),
    path("forecasts", _packed(forecasts.Forecasts), name="api-forecasts"),
    path("forecasts/days", planning.KnownDays.as_view(), name="api-known-days"),
    path("forecasts/days/<int:known_id>", planning.KnownDay.as_view(), name="api-known-day"),
    path("forecasts/overrides", planning.Overrides.as_view(), name="api-overrides"),
    path("forecasts/overrides/<int:override_id>", planning.OneOverride.as_view(), name="api-override"),
    path("forecasts/accuracy", _packed(planning.Accuracy), name="api-accuracy"),
    path("forecasts/totals", _packed(planning.Totals), name="api-totals"),
    path("forecasts/requests", asking.ForecastRequests.as_view(), name="api-ask-forecast"),
    path("forecasts/jobs/<uuid:job_id>", asking.OneJob.as_view(), name="api-job"),
    path("plan/requests", asking.PlanRequests.as_view(), name="api-ask-plan"),
    path("plan/lines/<int:line_id>/order", asking.Order.as_view(), name="api-order"),
    path("plan/lines/<int:line_id>/count", asking.Count.as_view(), name="api-count"),
    path("plan/rule", asking.Rule.as_view(), name="api-ordering-rule"),
    path("forecasts/<uuid:run_id>", _packed(forecasts.Forecast), name="api-forecast"),
    path("forecasts/<uuid:run_id>/series/<int:series_id>", _packed(forecasts.Series), name="api-forecast-series"),
    path("samples", _packed(samples.Samples), name="api-samples"),
    path("samples/<str:name>", samples.OneSample.as_view(), name="api-sample"),
    path("webhooks", _packed(webhooks.Webhooks), name="api-webhooks"),
    path("webhooks/<uuid:webhook_id>", _packed(webhooks.Webhook), name="api-webhook"),
    path("webhooks/<uuid:webhook_id>/acts", webhooks.Acts.as_view(), name="api-webhook-acts"),
    path("webhooks/<uuid:webhook_id>/deliveries", _packed(webhooks.Deliveries), name="api-webhook-deliveries"),
    path("plan", _packed(plan.Plan), name="api-plan"),
    path("schema", gzip_page(SpectacularAPIView.as_view()), name="api-schema"),
    path("docs", TryIt.as_view(url_name="api-schema"), name="api-docs"),
    re_path(r"^[\s\S]*$", base.Nothing.as_view(), name="api-nothing"),
]
