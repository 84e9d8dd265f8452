"""GET /api/v1/client: whom the token's client acts for, and what it may do."""

from __future__ import annotations

from typing import Any, ClassVar

from drf_spectacular.utils import extend_schema
from oauth2_provider.settings import oauth2_settings
from rest_framework.request import Request
from rest_framework.response import Response

from supplychain.api import schema, shown
from supplychain.api.base import Endpoint
from supplychain.queries import feeds

ANY: tuple[str, ...] = tuple(oauth2_settings.SCOPES)


class Client(Endpoint):
    """The caller."""

    scopes: ClassVar[dict[str, tuple[str, ...]]] = {"GET": ANY}

    @extend_schema(
        operation_id="read_client",
        summary="The calling client: its party, its scopes, when its token ends",
        tags=["log"],
        responses=schema.answers({200: "Client"}, problems=(401, 403)),
    )
    def get(self, request: Request) -> Response:
        """Answer what the token allows."""
        grant = self.grant
        found: dict[str, Any] = {
            "client_id": grant.client_id,
            "party": str(grant.party),
            "party_name": feeds.names([grant.party]).get(grant.party),
            "scopes": sorted(grant.scopes),
            "expires_at": shown.time(grant.expires_at),
        }
        return Response(found)
