"""/api/v1/events: signed capture, and reading what was captured."""

from __future__ import annotations

import re
from typing import Any, ClassVar

from django.urls import reverse
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from ledger.tlog.text import encode_base64
from supplychain.api import capturing, params, schema, shown
from supplychain.api.base import EVENTS_READ, EVENTS_WRITE, Endpoint, now
from supplychain.api.errors import Fault, bad_request, not_found
from supplychain.api.items import read_batch
from supplychain.api.schema import CURSOR, LIMIT, in_path, parameter
from supplychain.queries import feeds
from supplychain.queries.candidates import Opened

TYPES = ("ObjectEvent", "AggregationEvent", "TransactionEvent", "TransformationEvent", "AssociationEvent")
ACTS = ("commission", "pack", "dispatch", "accept", "acknowledge", "dispute", "unpack", "correct", "observe")
FILTERS: dict[str, params.Reader] = {
    "event_type": params.one_of(*TYPES),
    "act": params.one_of(*ACTS),
    "biz_step": params.text,
    "epc": params.text,
    "shipment": params.uuid,
    "party": params.uuid,
    "event_time_from": params.moment,
    "event_time_to": params.moment,
    "record_time_from": params.moment,
    "record_time_to": params.moment,
}
_PLACE = re.compile(r"([0-9]{1,19})\.([0-9]{1,19})", re.ASCII)


def _place(value: str) -> int | Opened:
    """An index, or a place in the order in which the party came to read events."""
    if not (found := _PLACE.fullmatch(value)):
        return params.index_or_start(value)
    return Opened(params.index(found[1]), params.index(found[2]))


PAGES: dict[str, params.Reader] = {"after": _place, "cursor": params.cursor, "limit": params.page_size}


class Events(Endpoint):
    """Events, as a list and as the door for new ones."""

    scopes: ClassVar[dict[str, tuple[str, ...]]] = {"GET": EVENTS_READ, "POST": EVENTS_WRITE}

    def readers(self) -> dict[str, params.Reader]:
        """Filters and pages for the list, `atomic` for a capture."""
        return {"atomic": params.yes_or_no} if self.request.method == "POST" else FILTERS | PAGES

    @extend_schema(
        operation_id="list_events",
        summary="Events that the party may read, newest first",
        tags=["events"],
        parameters=[
            parameter("event_type", "The type of EPCIS event.", enum=list(TYPES)),
            parameter("act", "What it does in custody.", enum=list(ACTS)),
            parameter("biz_step", "The business step, as in the event.", **schema.SOME_TEXT),
            parameter(
                "epc",
                "An instance, class, unit or reference that the event names; any of its forms.",
                **schema.SOME_TEXT,
            ),
            parameter("shipment", "A shipment's id.", format="uuid"),
            parameter("party", "Who signed.", format="uuid"),
            parameter("event_time_from", "Not before this time.", format="date-time"),
            parameter("event_time_to", "Before this time.", format="date-time"),
            parameter("record_time_from", "Recorded not before this time.", format="date-time"),
            parameter("record_time_to", "Recorded before this time.", format="date-time"),
            parameter(
                "after",
                "Oldest first instead, to follow what comes: behind this place (`0.0`: from the start), in the order in"
                " which the party came to read them; or above this index (-1: from the start), which does not tell of"
                " what is opened to the party late.",
                pattern=r"^(-1|(0|[1-9][0-9]{0,17})(\.(0|[1-9][0-9]{0,17}))?)$",
            ),
            CURSOR,
            LIMIT,
        ],
        responses=schema.answers({200: "EventPage"}),
    )
    def get(self, request: Request) -> Response:
        """Answer one page; `next` leads to the one after it."""
        given = dict(self.given)
        limit, after = given.pop("limit", 100), given.pop("after", None)
        at, _ = given.pop("cursor", (None, None))
        if isinstance(after, Opened):
            if at is not None:
                raise bad_request([Fault("a place goes without a cursor", parameter="cursor")])
            return self._followed(given, after, limit)
        before = None if after is not None else at
        start = at if after is not None and at is not None else after
        rows = feeds.events(party=self.grant.party, where=given, before=before, after=start, limit=limit + 1)
        page = rows[:limit]
        shipments = feeds.shipments_of(page, party=self.grant.party)
        last, signed = params.format_cursor(page[-1].index) if len(rows) > limit else None, feeds.signed(page)
        return Response(
            {
                "items": [shown.event(row, shipments[row.index], signed) for row in page],
                "next": params.next_page(request, last),
            }
        )

    def _followed(self, where: dict[str, Any], since: Opened, limit: int) -> Response:
        """Answer the page behind a place; each event with its own."""
        found = feeds.followed(party=self.grant.party, where=where, since=since, limit=limit + 1)
        rows = [row for _, row in found[:limit]]
        shipments, signed = feeds.shipments_of(rows, party=self.grant.party), feeds.signed(rows)
        items = [
            {**shown.event(row, shipments[row.index], signed), "position": f"{place.at}.{place.index}"}
            for place, row in found[:limit]
        ]
        last = items[-1]["position"] if len(found) > limit else None
        return Response({"items": items, "next": params.next_page(self.request, last, name="after")})

    @extend_schema(
        operation_id="capture",
        summary="Capture 1 to 1,000 signed events",
        description=(
            "Items are taken in order; each stands or falls alone, a later one of a refused chain with it, and all that"
            " are accepted are committed together. `atomic` takes all or none. One item answers with its own status"
            " (201, 200 when it was in the log before, or a problem); several answer 200 when all are in the log, else"
            " 207 with a problem beside each that is not. Over 1,000 items or 16 MiB: 413."
        ),
        tags=["events"],
        parameters=[parameter("atomic", "Take all items, or none.", type="boolean", default=False)],
        request={"application/json": schema.ref("Capture")},
        responses=schema.answers(
            {201: "Captured", 200: "Captured", 207: "Captured"},
            problems=(400, 401, 403, 404, 409, 411, 413, 415, 422, 503),
        ),
    )
    def post(self, request: Request) -> Response:
        """Read, capture, and answer one result an item."""
        batch = read_batch(request.data, atomic=self.given.get("atomic"))
        base = request.build_absolute_uri(reverse("api-log"))[: -len("log")]
        status, body = capturing.capture_batch(
            batch, party=self.grant.party, now=now(), proof_url=lambda index: f"{base}proofs/{index}"
        )
        return Response(body, status=status, headers={"Cache-Control": "no-store"})


class Event(Endpoint):
    """One event."""

    scopes: ClassVar[dict[str, tuple[str, ...]]] = {"GET": EVENTS_READ}

    @extend_schema(
        operation_id="read_event",
        summary="One event, as it was signed",
        tags=["events"],
        parameters=[in_path("index", "Its index in the log.", type="integer", minimum=0)],
        responses=schema.answers({200: "SignedEvent"}, problems=(401, 403, 404)),
    )
    def get(self, request: Request, index: int) -> Response:
        """Answer the event with the exact bytes of its body, its salt, its statement and where its proof is."""
        if index > params.MAX_INDEX:
            raise not_found()
        found = feeds.event(index, party=self.grant.party)
        shipments = feeds.shipments_of([found.row], party=self.grant.party)
        return Response(
            {
                **shown.event(found.row, shipments[index], feeds.signed([found.row])),
                "body": _base64(found.body.body if found.body else None),
                "salt": _base64(found.body.salt if found.body else None),
                "disclosures": list(found.body.disclosures) if found.body else [],
                "statement": encode_base64(found.payload),
                "statement_hash": found.entry.statement_hash.hex(),
                "signature": encode_base64(found.signature),
                "proof_url": request.build_absolute_uri(reverse("api-proof", args=[index])),
            }
        )


def _base64(value: bytes | None) -> Any:
    return None if value is None else encode_base64(value)
