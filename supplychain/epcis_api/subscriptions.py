"""/epcis/queries/{name}/subscriptions: have a query's events sent (EPCIS 2.0, 12.8.3), and the keys that sign them."""

from __future__ import annotations

import json
from typing import Any
from uuid import UUID

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.views.decorators.http import require_safe

from ledger import tenancy
from ledger.tlog.text import encode_base64url
from supplychain.epcis.builders import format_time
from supplychain.epcis.errors import QueryInvalid
from supplychain.epcis.parsing import read_json
from supplychain.epcis_api import headers, paging, problems
from supplychain.epcis_api.base import JSON, JSON_LD, QUERY, XML, Endpoint, json_response, now
from supplychain.epcis_api.problems import EpcisProblem
from supplychain.epcis_api.receiving import received
from supplychain.models import NamedQuery, Subscription
from supplychain.operations.subscriptions import manage, signing
from supplychain.queries import namedqueries
from supplychain.queries import subscriptions as queries
from supplychain.webhooks.subscribing import SubscriptionInvalid, Wanted, parse_subscription

MAX_BYTES = 16 * 1024
_COUNTS = ("eventCountLimit", "maxEventCount", "perPage", "nextPageToken", "orderBy", "orderDirection")


class _OfQuery(Endpoint):
    produces = (JSON, JSON_LD)

    def query(self, name: str) -> NamedQuery:
        """The party's query of this name. Raises EpcisProblem (404)."""
        try:
            return namedqueries.named_query(name, party=self.party)
        except namedqueries.QueryMissing:
            said = "There is no query with this name, or none of yours."
            raise EpcisProblem("NoSuchNameException", said) from None

    def options(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """Say what is done here, and where the stream of the query is."""
        answer = super().options(request, *args, **kwargs)
        answer[headers.STREAM] = headers.stream_url(kwargs["name"])
        return answer


class Subscriptions(_OfQuery):
    """GET the subscriptions of a query; POST one."""

    scopes = {"GET": QUERY, "POST": QUERY}
    announces = {headers.EPC_FORMAT: headers.EPC_FORMATS[0]}

    def get(self, request: HttpRequest, name: str) -> HttpResponse:
        """List the party's subscriptions of this query, a page at a time."""
        query, asked = self.query(name), paging.asked(request, party=self.party)
        after = UUID(str(asked.place["v"])) if asked.place else None
        found = queries.subscriptions(party=self.party, query_name=query.name, limit=asked.per_page + 1, after=after)
        listed = found[: asked.per_page]
        answer = json_response([document(row) for row in listed], form=self.form)
        return paging.linked(answer, request, asked, {"v": str(listed[-1].id)} if len(found) > len(listed) else None)

    def post(self, request: HttpRequest, name: str) -> HttpResponse:
        """Subscribe: 201 with the address of the subscription. What the secret is, is never said again."""
        query = self.query(name)
        _check_subscribable(query)
        wanted, form = _read(request), headers.epc_format(request)
        try:
            made = manage.subscribe(query=query, wanted=wanted, epc_format=form, now=now())
        except manage.TooMany as too_many:
            raise EpcisProblem("SubscribeNotPermittedException", str(too_many)) from None
        answer = json_response(document(made), status=201, form=self.form)
        path = reverse("epcis-subscription", args=[query.name, made.id])
        answer["Location"] = request.build_absolute_uri(path)
        return answer


class SubscriptionResource(_OfQuery):
    """GET or DELETE one subscription."""

    scopes = {"GET": QUERY, "DELETE": QUERY}

    def get(self, request: HttpRequest, name: str, subscription: str) -> HttpResponse:
        """Say what it is, and how far."""
        return json_response(document(self._found(name, subscription)), form=self.form)

    def delete(self, request: HttpRequest, name: str, subscription: str) -> HttpResponse:
        """End it: nothing more is sent."""
        row = self._found(name, subscription)
        try:
            manage.unsubscribe(row.id, party=self.party)
        except manage.SubscriptionMissing:
            raise _missing() from None
        return HttpResponse(status=204)

    def _found(self, name: str, subscription: str) -> Subscription:
        query = self.query(name)
        try:
            return queries.subscription(UUID(subscription), party=self.party, query_name=query.name)
        except (manage.SubscriptionMissing, ValueError):
            raise _missing() from None


def document(row: Subscription) -> dict[str, Any]:
    """A subscription as the bindings write it, with our position and state beside it; never its signatureToken."""
    found: dict[str, Any] = {
        "subscriptionID": str(row.id),
        "queryName": row.query.name,
        "createdAt": format_time(row.created_at),
        "dest": row.dest,
        "stream": row.stream,
        "reportIfEmpty": row.report_if_empty,
        "lastNotifiedAt": None if row.last_notified_at is None else format_time(row.last_notified_at),
        "waylog:state": row.state,
        "waylog:nextIndex": row.position,
    }
    if row.schedule is not None:
        found["schedule"] = row.schedule
    if row.initial_record_time is not None:
        found["initialRecordTime"] = format_time(row.initial_record_time)
    if row.is_paused:
        found["waylog:pausedBecause"] = row.paused_because
    return found


@require_safe
def webhook_keys(request: HttpRequest) -> HttpResponse:
    """The public keys that sign deliveries, as a JSON Web Key Set (RFC 7517, RFC 8037); for everybody."""
    with tenancy.system():
        keys = [_jwk(bytes(key.public_key), key.key_id) for key in signing.published(now=now())]
    answer = HttpResponse(json.dumps({"keys": keys}), content_type="application/jwk-set+json")
    answer["Cache-Control"] = "public, max-age=3600"
    return answer


def _jwk(public_key: bytes, key_id: str) -> dict[str, str]:
    x = encode_base64url(public_key)
    return {"kty": "OKP", "crv": "Ed25519", "kid": key_id, "use": "sig", "alg": "EdDSA", "x": x}


def _read(request: HttpRequest) -> Wanted:
    with received(request, max_bytes=MAX_BYTES) as given:
        if given.media_type == XML:
            raise problems.implementation(415, "A subscription is sent as JSON.", headers={"Accept": JSON})
        data = b"".join(given.source())
    try:
        value = read_json(data, MAX_BYTES, refusal=QueryInvalid)
        return parse_subscription(value, allow=settings.WAYLOG_WEBHOOK_ALLOW)
    except QueryInvalid as invalid:
        raise problems.validation([fault.as_dict() for fault in invalid.faults]) from None
    except SubscriptionInvalid as refused:
        fault = {"pointer": refused.pointer, "message": str(refused)}
        raise EpcisProblem(refused.kind, str(refused), errors=[fault]) from None


def _check_subscribable(query: NamedQuery) -> None:
    """What limits or orders a result would leave events out, or send them in another order than the log's."""
    if found := [name for name in _COUNTS if name in query.query]:
        said = f"A query with {' and '.join(found)} cannot be subscribed to: all its events are sent, in order."
        raise EpcisProblem("SubscribeNotPermittedException", said)


def _missing() -> EpcisProblem:
    said = "There is no such subscription, or none of yours."
    return EpcisProblem("NoSuchSubscriptionException", said)
