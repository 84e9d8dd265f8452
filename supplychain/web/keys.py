"""Keys and people of a party, for its manager: approve, refuse, revoke; who signs in; which programs act."""

from __future__ import annotations

import secrets
from datetime import datetime
from typing import Any
from uuid import UUID

from django import forms
from django.conf import settings
from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_POST

from ledger import queries as log
from ledger.admission import Refused
from ledger.keyrules import MAX_ATTESTED
from ledger.tlog.keys import KeyRecord
from ledger.tlog.statement import format_indices
from supplychain.models import ApiClient, KeyRequest, Membership, Role
from supplychain.operations import parties, people, reminders
from supplychain.web.access import MemberRequest, manager
from supplychain.web.log import key_row
from supplychain.web.names import Names

REVOCABLE = ("device", "external", "managed")
SCOPES: dict[str, str] = settings.OAUTH2_PROVIDER["SCOPES"]  # type: ignore[assignment]


class PersonForm(forms.Form):
    """Somebody who shall sign in."""

    email = forms.EmailField(label="E-mail address")
    name = forms.CharField(label="Name", max_length=120, required=False)
    role = forms.ChoiceField(label="Role", choices=Role.choices, initial=Role.OPERATOR)


class RoleForm(forms.Form):
    """A person's role."""

    role = forms.ChoiceField(choices=Role.choices)


class ClientForm(forms.Form):
    """A program that shall act through the API."""

    client_name = forms.CharField(label="Name of the program", max_length=120)
    scopes = forms.MultipleChoiceField(
        label="What it may do",
        choices=list(SCOPES.items()),
        widget=forms.CheckboxSelectMultiple,
        initial=["events:write", "events:read", "shipments:read"],
    )


class RevokeForm(forms.Form):
    """From which entry on a key's signatures are disputed; nothing: what stands now stays valid."""

    last_valid_index = forms.IntegerField(min_value=0, required=False)


class AttestForm(forms.Form):
    """The disputed entries that a party stands by."""

    indices = forms.CharField(max_length=1_000)


@manager
def keys(request: MemberRequest) -> HttpResponse:
    """Show what waits, the party's keys, people and API clients."""
    return _page(request)


@require_POST
@manager
def approve(request: MemberRequest, request_id: UUID) -> HttpResponse:
    """Sign the registration of a key that waits, with the party's managed admin key."""
    return _decided(
        request,
        lambda: (
            "The key is registered: entry"
            f" {parties.approve_key(request_id, party=_party(request), decided_by=request.user, now=timezone.now()):,}"  # noqa: TID251
            " of the log."
        ),
    )


@require_POST
@manager
def refuse(request: MemberRequest, request_id: UUID) -> HttpResponse:
    """Say no to a key that waits."""

    def act() -> str:
        parties.refuse_key(request_id, party=_party(request), decided_by=request.user, now=timezone.now())  # noqa: TID251
        return "The key was refused and signs nothing."

    return _decided(request, act)


@require_POST
@manager
def revoke(request: MemberRequest, key_id: str) -> HttpResponse:
    """Revoke a key, as of an earlier entry where one is named; the managed key that signs now stays."""
    key = log.key(key_id)
    if key is None or key.party != _party(request).hex or not _is_revocable(key, _party(request)):
        raise Http404
    form = RevokeForm(request.POST)

    def act() -> str:
        if not form.is_valid():
            raise parties.KeyRequestRefused("the last valid entry is the index of an entry")
        last = form.cleaned_data["last_valid_index"]
        now = timezone.now()  # noqa: TID251
        index = parties.revoke_key(key_id, party=_party(request), now=now, last_valid_index=last)
        rest = "What it signed before stays valid." if last is None else f"What it signed after {last:,} is disputed."
        return f"The key is revoked by entry {index:,}. {rest}"

    return _decided(request, act)


@require_POST
@manager
def rotate_managed(request: MemberRequest) -> HttpResponse:
    """Make a new managed key; the old one stays valid until it is revoked."""

    def act() -> str:
        key_id = parties.rotate_managed_key(party=_party(request), now=timezone.now())  # noqa: TID251
        return f"The new managed key {key_id} signs from now on. The one before it is valid until you revoke it."

    return _decided(request, act)


@require_POST
@manager
def attest(request: MemberRequest) -> HttpResponse:
    """Stand by disputed entries, signed with the party's admin key."""
    form = AttestForm(request.POST)

    def act() -> str:
        if not form.is_valid():
            raise parties.KeyRequestRefused("indices are written as ascending ranges, such as 3,7-9")
        now = timezone.now()  # noqa: TID251
        index = parties.attest(form.cleaned_data["indices"].replace(" ", ""), party=_party(request), now=now)
        return f"You stand by them: entry {index:,} says so. They are disputed no more."

    return _decided(request, act)


@require_POST
@manager
def add_person(request: MemberRequest) -> HttpResponse:
    """Make an account with a password that is shown once."""
    form = PersonForm(request.POST)
    if not form.is_valid():
        return _page(request, person_form=form, status=422)
    password = "-".join(secrets.token_hex(3) for _ in range(3))
    try:
        made = people.add_person(party=_party(request), password=password, **form.cleaned_data)
    except Refused as refused:
        form.add_error(None, str(refused))
        return _page(request, person_form=form, status=refused.status)
    first_time = made.user.last_login is None and made.user.check_password(password)
    return _page(request, new_person=made, new_password=password if first_time else "")


@require_POST
@manager
def change_person(request: MemberRequest, membership: int) -> HttpResponse:
    """Give a person another role, or take it away."""

    def act() -> str:
        if "remove" in request.POST:
            people.remove_person(membership, party=_party(request))
            return "They act for you no more. What they signed stays."
        form = RoleForm(request.POST)
        if not form.is_valid():
            raise people.PersonRefused("There is no such role.")
        people.change_role(membership, party=_party(request), role=form.cleaned_data["role"])
        return "The role is changed."

    return _decided(request, act)


@require_POST
@manager
def add_client(request: MemberRequest) -> HttpResponse:
    """Make an API client; its secret is shown once."""
    form = ClientForm(request.POST)
    if not form.is_valid():
        return _page(request, client_form=form, status=422)
    made = people.add_client(
        party=_party(request), name=form.cleaned_data["client_name"], scopes=" ".join(form.cleaned_data["scopes"])
    )
    return _page(request, new_client=made)


@require_POST
@manager
def remove_client(request: MemberRequest, client: int) -> HttpResponse:
    """End an API client."""

    def act() -> str:
        people.remove_client(client, party=_party(request))
        return "The API client is removed, and its tokens with it."

    return _decided(request, act)


def ending(request: MemberRequest, *, now: datetime) -> list[dict[str, Any]]:
    """The keys that end soon and are this member's to see to: all of the party for a manager, else their own."""
    membership = request.membership
    records = reminders.ending(membership.party_id, now=now) if membership.may_operate else []
    asked = KeyRequest.objects.filter(key_id__in=[record.key_id for record in records])
    by_key = {each.key_id: each for each in asked}
    found = []
    for record in records:
        mine = (request_of := by_key.get(record.key_id)) is not None and request_of.requested_by_id == request.user.pk
        if mine or membership.may_manage:
            label = request_of.label if request_of else ""
            found.append(key_row(record, Names(parties={membership.party_id})) | {"label": label, "is_mine": mine})
    return found


def _party(request: MemberRequest) -> UUID:
    return request.membership.party_id


def _is_revocable(record: KeyRecord, party: UUID) -> bool:
    """A key that may be revoked by hand: of a managed one, only what a newer one has replaced."""
    if record.role not in REVOCABLE or record.revoked_index is not None:
        return False
    return record.role != "managed" or record.key_id != parties.managed_key_of(party)


def _decided(request: MemberRequest, act: Any) -> HttpResponse:
    try:
        messages.success(request, act())
    except Refused as refused:
        if refused.status == 404:
            raise Http404 from None
        messages.error(request, f"Refused: {refused}")
    return redirect("keys")


def _page(request: MemberRequest, *, status: int = 200, **more: Any) -> HttpResponse:
    party = _party(request)
    names = Names(parties={party})
    labels = dict(KeyRequest.objects.filter(party=party).values_list("key_id", "label"))
    records = sorted(
        log.keys_of(party), key=lambda record: (record.revoked_index is not None, -record.registered_index)
    )
    rows = [
        key_row(record, names)
        | {
            "label": labels.get(record.key_id, ""),
            "revocable": _is_revocable(record, party),
        }
        for record in records
    ]
    context = {
        "waiting": KeyRequest.objects.filter(party=party, state=KeyRequest.State.WAITING).select_related(
            "requested_by"
        ),
        "rows": rows,
        "may_revoke": True,
        "disputed": (disputed := log.disputed_of(party)),
        "disputed_indices": format_indices(disputed[:MAX_ATTESTED]),
        "ending": reminders.ending(party, now=timezone.now()),  # noqa: TID251
        "has_managed_key": bool(parties.managed_key_of(party)),
        "is_operator": request.membership.party.is_operator,
        "people": Membership.objects.filter(party=party).select_related("user").order_by("user__email"),
        "roles": Role.choices,
        "clients": ApiClient.objects.filter(party=party).order_by("name"),
        "person_form": PersonForm(),
        "client_form": ClientForm(),
    }
    answer = render(request, "keys/page.html", context | more, status=status)
    answer["Cache-Control"] = "no-store"
    return answer
