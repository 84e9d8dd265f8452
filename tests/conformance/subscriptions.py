"""Subscriptions, and the end of the named query (EPCIS 2.0, 12.8)."""

from __future__ import annotations

from typing import Any

from tests.conformance.server import Answer
from tests.conformance.suite import Examined, NotOffered, check, refused

SECRET = "a-secret-that-nobody-is-told-again"
DESTINATION = "https://receiver.example.org/epcis"


def _path(to: Examined) -> str:
    return f"/queries/conformance-{to.run.number}/subscriptions"


def _asked(**more: Any) -> dict[str, Any]:
    asked = {"dest": DESTINATION, "signatureToken": SECRET, "schedule": {"second": "0", "minute": "0"}} | more
    return {key: value for key, value in asked.items() if value is not None}


def _made(to: Examined) -> Answer:
    answer = to.server("POST", _path(to), _asked())
    if answer.status in (400, 403) and answer.exception == "SubscribeNotPermittedException":
        raise NotOffered("the server permits no subscription to this destination")
    assert answer.status == 201, f"{answer.status}: {answer.body[:300]!r}"
    return answer


@check("subscriptions.options", "12.8.3", "OPTIONS of a query's subscriptions allows POST")
def _(to: Examined) -> None:
    answer = to.server("OPTIONS", _path(to))
    assert answer.status in (200, 204) and "POST" in answer.headers.get("allow", ""), f"{answer.status}"


@check("subscriptions.create", "12.8.3", "POST makes a subscription and says where it is")
def _(to: Examined) -> None:
    location = _made(to).headers.get("location", "")
    assert "/subscriptions/" in location, "no Location"
    assert to.server.get(location).status == 200, "its Location leads nowhere"


@check("subscriptions.answer", "12.8.3", "a subscription is answered with its id, its destination and when it was made")
def _(to: Examined) -> None:
    made = _made(to)
    for told in (made.json(), to.server.get(made.headers["location"]).json()):
        missing = [name for name in ("subscriptionID", "dest", "createdAt", "schedule") if name not in told]
        assert not missing, f"without {', '.join(missing)}"
        assert made.headers["location"].endswith(str(told["subscriptionID"])), "the Location is of another id"
        assert told["dest"] == DESTINATION and told["schedule"] == {"second": "0", "minute": "0"}


@check("subscriptions.stream", "12.8.3", "a subscription for each event says stream")
def _(to: Examined) -> None:
    answer = to.server("POST", _path(to), _asked(schedule=None, stream=True))
    if answer.exception == "SubscribeNotPermittedException":
        raise NotOffered("the server permits no subscription to this destination")
    assert answer.status == 201, f"{answer.status}: {answer.body[:300]!r}"
    assert answer.json().get("stream") is True, "it says no stream"
    assert to.server("DELETE", answer.headers["location"]).status == 204


@check("subscriptions.stream-and-schedule", "8.2.5.3", "a stream with a schedule is SubscriptionControlsException")
def _(to: Examined) -> None:
    answer = to.server("POST", _path(to), _asked(stream=True))
    refused(answer, 400, "SubscriptionControlsException", "ValidationException")


@check("subscriptions.record-time", "8.2.5", "an initial record time that is no time is refused")
def _(to: Examined) -> None:
    answer = to.server("POST", _path(to), _asked(initialRecordTime="yesterday"))
    refused(answer, 400, "SubscriptionControlsException", "ValidationException")


@check("subscriptions.no-destination", "8.2.5", "a subscription without a destination is refused")
def _(to: Examined) -> None:
    refused(to.server("POST", _path(to), _asked(dest=None)), 400, "InvalidURIException", "ValidationException")


@check("subscriptions.schedule-range", "8.2.5.3", "a schedule takes lists and ranges, within their bounds")
def _(to: Examined) -> None:
    answer = to.server("POST", _path(to), _asked(schedule={"hour": "6,18", "dayOfWeek": "[1-5]"}))
    if answer.exception != "SubscribeNotPermittedException":
        assert answer.status == 201, f"{answer.status}: {answer.body[:300]!r}"
        assert to.server("DELETE", answer.headers["location"]).status == 204
    wrong = to.server("POST", _path(to), _asked(schedule={"hour": "24"}))
    refused(wrong, 400, "SubscriptionControlsException")


@check("subscriptions.no-such", "12.8.3", "a subscription that is none is refused, to be read and to be ended")
def _(to: Examined) -> None:
    path = f"{_path(to)}/00000000-0000-4000-8000-000000000000"
    for method in ("GET", "DELETE"):
        refused(to.server(method, path), 404, "NoSuchResourceException", "NoSuchSubscriptionException")


@check("subscriptions.list", "12.8.3", "GET lists the subscriptions of a query")
def _(to: Examined) -> None:
    told = to.server.get(_path(to)).json()
    listed = told["member"] if isinstance(told, dict) and "member" in told else told
    assert len(listed) >= 1, "it is not listed"


@check("subscriptions.secret", "12.8.3", "the signature token is told in no answer")
def _(to: Examined) -> None:
    location = _made(to).headers["location"]
    for path in (location, _path(to)):
        assert SECRET.encode() not in to.server.get(path).body, f"GET {path} tells it"


@check("subscriptions.schedule", "8.2.5.3", "a schedule that is none is SubscriptionControlsException")
def _(to: Examined) -> None:
    wrong = to.server("POST", _path(to), _asked(schedule={"second": "often"}))
    refused(wrong, 400, "SubscriptionControlsException")


@check("subscriptions.schedule-or-stream", "8.2.5", "neither a schedule nor a stream is SubscriptionControlsException")
def _(to: Examined) -> None:
    refused(to.server("POST", _path(to), _asked(schedule=None)), 400, "SubscriptionControlsException")


@check("subscriptions.destination", "8.2.5", "a destination that is no URI is InvalidURIException")
def _(to: Examined) -> None:
    answer = to.server("POST", _path(to), _asked(dest="nowhere"))
    refused(answer, 400, "InvalidURIException", "SubscribeNotPermittedException")


@check("subscriptions.delete", "12.8.3", "DELETE ends a subscription")
def _(to: Examined) -> None:
    location = _made(to).headers["location"]
    assert to.server("DELETE", location).status == 204
    refused(to.server.get(location), 404, "NoSuchResourceException", "NoSuchSubscriptionException")


@check("subscriptions.no-such-query", "12.8.3", "subscriptions of a query that is none are refused")
def _(to: Examined) -> None:
    path = f"/queries/conformance-{to.run.number}-none/subscriptions"
    refused(to.server("POST", path, _asked()), 404, "NoSuchResourceException", "NoSuchNameException")


@check("queries.delete", "12.8", "DELETE /queries/{name} ends the query and its subscriptions")
def _(to: Examined) -> None:
    path = f"/queries/conformance-{to.run.number}"
    assert to.server("DELETE", path).status == 204
    refused(to.server.get(path), 404, "NoSuchResourceException", "NoSuchNameException")
    refused(to.server("DELETE", path), 404, "NoSuchResourceException", "NoSuchNameException")
