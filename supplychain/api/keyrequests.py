"""/api/v1/keys/requests/{id}/approve and /refuse: what a manager says to a key that waits."""

from __future__ import annotations

from typing import ClassVar
from uuid import UUID

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from supplychain import operations
from supplychain.api import schema
from supplychain.api.base import MANAGE, Endpoint, now
from supplychain.api.schema import in_path

_ID = in_path("request_id", "The request's id.", format="uuid")
_PROBLEMS = (400, 401, 403, 404, 409, 503)


class Approve(Endpoint):
    """A yes."""

    scopes: ClassVar[dict[str, tuple[str, ...]]] = {"POST": MANAGE}

    @extend_schema(
        operation_id="approve_key",
        summary="Register a key that waits, signed with the party's managed admin key",
        tags=["keys"],
        parameters=[_ID],
        request=None,
        responses=schema.answers({200: "KeyDecided"}, problems=_PROBLEMS),
    )
    def post(self, request: Request, request_id: UUID) -> Response:
        """Answer the index of its registration."""
        index = operations.approve_key(request_id, party=self.grant.party, decided_by=None, now=now())
        return Response({"state": "approved", "registered_index": index})


class Refuse(Endpoint):
    """A no."""

    scopes: ClassVar[dict[str, tuple[str, ...]]] = {"POST": MANAGE}

    @extend_schema(
        operation_id="refuse_key",
        summary="Say no to a key that waits",
        tags=["keys"],
        parameters=[_ID],
        request=None,
        responses=schema.answers({200: "KeyDecided"}, problems=_PROBLEMS),
    )
    def post(self, request: Request, request_id: UUID) -> Response:
        """It signs nothing."""
        operations.refuse_key(request_id, party=self.grant.party, decided_by=None, now=now())
        return Response({"state": "refused", "registered_index": None})
