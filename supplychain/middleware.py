"""What every request passes through."""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse

from ledger import tenancy


class TenancyMiddleware:
    """Bind the connection to the party that the signed-in user acts for, and to nobody else's rows.

    API requests bind theirs when their token is known (supplychain.api.authentication).
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        from supplychain.web.accounts import membership_of

        membership = membership_of(request)
        tenancy.set_party(str(membership.party_id) if membership else "")
        return self.get_response(request)
