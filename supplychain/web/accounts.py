"""Signing in, and for which party a signed-in person acts."""

from allauth.account.adapter import DefaultAccountAdapter
from django.http import HttpRequest

from supplychain.models import Membership


class AccountAdapter(DefaultAccountAdapter):  # type: ignore[misc]  # allauth has no types
    """Accounts are made by a manager or at the first run, never by signing up."""

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        return False


def membership_of(request: HttpRequest) -> Membership | None:
    """The membership that the signed-in user acts under: the one chosen in this session, else their first."""
    user = getattr(request, "user", None)  # None behind the API, which has clients instead of users
    if user is None or not user.is_authenticated:
        return None
    known: Membership | None = getattr(request, "_waylog_membership", None)
    if known is None:
        memberships = Membership.objects.filter(user=user).select_related("party").order_by("id")
        chosen = request.session.get("membership")
        known = (memberships.filter(pk=chosen).first() if chosen else None) or memberships.first()
        request._waylog_membership = known  # type: ignore[attr-defined]
    return known


def is_member(request: HttpRequest) -> bool:
    """Whether a person of some party is signed in."""
    return membership_of(request) is not None
