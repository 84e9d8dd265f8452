"""Whatever is sent, the answer is never a 500: the test client raises what a server would hide behind one."""

from __future__ import annotations

import base64
import copy
import json
from typing import Any
from urllib.parse import urlencode

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ledger import queries
from supplychain.models import Event, KeyRequest
from tests.cast import World, sscc
from tests.supplychain.api.conftest import Caller, Signer
from tests.supplychain.api.test_keys import asked

QUICK = settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
NAMES = st.sampled_from(
    ["items", "atomic", "envelope", "body", "salt", "chains", "payload", "payloadType", "signatures", "sig", "keyid"]
)
TEXTS = st.text(max_size=20) | st.sampled_from(["", "AAAA", "=", "A" * 44, "application/vnd.waylog.statement+json"])
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53) + 1, 2**53 - 1) | st.floats(allow_nan=False) | TEXTS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(NAMES | TEXTS, inner, max_size=5),
    max_leaves=12,
)
PATHS = ["/events", "/events?atomic=true", "/keys"]


@given(data=JSON, path=st.sampled_from(PATHS))
@QUICK
def test_random_json_is_never_a_500(grower: Caller, data: Any, path: str) -> None:
    assert grower.post(path, json.dumps(data).encode()).status_code in (207, 400, 422)


@given(data=st.binary(max_size=200), path=st.sampled_from(PATHS), coding=st.sampled_from(["", "gzip", "identity"]))
@QUICK
def test_random_bytes_are_never_a_500(grower: Caller, data: bytes, path: str, coding: str) -> None:
    assert grower.post(path, data, Content_Encoding=coding).status_code in (400, 422)


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    found = [path]
    if isinstance(value, dict):
        found += [place for name in value for place in places(value[name], (*path, name))]
    if isinstance(value, list):
        found += [place for at in range(len(value)) for place in places(value[at], (*path, at))]
    return found


def changed(value: Any, path: tuple[Any, ...], new: Any) -> Any:
    if not path:
        return new
    made = copy.deepcopy(value)
    inner = made
    for step in path[:-1]:
        inner = inner[step]
    inner[path[-1]] = new
    return made


@given(data=st.data())
@QUICK
def test_a_good_capture_with_one_member_replaced_is_never_a_500(
    world: World, grower: Caller, signer: Signer, data: st.DataObject
) -> None:
    item = signer.packed(sscc(data.draw(st.integers(1, 9))))
    made = changed([item], data.draw(st.sampled_from(places([item]))), data.draw(JSON))
    assert grower.post("/events", json.dumps(made).encode()).status_code < 500


@given(data=st.data())
@QUICK
def test_a_good_event_with_one_member_replaced_is_never_a_500(
    world: World, grower: Caller, signer: Signer, data: st.DataObject
) -> None:
    body = json.loads(base64.b64decode(signer.seen()["body"]))
    made = changed(body, data.draw(st.sampled_from(places(body))), data.draw(JSON))
    item = signer.item({}, body=json.dumps(made).encode())
    assert grower.post("/events", [item]).status_code in (200, 201, 400, 404, 409, 422)


@given(data=st.data())
@QUICK
def test_a_good_key_with_one_member_replaced_is_never_a_500(world: World, grower: Caller, data: st.DataObject) -> None:
    key = asked(world.grower)
    made = changed(key, data.draw(st.sampled_from(places(key))), data.draw(JSON))
    assert grower.post("/keys", json.dumps(made).encode()).status_code < 500


@given(
    query=st.dictionaries(
        st.sampled_from(["epc", "act", "cursor", "limit", "shipment", "q", "status", "event_time_from", "party", "x"]),
        st.text(max_size=30) | st.integers().map(str),
        max_size=3,
    ),
    path=st.sampled_from(["/events", "/shipments", "/forecasts", "/keys", "/log"]),
)
@QUICK
def test_a_random_query_is_never_a_500(grower: Caller, query: dict[str, str], path: str) -> None:
    assert grower.get(f"{path}?{urlencode(query)}").status_code in (200, 400)


@pytest.mark.parametrize("model", [Event, KeyRequest])
def test_no_column_can_be_set_from_outside(world: World, grower: Caller, signer: Signer, model: Any) -> None:
    size = queries.tree_size()
    known = {"body", "role", "public_key", "statement_id", "pop", "label"}
    for field in model._meta.get_fields():
        if field.name in known:
            continue
        item = {**signer.packed(sscc(3)), field.name: "x"}
        assert grower.post("/events", [item]).status_code == 400, field.name
        assert grower.post("/keys", {**asked(world.grower), field.name: "x"}).status_code == 400, field.name
    assert (queries.tree_size(), KeyRequest.objects.count()) == (size, 0)
