"""/api/v1/events/prepare: what events must be linked to, and whether they are valid, before anybody signs them."""

from __future__ import annotations

from typing import Any, ClassVar

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from ledger.tlog.errors import Malformed
from ledger.tlog.text import decode_base64, encode_base64
from supplychain.api import schema
from supplychain.api.base import EVENTS_WRITE, SHIPMENTS_READ, Endpoint
from supplychain.api.errors import Fault, Problem, bad_request
from supplychain.api.items import MAX_ITEMS, unknown_members
from supplychain.epcis.errors import EventInvalid
from supplychain.epcis.events import Event
from supplychain.epcis.parsing import parse_body
from supplychain.queries import chains
from supplychain.queries.chains import Link, Needed

MAX_FAULTS = 100


class Prepare(Endpoint):
    """Nothing is written: the answer says what to sign."""

    scopes: ClassVar[dict[str, tuple[str, ...]]] = {"POST": EVENTS_WRITE}

    @extend_schema(
        operation_id="prepare_events",
        summary="What 1 to 1,000 events must be linked to when they are signed",
        description=(
            "For each body, in the order in which they are going to be sent: what the event does in custody, and for"
            " each logistic unit that it moves the chain and the head that its link is made of. A body that is not a"
            " valid event carries its problem instead. The token needs `events:write` and `shipments:read`."
        ),
        tags=["events"],
        request={"application/json": schema.ref("Prepare")},
        responses=schema.answers({200: "Prepared"}, problems=(400, 401, 403, 411, 413, 415, 503)),
    )
    def post(self, request: Request) -> Response:
        """Read the bodies; answer one result each."""
        if not self.grant.scopes.issuperset(SHIPMENTS_READ):
            raise Problem(403, "The token lacks the scope shipments:read.", code="insufficient_scope")
        read = [_read(text, position) for position, text in enumerate(_bodies(request.data))]
        events = [each for each in read if isinstance(each, Event)]
        places = [position for position, each in enumerate(read) if isinstance(each, Event)]
        needed = iter(chains.needed(events, party=self.grant.party))
        items = [
            {"problem": each.document()} if isinstance(each, Problem) else _shown(next(needed), places) for each in read
        ]
        return Response({"items": items}, headers={"Cache-Control": "no-store"})


def _bodies(data: Any) -> list[str]:
    if not isinstance(data, dict) or not isinstance(data.get("bodies"), list):
        raise bad_request([Fault("an object with a list of bodies is wanted", pointer="/bodies")])
    faults = unknown_members(data, ("bodies",), "")
    if faults:
        raise bad_request(faults)
    listed: list[Any] = data["bodies"]
    if not 0 < len(listed) <= MAX_ITEMS:
        status = 413 if listed else 400
        fault = Fault(f"a request holds 1 to {MAX_ITEMS:,} bodies; this holds {len(listed):,}", pointer="/bodies")
        raise bad_request([fault], status=status)
    if strange := [position for position, body in enumerate(listed) if not isinstance(body, str)]:
        message = "a body is a text: its bytes in base64"
        raise bad_request([Fault(message, pointer=f"/bodies/{position}") for position in strange[:MAX_FAULTS]])
    return listed


def _read(text: str, position: int) -> Event | Problem:
    place = f"/bodies/{position}"
    try:
        return parse_body(decode_base64(text, "the body"))
    except Malformed as malformed:
        return bad_request([Fault(malformed.reason, pointer=place)])
    except EventInvalid as invalid:
        faults = [
            Fault(
                each.message,
                pointer=place + each.pointer,
                value=each.value,
                allowed=tuple(each.allowed),
                did_you_mean=each.did_you_mean,
            )
            for each in invalid.faults
        ]
        return Problem(422, "The body is not a valid event.", code="body", faults=faults)


def _shown(needed: Needed, places: list[int]) -> dict[str, Any]:
    return {"act": needed.act.value, "links": [_link(each, places) for each in needed.links]}


def _link(link: Link, places: list[int]) -> dict[str, Any]:
    """A link; positions count the bodies of the request, the invalid ones too."""
    return {
        "unit": link.unit,
        "shipment": None if link.shipment is None else str(link.shipment),
        "chain": None if link.chain is None else encode_base64(link.chain),
        "head": None if link.head is None else link.head.hex(),
        "after": None if link.after is None else places[link.after],
        "opened_by": None if link.opened_by is None else places[link.opened_by],
        "opens": link.opens,
    }
