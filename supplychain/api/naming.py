"""/api/v1/sites, /products and /prefixes: what a party's places and goods are called, and its company prefixes."""

from __future__ import annotations

from typing import Any, ClassVar

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from supplychain.api import members, schema
from supplychain.api.base import MANAGE, Endpoint
from supplychain.api.params import Unreadable
from supplychain.api.schema import in_path
from supplychain.epcis.errors import IdentifierInvalid
from supplychain.epcis.identifiers import parse_identifier
from supplychain.operations import naming
from supplychain.operations.setup import NewProduct, NewSite

_PROBLEMS = (400, 401, 403, 409, 411, 413, 415, 422)


def _uri(value: Any) -> str:
    """An identifier in any of its forms, canonical."""
    try:
        return parse_identifier(str(members.text(255)(value))).uri
    except IdentifierInvalid as invalid:
        raise Unreadable(str(invalid)) from None


def _country(value: Any) -> str:
    if not isinstance(value, str) or len(value) != 2 or not value.isascii() or not value.isupper():
        raise Unreadable("a country is a code of two letters such as CH")
    return value


def _degrees(limit: int) -> members.Member:
    def reader(value: Any) -> float:
        if isinstance(value, bool) or not isinstance(value, int | float) or not -limit <= value <= limit:
            raise Unreadable(f"a number from -{limit} to {limit} is wanted")
        return float(value)

    return reader


SITE: dict[str, members.Member] = {
    "uri": _uri,
    "name": members.text(160),
    "country": _country,
    "latitude": _degrees(90),
    "longitude": _degrees(180),
}
PRODUCT: dict[str, members.Member] = {
    "uri": _uri,
    "name": members.text(160),
    "uom": members.text(3),
    "unit_name": members.text(20),
}
SITES = members.listed(SITE, optional=("country", "latitude", "longitude"))
PRODUCTS = members.listed(PRODUCT, optional=("uom", "unit_name"))


class Sites(Endpoint):
    """The party's places."""

    scopes: ClassVar[dict[str, tuple[str, ...]]] = {"POST": MANAGE}

    @extend_schema(
        operation_id="name_sites",
        summary="Name places of the party, or name them anew",
        tags=["party"],
        request={"application/json": schema.ref("NewSites")},
        responses=schema.answers({200: "HowMany"}, problems=_PROBLEMS),
    )
    def post(self, request: Request) -> Response:
        """Take all of them, or none."""
        told = members.read(request.data, {"items": SITES})["items"]
        naming.name_sites([NewSite(**each) for each in told], party=self.grant.party)
        return Response({"count": len(told)})


class Products(Endpoint):
    """The party's products."""

    scopes: ClassVar[dict[str, tuple[str, ...]]] = {"POST": MANAGE}

    @extend_schema(
        operation_id="name_products",
        summary="Name products of the party, or name them anew",
        tags=["party"],
        request={"application/json": schema.ref("NewProducts")},
        responses=schema.answers({200: "HowMany"}, problems=_PROBLEMS),
    )
    def post(self, request: Request) -> Response:
        """Take all of them, or none."""
        told = members.read(request.data, {"items": PRODUCTS})["items"]
        naming.name_products([NewProduct(**each) for each in told], party=self.grant.party)
        return Response({"count": len(told)})


class Prefixes(Endpoint):
    """The party's company prefixes."""

    scopes: ClassVar[dict[str, tuple[str, ...]]] = {"POST": MANAGE}

    @extend_schema(
        operation_id="register_prefix",
        summary="Say that a GS1 company prefix is the party's: it tells where the prefix ends in an EPC URN",
        tags=["party"],
        request={"application/json": schema.ref("Prefix")},
        responses=schema.answers({201: "Prefix"}, problems=_PROBLEMS),
    )
    def post(self, request: Request) -> Response:
        """Keep it."""
        prefix = members.read(request.data, {"prefix": members.text(12)})["prefix"]
        naming.register_prefix(prefix, party=self.grant.party)
        return Response({"prefix": prefix}, status=201)


class OnePrefix(Endpoint):
    """One of them."""

    scopes: ClassVar[dict[str, tuple[str, ...]]] = {"DELETE": MANAGE}

    @extend_schema(
        operation_id="release_prefix",
        summary="Take a company prefix back",
        tags=["party"],
        parameters=[in_path("prefix", "6 to 12 digits.")],
        responses={204: schema.EMPTY} | schema.answers({}, problems=(401, 403, 404)),
    )
    def delete(self, request: Request, prefix: str) -> Response:
        """Forget it."""
        naming.release_prefix(prefix, party=self.grant.party)
        return Response(status=204)
