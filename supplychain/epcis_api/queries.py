"""/epcis/queries: queries that a party keeps under a name, and their results."""

from __future__ import annotations

import re
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.urls import reverse

from supplychain.epcis.builders import format_time
from supplychain.epcis.contexts import escape
from supplychain.epcis.errors import Fault, QueryInvalid
from supplychain.epcis.parsing import read_json
from supplychain.epcis.query import read_query
from supplychain.epcis.vocabulary import nearest
from supplychain.epcis_api import events, headers, paging, problems
from supplychain.epcis_api.base import QUERY, XML, Endpoint, json_response, now
from supplychain.epcis_api.events import SIMPLE_QUERY, EventsRead
from supplychain.epcis_api.problems import EpcisProblem
from supplychain.epcis_api.receiving import received
from supplychain.models import NamedQuery
from supplychain.operations import namedqueries as keeping
from supplychain.queries import namedqueries

MAX_BYTES = 256 * 1024
_MEMBERS = ("name", "query")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._~\-]{0,127}").fullmatch
RESERVED = (SIMPLE_QUERY, "SimpleMasterDataQuery")


class Queries(Endpoint):
    """GET the named queries; POST one."""

    scopes = {"GET": QUERY, "POST": QUERY}
    announces = headers.FORMATS

    def get(self, request: HttpRequest) -> HttpResponse:
        """List the party's queries by name, a page at a time."""
        asked = paging.asked(request, party=self.party)
        paging.refuse_others(asked)
        after = str((asked.place or {}).get("v", ""))
        found = namedqueries.named_queries(party=self.party, limit=asked.per_page + 1, after=after)
        listed = found[: asked.per_page]
        answer = json_response([definition(each) for each in listed], form=self.form)
        return paging.linked(answer, request, asked, {"v": listed[-1].name} if len(found) > len(listed) else None)

    def post(self, request: HttpRequest) -> HttpResponse:
        """Keep a query, `{"name": ..., "query": {...}}`: 201 with its address."""
        name, query = _read_definition(request)
        try:
            row = keeping.keep_query(name, query, party=self.party, now=now())
        except keeping.NameTaken as taken:
            raise EpcisProblem("DuplicateNameException", str(taken)) from None
        except keeping.TooManyQueries as too_many:
            raise EpcisProblem("ImplementationException", str(too_many), status=409) from None
        answer = json_response(definition(row), status=201, form=self.form)
        answer["Location"] = request.build_absolute_uri(reverse("epcis-query", args=[row.name]))
        return answer


class QueryResource(Endpoint):
    """GET or DELETE one named query."""

    scopes = {"GET": QUERY, "DELETE": QUERY}
    announces = headers.FORMATS

    def get(self, request: HttpRequest, name: str) -> HttpResponse:
        """Say what the query is."""
        return json_response(definition(query_named(name, self)), form=self.form)

    def delete(self, request: HttpRequest, name: str) -> HttpResponse:
        """Delete the query, and its subscriptions with it."""
        try:
            keeping.delete_query(query_named(name, self).name, party=self.party)
        except namedqueries.QueryMissing:
            raise _missing() from None
        return HttpResponse(status=204)


class QueryEvents(EventsRead):
    """GET the result of a named query; SimpleEventQuery is there always, and takes its query from the address."""

    def options(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """Say what is done here, and where the same events are a stream."""
        answer = super().options(request, *args, **kwargs)
        answer[headers.STREAM] = headers.stream_url(kwargs["name"])
        return answer

    def get(self, request: HttpRequest, name: str) -> HttpResponse:
        """Answer with a page of events; who asks for a WebSocket is sent on to the process that holds them."""
        if request.headers.get("Upgrade", "").strip().lower() == "websocket":
            query_named(name, self)
            return _sent_on(request, name)
        if name == SIMPLE_QUERY:
            return events.answer(self, request)
        row = query_named(name, self)
        return events.answer(self, request, query=read_query(row.query), name=row.name, of=str(row.id))


def _sent_on(request: HttpRequest, name: str) -> HttpResponse:
    asked = request.META.get("QUERY_STRING", "")
    answer = HttpResponse(status=307)
    answer["Location"] = headers.stream_url(name) + (f"?{asked}" if asked else "")
    return answer


def query_named(name: str, endpoint: Endpoint) -> NamedQuery:
    """The party's query of this name. Raises EpcisProblem (404)."""
    try:
        if _NAME(name):
            return namedqueries.named_query(name, party=endpoint.party)
    except namedqueries.QueryMissing:
        pass
    raise _missing()


def _missing() -> EpcisProblem:
    return EpcisProblem("NoSuchNameException", "There is no query with this name, or none of yours.")


def definition(row: NamedQuery) -> dict[str, Any]:
    """A named query as the bindings write it."""
    return {"name": row.name, "createdAt": format_time(row.created_at), "query": row.query}


def _read_definition(request: HttpRequest) -> tuple[str, dict[str, Any]]:
    with received(request, max_bytes=MAX_BYTES) as document:
        if document.media_type == XML:
            raise problems.implementation(415, "A query is kept as JSON.", headers={"Accept": "application/json"})
        data = b"".join(document.source())
    try:
        given = read_json(data, MAX_BYTES, refusal=QueryInvalid)
        faults = list(_faults(given))
        if isinstance(given, dict) and "query" in given:
            try:
                read_query(given["query"], at="/query")
            except QueryInvalid as invalid:
                faults += invalid.faults
    except QueryInvalid as invalid:
        faults = list(invalid.faults)
    if faults:
        listed = [fault.as_dict() for fault in faults]
        count = "1 fault" if len(listed) == 1 else f"{len(listed)} faults"
        raise EpcisProblem("QueryValidationException", f"The query has {count}.", errors=listed)
    if given["name"] in RESERVED:
        raise EpcisProblem(
            "DuplicateNameException", f"{given['name']} is a query of the standard's; choose another name."
        )
    return given["name"], given["query"]


def _faults(given: Any) -> list[Fault]:
    if not isinstance(given, dict):
        return [Fault("", 'A named query is an object with "name" and "query".')]
    found = [
        Fault(
            f"/{escape(name)}",
            f'"{name[:60]}" is not a member of a named query.',
            name[:60],
            _MEMBERS,
            nearest(name, _MEMBERS),
        )
        for name in given
        if name not in _MEMBERS
    ]
    found += [
        Fault(f"/{name}", f"A named query needs {name}, which is missing.") for name in _MEMBERS if name not in given
    ]
    name = given.get("name", "a")
    if not isinstance(name, str) or not _NAME(name):
        said = "A name is at most 128 letters, digits and . _ ~ -, beginning with a letter or a digit."
        found.append(Fault("/name", said, name[:60] if isinstance(name, str) else None))
    return found[:100]
