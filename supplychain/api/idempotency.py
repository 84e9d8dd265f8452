"""The Idempotency-Key header of requests that write."""

from __future__ import annotations

import json
from datetime import datetime

from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase

from supplychain.api.errors import Problem
from supplychain.operations import idempotency
from supplychain.operations.idempotency import Answer, Claim
from supplychain.tokens import Grant

LONGEST_KEY = 255
_PASSING = frozenset({401, 403, 408, 409, 429})
"""Answers that another attempt may change: they are not kept. (A 409 says what stood in the way at that moment.)"""
_KEPT_HEADERS = ("Content-Type", "Location", "Cache-Control")


class Replayed(Exception):
    """The request was answered before; `answer` says how."""

    def __init__(self, answer: HttpResponse) -> None:
        super().__init__()
        self.answer = answer


def claim(request: HttpRequest, grant: Grant, *, now: datetime) -> Claim | None:
    """Claim the key that the request carries, if any; raise Replayed, or Problem (400, 409, 422)."""
    key = request.META.get("HTTP_IDEMPOTENCY_KEY")
    if key is None:
        return None
    key = key.strip()
    if len(key) > 1 and key[0] == key[-1] == '"':
        key = key[1:-1]
    if not 0 < len(key) <= LONGEST_KEY or not key.isascii() or not key.isprintable():
        raise Problem(
            400, f"An Idempotency-Key is 1 to {LONGEST_KEY} printable ASCII characters.", code="idempotency_key"
        )
    try:
        found = idempotency.claim(client=grant.client, party=grant.party, key=key, request=_whole(request), now=now)
    except idempotency.KeyReused:
        raise Problem(
            422, "This Idempotency-Key was used for another request; use a new one.", code="idempotency_key_reused"
        ) from None
    except idempotency.InFlight:
        raise Problem(
            409,
            "The first request with this Idempotency-Key is not answered yet; send it again in a moment.",
            code="in_flight",
            headers={"Retry-After": "1"},
        ) from None
    if isinstance(found, Answer):
        raise Replayed(_again(found))
    return found


def keep(claimed: Claim, answer: HttpResponseBase, secrets: tuple[str, ...] = ()) -> None:
    """Keep a final answer without its `secrets`; give the key back after one that may pass."""
    if answer.status_code >= 500 or answer.status_code in _PASSING or not isinstance(answer, HttpResponse):
        idempotency.release(claimed)
        return
    headers = {name: answer[name] for name in _KEPT_HEADERS if name in answer}
    body = _without(answer.content, secrets) if secrets and answer.status_code < 300 else answer.content
    idempotency.keep(claimed, Answer(answer.status_code, headers, body))


def _without(body: bytes, secrets: tuple[str, ...]) -> bytes:
    """The answer with null where a secret stood: it lies in no table."""
    told = json.loads(body)
    return json.dumps({name: None if name in secrets else value for name, value in told.items()}).encode()


def _whole(request: HttpRequest) -> bytes:
    """All that makes this request what it is; its body as it came."""
    coding = request.META.get("HTTP_CONTENT_ENCODING", "")
    head = f"{request.method} {request.get_full_path()} {request.content_type} {coding}\n"
    return head.encode("utf-8", "surrogateescape") + request.body


def _again(answer: Answer) -> HttpResponse:
    found = HttpResponse(answer.body, status=answer.status)
    for name, value in answer.headers.items():
        found[name] = value
    found["Idempotency-Replayed"] = "true"
    return found
