"""How the log stands by its audits and witnesses, as pages show it; answering for an alarm."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpResponse
from django.shortcuts import redirect
from django.utils import timezone
from django.views.decorators.http import require_POST

from ledger import cosigning, publishing, quorum, tenancy
from ledger.audit import alarm
from supplychain.web.access import MemberRequest, manager

SHOWN = 6
KINDS = {"full": "everything", "log": "the log without projections", "incremental": "what came since"}


def context(request: MemberRequest, *, now: datetime) -> dict[str, Any]:
    """What the ledger page says of verification and of witnesses."""
    with tenancy.system():
        found, runs = alarm.standing(now=now), alarm.recent(SHOWN)
        witnesses = _witnesses()
    return {
        "standing": found,
        "alarm_words": alarm.words(found.alarm) if found.alarm else "",
        "runs": [_line(run) for run in runs],
        "may_acknowledge": may_acknowledge(request),
        **witnesses,
    }


def _witnesses() -> dict[str, Any]:
    """The witnesses, and how much is published where a quorum of them is asked for."""
    try:
        asked = {"witnesses": cosigning.standings(), "has_quorum": quorum.is_set()}
        return asked | {"published": publishing.published_size()}
    except quorum.PolicyUnreadable as fault:
        return {"witnesses": [], "policy_fault": str(fault)}


def alarm_words(*, now: datetime) -> str:
    """What is wrong with the log, in words; empty when nothing is known to be."""
    with tenancy.system():
        found = alarm.standing(now=now).alarm
    return alarm.words(found) if found else ""


def may_acknowledge(request: MemberRequest) -> bool:
    """Whether the member manages the party that runs this server."""
    return request.membership.may_manage and request.membership.party.is_operator


@require_POST
@manager
def acknowledge(request: MemberRequest) -> HttpResponse:
    """Answer for the alarm, by the name of whoever is signed in."""
    if not may_acknowledge(request):
        raise PermissionDenied
    name = f"{request.user.name} <{request.user.email}>"
    try:
        with tenancy.system():
            alarm.acknowledge(by=name, comment=request.POST.get("comment", ""), now=timezone.now())  # noqa: TID251
        messages.success(request, "The alarm ends by your word; the run that raised it stays on record.")
    except alarm.NotAcknowledged as refused:
        messages.error(request, f"Refused: {refused}")
    return redirect("log")


def _line(run: alarm.Run) -> dict[str, Any]:
    first = run.faults[0]["what"] if run.faults else ""
    return {
        "run": run,
        "what": KINDS.get(run.kind, run.kind),
        "where": "the log as a whole" if (run.first_bad_index or 0) < 0 else f"entry {run.first_bad_index}",
        "first": first,
    }
