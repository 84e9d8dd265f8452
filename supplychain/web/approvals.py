"""What takes two people, for managers of the party that runs this server: one asks, another approves."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django import forms
from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_POST

from ledger import queries as log
from ledger import tenancy
from ledger.admission import Refused
from supplychain.models import Approval, Membership
from supplychain.operations import approvals
from supplychain.web import words
from supplychain.web.access import MemberRequest, operators_manager
from supplychain.web.names import Names

SHOWN = 50


class AskForm(forms.Form):
    """Which key of another party shall be revoked, and from where on what it signed is disputed."""

    key_id = forms.CharField(label="Key", max_length=43, strip=True, widget=forms.Select)
    last_valid_index = forms.IntegerField(
        label="Last valid entry", min_value=0, required=False, help_text="Empty: everything that stands now is valid."
    )

    def offer(self, choices: list[tuple[str, str]]) -> None:
        """Let the page choose among these; what else is sent is judged by its own rule."""
        self.fields["key_id"].widget.choices = [("", "—"), *choices]


@operators_manager
def page(request: MemberRequest) -> HttpResponse:
    """Show what waits, what was decided, and the form that asks."""
    return _page(request, AskForm(initial={"key_id": request.GET.get("key", "")}))


@require_POST
@operators_manager
def ask(request: MemberRequest) -> HttpResponse:
    """Ask for a key's revocation: the first of two people."""
    form = AskForm(request.POST)
    if not form.is_valid():
        return _page(request, form, status=422)
    try:
        approvals.ask_revocation(
            form.cleaned_data["key_id"],
            last_valid_index=form.cleaned_data["last_valid_index"],
            party=request.membership.party_id,
            asked_by=request.user,
            now=timezone.now(),  # noqa: TID251
        )
    except Refused as refused:
        form.add_error(None, str(refused))
        return _page(request, form, status=refused.status)
    messages.success(request, "The request is in the log. Another manager approves it here.")
    return redirect("approvals")


@require_POST
@operators_manager
def approve(request: MemberRequest, approval_id: UUID) -> HttpResponse:
    """Revoke the key: the second of two people."""

    def act() -> str:
        now = timezone.now()  # noqa: TID251
        party = request.membership.party_id
        index = approvals.approve_revocation(approval_id, party=party, decided_by=request.user, now=now)
        return f"The key is revoked by entry {index:,}."

    return _decided(request, act)


@require_POST
@operators_manager
def refuse(request: MemberRequest, approval_id: UUID) -> HttpResponse:
    """Say no, or take back what one asked."""

    def act() -> str:
        now = timezone.now()  # noqa: TID251
        approvals.refuse(approval_id, party=request.membership.party_id, decided_by=request.user, now=now)
        return "Nothing is done about it."

    return _decided(request, act)


def _decided(request: MemberRequest, act: Any) -> HttpResponse:
    try:
        messages.success(request, act())
    except Refused as refused:
        if refused.status == 404:
            raise Http404 from None
        messages.error(request, f"Refused: {refused}")
    return redirect("approvals")


def _page(request: MemberRequest, form: AskForm, *, status: int = 200) -> HttpResponse:
    with tenancy.system():
        found = Approval.objects.filter(act=Approval.Act.REVOKE).select_related("asked_by", "decided_by")
        listed = list(found[:SHOWN])
        records = {each.key_id: log.key(each.key_id) for each in listed}
        names = Names(parties={UUID(record.party) for record in records.values() if record})
        form.offer(_others(request.membership.party_id))
        managers = Membership.objects.filter(party=request.membership.party_id, role="manager").count()
    rows = [_row(each, records[each.key_id], names, request.user.pk) for each in listed]
    context = {
        "form": form,
        "waiting": [row for row in rows if row["asked"].state == Approval.State.WAITING],
        "decided": [row for row in rows if row["asked"].state != Approval.State.WAITING],
        "alone": managers < 2,
    }
    return render(request, "approvals/page.html", context, status=status)


def _others(party: UUID) -> list[tuple[str, str]]:
    """The keys of other parties that may be revoked, by name and kind."""
    found = [
        record
        for record in log.keys_of()
        if record.role in approvals.REVOCABLE and record.revoked_index is None and record.party != party.hex
    ]
    names = Names(parties={UUID(record.party) for record in found})
    named = [
        (names.party(UUID(record.party)), words.key_kind(record.role), record.registered_index, record.key_id)
        for record in found
    ]
    return [
        (key_id, f"{name}: {kind} {key_id[:10]}…, since entry {index:,}") for name, kind, index, key_id in sorted(named)
    ]


def _row(asked: Approval, record: Any, names: Names, user: int) -> dict[str, Any]:
    return {
        "asked": asked,
        "party": names.party(UUID(record.party)) if record else "",
        "kind": words.key_kind(record.role) if record else "",
        "is_mine": asked.asked_by_id == user,
    }
