"""What a stream carries, and who may have one: reads of the database, each done in a thread."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from urllib.parse import parse_qsl, unquote, urlsplit
from uuid import UUID

from ledger import queries as log
from ledger import tenancy
from supplychain import tokens
from supplychain.epcis import answers
from supplychain.epcis.answers import Answered
from supplychain.epcis.contexts import Context
from supplychain.epcis.query import Query, read_query
from supplychain.epcis.translation import DIGITAL_LINKS, FORMATS, Translation
from supplychain.epcis.values import Reader
from supplychain.operations.subscriptions.manage import first_index_since
from supplychain.queries import namedqueries, prefixes
from supplychain.queries.candidates import Opened
from supplychain.queries.epcis_events import opened_since
from supplychain.webhooks import schedule
from supplychain.webhooks.errors import ScheduleRefused
from supplychain.webhooks.schedule import Schedule

SCOPE: Final = "epcis:query"
BATCH: Final = 50
"""Events in one message."""
_BEFORE, _BEHIND = "/epcis/queries/", "/events"
_PARAMETERS = frozenset({"lastIndex", "initialRecordTime", "stream", "reportIfEmpty", *schedule.FIELDS})
_LONGEST = 4_000
_LAST_INDEX = re.compile(r"(?P<at>[0-9]{1,18})(\.(?P<within>[0-9]{1,18}))?")


class Refused(Exception):
    """Who asks gets no stream: with this status, and a sentence."""

    def __init__(self, status: int, message: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.headers = dict(headers or {})


@dataclass(frozen=True, slots=True)
class Stream:
    """A stream that may be had: whose, of which query, from which place on; with a schedule, at its times alone."""

    party: UUID
    token: str
    name: str
    query: Query
    form: str
    position: Opened
    schedule: Schedule | None = None
    report_if_empty: bool = False


@dataclass(frozen=True, slots=True)
class Message:
    """The next events, written out (empty where there were none); everything before `end` was looked at."""

    text: str
    end: Opened
    is_all: bool


def opened(target: str, headers: Mapping[str, str], *, now: datetime) -> Stream:
    """Read what a client asks for, and check that it may. Raises Refused."""
    name, asked = _read(target)
    kind, _, token = headers.get("Authorization", "").partition(" ")
    token = token.strip() if kind.lower() == "bearer" else ""
    party = allowed(token, now=now)
    with tenancy.acting_for(party):
        try:
            row = namedqueries.named_query(name, party=party)
        except namedqueries.QueryMissing:
            raise Refused(404, "There is no query of this name.") from None
        size = log.tree_size()
    when = _schedule(asked)
    if_empty = _flag(asked, "reportIfEmpty")
    return Stream(
        party, token, name, read_query(row.query), _form(headers), _position(asked, size), when, bool(if_empty)
    )


def allowed(token: str, *, now: datetime) -> UUID:
    """The party that a token may read for. Raises Refused."""
    grant = tokens.grant_of(token, now=now) if token else None
    if grant is None:
        said = "Send a token that holds: Authorization: Bearer <token>, from /oauth/token/."
        raise Refused(401, said, {"WWW-Authenticate": 'Bearer realm="waylog"'})
    if SCOPE not in grant.scopes:
        raise Refused(403, f"The token lacks the scope {SCOPE}.")
    return grant.party


def next_message(stream: Stream, position: Opened, *, now: datetime) -> Message:
    """The next events from `position` on. Raises Refused when the query is there no more."""
    batch = opened_since(stream.query, party=stream.party, since=position, limit=BATCH)
    with tenancy.acting_for(stream.party):
        is_all = batch.end >= Opened(log.tree_size())
        if not batch.events:
            return Message("", batch.end, is_all)
        text = _document(stream, [found.answered for found in batch.events], batch.events[-1].opened.next, now=now)
    return Message(text, batch.end, is_all)


def empty_message(stream: Stream, position: Opened, *, now: datetime) -> str:
    """What is sent at the time of a schedule where nothing came, to who wants to be told of that."""
    with tenancy.acting_for(stream.party):
        return _document(stream, [], position, now=now)


def _document(stream: Stream, found: Sequence[Answered], end: Opened, *, now: datetime) -> str:
    document = answers.query_document(
        found,
        created_at=now,
        query_name=stream.name,
        translation=Translation(stream.form, prefixes.prefix_length()),
    )
    document["@context"].append({"waylog": "urn:waylog:epcis:"})
    document["waylog:lastIndex"] = last_index(end)
    return json.dumps(document, ensure_ascii=False, separators=(",", ":"))


def _read(target: str) -> tuple[str, dict[str, str]]:
    if len(target) > _LONGEST:
        raise Refused(414, "The address is too long.")
    parts = urlsplit(target)
    if not parts.path.startswith(_BEFORE) or not parts.path.endswith(_BEHIND):
        raise Refused(404, "Streams are at /epcis/queries/{name}/events.")
    asked = dict(parse_qsl(parts.query, keep_blank_values=True))
    if "access_token" in asked or "token" in asked:
        raise Refused(400, "A token never stands in an address: send it as Authorization: Bearer <token>.")
    if unknown := sorted(asked.keys() - _PARAMETERS):
        raise Refused(400, f"A stream takes {', '.join(sorted(_PARAMETERS))}, and not {unknown[0][:40]}.")
    return unquote(parts.path[len(_BEFORE) : -len(_BEHIND)]), asked


def last_index(position: Opened) -> int | str:
    """What a client sends back as lastIndex to go on at this place: an index, or `41.17` for what entry 41 opened to
    the party up to index 17."""
    return f"{position.at}.{position.index - 1}" if position.index else position.at - 1


def _schedule(asked: Mapping[str, str]) -> Schedule | None:
    """When to send; None for at once. Events come either as a stream or by a schedule (EPCIS 2.0, 8.2.5.3)."""
    given = {name: asked[name] for name in schedule.FIELDS if name in asked}
    is_stream = _flag(asked, "stream")
    if is_stream and given:
        raise Refused(400, "Either stream=true or a schedule: when shall events be sent?")
    if is_stream is False and not given:
        raise Refused(400, "stream=false asks for a schedule: second, minute, hour, dayOfMonth, month, dayOfWeek.")
    if not given:
        return None
    try:
        return schedule.parse_schedule(given)
    except ScheduleRefused as refused:
        raise Refused(400, f"{refused.field or 'The schedule'}: {refused}") from None


def _flag(asked: Mapping[str, str], name: str) -> bool | None:
    text = asked.get(name)
    if text not in (None, "true", "false"):
        raise Refused(400, f"{name} is true or false.")
    return None if text is None else text == "true"


def _position(asked: Mapping[str, str], size: int) -> Opened:
    text, since = asked.get("lastIndex"), asked.get("initialRecordTime")
    if since is not None:
        if text is not None:
            raise Refused(400, "Either lastIndex or initialRecordTime: from where shall events be sent?")
        moment = Reader(Context({}, is_epcis=False)).time(since, "")
        if moment is None:
            raise Refused(400, "initialRecordTime is a time such as 2026-03-02T06:00:00Z.")
        return Opened(first_index_since(moment))
    if text is None:
        return Opened(size)
    found = _LAST_INDEX.fullmatch(text)
    if found is None or int(found["at"]) >= size:
        raise Refused(400, f"lastIndex is an index of the log, from 0 to {size - 1}, or what a message called so.")
    return (
        Opened(int(found["at"]) + 1) if found["within"] is None else Opened(int(found["at"]), int(found["within"])).next
    )


def _form(headers: Mapping[str, str]) -> str:
    given = headers.get("GS1-EPC-Format", "") or DIGITAL_LINKS
    if given not in FORMATS:
        raise Refused(400, f"GS1-EPC-Format is one of {', '.join(FORMATS)}.")
    return given
