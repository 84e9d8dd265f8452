"""What every request passes through."""

import select
from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.core.signals import request_started
from django.db import InterfaceError, OperationalError, connection
from django.dispatch import receiver
from django.http import HttpRequest, HttpResponse

from ledger import tenancy

_BY_TOKEN = ("/api/", "/epcis/")
_BY_NOBODY = ("/api/v1/docs", "/api/v1/schema")


@receiver(request_started)
def trust_silent_connection(**_more: Any) -> None:
    """Spare each request the question whether its connection still works (CONN_HEALTH_CHECKS), where it is silent.

    A server that ends says so, or its end of the socket closes: both make the socket readable. Then Django asks.
    """
    raw = connection.connection
    if raw is not None and not connection.in_atomic_block and _is_silent(raw.fileno()):
        setattr(connection, "health_check_done", True)  # noqa: B010 (the stubs do not know it)


def _is_silent(descriptor: int) -> bool:
    poll = select.poll()
    poll.register(descriptor, select.POLLIN)
    return not poll.poll(0)


class TenancyMiddleware:
    """Bind the connection to the party that the signed-in user acts for, and to nobody else's rows.

    API requests bind theirs when their token is known, and to nobody's when it is not (supplychain.api.authentication,
    supplychain.epcis_api.base); a request with a token and without a session needs no binding before that. Without
    a session cookie the session is not even asked, so that what is public varies with no cookie and may be cached.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        from supplychain.web.accounts import membership_of

        has_session = settings.SESSION_COOKIE_NAME in request.COOKIES
        if not has_session and _is_bound_by_token(request):
            return self.get_response(request)
        try:
            membership = membership_of(request) if has_session else None
            tenancy.set_party(str(membership.party_id) if membership else "")
        except (OperationalError, InterfaceError):
            if not request.path.startswith("/api/"):
                raise
            from supplychain.api.errors import response, unavailable

            return response(unavailable())
        return self.get_response(request)


def _is_bound_by_token(request: HttpRequest) -> bool:
    """Whether the address itself binds the connection, by the token that came, before it reads anything."""
    has_token = "HTTP_AUTHORIZATION" in request.META
    return has_token and request.path.startswith(_BY_TOKEN) and request.path not in _BY_NOBODY
