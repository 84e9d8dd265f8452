"""Who may see a page and who may act on it. Absent and foreign things answer alike: 404."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from supplychain.models import Membership, User
from supplychain.web.accounts import membership_of


class MemberRequest(HttpRequest):
    """A request of somebody who is signed in and acts for a party."""

    user: User
    membership: Membership


View = Callable[..., HttpResponse]


def member(view: View) -> View:
    """Ask for a sign-in, and for a party to act for."""

    @wraps(view)
    def checked(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        membership = membership_of(request)
        if membership is None:
            return render(request, "web/no_party.html", status=403)
        request.membership = membership  # type: ignore[attr-defined]
        return view(request, *args, **kwargs)

    return login_required(checked)


def operator(view: View) -> View:
    """Let only those in who may move goods; others get 403."""
    return only(lambda membership: membership.may_operate, view)


def manager(view: View) -> View:
    """Let only managers in; others get 403."""
    return only(lambda membership: membership.may_manage, view)


def operators_manager(view: View) -> View:
    """Let only managers of the party that runs this server in; others get 403."""
    return only(lambda membership: membership.may_manage and membership.party.is_operator, view)


def only(may: Callable[[Membership], bool], view: View) -> View:
    """Let only members in for whom `may` holds; others get 403."""

    @wraps(view)
    def checked(request: MemberRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if not may(request.membership):
            raise PermissionDenied
        return view(request, *args, **kwargs)

    return member(checked)
