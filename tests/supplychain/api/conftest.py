"""Callers of the API: programs with a token, each acting for a party of the cast."""

from __future__ import annotations

import base64
import json
import secrets
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pytest
from django.conf import settings
from django.db import transaction
from django.test import Client
from django.utils import timezone
from nacl.signing import SigningKey
from oauth2_provider.models import AccessToken, set_token_value
from pytest_django import DjangoDbBlocker

from ledger import keystore, queries
from ledger.tlog import envelope, keys, statement
from ledger.tlog.statement import ZERO, Statement
from supplychain.epcis import builders
from supplychain.epcis.events import Quantity
from supplychain.models import ApiClient
from supplychain.operations import held_key
from tests.cast import APPLES_LOT, Hand, World, make_world, sscc

ALL = "events:write events:read shipments:read forecasts:read forecasts:write keys:write party:manage epcis:query"
API = "/api/v1"


def make_client(hand: Hand | None, scopes: str = ALL) -> tuple[ApiClient, str]:
    """Make an API client for a party; return it with its secret."""
    secret = secrets.token_urlsafe(32)
    client = ApiClient.objects.create(
        name="test",
        client_type="confidential",
        authorization_grant_type="client-credentials",
        client_secret=secret,
        party=hand.party if hand else None,
        granted_scopes=scopes,
    )
    return client, secret


def make_token(client: ApiClient, scopes: str = ALL, *, seconds: int = 3600) -> str:
    """Make an access token."""
    token = secrets.token_urlsafe(32)
    row = AccessToken(application=client, expires=timezone.now() + timedelta(seconds=seconds), scope=scopes)
    set_token_value(row, token)
    row.save()
    return token


@dataclass
class Caller:
    """A program with a token."""

    token: str | None
    http: Client = field(default_factory=lambda: Client(headers={"host": "localhost"}))

    def __call__(self, method: str, path: str, data: Any = None, **headers: str) -> Any:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        if self.token:
            named["Authorization"] = f"Bearer {self.token}"
        more: dict[str, Any] = {}
        if data is not None:
            more["data"] = data if isinstance(data, bytes) else json.dumps(data)
            more["content_type"] = named.pop("Content-Type", "application/json")
        return getattr(self.http, method)(API + path, headers=named, **more)

    def get(self, path: str, **headers: str) -> Any:
        return self("get", path, **headers)

    def post(self, path: str, data: Any, **headers: str) -> Any:
        return self("post", path, data, **headers)


@dataclass
class Signer:
    """Signs events as a partner's own program would."""

    hand: Hand
    key: SigningKey

    def item(
        self,
        event: Mapping[str, Any],
        *links: tuple[bytes, bytes],
        chains: Mapping[str, bytes] | None = None,
        body: bytes | None = None,
    ) -> dict[str, Any]:
        """Sign one event; return the item as it is posted."""
        body = builders.body_bytes(event) if body is None else body
        salt = secrets.token_bytes(32)
        payload = statement.format_statement(
            Statement(
                v=1,
                log=self.hand.world.origin,
                type="event",
                id=secrets.token_hex(16),
                key=keys.key_id(bytes(self.key.verify_key)),
                links=tuple(statement.link(chain, prev) for chain, prev in links),
                body=statement.commitment(salt, body),
                claims={},
            )
        )
        item = {
            "envelope": envelope.sign(payload, self.key),
            "body": base64.b64encode(body).decode(),
            "salt": base64.b64encode(salt).decode(),
        }
        if chains:
            item["chains"] = {unit: base64.b64encode(chain).decode() for unit, chain in chains.items()}
        return item

    def packed(self, unit: str, **more: Any) -> dict[str, Any]:
        """An item that opens a shipment of `unit`."""
        chain = secrets.token_bytes(16)
        event = builders.pack_event(
            unit=unit,
            contents=[Quantity(APPLES_LOT, 50)],
            event_time=self.hand.world.later(),
            event_id=f"urn:uuid:{secrets.token_hex(16)}",
            **more,
        )
        return self.item(event, (chain, ZERO), chains={unit: chain})

    def seen(self, number: int = 900) -> dict[str, Any]:
        """An item that observes something and moves nothing."""
        event = builders.observe_event(
            units=[sscc(number)], event_time=self.hand.world.later(), event_id=f"urn:uuid:{secrets.token_hex(16)}"
        )
        return self.item(event)


def caller_for(hand: Hand | None, scopes: str = ALL) -> Caller:
    client, _ = make_client(hand, scopes)
    return Caller(make_token(client, scopes))


@pytest.fixture(scope="module")
def made_world(
    django_db_setup: None, django_db_blocker: DjangoDbBlocker, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[World]:
    """One world for all tests of a module; what each does in it is rolled back to here."""
    with django_db_blocker.unblock(), pytest.MonkeyPatch.context() as patch:
        patch.setattr(settings, "WAYLOG_SECRETS", tmp_path_factory.mktemp("secrets"))
        with transaction.atomic():
            yield make_world()
            transaction.set_rollback(True)
        keystore.forget_cached()


@pytest.fixture
def world(made_world: World, db: None) -> World:
    """The module's world, at its beginning again."""
    found = World(made_world.origin, made_world.operator)
    found.hands = [Hand(found, hand.party) for hand in made_world.hands]
    return found


@pytest.fixture
def grower(world: World) -> Caller:
    return caller_for(world.grower)


@pytest.fixture
def carrier(world: World) -> Caller:
    return caller_for(world.carrier)


@pytest.fixture
def stranger(world: World) -> Caller:
    return caller_for(world.stranger)


@pytest.fixture
def nobody(world: World) -> Caller:
    return Caller(None)


@pytest.fixture
def sign(world: World) -> Callable[[Hand], Signer]:
    return lambda hand: Signer(hand, held_key(hand.id))


@pytest.fixture
def signer(world: World) -> Signer:
    return Signer(world.grower, held_key(world.grower.id))


def verifier_key() -> Any:
    from ledger.tlog.note import parse_verifier_key

    return parse_verifier_key(queries.verifier_key())
