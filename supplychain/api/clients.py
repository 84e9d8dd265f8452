"""/api/v1/clients: the programs that act for the party."""

from __future__ import annotations

from typing import Any, ClassVar

from drf_spectacular.utils import extend_schema
from oauth2_provider.settings import oauth2_settings
from rest_framework.request import Request
from rest_framework.response import Response

from supplychain.api import members, schema, shown
from supplychain.api.base import MANAGE, Endpoint
from supplychain.api.errors import Fault, Problem
from supplychain.api.schema import in_path
from supplychain.models import ApiClient
from supplychain.operations import people

SCOPES: tuple[str, ...] = tuple(oauth2_settings.SCOPES)


class Clients(Endpoint):
    """The party's API clients."""

    scopes: ClassVar[dict[str, tuple[str, ...]]] = {"GET": MANAGE, "POST": MANAGE}
    secrets = ("client_secret",)

    @extend_schema(
        operation_id="list_clients",
        summary="The programs that act for the party, and when each was last used",
        tags=["party"],
        responses=schema.answers({200: "ApiClients"}),
    )
    def get(self, request: Request) -> Response:
        """Answer all of them, by name."""
        return Response({"items": [_shown(each) for each in people.clients(self.grant.party)]})

    @extend_schema(
        operation_id="add_client",
        summary="Make an API client",
        description="It gets at most the scopes of the token that makes it. The secret is told here and never again.",
        tags=["party"],
        request={"application/json": schema.ref("NewApiClient")},
        responses=schema.answers({201: "ApiClientAdded"}, problems=(400, 401, 403, 411, 413, 415, 422)),
    )
    def post(self, request: Request) -> Response:
        """Make it, within the caller's own scopes."""
        known = members.some_of(*SCOPES)
        told = members.read(request.data, {"name": members.text(120), "scopes": known})
        if more := sorted(set(told["scopes"]) - self.grant.scopes):
            faults = [Fault("your own token lacks this scope", pointer="/scopes", value=scope) for scope in more]
            sentence = "A client is given no more than its maker has."
            raise Problem(403, sentence, code="insufficient_scope", faults=faults)
        made = people.add_client(party=self.grant.party, name=told["name"], scopes=" ".join(told["scopes"]))
        body = {**_shown(made.client), "client_secret": made.secret}
        return Response(body, status=201, headers={"Cache-Control": "no-store"})


class OneClient(Endpoint):
    """One API client."""

    scopes: ClassVar[dict[str, tuple[str, ...]]] = {"DELETE": MANAGE}

    @extend_schema(
        operation_id="remove_client",
        summary="End an API client and its tokens",
        tags=["party"],
        parameters=[in_path("client_id", "Its client id.")],
        responses={204: schema.EMPTY} | schema.answers({}, problems=(401, 403, 404, 409)),
    )
    def delete(self, request: Request, client_id: str) -> Response:
        """Remove it; whoever asks does not cut off itself."""
        if client_id == self.grant.client_id:
            raise Problem(409, "This is the client that asks: let another one end it, or a manager.", code="own_client")
        people.remove_client_called(client_id, party=self.grant.party)
        return Response(status=204)


def _shown(row: ApiClient) -> dict[str, Any]:
    return {
        "client_id": row.client_id,
        "name": row.name,
        "scopes": sorted(row.granted_scopes.split()),
        "created_at": shown.time(row.created),
        "last_used_at": shown.time(row.last_used_at),
    }
