"""/api/v1/people: who signs in for the party, and in which role."""

from __future__ import annotations

import secrets
from typing import Any, ClassVar

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from supplychain.api import members, params, schema, shown
from supplychain.api.base import MANAGE, Endpoint
from supplychain.api.errors import not_found
from supplychain.api.schema import in_path
from supplychain.models import Membership, Role
from supplychain.operations import people

_ROLE = members.one_of(*Role.values)
_ID = in_path("membership_id", "The person's id at this party.", type="integer", minimum=0)


class People(Endpoint):
    """The party's people."""

    scopes: ClassVar[dict[str, tuple[str, ...]]] = {"GET": MANAGE, "POST": MANAGE}
    secrets = ("password",)

    @extend_schema(
        operation_id="list_people",
        summary="Who signs in for the party",
        tags=["party"],
        responses=schema.answers({200: "People"}),
    )
    def get(self, request: Request) -> Response:
        """Answer all of them, by e-mail address."""
        return Response({"items": [shown_person(each) for each in people.people(self.grant.party)]})

    @extend_schema(
        operation_id="add_person",
        summary="Let a person sign in for the party",
        description="Who has no account yet gets one, with a password that is told in this answer and never again.",
        tags=["party"],
        request={"application/json": schema.ref("NewPerson")},
        responses=schema.answers({201: "PersonAdded"}, problems=(400, 401, 403, 409, 411, 413, 415, 422)),
    )
    def post(self, request: Request) -> Response:
        """Give somebody a role."""
        told = members.read(
            request.data, {"email": members.email, "name": members.text(120), "role": _ROLE}, optional=("name",)
        )
        password = "-".join(secrets.token_hex(3) for _ in range(3))
        made = people.add_person(party=self.grant.party, password=password, **{"name": "", **told})
        is_new = made.user.last_login is None and made.user.check_password(password)
        body = {**shown_person(made), "password": password if is_new else None}
        return Response(body, status=201, headers={"Cache-Control": "no-store"})


class Person(Endpoint):
    """One person of the party."""

    scopes: ClassVar[dict[str, tuple[str, ...]]] = {"PATCH": MANAGE, "DELETE": MANAGE}

    @extend_schema(
        operation_id="change_person",
        summary="Give a person another role",
        tags=["party"],
        parameters=[_ID],
        request={"application/json": schema.ref("NewRole")},
        responses=schema.answers({200: "Person"}, problems=(400, 401, 403, 404, 409, 411, 413, 415, 422)),
    )
    def patch(self, request: Request, membership_id: int) -> Response:
        """Change the role; the last manager stays one."""
        role = members.read(request.data, {"role": _ROLE})["role"]
        people.change_role(_id(membership_id), party=self.grant.party, role=role)
        return Response(shown_person(people.person(membership_id, party=self.grant.party)))

    @extend_schema(
        operation_id="remove_person",
        summary="Take a person's role away",
        tags=["party"],
        parameters=[_ID],
        responses={204: schema.EMPTY} | schema.answers({}, problems=(401, 403, 404, 409)),
    )
    def delete(self, request: Request, membership_id: int) -> Response:
        """They act for the party no more; what they signed stays."""
        people.remove_person(_id(membership_id), party=self.grant.party)
        return Response(status=204)


def _id(value: int) -> int:
    if value > params.MAX_INDEX:
        raise not_found()
    return value


def shown_person(row: Membership) -> dict[str, Any]:
    """What is told of somebody who signs in."""
    return {
        "id": row.pk,
        "email": row.user.email,
        "name": row.user.name,
        "role": row.role,
        "since": shown.time(row.created_at),
        "last_login": shown.time(row.user.last_login),
    }
