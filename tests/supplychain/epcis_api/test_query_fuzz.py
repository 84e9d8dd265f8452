"""Whatever stands in an address or in a named query, it is answered or refused, never an error of the server."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import quote, urlencode

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from supplychain.epcis.parameters import NAMES
from tests.supplychain.epcis_api.conftest import EpcisClient, document, event

OWN = (
    "EQ_ex:a",
    "GE_ex:a",
    "EQ_INNER_ILMD_ex:a",
    "EXISTS_SENSORREPORT_ex:a",
    "LT_ERROR_DECLARATION_ex:a",
    "EQ_readPoint_ex:a",
)
MADE = ("GE_value_KEL", "EQ_sDev_CEL", "LT_quantity_GRM", "EQ_percRank", "HASATTR_bizLocation", "EQATTR_readPoint_ex:a")
names = st.sampled_from((*NAMES, *OWN, *MADE, "EQ_source_urn:x:a", "perPage", "nextPageToken")) | st.text(max_size=20)
texts = st.sampled_from(
    (
        "shipping",
        "urn:epc:idpat:sgtin:9521141.*.*",
        "urn:epc:idpat:sscc:*.*",
        "urn:epc:class:lgtin:9521141.001234.*",
        "https://id.gs1.org/01/09521141012345/21/*",
        "2026-03-01T06:00:00Z",
        "9999-12-31T23:59:59-14:00",
        "1e308",
        "-0",
        "\u0000",
        "\ud7ff\U0010ffff",
        "a|b|",
        "*",
    )
) | st.text(max_size=30)
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)
BOUNDED = settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)


def check(answer: Any) -> None:
    assert answer.status_code in (200, 201, 400, 404, 409, 413, 414), answer.content
    if answer.status_code >= 400:
        assert answer["Content-Type"] == "application/problem+json"


@pytest.fixture
def filled(grower: EpcisClient) -> EpcisClient:
    report = {"type": "Temperature", "value": 4, "sDev": 1, "uom": "CEL", "ex:a": [{"ex:b": 1}, "2026-03-01T06:00:00Z"]}
    one = event(1, sensorElementList=[{"sensorReport": [report]}], **{"ex:a": "1e999", "ex:b": {"ex:a": [True, None]}})
    assert grower.job(document(one, event(2)))["success"]
    return grower


@BOUNDED
@given(pairs=st.lists(st.tuples(names, texts), max_size=4))
def test_any_address_is_answered(filled: EpcisClient, pairs: list[tuple[str, str]]):
    check(filled.get(f"/events?{urlencode(pairs, errors='replace')}"))


@BOUNDED
@given(query=st.dictionaries(names, values, max_size=4) | values)
def test_any_query_is_kept_or_refused(filled: EpcisClient, query: Any):
    answer = filled("post", "/queries", json.dumps({"name": "a", "query": query}).encode())
    check(answer)
    if answer.status_code == 201:
        check(filled.get("/queries/a/events"))
        assert filled("delete", "/queries/a").status_code == 204


@BOUNDED
@given(
    collection=st.sampled_from(("events", "eventTypes", "epcs", "bizSteps", "bizLocations", "dispositions", "queries")),
    name=texts,
)
def test_any_resource_is_there_or_not(filled: EpcisClient, collection: str, name: str):
    at = f"/{collection}/{quote(name, safe='', errors='replace')}"
    check(filled.get(at))
    check(filled.get(f"{at}/events"))
