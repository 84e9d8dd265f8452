"""/api/v1/parties: the party itself and those it has met; for the party that runs the server, all, and new ones."""

from __future__ import annotations

import secrets
from typing import Any, ClassVar

from django.core.exceptions import PermissionDenied
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from ledger.admission import Refused
from supplychain.api import members, naming, params, people, schema
from supplychain.api.base import EVENTS_READ, MANAGE, SHIPMENTS_READ, Endpoint, now
from supplychain.api.params import Unreadable
from supplychain.api.schema import CURSOR, LIMIT
from supplychain.epcis.errors import IdentifierInvalid
from supplychain.operations.approvals import is_operator
from supplychain.operations.parties import managed_key_of
from supplychain.operations.partners import NewPartner, register_partner, uri_of
from supplychain.operations.setup import NewSite
from supplychain.queries import partners
from supplychain.tokens import Grant


def _gln(value: Any) -> str:
    """A GLN, as the URI of a party."""
    try:
        return uri_of(str(members.text(13)(value)))
    except IdentifierInvalid as invalid:
        raise Unreadable(str(invalid)) from None


NEW: dict[str, members.Member] = {
    "name": members.text(160),
    "gln": _gln,
    "manager": members.inner({"email": members.email, "name": members.text(120)}, optional=("name",)),
    "sites": naming.SITES,
}
_PLACES = {"/body/party/name": "/name", "/body/party/uri": "/gln", "/items/": "/sites/"}
"""Where a refusal of the operation stands in this request."""


class Parties(Endpoint):
    """Parties, the caller's own first."""

    scopes: ClassVar[dict[str, tuple[str, ...]]] = {"GET": EVENTS_READ + SHIPMENTS_READ, "POST": MANAGE}
    secrets = ("password",)

    @extend_schema(
        operation_id="list_parties",
        summary="The party itself and those it has met, with identifiers, sites and products to name in events",
        tags=["party"],
        responses=schema.answers({200: "Parties"}),
    )
    def get(self, request: Request) -> Response:
        """Answer them; of strangers not even that they exist."""
        return Response({"items": [_shown(each) for each in partners.met(self.grant.party)]})

    @extend_schema(
        operation_id="register_party",
        summary="Register a partner, for the party that runs the server",
        description=(
            "It gets a managed key, names for its places and a manager who signs in, all or none: goods can be handed"
            " to it at once. The manager's password is told in this answer and never again; who has an account keeps"
            " their own."
        ),
        tags=["party"],
        request={"application/json": schema.ref("NewParty")},
        responses=schema.answers({201: "PartyRegistered"}, problems=(400, 401, 403, 409, 411, 413, 415, 422)),
    )
    def post(self, request: Request) -> Response:
        """Register it, as the page *Partners* does."""
        _check_operator(self.grant)
        wanted = _wanted(members.read(request.data, NEW, optional=("gln", "manager", "sites")))
        password = "-".join(secrets.token_hex(3) for _ in range(3))
        try:
            made, manager = register_partner(wanted, password=password, now=now())
        except Refused as refused:
            raise _placed(refused) from None
        is_new = manager is not None and manager.user.last_login is None and manager.user.check_password(password)
        body = {
            "id": str(made.pk),
            "name": made.name,
            "uri": made.uri,
            "managed_key": managed_key_of(made.pk),
            "sites": len(wanted.sites),
            "manager": people.shown_person(manager) if manager else None,
            "password": password if is_new else None,
        }
        return Response(body, status=201, headers={"Cache-Control": "no-store"})


class Registered(Endpoint):
    """All parties of the server, for the one that runs it."""

    scopes: ClassVar[dict[str, tuple[str, ...]]] = {"GET": MANAGE}
    parameters: ClassVar[dict[str, params.Reader]] = {"cursor": params.cursor, "limit": params.page_size}

    @extend_schema(
        operation_id="list_registered_parties",
        summary="All parties of this server, by name, for the party that runs it",
        tags=["party"],
        parameters=[CURSOR, LIMIT],
        responses=schema.answers({200: "RegisteredParties"}),
    )
    def get(self, request: Request) -> Response:
        """Answer one page; `next` leads to the one after it."""
        _check_operator(self.grant)
        limit, (_, after) = self.given.get("limit", 100), self.given.get("cursor", (0, None))
        rows = partners.registered(limit=limit + 1, after=after)
        page = rows[:limit]
        last = params.format_cursor(0, page[-1].party.pk) if len(rows) > limit else None
        items = [_registered(each, own=each.party.pk == self.grant.party) for each in page]
        return Response({"items": items, "next": params.next_page(request, last)})


def _check_operator(grant: Grant) -> None:
    """Raise PermissionDenied, as the page does, where the party is not the one that runs the server."""
    if not is_operator(grant.party):
        raise PermissionDenied


def _wanted(told: dict[str, Any]) -> NewPartner:
    manager = told.get("manager", {})
    sites = [NewSite(**each) for each in told.get("sites", ())]
    uri = told.get("gln") or uri_of("")
    return NewPartner(told["name"], uri, manager.get("name", ""), manager.get("email", ""), sites)


def _placed(refused: Refused) -> Refused:
    """The refusal, pointing into this request."""
    for theirs, ours in _PLACES.items():
        if refused.pointer.startswith(theirs):
            refused.pointer = ours + refused.pointer.removeprefix(theirs)
            break
    return refused


def _registered(found: partners.Registered, *, own: bool) -> dict[str, Any]:
    party = found.party
    told = {"id": str(party.pk), "name": party.name, "uri": party.uri, "is_own": own}
    return {**told, "people": found.people, "sites": found.places}


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
