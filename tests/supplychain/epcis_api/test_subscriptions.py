"""/epcis/queries/{name}/subscriptions: who may have what sent where, and what is never told again."""

import json
import logging

import pytest
from django.test import Client
from nacl.signing import VerifyKey

from ledger import queries, tenancy
from ledger.tlog import keys as tlog_keys
from ledger.tlog.text import decode_base64url
from supplychain.models import Subscription
from supplychain.operations import namedqueries
from supplychain.operations.subscriptions import manage
from tests.supplychain.webhooks.test_addresses import TRICKS

TOKEN = "13da6c44-ee95-11eb-9a03-0242ac130003"
WANTED = {"dest": "https://partner.example/hook", "stream": True}
PATH = "/queries/all/subscriptions"


@pytest.fixture(autouse=True)
def everything(world):
    for hand in (world.grower, world.stranger):
        namedqueries.keep_query("all", {}, party=hand.id, now=world.now)


def subscribe(client, **more):
    wanted = {name: value for name, value in (WANTED | more).items() if value is not None}
    return client("post", PATH, wanted)


def test_a_subscription_is_made_read_listed_and_ended(grower):
    made = subscribe(grower, signatureToken=TOKEN)
    assert made.status_code == 201, made.content
    place = made["Location"].partition("/epcis")[2]
    assert place == f"{PATH}/{made.json()['subscriptionID']}"
    read = grower.get(place).json()
    assert read == made.json()
    assert (read["dest"], read["stream"], read["queryName"]) == ("https://partner.example/hook", True, "all")
    assert grower.get(PATH).json() == [read]
    assert grower("delete", place).status_code == 204
    assert grower.get(place).status_code == 404
    assert grower("delete", place).status_code == 404
    assert grower.get(PATH).json() == []


def test_a_schedule_is_kept(grower):
    made = subscribe(
        grower,
        stream=None,
        schedule={"hour": "1", "minute": 5},
        reportIfEmpty=True,
        initialRecordTime="2026-03-01T00:00:00Z",
    ).json()
    assert made["schedule"] == {"hour": "1", "minute": "5"}
    assert (made["stream"], made["reportIfEmpty"]) == (False, True)
    assert made["initialRecordTime"] == "2026-03-01T00:00:00.000+00:00"
    assert made["waylog:nextIndex"] == queries.tree_size()  # no event was recorded since


def test_the_secret_is_told_nowhere(grower, caplog):
    caplog.set_level(logging.DEBUG)
    made = subscribe(grower, signatureToken=TOKEN)
    place = made["Location"].partition("/epcis")[2]
    said = [made, grower.get(place), grower.get(PATH), subscribe(grower, signatureToken=TOKEN, dest="http://x")]
    said += [
        subscribe(grower, signatureToken=TOKEN, surprise=1),
        grower("post", PATH, b'{"signatureToken": "' + TOKEN.encode() + b'"'),
    ]
    for answer in said:
        assert TOKEN not in answer.content.decode() + str(answer.headers)
    assert TOKEN not in caplog.text
    with tenancy.system():
        for row in Subscription.objects.values_list("sealed_token", flat=True):
            assert row is None or TOKEN.encode() not in bytes(row)


@pytest.mark.parametrize(
    ("more", "kind", "pointer"),
    [
        ({"dest": None}, "InvalidURIException", "/dest"),
        ({"dest": 5}, "InvalidURIException", "/dest"),
        ({"dest": "http://partner.example/"}, "InvalidURIException", "/dest"),
        ({"stream": None}, "SubscriptionControlsException", ""),
        ({"stream": False}, "SubscriptionControlsException", ""),
        ({"stream": "yes"}, "ValidationException", "/stream"),
        ({"schedule": {"hour": "1"}}, "SubscriptionControlsException", "/schedule"),
        ({"stream": None, "schedule": {"hour": "25"}}, "SubscriptionControlsException", "/schedule/hour"),
        ({"stream": None, "schedule": []}, "SubscriptionControlsException", "/schedule"),
        ({"signatureToken": "secret"}, "ValidationException", "/signatureToken"),
        ({"signatureToken": 17}, "ValidationException", "/signatureToken"),
        ({"reportIfEmpty": 1}, "ValidationException", "/reportIfEmpty"),
        ({"initialRecordTime": "yesterday"}, "SubscriptionControlsException", "/initialRecordTime"),
        ({"surprise": 1}, "ValidationException", "/surprise"),
    ],
)
def test_what_cannot_be_subscribed_is_told_with_its_place(grower, more, kind, pointer):
    answer = subscribe(grower, **more)
    problem = answer.json()
    assert answer.status_code == 400
    assert problem["type"] == f"epcisException:{kind}"
    assert problem["errors"][0]["pointer"] == pointer
    assert grower.get(PATH).json() == []


def test_no_trick_is_taken_as_a_destination(grower):
    for trick in TRICKS:
        assert subscribe(grower, dest=trick).status_code == 400, trick
    assert grower.get(PATH).json() == []


def test_an_operator_may_allow_an_origin(grower, settings):
    settings.WAYLOG_WEBHOOK_ALLOW = ["http://127.0.0.1:9000"]
    assert subscribe(grower, dest="http://127.0.0.1:9000/hook").status_code == 201
    assert subscribe(grower, dest="http://127.0.0.1:9001/hook").status_code == 400


@pytest.mark.parametrize("data", [b"[", b"null", b"[]", b'"x"', b"\xff", b'{"dest": 1e999}'])
def test_what_is_no_subscription_is_refused(grower, data):
    assert grower("post", PATH, data).status_code == 400


def test_another_partys_is_not_there(grower, stranger):
    place = subscribe(grower)["Location"].partition("/epcis")[2]
    absent = f"{PATH}/00000000-0000-0000-0000-000000000000"
    for method in ("get", "delete"):
        foreign, none = stranger(method, place), stranger(method, absent)
        assert (foreign.status_code, foreign.content) == (none.status_code, none.content) == (404, none.content)
    assert stranger.get(PATH).json() == []
    assert grower.get(place).status_code == 200
    assert stranger.get(f"{PATH}/nonsense").status_code == 404


def test_a_query_that_is_not_there_has_no_subscriptions(grower):
    for answer in (grower.get("/queries/none/subscriptions"), grower("post", "/queries/none/subscriptions", WANTED)):
        assert answer.status_code == 404
        assert answer.json()["type"] == "epcisException:NoSuchNameException"


def test_it_takes_the_scope(world, speak, grower):
    capturing = speak(world.grower, "epcis:capture")
    assert subscribe(capturing).status_code == 403
    assert capturing.get(PATH).status_code == 403


def test_a_query_with_limits_cannot_be_subscribed_to(world, grower):
    namedqueries.keep_query("few", {"eventCountLimit": 5, "orderBy": "eventTime"}, party=world.grower.id, now=world.now)
    answer = grower("post", "/queries/few/subscriptions", WANTED)
    assert answer.status_code == 400
    assert answer.json()["type"] == "epcisException:SubscribeNotPermittedException"


def test_a_party_has_so_many(grower, monkeypatch):
    monkeypatch.setattr(manage, "MOST_OF_A_PARTY", 2)
    assert [subscribe(grower).status_code for _ in range(3)] == [201, 201, 400]


def test_options_say_what_is_done_and_where_the_stream_is(grower, settings):
    settings.WAYLOG_STREAM_URL = "wss://log.example"
    answer = grower("options", PATH)
    assert answer.status_code == 204
    assert answer["Allow"] == "GET, POST, HEAD, OPTIONS"
    assert answer["Waylog-Stream"] == "wss://log.example/epcis/queries/all/events"
    assert grower("options", "/queries/all/events")["Waylog-Stream"] == answer["Waylog-Stream"]
    assert grower("options", f"{PATH}/x")["Allow"] == "GET, DELETE, HEAD, OPTIONS"


def test_subscriptions_come_in_pages(grower):
    made = {subscribe(grower).json()["subscriptionID"] for _ in range(3)}
    first = grower.get(f"{PATH}?perPage=2")
    assert len(first.json()) == 2
    rest = grower.get(first["Link"].partition("/epcis")[2].partition(">")[0])
    assert "Link" not in rest
    assert {each["subscriptionID"] for each in first.json() + rest.json()} == made


def test_who_asks_for_a_websocket_is_sent_on(grower, stranger, settings):
    settings.WAYLOG_STREAM_URL = "wss://log.example"
    answer = grower.get("/queries/all/events?lastIndex=3", Upgrade="websocket", Connection="Upgrade")
    assert (answer.status_code, answer["Location"]) == (307, "wss://log.example/epcis/queries/all/events?lastIndex=3")
    assert grower.get("/queries/none/events", Upgrade="websocket").status_code == 404


def test_the_keys_are_published_for_everybody(world):
    answer = Client(headers={"host": "localhost"}).get("/epcis/webhook-keys")
    assert answer["Content-Type"] == "application/jwk-set+json"
    [key] = json.loads(answer.content)["keys"]
    public = decode_base64url(key["x"])
    assert (key["kty"], key["crv"], key["kid"]) == ("OKP", "Ed25519", tlog_keys.key_id(public))
    VerifyKey(public)
