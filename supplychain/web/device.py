"""This device: a key made in the browser, asked for here and followed until the log knows it."""

from __future__ import annotations

import re
from typing import Any

from django.http import HttpResponse, JsonResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_GET, require_POST

from ledger import queries as log
from ledger.admission import Refused
from ledger.tlog import strictjson
from ledger.tlog.errors import Malformed
from ledger.tlog.text import decode_base64, decode_base64url
from supplychain.models import KeyRequest
from supplychain.operations import parties
from supplychain.web.access import MemberRequest, member, operator
from supplychain.web.problems import refusal, refusals

MAX_BYTES = 4_096
NAMES = ("public_key", "statement_id", "pop", "label")
RENEWAL = ("public_key", "statement_id", "pop", "old_key", "vouch")


@member
def device(request: MemberRequest) -> HttpResponse:
    """Show the page that makes a key and says what became of it; the browser knows whether it has one."""
    return render(request, "device/page.html", {"suggestion": _suggestion(request.headers.get("User-Agent", ""))})


@require_POST
@operator
def request_key(request: MemberRequest) -> HttpResponse:
    """Take a public key with its proof of possession; it waits for the party's manager."""
    try:
        told = _read(request.body, NAMES)
        parties.request_key(
            party=request.membership.party_id,
            public_key=decode_base64url(told["public_key"], "the public key", pointer="/public_key"),
            role="device",
            statement_id=told["statement_id"],
            pop=decode_base64(told["pop"], "the proof", pointer="/pop"),
            label=told["label"][:120],
            requested_by=request.user,
            now=timezone.now(),  # noqa: TID251
        )
    except Malformed as malformed:
        return refusal(str(malformed), status=400)
    except Refused as refused:
        return refusals(refused)
    return JsonResponse({"state": "waiting"}, status=201)


@require_POST
@operator
def renew(request: MemberRequest) -> HttpResponse:
    """Take a new public key that this device's old one vouches for; nobody need approve it again."""
    try:
        told = _read(request.body, RENEWAL)
        made = parties.renew_key(
            told["old_key"],
            public_key=decode_base64url(told["public_key"], "the public key", pointer="/public_key"),
            statement_id=told["statement_id"],
            pop=decode_base64(told["pop"], "the proof", pointer="/pop"),
            vouch=decode_base64(told["vouch"], "the old key's word", pointer="/vouch"),
            party=request.membership.party_id,
            by=request.user,
            now=timezone.now(),  # noqa: TID251
        )
    except Malformed as malformed:
        return refusal(str(malformed), status=400)
    except Refused as refused:
        return refusals(refused)
    return JsonResponse({"state": made.state}, status=201)


@require_GET
@member
def key_state(request: MemberRequest) -> HttpResponse:
    """Say how a key of the acting party stands: waiting, approved, refused, revoked; unknown for all others."""
    key_id, party = request.GET.get("key", ""), request.membership.party_id
    record = log.key(key_id) if re.fullmatch(r"[A-Za-z0-9_-]{43}", key_id) else None
    ends = record.expires_ms if record is not None and record.party == party.hex else None
    answer = JsonResponse({"state": state_of(key_id, party.hex), "ends": ends})
    answer["Cache-Control"] = "no-store"
    return answer


def state_of(key_id: str, party: str) -> str:
    """The state of a key as its holder wants to know it."""
    known = log.key(key_id) if re.fullmatch(r"[A-Za-z0-9_-]{43}", key_id) else None
    if known is not None:
        if known.party != party:
            return "unknown"
        return "approved" if known.revoked_index is None else "revoked"
    asked = KeyRequest.objects.filter(key_id=key_id, party_id=party).first()
    return asked.state if asked else "unknown"


def _read(body: bytes, names: tuple[str, ...]) -> dict[str, str]:
    value: Any = strictjson.parse(body, max_bytes=MAX_BYTES)
    if not isinstance(value, dict) or value.keys() != set(names):
        raise Malformed(f"a request has exactly {', '.join(names)}")
    if not all(isinstance(value[name], str) for name in names):
        raise Malformed("all members of a request are strings")
    return value


def _suggestion(agent: str) -> str:
    """`Firefox on Android`: a name to start from."""
    browser = next((name for name in ("Firefox", "Edg", "Chrome", "Safari") if name in agent), "Browser")
    system = next(
        (name for name in ("Android", "iPhone", "iPad", "Windows", "Macintosh", "Linux") if name in agent), ""
    )
    shown = {"Edg": "Edge", "Macintosh": "a Mac"}
    return f"{shown.get(browser, browser)} on {shown.get(system, system)}" if system else browser
