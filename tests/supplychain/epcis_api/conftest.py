"""Clients of the EPCIS bindings, and the documents they send."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from django.test import Client

from tests.cast import Hand, World, gtin, sscc
from tests.supplychain.api.conftest import made_world, make_client, make_token, world  # noqa: F401

CONTEXT = ["https://ref.gs1.org/standards/epcis/2.0.0/epcis-context.jsonld", {"ex": "https://example.org/ex/"}]
SCOPES = "epcis:capture epcis:query"


@dataclass
class EpcisClient:
    """A program that speaks the bindings with a token."""

    token: str | None
    http: Client = field(default_factory=lambda: Client(headers={"host": "localhost"}))

    def __call__(self, method: str, path: str, data: Any = None, *, content_type: str = "", **headers: str) -> Any:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        if self.token:
            named["Authorization"] = f"Bearer {self.token}"
        more: dict[str, Any] = {}
        if data is not None:
            more["data"] = data if isinstance(data, bytes) else json.dumps(data).encode()
            more["content_type"] = content_type or "application/json"
        return getattr(self.http, method)(f"/epcis{path}", headers=named, **more)

    def get(self, path: str, **headers: str) -> Any:
        return self("get", path, **headers)

    def capture(self, data: Any, **more: str) -> Any:
        return self("post", "/capture", data, **more)

    def job(self, data: Any, **more: str) -> dict[str, Any]:
        """Capture a document and return its job."""
        answer = self.capture(data, **more)
        assert answer.status_code == 202, answer.content
        return self.get(answer["Location"].partition("/epcis")[2]).json()


def event(number: int = 0, **more: Any) -> dict[str, Any]:
    """An observation on a shelf; `more` changes members, None takes one out."""
    made: dict[str, Any] = {
        "type": "ObjectEvent",
        "eventTime": f"2026-03-01T06:{number // 60 % 60:02}:{number % 60:02}.000Z",
        "eventTimeZoneOffset": "+00:00",
        "action": "OBSERVE",
        "bizStep": "cycle_counting",
        "disposition": "in_progress",
        "readPoint": {"id": "urn:epc:id:sgln:9521141.00100.0"},
        "quantityList": [{"epcClass": gtin(101, "A1"), "quantity": number + 1}],
    }
    made |= more
    return {name: value for name, value in made.items() if value is not None}


def document(*events: dict[str, Any], **more: Any) -> dict[str, Any]:
    """An EPCISDocument."""
    return {
        "@context": CONTEXT,
        "type": "EPCISDocument",
        "schemaVersion": "2.0",
        "creationDate": "2026-03-01T07:00:00.000Z",
        "epcisBody": {"eventList": list(events)},
    } | more


def packed(unit: int, **more: Any) -> dict[str, Any]:
    """An aggregation that opens a shipment."""
    return event(
        type="AggregationEvent",
        action="ADD",
        bizStep="packing",
        parentID=sscc(unit),
        quantityList=None,
        childQuantityList=[{"epcClass": gtin(101, "A1"), "quantity": 50}],
        **more,
    )


@pytest.fixture
def speak(world: World) -> Callable[..., EpcisClient]:  # noqa: F811
    def make(hand: Hand | None, scopes: str = SCOPES) -> EpcisClient:
        client, _ = make_client(hand, scopes)
        return EpcisClient(make_token(client, scopes))

    return make


@pytest.fixture
def grower(world: World, speak: Callable[..., EpcisClient]) -> Iterator[EpcisClient]:  # noqa: F811
    yield speak(world.grower)


@pytest.fixture
def stranger(world: World, speak: Callable[..., EpcisClient]) -> EpcisClient:  # noqa: F811
    return speak(world.stranger)
