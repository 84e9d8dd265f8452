"""GET /api/v1/log: which log this is, and what it commits to now. Open to all, as the checkpoint is."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from ledger import queries, tenancy
from supplychain.api import schema
from supplychain.api.base import Endpoint


class Log(Endpoint):
    """The log."""

    permission_classes = ()
    authentication_classes = ()  # what is open to all is not refused for a token that has ended
    cache_control = "public, no-cache"

    def perform_authentication(self, request: Request) -> None:
        """Nobody is asked who they are, and nobody's rows are shown."""
        tenancy.set_party("")

    @extend_schema(
        operation_id="log",
        summary="The log: its origin, its verifier key, its newest checkpoint",
        tags=["log"],
        auth=[],
        responses=schema.answers({200: "Log"}, problems=(503,)),
    )
    def get(self, request: Request) -> Response:
        """Answer what an outsider pins once (origin, verifier key) and what changes (the checkpoint)."""
        head = queries.head()
        return Response(
            {
                "origin": head.origin,
                "verifier_key": queries.verifier_key(),
                "next_verifier_key": [*queries.verifier_keys(), None][1],
                "tree_size": head.tree_size,
                "root_hash": bytes(head.root_hash).hex(),
                "checkpoint": head.checkpoint,
                "cosigners": [_cosigner(each) for each in queries.cosigners()],
            },
            headers={"Access-Control-Allow-Origin": "*"},
        )


def _cosigner(found: queries.Cosigner) -> dict[str, Any]:
    return {
        "name": found.name,
        "verifier_key": found.verifier_key,
        "tree_size": found.tree_size,
        "cosigned_at": found.at,
    }
