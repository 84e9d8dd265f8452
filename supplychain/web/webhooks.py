"""Webhooks of a party, for its manager: what goes where, what receivers said, and what to do when they say nothing."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from typing import Any
from uuid import UUID

from django import forms
from django.conf import settings
from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_POST

from supplychain.epcis.translation import DIGITAL_LINKS
from supplychain.models import Delivery, Subscription
from supplychain.operations import namedqueries as keeping
from supplychain.operations.subscriptions import manage
from supplychain.queries import namedqueries
from supplychain.queries import subscriptions as queries
from supplychain.web.access import MemberRequest, manager
from supplychain.webhooks import schedule
from supplychain.webhooks.subscribing import SubscriptionInvalid, Wanted, parse_subscription

SHOWN = 50
TIMES = (("stream", "Soon after each event"), ("schedule", "At set times"))


class WebhookForm(forms.Form):
    """Where the events of a query shall go, and when."""

    query = forms.ChoiceField(label="Events of the query")
    dest = forms.CharField(label="Send to", max_length=2_000, help_text="An https address of the receiver.")
    when = forms.ChoiceField(label="When", choices=TIMES, widget=forms.RadioSelect, initial="stream")
    hour = forms.CharField(label="Hours (UTC)", required=False, help_text="For set times: 6,18 or [8-17] or *.")
    minute = forms.CharField(label="Minutes", required=False, help_text="0 when left out.")
    days = forms.CharField(label="Days of the week", required=False, help_text="1 is Monday: [1-5]. All when left out.")
    report_if_empty = forms.BooleanField(label="At set times also say that there was nothing", required=False)
    with_token = forms.BooleanField(
        label="Sign with a shared secret (HMAC) too",
        required=False,
        help_text="It is made here and shown once. The Ed25519 signature is always there.",
    )

    def __init__(self, *args: Any, names: list[str], **more: Any) -> None:
        super().__init__(*args, **more)
        choices: Any = self.fields["query"]
        choices.choices = [(name, name) for name in names]

    def wanted(self, token: str) -> Wanted:
        """What the form asks for. Raises SubscriptionInvalid."""
        given = self.cleaned_data
        value: dict[str, Any] = {"dest": given["dest"], "reportIfEmpty": given["report_if_empty"]}
        if given["when"] == "stream":
            value["stream"] = True
        else:
            fields = {"hour": given["hour"], "minute": given["minute"], "dayOfWeek": given["days"]}
            value["schedule"] = {name: text for name, text in fields.items() if text}
        if token:
            value["signatureToken"] = token
        return parse_subscription(value, allow=settings.WAYLOG_WEBHOOK_ALLOW)


STEPS = (
    *("commissioning", "packing", "shipping", "receiving", "accepting", "unpacking"),
    *("transporting", "arriving", "departing", "inspecting", "storing", "retail_selling"),
)
"""The business steps that the page offers; the API takes all, and the whole query language."""


class QueryForm(forms.Form):
    """Which events are wanted, under a name."""

    name = forms.RegexField(
        r"\A(?!Simple)[A-Za-z0-9][A-Za-z0-9._~\-]{0,127}\Z",
        label="Name of the query",
        max_length=128,
        help_text="Letters, digits and . _ ~ - such as shipped-goods.",
        error_messages={"invalid": "Letters, digits and . _ ~ - alone, and no name that EPCIS defines."},
    )
    steps = forms.MultipleChoiceField(
        label="Business steps",
        choices=[(step, step.replace("_", " ")) for step in STEPS],
        widget=forms.CheckboxSelectMultiple,
        required=False,
        help_text="None chosen: every event that your company may read.",
    )


class FromForm(forms.Form):
    """From where to send again: an index, or a time."""

    index = forms.IntegerField(label="From index", min_value=0, required=False)
    time = forms.DateTimeField(
        label="or from the time (UTC)",
        required=False,
        widget=forms.DateTimeInput(attrs={"type": "datetime-local"}, format="%Y-%m-%dT%H:%M"),
    )


@manager
def webhooks(request: MemberRequest) -> HttpResponse:
    """Show the party's webhooks, those that need somebody first."""
    return _list(request)


@require_POST
@manager
def add(request: MemberRequest) -> HttpResponse:
    """Subscribe; a secret is shown once."""
    form = WebhookForm(request.POST, names=_names(request))
    if not form.is_valid():
        return _list(request, form=form, status=422)
    token = secrets.token_hex(32) if form.cleaned_data["with_token"] else ""
    try:
        query = namedqueries.named_query(form.cleaned_data["query"], party=_party(request))
        made = manage.subscribe(
            query=query,
            wanted=form.wanted(token),
            epc_format=DIGITAL_LINKS,
            now=timezone.now(),  # noqa: TID251
        )
    except SubscriptionInvalid as refused:
        form.add_error(_FIELDS.get(refused.pointer), str(refused))
        return _list(request, form=form, status=422)
    except manage.TooMany as refused:
        form.add_error(None, str(refused))
        return _list(request, form=form, status=409)
    return _list(request, made=made, token=token)


@require_POST
@manager
def add_query(request: MemberRequest) -> HttpResponse:
    """Keep a query of business steps, whose events a webhook can send then."""
    form = QueryForm(request.POST)
    if not form.is_valid():
        return _list(request, query_form=form, status=422)
    name, steps = form.cleaned_data["name"], form.cleaned_data["steps"]
    try:
        query = {"EQ_bizStep": steps} if steps else {}
        keeping.keep_query(name, query, party=_party(request), now=timezone.now())  # noqa: TID251
    except (keeping.NameTaken, keeping.TooManyQueries) as refused:
        form.add_error("name", str(refused))
        return _list(request, query_form=form, status=409)
    messages.success(request, f"The query {name} is kept. Say below where its events shall go.")
    return redirect("webhooks")


_FIELDS = {
    "/dest": "dest",
    "/schedule": "hour",
    "/schedule/hour": "hour",
    "/schedule/minute": "minute",
    "/schedule/dayOfWeek": "days",
}


@manager
def webhook(request: MemberRequest, pk: UUID) -> HttpResponse:
    """Show one, and what was sent for it."""
    return _one(request, pk)


@require_POST
@manager
def act(request: MemberRequest, pk: UUID, name: str) -> HttpResponse:
    """Pause, resume, test, step over, send again or end one."""
    if name not in _ACTS:
        raise Http404
    try:
        said = _ACTS[name](request, pk)
    except manage.SubscriptionMissing:
        raise Http404 from None
    except (manage.IndexRefused, manage.NothingToStepOver) as refused:
        messages.error(request, f"Refused: {refused}")
    else:
        messages.success(request, said)
    return redirect("webhooks") if name == "end" else redirect("webhook", pk)


def _pause(request: MemberRequest, pk: UUID) -> str:
    manage.pause(pk, party=_party(request), now=timezone.now())  # noqa: TID251
    return "It is paused. Nothing is lost: resumed, it goes on where it stopped."


def _resume(request: MemberRequest, pk: UUID) -> str:
    manage.resume(pk, party=_party(request), now=timezone.now())  # noqa: TID251
    return "It goes on where it stopped."


def _test(request: MemberRequest, pk: UUID) -> str:
    manage.ask_test(pk, party=_party(request), now=timezone.now())  # noqa: TID251
    return "A document without events is on its way; its answer will stand in the log below."


def _step_over(request: MemberRequest, pk: UUID) -> str:
    index = manage.step_over(pk, party=_party(request), now=timezone.now())  # noqa: TID251
    return f"The event at index {index:,} is left out; it goes on behind it."


def _replay(request: MemberRequest, pk: UUID) -> str:
    form = FromForm(request.POST)
    index = None
    if form.is_valid():
        index, moment = form.cleaned_data["index"], form.cleaned_data["time"]
        if index is None and moment is not None:
            index = manage.first_index_since(moment)
    if index is None:
        raise manage.IndexRefused("Say from which index or time.")
    manage.replay(pk, party=_party(request), index=index, now=timezone.now())  # noqa: TID251
    return f"Everything from index {index:,} on is sent again."


def _end(request: MemberRequest, pk: UUID) -> str:
    manage.unsubscribe(pk, party=_party(request))
    return "The webhook is ended."


_ACTS: dict[str, Callable[[MemberRequest, UUID], str]] = {
    "pause": _pause,
    "resume": _resume,
    "test": _test,
    "step-over": _step_over,
    "replay": _replay,
    "end": _end,
}
_TONES = {"paused": "bad", "failing": "warn", "behind": "go", "waiting": "", "current": "proof"}


def _party(request: MemberRequest) -> UUID:
    return request.membership.party_id


def _names(request: MemberRequest) -> list[str]:
    return [query.name for query in namedqueries.named_queries(party=_party(request), limit=1_000)]


def _list(request: MemberRequest, *, form: WebhookForm | None = None, status: int = 200, **more: Any) -> HttpResponse:
    names = _names(request)
    found = [_shown(each) for each in queries.standings(party=_party(request))]
    context = {
        "webhooks": found,
        "names": names,
        "form": form or WebhookForm(names=names),
        "query_form": QueryForm(),
        "key_url": "/epcis/webhook-keys",
    }
    answer = render(request, "webhooks/list.html", context | more, status=status)
    answer["Cache-Control"] = "no-store"
    return answer


def _one(request: MemberRequest, pk: UUID) -> HttpResponse:
    try:
        row = queries.subscription(pk, party=_party(request))
    except queries.SubscriptionMissing:
        raise Http404 from None
    text = request.GET.get("before", "")
    before = int(text) if text.isascii() and text.isdecimal() and len(text) < 19 else None
    found = queries.deliveries(row, limit=SHOWN + 1, before=before)
    context = {
        **_shown(queries.standing(row)),
        "deliveries": [_line(each) for each in found[:SHOWN]],
        "older": found[SHOWN - 1].id if len(found) > SHOWN else None,
        "is_first": before is None,
        "from_form": FromForm(auto_id="from_%s"),
        "stuck": queries.stuck_event(row),
    }
    return render(request, "webhooks/one.html", context)


def _shown(each: queries.Standing) -> dict[str, Any]:
    return {
        "row": each.row,
        "last": _line(each.last) if each.last else None,
        "behind": each.behind,
        "state": each.state,
        "tone": _TONES[each.state],
        "times": _times(each.row),
    }


def _times(row: Subscription) -> str:
    """`soon after each event`, or `hour 6,18; dayOfWeek [1-5] (UTC)`."""
    if row.schedule is None:
        return "soon after each event"
    parts = [f"{name} {row.schedule[name]}" for name in schedule.FIELDS if name in row.schedule]
    return f"{'; '.join(parts)} (UTC)"


def _line(row: Delivery) -> dict[str, Any]:
    is_taken = row.verdict == "delivered"
    return {
        "at": f"{row.at:%-d %b %H:%M:%S}",
        "again": f"{row.next_at:%-d %b %H:%M:%S}" if row.next_at else "",
        "row": row,
        "is_taken": is_taken,
        "answer": str(row.status) if row.status else "no answer",
        "what": {"test": "a test", "empty": "no events"}.get(row.kind, ""),
    }
