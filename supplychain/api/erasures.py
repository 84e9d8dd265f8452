"""/api/v1/erasures: the party that signed a body asks; the party that runs this server decides."""

from __future__ import annotations

from typing import Any, ClassVar
from uuid import UUID

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from ledger.tlog.envelope import Envelope, parse_envelope
from ledger.tlog.errors import Malformed
from supplychain import operations
from supplychain.api import members, schema, shown
from supplychain.api.base import MANAGE, Endpoint, now
from supplychain.api.errors import not_found
from supplychain.api.params import Unreadable
from supplychain.api.schema import in_path
from supplychain.models import Approval
from supplychain.operations.erasure import notice_until
from supplychain.queries import erasures

_ID = in_path("erasure_id", "The request's id.", format="uuid")
_PROBLEMS = (400, 401, 403, 404, 409, 503)


class Erasures(Endpoint):
    """Bodies that were asked to be erased."""

    scopes: ClassVar[dict[str, tuple[str, ...]]] = {"GET": MANAGE, "POST": MANAGE}

    @extend_schema(
        operation_id="list_erasures",
        summary="The erasures that the party asked for, was told of, or decides about",
        tags=["erasures"],
        responses=schema.answers({200: "Erasures"}, problems=(401, 403)),
    )
    def get(self, request: Request) -> Response:
        """Answer the newest 200."""
        return Response({"items": [_shown(each) for each in erasures.erasures(self.grant.party)]})

    @extend_schema(
        operation_id="ask_erasure",
        summary="Ask for the body of an event that the party signed to be erased",
        description=(
            "The event's shipments must be closed. The other parties of the chain are told, and have"
            " `WAYLOG_ERASURE_NOTICE_DAYS` before the party that runs this server can approve."
        ),
        tags=["erasures"],
        request={"application/json": schema.ref("NewErasure")},
        responses=schema.answers({201: "Erasure"}, problems=(400, 401, 403, 404, 409, 411, 413, 415, 422, 503)),
    )
    def post(self, request: Request) -> Response:
        """The request goes into the log."""
        wanted = {"index": _index, "ground": _ground, "envelope": _envelope}
        asked = members.read(request.data, wanted, optional=("envelope",))
        made = operations.ask_erasure(
            asked["index"],
            ground=asked["ground"],
            envelope=asked.get("envelope"),
            party=self.grant.party,
            asked_by=None,
            now=now(),
        )
        return Response(_shown(made), status=201)


class Approve(Endpoint):
    """A yes."""

    scopes: ClassVar[dict[str, tuple[str, ...]]] = {"POST": MANAGE}

    @extend_schema(
        operation_id="approve_erasure",
        summary="Erase the body, signed by the root; for the party that runs this server, about another party's event",
        tags=["erasures"],
        parameters=[_ID],
        request=None,
        responses=schema.answers({200: "Erasure"}, problems=_PROBLEMS),
    )
    def post(self, request: Request, erasure_id: UUID) -> Response:
        """Answer where the erasure stands in the log. About its own events two people decide, on the page."""
        return _decide(self.grant.party, erasure_id, operations.approve_erasure)


class Refuse(Endpoint):
    """A no, or the request taken back."""

    scopes: ClassVar[dict[str, tuple[str, ...]]] = {"POST": MANAGE}

    @extend_schema(
        operation_id="refuse_erasure",
        summary="Say no to an erasure, or take back what the party asked",
        tags=["erasures"],
        parameters=[_ID],
        request=None,
        responses=schema.answers({200: "Erasure"}, problems=_PROBLEMS),
    )
    def post(self, request: Request, erasure_id: UUID) -> Response:
        """The body stays."""
        return _decide(self.grant.party, erasure_id, operations.refuse_erasure)


def _decide(party: UUID, erasure_id: UUID, act: Any) -> Response:
    if erasures.erasure(erasure_id, party) is None:
        raise not_found()
    act(erasure_id, party=party, decided_by=None, now=now())
    found = erasures.erasure(erasure_id, party)
    assert found is not None
    return Response(_shown(found))


def _shown(row: Approval) -> dict[str, Any]:
    return {
        "id": str(row.pk),
        "event_index": row.event_index,
        "act": row.kind,
        "party": str(row.tenant),
        "ground": row.ground,
        "state": row.state,
        "asked_index": row.index,
        "asked_at": shown.time(row.asked_at),
        "notice_until": shown.time(notice_until(row)),
        "decided_at": shown.time(row.decided_at),
        "erased_by": row.done_index,
    }


def _index(value: Any) -> int:
    if type(value) is not int or not 0 <= value < 2**63:
        raise Unreadable("an index is a whole number, not negative")
    return value


def _envelope(value: Any) -> Envelope:
    try:
        return parse_envelope(value)
    except Malformed as malformed:
        raise Unreadable(malformed.reason) from None


def _ground(value: Any) -> str:
    found = str(members.text(200)(value))
    if any(ord(letter) < 32 or ord(letter) == 127 for letter in found):
        raise Unreadable("a ground is one line, without control characters")
    return found
