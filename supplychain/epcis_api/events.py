"""/epcis/events: events by query, a page at a time, and one event with its error declarations."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from typing import Any

from django.http import HttpRequest, HttpResponse

from supplychain.epcis.errors import Fault, QueryInvalid
from supplychain.epcis.identifiers import is_uri
from supplychain.epcis.parameters import Condition
from supplychain.epcis.query import Query, read_parameters
from supplychain.epcis_api import headers, paging, problems, rendering
from supplychain.epcis_api.base import CAPTURE, JSON, JSON_LD, QUERY, XML, Endpoint, now
from supplychain.epcis_api.capture import EventCapture
from supplychain.epcis_api.paging import Asked
from supplychain.epcis_api.problems import EpcisProblem
from supplychain.queries import epcis_events
from supplychain.queries.candidates import Order, Place
from supplychain.queries.epcis_events import Found, Search, TooMany
from supplychain.queries.timelimit import TooSlow, time_limit

SIMPLE_QUERY = "SimpleEventQuery"
SECONDS = 10.0
"""That one look into the database may take."""


class EventsRead(Endpoint):
    """What every address shares that answers with events."""

    scopes = {"GET": QUERY}
    produces = (JSON, JSON_LD, XML)
    announces = headers.FORMATS


class Events(EventCapture):
    """GET events by query; POST one."""

    scopes = {"GET": QUERY, "POST": CAPTURE}

    def offered(self, method: str) -> tuple[str, ...]:
        """What was captured is told as JSON, events also as XML."""
        return self.produces if method == "POST" else EventsRead.produces

    def get(self, request: HttpRequest) -> HttpResponse:
        """Answer with a page of the events that the query in the address finds."""
        return answer(self, request)


class EventResource(EventsRead):
    """GET one event, and the declarations that it was wrong."""

    def get(self, request: HttpRequest, event_id: str) -> HttpResponse:
        """Answer with an EPCISQueryDocument; the event first. Two parties may have used one id: both are told."""
        if not is_uri(event_id) or request.GET:
            refuse_parameters(request)
            raise problems.no_such_resource("There is no such event, or none that you may see.")
        query = Query(conditions=(Condition("EQ_eventID", "EQ", "eventID", (event_id,)),))
        with bounded():
            page = epcis_events.search(query, party=self.party).page(
                order=Order(by_time=False, descending=False), after=None, limit=paging.MAX_PAGE
            )
        if not page.events:
            raise problems.no_such_resource("There is no such event, or none that you may see.")
        return rendering.query_document(request, (each.answered for each in page.events), form=self.form, now=now())


def refuse_parameters(request: HttpRequest) -> None:
    """Refuse whatever parameters an address without any was given."""
    for name in request.GET:
        said = f"There are no parameters here, and {name[:60]!r} is one."
        raise EpcisProblem("QueryParameterException", said)


# --- results ----------------------------------------------------------------------------------------------------------


def answer(
    endpoint: Endpoint,
    request: HttpRequest,
    *conditions: Condition,
    query: Query | None = None,
    name: str = SIMPLE_QUERY,
    of: str = "",
) -> HttpResponse:
    """Answer with a page of the result of the query in the address, or of `query`, and `conditions` besides.

    `of` says what the result depends on that the address does not say. Raises EpcisProblem.
    """
    asked = paging.asked(request, party=endpoint.party, of=of)
    with bounded():
        read = _query(request, asked, query).also(*conditions, *_since(request))
        events, place = _page(endpoint, read, asked)
    found = rendering.query_document(
        request, (each.answered for each in events), form=endpoint.form, now=now(), query_name=name
    )
    return paging.linked(found, request, asked, place)


@contextmanager
def bounded() -> Iterator[None]:
    """Answer what is too much, in events or in time, with the exceptions of EPCIS for that."""
    try:
        with time_limit(SECONDS):
            yield
    except TooMany as too_many:
        raise EpcisProblem("QueryTooLargeException", f"The result is too large: {too_many}.") from None
    except TooSlow:
        said = "This query takes too long; narrow it, by a time, an EPC, a place or a business step."
        raise EpcisProblem("QueryTooComplexException", said) from None
    except QueryInvalid as invalid:
        raise parameter_problem(invalid.faults) from None


def parameter_problem(faults: Iterable[Fault]) -> EpcisProblem:
    """The faults of the parameters of an address."""
    listed = [fault.as_dict() | {"parameter": _parameter_of(fault.pointer)} for fault in faults]
    count = "1 fault" if len(listed) == 1 else f"{len(listed)} faults"
    return EpcisProblem("QueryParameterException", f"The query has {count}.", errors=listed)


def _parameter_of(pointer: str) -> str:
    return pointer.removeprefix("/").partition("/")[0].replace("~1", "/").replace("~0", "~")


def _query(request: HttpRequest, asked: Asked, query: Query | None) -> Query:
    if query is None:
        return read_parameters(asked.pairs, headers.extensions(request))
    if asked.pairs:
        name = asked.pairs[0][0]
        said = f"A named query takes perPage and nextPageToken, and {name[:60]!r} is neither."
        raise EpcisProblem("QueryParameterException", said)
    return query


def _since(request: HttpRequest) -> tuple[Condition, ...]:
    moment = headers.min_record_time(request)
    return () if moment is None else (Condition("GE_recordTime", "GE", "recordTime", (moment,)),)


def _page(endpoint: Endpoint, query: Query, asked: Asked) -> tuple[list[Found], Mapping[str, Any] | None]:
    """The events of a page, and where the next one begins: the end of the result's entries, a place, what is left."""
    place = asked.place or {}
    found = epcis_events.search(query, party=endpoint.party, end=place.get("e"))
    if asked.place is None and query.max_event_count is not None:
        epcis_events.check_count(found, query.max_event_count)
    left = place.get("n", query.event_count_limit)
    limit = asked.per_page if left is None else min(asked.per_page, left)
    if query.order_by not in ("", "eventTime", "recordTime"):
        events, more = _sorted(found, query, int(place.get("o", 0)), limit)
    else:
        events, more = _ordered(found, query, place, limit)
    if left is not None:
        left -= len(events)
    if more is None or left == 0:
        return events, None
    return events, more | {"e": found.until} | ({} if left is None else {"n": left})


def _ordered(
    found: Search, query: Query, place: Mapping[str, Any], limit: int
) -> tuple[list[Found], dict[str, Any] | None]:
    after = Place(datetime.fromisoformat(place["t"]), place["i"]) if "i" in place else None
    order = Order(by_time=query.order_by != "recordTime", descending=query.descending)
    page = found.page(order=order, after=after, limit=limit)
    if page.next is None:
        return page.events, None
    return page.events, {"t": page.next.event_time.isoformat(), "i": page.next.index}


def _sorted(found: Search, query: Query, offset: int, limit: int) -> tuple[list[Found], dict[str, Any] | None]:
    events, has_more = epcis_events.sorted_page(
        found, by=query.order_by, descending=query.descending, offset=offset, limit=limit
    )
    return events, {"o": offset + len(events)} if has_more else None
