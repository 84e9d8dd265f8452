"""What every request passes through."""

from collections.abc import Callable

from django.conf import settings
from django.db import InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse

from ledger import tenancy


class TenancyMiddleware:
    """Bind the connection to the party that the signed-in user acts for, and to nobody else's rows.

    API requests bind theirs when their token is known (supplychain.api.authentication). Without a session cookie the
    session is not even asked, so that what is public varies with no cookie and may be kept by caches.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        from supplychain.web.accounts import membership_of

        try:
            membership = membership_of(request) if settings.SESSION_COOKIE_NAME in request.COOKIES else None
            tenancy.set_party(str(membership.party_id) if membership else "")
        except (OperationalError, InterfaceError):
            if not request.path.startswith("/api/"):
                raise
            from supplychain.api.errors import response, unavailable

            return response(unavailable())
        return self.get_response(request)
