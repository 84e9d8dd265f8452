"""The token endpoint: OAuth 2 client credentials (RFC 6749, 4.4) and revocation (RFC 7009), nothing else.

There are no pages and no other grants: programs get tokens, people sign in.
"""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.urls import path
from oauth2_provider.oauth2_validators import OAuth2Validator
from oauth2_provider.scopes import SettingsScopes
from oauth2_provider.views import RevokeTokenView, TokenView
from oauthlib.oauth2.rfc6749.errors import CustomOAuth2Error  # type: ignore[import-untyped]


class GrantedScopes(SettingsScopes):  # type: ignore[misc]  # the toolkit has no types
    """A client obtains the scopes that were granted to it, and no others."""

    def get_available_scopes(self, application: Any = None, request: Any = None, *args: Any, **more: Any) -> list[str]:
        """What it may ask for."""
        granted = application.granted_scopes.split() if application is not None else []
        return [scope for scope in granted if scope in self.get_all_scopes()]

    def get_default_scopes(self, application: Any = None, request: Any = None, *args: Any, **more: Any) -> list[str]:
        """What it gets when it asks for nothing in particular: all of them."""
        return self.get_available_scopes(application, request)


class Validator(OAuth2Validator):  # type: ignore[misc]  # the toolkit has no types
    """Refuses what the database cannot hold, clients that act for nobody, and tokens for other servers."""

    def _load_application(self, client_id: str, request: Any) -> Any:
        if not client_id or "\0" in client_id:
            return None
        client = super()._load_application(client_id, request)
        return client if client is not None and client.party_id is not None else None

    def _check_and_set_request_resource(self, request: Any) -> None:
        if getattr(request, "resource", None):
            raise CustomOAuth2Error("invalid_target", "Tokens of this server are for this server.", request=request)
        request.resource = []


class Token(TokenView):  # type: ignore[misc]  # the toolkit has no types
    """POST only, client credentials only."""

    http_method_names = ("post",)

    def post(self, request: HttpRequest, *args: Any, **more: Any) -> HttpResponse:
        """Answer RFC 6749, 5.1 or 5.2."""
        answer: HttpResponse = self.authorization_flow_token_response(request)
        answer["Content-Type"] = "application/json"  # the toolkit forgets it in some refusals
        answer["Cache-Control"] = "no-store"
        return answer


class Revoke(RevokeTokenView):  # type: ignore[misc]  # the toolkit has no types
    """POST only."""

    http_method_names = ("post",)


urlpatterns = [
    path("token/", Token.as_view(), name="oauth-token"),
    path("revoke/", Revoke.as_view(), name="oauth-revoke"),
]
