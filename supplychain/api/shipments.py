"""/api/v1/shipments: where goods are, and the chain that a custodian signs into."""

from __future__ import annotations

from typing import ClassVar
from uuid import UUID

from django.http import HttpResponse
from django.utils.http import parse_etags
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from ledger.tlog.text import encode_base64
from supplychain.api import params, schema, shown
from supplychain.api.base import SHIPMENTS_READ, Endpoint, now
from supplychain.api.errors import Problem, not_found
from supplychain.api.schema import CURSOR, LIMIT, in_path, parameter
from supplychain.queries import arrivals, bundles, feeds, shipmentlist

STATES = ("all", "open", "waiting", "moving", "late", "risk", "breached", "discrepancy", "held", "closed")
_ID = in_path("shipment_id", "The shipment's id.", format="uuid")


class Shipments(Endpoint):
    """Shipments, as a list."""

    scopes: ClassVar[dict[str, tuple[str, ...]]] = {"GET": SHIPMENTS_READ}
    parameters: ClassVar[dict[str, params.Reader]] = {
        "status": params.one_of(*STATES),
        "q": params.text,
        "cursor": params.cursor,
        "limit": params.page_size,
    }

    @extend_schema(
        operation_id="list_shipments",
        summary="Shipments that the party is or was a party to, the one that moved last first",
        tags=["shipments"],
        parameters=[
            parameter("status", "Which of them.", enum=list(STATES), default="all"),
            parameter(
                "q",
                "An identifier, lot, order, product, site or party; every word must be found.",
                **schema.SOME_TEXT,
            ),
            CURSOR,
            LIMIT,
        ],
        responses=schema.answers({200: "ShipmentPage"}),
    )
    def get(self, request: Request) -> Response:
        """Answer one page; `next` leads to the one after it."""
        party, limit = self.grant.party, self.given.get("limit", 100)
        found = shipmentlist.search(
            party=party, text=self.given.get("q", ""), state=self.given.get("status", "all"), now=now()
        )
        rows = feeds.shipments(found=found, party=party, after=self.given.get("cursor"), limit=limit + 1)
        page = rows[:limit]
        last = params.format_cursor(page[-1].last_index, page[-1].id) if len(rows) > limit else None
        return Response({"items": [shown.shipment(row) for row in page], "next": params.next_page(request, last)})


class Shipment(Endpoint):
    """One shipment."""

    scopes: ClassVar[dict[str, tuple[str, ...]]] = {"GET": SHIPMENTS_READ}

    @extend_schema(
        operation_id="read_shipment",
        summary="One shipment with its contents",
        tags=["shipments"],
        parameters=[_ID],
        responses=schema.answers({200: "ShipmentWithLines"}, problems=(401, 403, 404)),
    )
    def get(self, request: Request, shipment_id: UUID) -> Response:
        """Answer it as it stands."""
        found = feeds.shipment(shipment_id, party=self.grant.party)
        return Response({**shown.shipment(found), "lines": [shown.line(row) for row in feeds.lines(found)]})


class Chain(Endpoint):
    """A shipment's chain: what the next act links to."""

    scopes: ClassVar[dict[str, tuple[str, ...]]] = {"GET": SHIPMENTS_READ}
    cache_control = "private, no-store"

    @extend_schema(
        operation_id="read_chain",
        summary="The chain of a shipment: its secret, its head, its acts",
        description=(
            "The link of the next act is HMAC-SHA-256(chain, head). The ETag changes with the head, and with an"
            " erasure of what an act said: with If-None-Match the answer is 304 until then."
        ),
        tags=["shipments"],
        parameters=[_ID],
        responses=schema.answers({200: "Chain"}, problems=(401, 403, 404)) | {304: schema.NOT_MODIFIED},
    )
    def get(self, request: Request, shipment_id: UUID) -> Response:
        """Answer the secret to a party of the shipment, and to nobody else."""
        found = feeds.shipment(shipment_id, party=self.grant.party)
        tag = f'"{feeds.chain_version(found)}"'
        known = {each.removeprefix("W/") for each in parse_etags(request.META.get("HTTP_IF_NONE_MATCH", ""))}
        if known & {tag, "*"}:
            return Response(status=304, headers={"ETag": tag})
        links = feeds.links(found)
        roles = feeds.signed(link.event for link in links).roles
        body = {
            "shipment": str(found.id),
            "unit": found.unit,
            "is_open": found.is_open,
            "chain": encode_base64(bytes(found.chain)),
            "head": bytes(found.head).hex(),
            "entries": [
                {
                    "index": link.event.index,
                    "statement_hash": link.statement_hash.hex(),
                    "act": link.event.act,
                    "event_id": link.event.event_id,
                    "event_time": shown.time(link.event.event_time),
                    "record_time": shown.time(link.event.record_time),
                    "party": str(link.event.tenant),
                    "key_id": link.event.key_id,
                    "key_role": roles.get(link.event.key_id, ""),
                    "declared_in_error_by": link.event.declared_in_error_by,
                }
                for link in links
            ],
        }
        return Response(body, headers={"ETag": tag})


class Bundle(Endpoint):
    """A shipment's bundle: the file that shows what happened to it, to anyone, anywhere."""

    scopes: ClassVar[dict[str, tuple[str, ...]]] = {"GET": SHIPMENTS_READ}
    cache_control = "private, no-store"
    parameters: ClassVar[dict[str, params.Reader]] = {"disclose": params.names}

    @extend_schema(
        operation_id="read_bundle",
        summary="A shipment's bundle, as a file: checked without this server",
        description=(
            "The entries of its chain and what was seen on the way, each with its inclusion proof; the registrations"
            " of the keys; the chain's secret; the bodies and salts that the party may read; the checkpoint with its"
            " cosignatures. `python -m ledger.tlog verify FILE --vkey VKEY` and the page /verify check it. Whoever gets"
            " the file can follow the chain and read what is in it: hand it on as you would the papers."
        ),
        tags=["shipments"],
        parameters=[
            _ID,
            schema.parameter(
                "disclose",
                "Of what bodies name by digests alone: the names of the members to show, with commas between them.",
                minLength=1,
            ),
        ],
        responses=schema.answers({200: "Bundle"}, problems=(400, 401, 403, 404, 413)),
    )
    def get(self, request: Request, shipment_id: UUID) -> HttpResponse:
        """Answer the file to a party of the shipment, and to nobody else."""
        found = feeds.shipment(shipment_id, party=self.grant.party)
        try:
            data = bundles.bundle(found, party=self.grant.party, disclose=self.given.get("disclose", ()))
        except bundles.BundleTooLarge as fault:
            raise Problem(413, f"This shipment is too large for one file: {fault}.", code="too_large") from None
        answer = HttpResponse(data, content_type="application/json")
        answer["Content-Disposition"] = f'attachment; filename="{bundles.filename(found)}"'
        return answer


class Arrival(Endpoint):
    """When a shipment under way will be there."""

    scopes: ClassVar[dict[str, tuple[str, ...]]] = {"GET": SHIPMENTS_READ}

    @extend_schema(
        operation_id="read_arrival",
        summary="When a shipment on its way is expected, and how likely its promise is missed",
        description=(
            "Made from verified events alone and said anew with each event of the shipment; the time that has passed"
            " since is counted in. 404 where the shipment is not under way, or nothing was said of it yet."
        ),
        tags=["shipments"],
        parameters=[_ID],
        responses=schema.answers({200: "Arrival"}, problems=(401, 403, 404)),
    )
    def get(self, request: Request, shipment_id: UUID) -> Response:
        """Answer the quantiles of the arrival, the risk and what it was made from."""
        moment = now()
        said = arrivals.of_shipment(feeds.shipment(shipment_id, party=self.grant.party), now=moment)
        if said is None:
            raise not_found("Nothing is said of this shipment's arrival.")
        return Response(shown.arrival(said, at=moment))
