"""What a stream carries, and who may have one: reads of the database, each done in a thread."""

from __future__ import annotations

import json
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
from supplychain.queries.epcis_events import matching_after

SCOPE: Final = "epcis:query"
BATCH: Final = 50
"""Events in one message."""
_BEFORE, _BEHIND = "/epcis/queries/", "/events"
_LONGEST = 4_000


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
    position: int


@dataclass(frozen=True, slots=True)
class Message:
    """The next events, written out (empty where there were none); all entries below `end` were looked at."""

    text: str
    end: int
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


def next_message(stream: Stream, position: int, *, now: datetime) -> Message:
    """The next events from `position` on. Raises Refused when the query is there no more."""
    batch = matching_after(stream.query, party=stream.party, after=position - 1, limit=BATCH)
    with tenancy.acting_for(stream.party):
        is_all = batch.end >= log.tree_size()
        if not batch.events:
            return Message("", batch.end, is_all)
        document = answers.query_document(
            (found.answered for found in batch.events),
            created_at=now,
            query_name=stream.name,
            translation=Translation(stream.form, prefixes.prefix_length()),
        )
    document["@context"].append({"waylog": "urn:waylog:epcis:"})
    document["waylog:lastIndex"] = batch.events[-1].index
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


def _position(asked: Mapping[str, str], size: int) -> int:
    text = asked.get("lastIndex")
    if text is None:
        return size
    if not (text.isascii() and text.isdecimal() and len(text) < 19) or int(text) >= size:
        raise Refused(400, f"lastIndex is an index of the log, from 0 to {size - 1}.")
    return int(text) + 1


def _form(headers: Mapping[str, str]) -> str:
    given = headers.get("GS1-EPC-Format", "") or DIGITAL_LINKS
    if given not in FORMATS:
        raise Refused(400, f"GS1-EPC-Format is one of {', '.join(FORMATS)}.")
    return given
