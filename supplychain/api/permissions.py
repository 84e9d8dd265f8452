"""Which scope an endpoint asks for."""

from __future__ import annotations

from typing import Any, cast

from rest_framework.exceptions import NotAuthenticated
from rest_framework.permissions import BasePermission
from rest_framework.request import Request

from supplychain.api.errors import Problem
from supplychain.tokens import Grant


class HasScope(BasePermission):
    """The token must have one of the scopes that the view names for the method; a method it does not name is a 405."""

    def has_permission(self, request: Request, view: Any) -> bool:
        """Return True, or raise NotAuthenticated (401) or Problem (403) that names the missing scope."""
        grant: Grant | None = cast(Any, request.auth)
        if grant is None:
            raise NotAuthenticated("Send a token: Authorization: Bearer <token>, from /oauth/token/.")
        method = "GET" if request.method == "HEAD" else request.method
        needed: tuple[str, ...] = getattr(view, "scopes", {}).get(method, ())
        if needed and not grant.scopes.intersection(needed):
            words = " or ".join(needed)
            raise Problem(
                403,
                f"The token lacks the scope {words}.",
                code="insufficient_scope",
                headers={"WWW-Authenticate": f'Bearer error="insufficient_scope", scope="{needed[0]}"'},
            )
        return True
