"""The addresses of the pages."""

from django.urls import path

from supplychain.web import acts, capture, device, firstrun, forecasts, keys, log, party, shipment, shipments, tower

urlpatterns = [
    path("", tower.tower, name="tower"),
    path("shipments/", shipments.shipments, name="shipments"),
    path("shipments/new/", acts.new_shipment, name="new_shipment"),
    path("shipments/new/draft/", acts.new_draft, name="new_draft"),
    path("shipments/<uuid:pk>/", shipment.shipment, name="shipment"),
    path("shipments/<uuid:pk>/<slug:name>/", acts.act, name="act"),
    path("shipments/<uuid:pk>/<slug:name>/draft/", acts.draft, name="draft"),
    path("capture/", capture.capture_signed, name="capture_signed"),
    path("forecasts/", forecasts.forecasts, name="forecasts"),
    path("forecasts/run/", forecasts.run_now, name="forecast_now"),
    path("forecasts/job/<uuid:job_id>/", forecasts.job_state, name="forecast_job"),
    path("forecasts/<int:pk>/", forecasts.series, name="forecast_series"),
    path("ledger/", log.log, name="log"),
    path("ledger/keys/", log.keys, name="log_keys"),
    path("ledger/<int:index>/", log.entry, name="log_entry"),
    path("ledger/<int:index>/proof/", log.proof, name="log_proof"),
    path("device/", device.device, name="device"),
    path("device/request/", device.request_key, name="device_request"),
    path("device/key/", device.key_state, name="device_key_state"),
    path("keys/", keys.keys, name="keys"),
    path("keys/requests/<uuid:request_id>/approve/", keys.approve, name="approve_key"),
    path("keys/requests/<uuid:request_id>/refuse/", keys.refuse, name="refuse_key"),
    path("keys/<str:key_id>/revoke/", keys.revoke, name="revoke_key"),
    path("keys/people/", keys.add_person, name="add_person"),
    path("keys/people/<int:membership>/", keys.change_person, name="change_person"),
    path("keys/clients/", keys.add_client, name="add_client"),
    path("keys/clients/<int:client>/remove/", keys.remove_client, name="remove_client"),
    path("act-for/", party.act_for, name="act_for"),
    path("first-run/<str:token>/", firstrun.first_run, name="first_run"),
]
