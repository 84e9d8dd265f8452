"""The OpenAPI document says what is there, and what is there answers as it says."""

from __future__ import annotations

import re
import warnings
from typing import Any

import jsonschema
import pytest
from django.core.management import call_command
from django.test import Client
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.validation import validate_schema

from tests.cast import World, sscc
from tests.receiver import make_webhook
from tests.supplychain.api.conftest import API, Caller, Signer
from tests.supplychain.api.test_forecasts import make_run
from tests.supplychain.api.test_keys import asked
from tests.supplychain.api.test_tenants import routes


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    return SchemaGenerator().get_schema(request=None, public=True)


def test_the_paths_are_the_routes(document: dict[str, Any]) -> None:
    wanted = {API + "/" + re.sub(r"<\w+:(\w+)>", r"{\1}", route) for route in routes()} - {
        f"{API}/schema",
        f"{API}/docs",
    }
    assert set(document["paths"]) == wanted


def test_the_methods_are_those_the_views_have(document: dict[str, Any]) -> None:
    found = {(path.removeprefix(API), verb) for path, verbs in document["paths"].items() for verb in verbs}
    assert {each for each in found if each[1] != "get"} == {
        ("/erasures", "post"),
        ("/erasures/{erasure_id}/approve", "post"),
        ("/erasures/{erasure_id}/refuse", "post"),
        ("/events", "post"),
        ("/events/prepare", "post"),
        ("/keys", "post"),
        ("/keys/requests/{request_id}/approve", "post"),
        ("/keys/requests/{request_id}/refuse", "post"),
        ("/sites", "post"),
        ("/products", "post"),
        ("/prefixes", "post"),
        ("/prefixes/{prefix}", "delete"),
        ("/forecasts/days", "post"),
        ("/forecasts/days/{known_id}", "delete"),
        ("/forecasts/overrides", "post"),
        ("/forecasts/overrides/{override_id}", "delete"),
        ("/forecasts/requests", "post"),
        ("/plan/requests", "post"),
        ("/plan/lines/{line_id}/order", "post"),
        ("/plan/lines/{line_id}/count", "post"),
        ("/plan/rule", "post"),
        ("/parties", "post"),
        ("/people", "post"),
        ("/people/{membership_id}", "patch"),
        ("/people/{membership_id}", "delete"),
        ("/clients", "post"),
        ("/webhooks/{webhook_id}/acts", "post"),
        ("/clients/{client_id}", "delete"),
    }


def test_it_is_valid_and_made_without_a_warning(document: dict[str, Any], capsys: pytest.CaptureFixture[str]) -> None:
    validate_schema(document)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        call_command("spectacular", validate=True, fail_on_warn=True, file="/dev/null")
    assert "Warning" not in capsys.readouterr().err


def test_every_reference_leads_somewhere(document: dict[str, Any]) -> None:
    named = set(re.findall(r"#/components/schemas/(\w+)", str(document)))
    assert named == set(document["components"]["schemas"])


def test_what_is_sent_holds_no_other_members(document: dict[str, Any]) -> None:
    bodies = [verb.get("requestBody") for verbs in document["paths"].values() for verb in verbs.values()]
    sent = re.findall(r"#/components/schemas/(\w+)", str(bodies))
    for name in sent:
        shape = document["components"]["schemas"][name]
        for each in shape.get("oneOf", [shape]):
            if each.get("type") == "object":
                assert each.get("additionalProperties") is False, name


def test_every_operation_names_its_scope(document: dict[str, Any]) -> None:
    for path, verbs in document["paths"].items():
        for verb, operation in verbs.items():
            scopes = [scope for need in operation.get("security", []) for scope in need.get("oauth2", [])]
            assert scopes or path == f"{API}/log", (path, verb)


def check(document: dict[str, Any], path: str, verb: str, answer: Any) -> None:
    said = document["paths"][f"{API}{path}"][verb]["responses"][str(answer.status_code)]["content"]
    shape = said[answer["Content-Type"].partition(";")[0]]["schema"]
    whole = {**shape, "components": document["components"]}
    jsonschema.validate(answer.json(), whole)


def test_answers_have_the_shapes_that_it_says(
    world: World, document: dict[str, Any], grower: Caller, stranger: Caller, signer: Signer
) -> None:
    item = signer.packed(sscc(1))
    check(document, "/events", "post", captured := grower.post("/events", [item]))
    check(document, "/events", "post", grower.post("/events", [item]))
    check(document, "/events", "post", grower.post("/events", [item, {}]))
    check(document, "/events", "post", grower.post("/events", [{}]))
    check(document, "/events", "post", stranger.post("/events", [item]))
    check(document, "/events", "post", grower.post("/events?atomic=true", [item, {}]))
    check(document, "/keys", "post", grower.post("/keys", asked(world.grower)))
    index, unit = captured.json()["items"][0]["index"], world.shipment(sscc(1)).id
    key_id = grower.get("/keys").json()["items"][0]["key_id"]
    run, series = make_run(world)
    hook = make_webhook(world.grower, now=world.now).pk
    check(document, "/webhooks/{webhook_id}/acts", "post", grower.post(f"/webhooks/{hook}/acts", {"act": "test"}))
    for path, address in {
        "/log": "/log",
        "/log/entries": "/log/entries",
        "/log/entries/{index}": f"/log/entries/{index}",
        "/log/checks": "/log/checks",
        "/parties": "/parties",
        "/people": "/people",
        "/clients": "/clients",
        "/webhooks": "/webhooks",
        "/webhooks/{webhook_id}": f"/webhooks/{hook}",
        "/webhooks/{webhook_id}/deliveries": f"/webhooks/{hook}/deliveries",
        "/samples": "/samples",
        "/samples/{name}": "/samples/correct",
        "/keys": "/keys",
        "/keys/{key_id}": f"/keys/{key_id}",
        "/events": "/events",
        "/events/{index}": f"/events/{index}",
        "/shipments": "/shipments",
        "/shipments/{shipment_id}": f"/shipments/{unit}",
        "/shipments/{shipment_id}/chain": f"/shipments/{unit}/chain",
        "/shipments/{shipment_id}/bundle": f"/shipments/{unit}/bundle",
        "/forecasts": "/forecasts",
        "/forecasts/days": "/forecasts/days",
        "/forecasts/overrides": "/forecasts/overrides",
        "/forecasts/accuracy": "/forecasts/accuracy",
        "/forecasts/{run_id}": f"/forecasts/{run.id}",
        "/forecasts/{run_id}/series/{series_id}": f"/forecasts/{run.id}/series/{series.pk}",
        "/proofs/{index}": f"/proofs/{index}",
    }.items():
        answer = grower.get(address, Accept="application/json")
        assert answer.status_code == 200, address
        check(document, path, "get", answer)
        if "{" in path:
            absent = grower.get(re.sub(r"[0-9A-Za-z_-]+$", "99999", address), Accept="application/json")
            assert absent.status_code == 404, address


def test_what_is_sent_has_the_shape_that_it_says(document: dict[str, Any], signer: Signer, world: World) -> None:
    for name, value in (("Capture", [signer.packed(sscc(2))]), ("NewKey", asked(world.grower))):
        jsonschema.validate(value, {"$ref": f"#/components/schemas/{name}", "components": document["components"]})


def test_the_schema_is_served_and_the_page_loads_nothing_from_elsewhere(db: None) -> None:
    http = Client(headers={"host": "localhost"})
    assert http.get("/api/v1/schema").status_code == 200
    page = http.get("/api/v1/docs")
    assert page.status_code == 200
    assert not re.findall(r'(?:src|href)="(?:https?:)?//', page.content.decode())
    assert not re.search(r"<script>(?!\s*</script>)", page.content.decode())


def test_the_log_is_open_to_all_and_to_any_page(world: World) -> None:
    answer = Client(headers={"host": "localhost"}).get("/api/v1/log")
    found = answer.json()
    assert (found["origin"], answer["Access-Control-Allow-Origin"]) == (world.origin, "*")
    assert found["verifier_key"].startswith(world.origin + "+")
    assert found["checkpoint"].startswith(f"{world.origin}\n{found['tree_size']}\n")
