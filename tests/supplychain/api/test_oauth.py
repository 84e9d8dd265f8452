"""Tokens: who gets one, for what, and how fast one stops to hold."""

import base64
from datetime import timedelta
from typing import Any

import pytest
from django.core.cache import cache
from django.test import Client
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from oauth2_provider.models import AccessToken

from supplychain import tokens
from supplychain.models import ApiClient
from tests.cast import World
from tests.supplychain.api.conftest import ALL, Caller, caller_for, make_client, make_token


@pytest.fixture
def http() -> Client:
    return Client(enforce_csrf_checks=True, headers={"host": "localhost"})


def ask(http: Client, client_id: str, secret: str, **more: str) -> Any:
    basic = base64.b64encode(f"{client_id}:{secret}".encode()).decode()
    data = {"grant_type": "client_credentials", **more}
    return http.post("/oauth/token/", data, headers={"Authorization": f"Basic {basic}"})


def test_a_client_gets_a_token_that_works(http: Client, world: World) -> None:
    client, secret = make_client(world.grower)
    answer = ask(http, client.client_id, secret)
    assert answer.status_code == 200
    found = answer.json()
    assert (found["token_type"], set(found["scope"].split())) == ("Bearer", set(ALL.split()))
    assert answer["Cache-Control"] == "no-store"
    assert Caller(found["access_token"]).get("/events").status_code == 200


def test_the_secret_may_come_in_the_form(http: Client, world: World) -> None:
    client, secret = make_client(world.grower)
    form = {"grant_type": "client_credentials", "client_id": client.client_id, "client_secret": secret}
    assert http.post("/oauth/token/", form).status_code == 200


def test_a_client_gets_the_scopes_it_asks_for_among_its_own(http: Client, world: World) -> None:
    client, secret = make_client(world.grower, "events:read shipments:read")
    assert ask(http, client.client_id, secret, scope="events:read").json()["scope"] == "events:read"
    assert ask(http, client.client_id, secret, scope="events:write").json()["error"] == "invalid_scope"
    assert ask(http, client.client_id, secret, scope="epcis:capture").status_code == 400


def test_scopes_taken_away_later_are_gone_from_tokens_too(world: World) -> None:
    client, _ = make_client(world.grower)
    caller = Caller(make_token(client))
    assert caller.get("/events").status_code == 200
    client.granted_scopes = "shipments:read"
    client.save()
    assert caller.get("/events").status_code == 403
    assert caller.get("/shipments").status_code == 200


@pytest.mark.parametrize("wrong", ["", "x", "sha256_random$a$b", "\0", "é"])
def test_a_wrong_secret_gets_none(http: Client, world: World, wrong: str) -> None:
    client, _ = make_client(world.grower)
    assert ask(http, client.client_id, wrong).status_code == 401


def test_a_client_that_acts_for_nobody_gets_none(http: Client, world: World) -> None:
    client, secret = make_client(None)
    assert ask(http, client.client_id, secret).status_code == 401


@pytest.mark.parametrize(
    "grant", ["password", "authorization_code", "refresh_token", "urn:ietf:params:oauth:grant-type:device_code", ""]
)
def test_no_other_grant_is_taken(http: Client, world: World, grant: str) -> None:
    client, secret = make_client(world.grower)
    answer = ask(http, client.client_id, secret, grant_type=grant, username="a", password="b", code="c")
    assert answer.status_code == 400


def test_a_token_for_another_server_is_not_made(http: Client, world: World) -> None:
    client, secret = make_client(world.grower)
    answer = ask(http, client.client_id, secret, resource="https://elsewhere.example/")
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_target")


@pytest.mark.parametrize("path", ["/oauth/token/", "/oauth/revoke/"])
def test_only_post_is_answered(http: Client, world: World, path: str) -> None:
    assert http.get(path).status_code == 405


@pytest.mark.parametrize("path", ["applications/", "authorize/", "introspect/", "authorized_tokens/", "device/"])
def test_there_are_no_pages_to_manage_clients(http: Client, world: World, path: str) -> None:
    assert http.get(f"/oauth/{path}").status_code == 404


def test_secrets_and_tokens_are_not_kept_in_the_clear(http: Client, world: World) -> None:
    client, secret = make_client(world.grower)
    token = ask(http, client.client_id, secret).json()["access_token"]
    client.refresh_from_db()
    assert client.client_secret.startswith("sha256_random$")
    assert secret not in client.client_secret
    assert not AccessToken.objects.filter(token=token).exists()


def test_a_revoked_token_is_refused_at_once(http: Client, world: World) -> None:
    client, secret = make_client(world.grower)
    token = ask(http, client.client_id, secret).json()["access_token"]
    caller = Caller(token)
    assert caller.get("/events").status_code == 200  # remembered now
    basic = base64.b64encode(f"{client.client_id}:{secret}".encode()).decode()
    assert http.post("/oauth/revoke/", {"token": token}, headers={"Authorization": f"Basic {basic}"}).status_code == 200
    assert caller.get("/events").status_code == 401


def test_a_stranger_cannot_revoke_somebody_elses_token(http: Client, world: World) -> None:
    client, _ = make_client(world.grower)
    other, secret = make_client(world.stranger)
    token = make_token(client)
    basic = base64.b64encode(f"{other.client_id}:{secret}".encode()).decode()
    http.post("/oauth/revoke/", {"token": token}, headers={"Authorization": f"Basic {basic}"})
    assert Caller(token).get("/events").status_code == 200


def test_a_deleted_client_takes_its_tokens_with_it(world: World) -> None:
    client, _ = make_client(world.grower)
    caller = Caller(make_token(client))
    assert caller.get("/events").status_code == 200
    client.delete()
    assert caller.get("/events").status_code == 401


def test_an_expired_token_is_refused_though_it_was_remembered(world: World) -> None:
    client, _ = make_client(world.grower)
    token = make_token(client, seconds=10)
    now = timezone.now()
    assert tokens.grant_of(token, now=now) is not None
    assert tokens.grant_of(token, now=now + timedelta(seconds=11)) is None


def test_a_token_is_looked_up_once_in_thirty_seconds(world: World, django_assert_num_queries: Any) -> None:
    client, _ = make_client(world.grower)
    token, now = make_token(client), timezone.now()
    tokens.grant_of(token, now=now)
    with django_assert_num_queries(0):
        assert tokens.grant_of(token, now=now) is not None


def test_a_token_holds_without_the_cache(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: Any, **__: Any) -> None:
        raise OSError("no cache")

    for name in ("get", "add", "set", "delete_many"):
        monkeypatch.setattr(cache, name, fail)
    assert caller_for(world.grower).get("/events").status_code == 200


def test_the_last_use_is_written_at_most_once_a_minute(world: World) -> None:
    client, _ = make_client(world.grower)
    token, now = make_token(client), timezone.now()

    def used_at() -> Any:
        return ApiClient.objects.get(pk=client.pk).last_used_at

    tokens.grant_of(token, now=now)
    assert used_at() == now
    cache.clear()
    tokens.grant_of(token, now=now + timedelta(seconds=40))
    assert used_at() == now
    cache.clear()
    tokens.grant_of(token, now=now + timedelta(seconds=70))
    assert used_at() == now + timedelta(seconds=70)


@pytest.mark.parametrize(
    "header", ["Bearer", "Bearer ", "Bearer x y", "Bearer é", "Basic eDp5", "bearer " + "x" * 5000, "Bearer \x00"]
)
def test_anything_but_a_token_is_a_401_problem(world: World, header: str) -> None:
    answer = Client(headers={"host": "localhost", "Authorization": header}).get("/api/v1/events")
    assert answer.status_code == 401
    assert answer["WWW-Authenticate"].startswith("Bearer")
    assert answer["Content-Type"] == "application/problem+json"


@given(
    form=st.dictionaries(
        st.sampled_from(
            ["grant_type", "client_id", "client_secret", "scope", "token", "resource", "device_code", "code"]
        )
        | st.text(max_size=5),
        st.text(max_size=30),
    )
)
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_form_is_a_500(world: World, form: dict[str, str]) -> None:
    http = Client(headers={"host": "localhost"})
    for path in ("/oauth/token/", "/oauth/revoke/"):
        assert http.post(path, form).status_code in (400, 401)
        assert http.post(path, b"\xff\x00=%00&a", content_type="application/x-www-form-urlencoded").status_code < 500
