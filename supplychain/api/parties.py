"""/api/v1/parties: the party itself and those it has met, with their identifiers, sites and products."""

from __future__ import annotations

from typing import Any, ClassVar

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from supplychain.api import schema
from supplychain.api.base import EVENTS_READ, SHIPMENTS_READ, Endpoint
from supplychain.queries import partners


class Parties(Endpoint):
    """Parties, the caller's own first."""

    scopes: ClassVar[dict[str, tuple[str, ...]]] = {"GET": EVENTS_READ + SHIPMENTS_READ}

    @extend_schema(
        operation_id="list_parties",
        summary="The party itself and those it has met, with identifiers, sites and products to name in events",
        tags=["party"],
        responses=schema.answers({200: "Parties"}),
    )
    def get(self, request: Request) -> Response:
        """Answer them; of strangers not even that they exist."""
        return Response({"items": [_shown(each) for each in partners.met(self.grant.party)]})


def _shown(found: partners.Met) -> dict[str, Any]:
    return {
        "id": str(found.party.id),
        "name": found.party.name,
        "uri": found.party.uri,
        "identifiers": found.identifiers,
        "prefixes": found.prefixes,
        "is_own": found.is_own,
        "sites": [{"uri": each.uri, "name": each.name, "country": each.country or None} for each in found.sites],
        "products": [{"uri": each.uri, "name": each.name, "uom": each.uom or None} for each in found.products],
    }
