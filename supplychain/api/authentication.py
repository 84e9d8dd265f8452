"""Who calls: the token's client and the party that it acts for."""

from __future__ import annotations

from django.utils import timezone
from rest_framework.authentication import BaseAuthentication
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request

from ledger import tenancy
from supplychain import tokens
from supplychain.tokens import Grant


class TokenAuthentication(BaseAuthentication):
    """OAuth 2 bearer tokens. `request.auth` is a Grant; the database shows the rows of its party alone."""

    def authenticate(self, request: Request) -> tuple[None, Grant] | None:
        """Return the grant; None without a token; raise AuthenticationFailed (401) for one that does not hold."""
        token = tokens.bearer_token(request)
        grant = None if token is None else tokens.grant_of(token, now=timezone.now())  # noqa: TID251
        tenancy.set_party("" if grant is None else str(grant.party))
        if token is None:
            return None
        if grant is None:
            raise AuthenticationFailed("The token is unknown, expired or revoked; ask for a new one at /oauth/token/.")
        return None, grant

    def authenticate_header(self, request: Request) -> str:
        """What a 401 says in WWW-Authenticate (RFC 6750, 3)."""
        return 'Bearer realm="waylog"'
