"""/api/v1/webhooks: how subscriptions stand, what was sent, and what may be done; they are made under /epcis/."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any, ClassVar
from uuid import UUID

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from supplychain.api import members, params, schema, shown
from supplychain.api.base import Endpoint, now
from supplychain.api.errors import Fault, bad_request, not_found
from supplychain.api.schema import CURSOR, LIMIT, in_path
from supplychain.models import Delivery, Subscription
from supplychain.operations.subscriptions import manage
from supplychain.queries import subscriptions as queries

EPCIS_QUERY = ("epcis:query",)
ACTS = ("pause", "resume", "test", "step_over", "replay")
_ID = in_path("webhook_id", "The subscription's id.", format="uuid")


class Webhooks(Endpoint):
    """The party's subscriptions."""

    scopes: ClassVar[dict[str, tuple[str, ...]]] = {"GET": EPCIS_QUERY}

    @extend_schema(
        operation_id="list_webhooks",
        summary="The party's subscriptions and how they stand, those that need somebody first",
        tags=["webhooks"],
        responses=schema.answers({200: "Webhooks"}),
    )
    def get(self, request: Request) -> Response:
        """Answer all of them."""
        return Response({"items": [_shown(each) for each in queries.standings(party=self.grant.party)]})


class Webhook(Endpoint):
    """One subscription."""

    scopes: ClassVar[dict[str, tuple[str, ...]]] = {"GET": EPCIS_QUERY}

    @extend_schema(
        operation_id="read_webhook",
        summary="One subscription and how it stands",
        tags=["webhooks"],
        parameters=[_ID],
        responses=schema.answers({200: "Webhook"}, problems=(401, 403, 404)),
    )
    def get(self, request: Request, webhook_id: UUID) -> Response:
        """Answer what it is."""
        return Response(_shown(queries.standing(_row(self, webhook_id))))


class Acts(Endpoint):
    """What may be done with a subscription."""

    scopes: ClassVar[dict[str, tuple[str, ...]]] = {"POST": EPCIS_QUERY}

    @extend_schema(
        operation_id="act_on_webhook",
        summary="Pause it, resume it, send a test, step over an event that is too large, or send again from a place",
        description="`replay` takes the `index` or the record `time` from which everything is sent again.",
        tags=["webhooks"],
        parameters=[_ID],
        request={"application/json": schema.ref("WebhookAct")},
        responses=schema.answers({200: "Webhook"}, problems=(400, 401, 403, 404, 409, 411, 413, 415, 422)),
    )
    def post(self, request: Request, webhook_id: UUID) -> Response:
        """Do it, and answer how it stands then."""
        told = members.read(
            request.data,
            {"act": members.one_of(*ACTS), "index": _index, "time": _time},
            optional=("index", "time"),
        )
        row = _row(self, webhook_id)
        try:
            self._do(told, row.id)
        except manage.SubscriptionMissing:
            raise not_found() from None
        except manage.NothingToStepOver as nothing:
            raise bad_request([Fault(str(nothing), pointer="/act")]) from None
        except manage.IndexRefused as refused:
            raise bad_request([Fault(str(refused), pointer="/index")]) from None
        return Response(_shown(queries.standing(_row(self, webhook_id))))

    def _do(self, told: dict[str, Any], subscription: UUID) -> None:
        acts: dict[str, Callable[..., Any]] = {
            "pause": manage.pause,
            "resume": manage.resume,
            "test": manage.ask_test,
            "step_over": manage.step_over,
        }
        party, moment = self.grant.party, now()
        is_replay = told["act"] == "replay"
        if is_replay != (("index" in told) ^ ("time" in told)) or (not is_replay and told.keys() & {"index", "time"}):
            raise bad_request([Fault("replay, and nothing else, takes an index or a time", pointer="/act")])
        if is_replay:
            index = told["index"] if "index" in told else manage.first_index_since(told["time"])
            manage.replay(subscription, party=party, index=index, now=moment)
        else:
            acts[told["act"]](subscription, party=party, now=moment)


class Deliveries(Endpoint):
    """What was sent for a subscription."""

    scopes: ClassVar[dict[str, tuple[str, ...]]] = {"GET": EPCIS_QUERY}
    parameters: ClassVar[dict[str, params.Reader]] = {"cursor": params.cursor, "limit": params.page_size}

    @extend_schema(
        operation_id="list_deliveries",
        summary="What was sent for a subscription and what the receiver said, the newest first",
        tags=["webhooks"],
        parameters=[_ID, CURSOR, LIMIT],
        responses=schema.answers({200: "DeliveryPage"}, problems=(400, 401, 403, 404)),
    )
    def get(self, request: Request, webhook_id: UUID) -> Response:
        """Answer one page; `next` leads to the one after it."""
        row, limit = _row(self, webhook_id), self.given.get("limit", 100)
        before = self.given["cursor"][0] if "cursor" in self.given else None
        found = queries.deliveries(row, limit=limit + 1, before=before)
        last = params.format_cursor(found[limit - 1].id) if len(found) > limit else None
        return Response({"items": [_sent(each) for each in found[:limit]], "next": params.next_page(request, last)})


def _row(endpoint: Endpoint, webhook_id: UUID) -> Subscription:
    try:
        return queries.subscription(webhook_id, party=endpoint.grant.party)
    except manage.SubscriptionMissing:
        raise not_found() from None


def _index(value: Any) -> int:
    if type(value) is not int or not 0 <= value <= params.MAX_INDEX:
        raise params.Unreadable("an index of the log is wanted")
    return value


def _time(value: Any) -> datetime:
    found: datetime = params.moment(value if isinstance(value, str) else "")
    return found


def _shown(each: queries.Standing) -> dict[str, Any]:
    row = each.row
    return {
        "id": str(row.id),
        "query": row.query.name,
        "dest": row.dest,
        "stream": row.stream,
        "schedule": row.schedule,
        "state": each.state,
        "paused_at": shown.time(row.paused_at),
        "paused_because": row.paused_because or None,
        "stuck_at": row.stuck_at,
        "next_index": row.position,
        "behind": each.behind,
        "failures": row.failures,
        "failing_since": shown.time(row.failing_since),
        "next_try": shown.time(row.next_at),
        "created_at": shown.time(row.created_at),
        "last_delivery": None if each.last is None else _sent(each.last),
    }


def _sent(row: Delivery) -> dict[str, Any]:
    return {
        "id": str(row.number),
        "at": shown.time(row.at),
        "kind": row.kind,
        "first_index": row.first_index,
        "last_index": row.last_index,
        "events": row.events,
        "bytes": row.size,
        "attempt": row.attempt,
        "verdict": row.verdict,
        "status": row.status,
        "said": row.said,
        "latency_ms": row.latency_ms,
        "next_try": shown.time(row.next_at),
    }
