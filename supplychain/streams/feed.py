"""What a stream carries, and who may have one: reads of the database, each done in a thread."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from urllib.parse import parse_qsl, unquote, urlsplit
from uuid import UUID

from ledger import queries as log
from ledger import tenancy
from supplychain import tokens
from supplychain.epcis import answers
from supplychain.epcis.query import Query, read_query
from supplychain.epcis.translation import DIGITAL_LINKS, FORMATS, Translation
from supplychain.queries import namedqueries, prefixes
from supplychain.queries.candidates import Opened
from supplychain.queries.epcis_events import opened_since

SCOPE: Final = "epcis:query"
BATCH: Final = 50
"""Events in one message."""
_BEFORE, _BEHIND = "/epcis/queries/", "/events"
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
    """A stream that may be had: whose, of which query, from which index on."""

    party: UUID
    token: str
    name: str
    query: Query
    form: str
    position: Opened


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
    return Stream(party, token, name, read_query(row.query), _form(headers), _position(asked, size))


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
        document = answers.query_document(
            (found.answered for found in batch.events),
            created_at=now,
            query_name=stream.name,
            translation=Translation(stream.form, prefixes.prefix_length()),
        )
    document["@context"].append({"waylog": "urn:waylog:epcis:"})
    document["waylog:lastIndex"] = last_index(batch.events[-1].opened.next)
    return Message(json.dumps(document, ensure_ascii=False, separators=(",", ":")), batch.end, is_all)


def _read(target: str) -> tuple[str, dict[str, str]]:
    if len(target) > _LONGEST:
        raise Refused(414, "The address is too long.")
    parts = urlsplit(target)
    if not parts.path.startswith(_BEFORE) or not parts.path.endswith(_BEHIND):
        raise Refused(404, "Streams are at /epcis/queries/{name}/events.")
    asked = dict(parse_qsl(parts.query, keep_blank_values=True))
    if "access_token" in asked or "token" in asked:
        raise Refused(400, "A token never stands in an address: send it as Authorization: Bearer <token>.")
    if unknown := sorted(asked.keys() - {"lastIndex", "stream"}):
        raise Refused(400, f"A stream takes lastIndex and stream, and not {unknown[0][:40]}.")
    if asked.get("stream", "true") != "true":
        raise Refused(400, "Over WebSocket events come as they are captured: stream=true. Webhooks have schedules.")
    return unquote(parts.path[len(_BEFORE) : -len(_BEHIND)]), asked


def last_index(position: Opened) -> int | str:
    """What a client sends back as lastIndex to go on at this place: an index, or `41.17` for what entry 41 opened to
    the party up to index 17."""
    return f"{position.at}.{position.index - 1}" if position.index else position.at - 1


def _position(asked: Mapping[str, str], size: int) -> Opened:
    text = asked.get("lastIndex")
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
