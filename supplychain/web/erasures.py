"""Erasures: asked for by the party that signed a body, told to the chain's others, approved by the operator."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from django import forms
from django.contrib import messages
from django.core.validators import RegexValidator
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_POST

from ledger import queries as log
from ledger.admission import Refused
from supplychain.models import Approval, Event
from supplychain.operations import erasure
from supplychain.queries import erasures
from supplychain.web import words
from supplychain.web.access import MemberRequest, manager
from supplychain.web.names import Names

ONE_LINE = RegexValidator(r"\A[^\x00-\x1f\x7f]+\Z", "A ground is one line, without control characters.")


class AskForm(forms.Form):
    """Which event's body shall go, and why."""

    index = forms.IntegerField(label="Entry of the event", min_value=0)
    ground = forms.CharField(
        label="Ground, as the log will keep it for ever",
        max_length=200,
        validators=[ONE_LINE],
        help_text="Such as “request under Art. 17 GDPR”. Name no person: the ground is in the log and never goes.",
    )


@manager
def page(request: MemberRequest) -> HttpResponse:
    """Show what the party asked for, was told of, or decides about, and the form that asks."""
    given = request.GET.get("entry", "")
    return _page(request, AskForm(initial={"index": given if given.isdecimal() else ""}))


@require_POST
@manager
def ask(request: MemberRequest) -> HttpResponse:
    """Ask for a body to be erased."""
    form = AskForm(request.POST)
    if not form.is_valid():
        return _page(request, form, status=422)
    try:
        asked = erasure.ask_erasure(
            form.cleaned_data["index"],
            ground=form.cleaned_data["ground"],
            party=request.membership.party_id,
            asked_by=request.user,
            now=timezone.now(),  # noqa: TID251
        )
    except Refused as refused:
        form.add_error(None, str(refused))
        return _page(request, form, status=refused.status)
    told = f" {len(asked.notified)} other parties of the chain are told." if asked.notified else ""
    messages.success(request, f"The request is in the log.{told}")
    return redirect("erasures")


@require_POST
@manager
def approve(request: MemberRequest, erasure_id: UUID) -> HttpResponse:
    """Erase the body: the second person's yes."""

    def act(now: datetime) -> str:
        index = erasure.approve_erasure(erasure_id, party=request.membership.party_id, decided_by=request.user, now=now)
        return f"The body is gone; entry {index:,} of the log says so."

    return _decided(request, erasure_id, act)


@require_POST
@manager
def refuse(request: MemberRequest, erasure_id: UUID) -> HttpResponse:
    """Say no, or take back what one asked."""

    def act(now: datetime) -> str:
        erasure.refuse_erasure(erasure_id, party=request.membership.party_id, decided_by=request.user, now=now)
        return "The body stays."

    return _decided(request, erasure_id, act)


def _decided(request: MemberRequest, erasure_id: UUID, act: Any) -> HttpResponse:
    if erasures.erasure(erasure_id, request.membership.party_id) is None:
        raise Http404
    try:
        messages.success(request, act(timezone.now()))  # noqa: TID251
    except Refused as refused:
        messages.error(request, f"Refused: {refused}")
    return redirect("erasures")


def _page(request: MemberRequest, form: AskForm, *, status: int = 200) -> HttpResponse:
    party, now = request.membership.party, timezone.now()  # noqa: TID251
    found = erasures.erasures(party.pk)
    names = Names(parties={each.tenant for each in found})
    rows = [_row(each, names, request, now) for each in found]
    context = {
        "form": form,
        "rows": rows,
        "waiting": sum(each.state == Approval.State.WAITING for each in found),
        "is_operator": party.is_operator,
    }
    return render(request, "erasures/page.html", context, status=status)


def _row(asked: Approval, names: Names, request: MemberRequest, now: datetime) -> dict[str, Any]:
    party, until = request.membership.party, erasure.notice_until(asked)
    is_waiting = asked.state == Approval.State.WAITING
    return {
        "asked": asked,
        "act": words.act(asked.kind),
        "by": names.party(asked.tenant),
        "until": until if asked.notified else None,
        "may_approve": is_waiting and party.is_operator and asked.asked_by_id != request.user.pk and now >= until,
        "may_refuse": is_waiting and (party.is_operator or asked.tenant == party.pk),
        "is_notice": is_waiting and party.pk in asked.notified,
    }


def may_ask(index: int, membership: Any) -> bool:
    """Whether a person may ask for this entry's body to be erased: a manager of the party that signed it."""
    if not membership.may_manage or index >= log.tree_size():
        return False
    return Event.objects.filter(index=index, tenant=membership.party_id, erased_by=None).exists()
