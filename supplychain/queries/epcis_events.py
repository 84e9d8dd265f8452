"""Events in the language of EPCIS: the result of a query, a page at a time, and what came since an index.

Candidates come in batches from SQL, the judge of each is `epcis.matching`. Between two pages nothing shifts: a result
is of the entries below an index that the first page fixes.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from ledger import kept, tenancy
from ledger import queries as log
from supplychain.epcis import fields
from supplychain.epcis.answers import Answered
from supplychain.epcis.disclosures import parse_whole
from supplychain.epcis.events import Event as EpcisEvent
from supplychain.epcis.matching import matches
from supplychain.epcis.query import Query
from supplychain.models import Event, LateEvent
from supplychain.queries.candidates import Candidate, Opened, OpeningOrder, Order, Place, candidates
from supplychain.queries.masterdata import PartyMasterData

MOST_LOOKED_AT = 10_000
"""Candidates that one call looks at; a page may be short of events for that, and the next goes on."""
MOST_SORTED = 10_000
"""Events that are sorted by what only their bodies say."""
_BATCH = 1_000


class TooMany(Exception):
    """More events are in the result than the query allows, or than can be counted or sorted."""


@dataclass(frozen=True, slots=True)
class Found:
    """An event in a result."""

    candidate: Candidate
    event: EpcisEvent
    body: bytes

    @property
    def index(self) -> int:
        return self.candidate.index

    @property
    def opened(self) -> Opened:
        return self.candidate.opened

    @property
    def answered(self) -> Answered:
        return Answered(self.body, self.candidate.event_id, self.candidate.record_time)


@dataclass(frozen=True, slots=True)
class Page:
    """Some of a result, in order; `next` is where the next page goes on, None where nothing follows."""

    events: list[Found]
    next: Place | None


@dataclass(frozen=True, slots=True)
class Batch:
    """What a party came to read from a place on, in that order; everything before `end` was looked at."""

    events: list[Found]
    end: Opened


@dataclass(frozen=True, slots=True)
class Search:
    """A query of a party's over the entries [first, end); `until` is what there was to be searched when it began."""

    query: Query
    party: UUID
    until: int
    end: int
    first: int = 0

    def page(self, *, order: Order, after: Place | None, limit: int, most: int = MOST_LOOKED_AT) -> Page:
        """The next events of the result behind the place `after`."""
        found: list[Found] = []
        place, seen = after, 0
        for each, is_found in self._judged(order, after, limit, most):
            if is_found is not None:
                if len(found) == limit:
                    return Page(found, place)
                found.append(is_found)
            place, seen = each.place, seen + 1
        return Page(found, place if seen >= most else None)

    def _judged(
        self, order: Order, after: Place | None, limit: int, most: int
    ) -> Iterator[tuple[Candidate, Found | None]]:
        """The candidates in order, each with what was found: at most `most` of them."""
        master_data, size, seen = PartyMasterData(self.party), min(limit + 1, _BATCH), 0
        while seen < most:
            size = min(size, most - seen)
            batch = candidates(
                self.query, party=self.party, first=self.first, end=self.end, order=order, after=after, limit=size
            )
            bodies = kept.bodies(each.index for each in batch)
            for each in batch:
                body = bodies.get(each.index)
                yield each, None if body is None else self._found(each, body, master_data)
            if len(batch) < size:
                return
            seen, after, size = seen + len(batch), batch[-1].place, min(size * 4, _BATCH)

    def _found(self, candidate: Candidate, body: kept.KeptBody, master_data: PartyMasterData) -> Found | None:
        event = parse_whole(body.body, body.disclosures)
        is_found = matches(
            self.query,
            event,
            event_id=candidate.event_id,
            record_time=candidate.record_time,
            master_data=master_data,
        )
        return Found(candidate, event, body.body) if is_found else None


def search(query: Query, *, party: UUID, end: int | None = None, first: int = 0) -> Search:
    """Search what `party` may read of the entries [first, end), of all there are where `end` is not given."""
    until = end = log.tree_size() if end is None else end
    for each in query.conditions:
        if each.field == "recordTime" and not each.scope:
            if each.operator == "GE":
                first = max(first, _first_recorded(each.values[0], end))
            else:
                end = _first_recorded(each.values[0], end)
    return Search(query.with_descendants(PartyMasterData(party).descendants), party, until, end, first)


def _first_recorded(moment: datetime, end: int) -> int:
    """Where in the log the events begin that it took in at `moment` or later: record times never decrease."""
    first = 0
    with tenancy.system():
        while first < end:
            middle = (first + end) // 2
            rows = Event.objects.filter(index__gte=middle, index__lt=end).order_by("index")
            row = rows.values_list("index", "record_time").first()
            if row is None or row[1] >= moment:
                end = middle
            else:
                first = row[0] + 1
    return first


def check_count(found: Search, at_most: int) -> None:
    """Raise TooMany where more than `at_most` events are in the result, or more than can be counted at once."""
    page = found.page(order=Order(), after=None, limit=min(at_most, MOST_LOOKED_AT))
    if page.next is not None:
        raise TooMany(f"more than {min(at_most, len(page.events)):,} events")


def sorted_page(found: Search, *, by: str, descending: bool, offset: int, limit: int) -> tuple[list[Found], bool]:
    """Events in the order of what only their bodies say, those that lack it last, and whether more follow.

    Raises TooMany where the result is too large to be sorted.
    """
    page = found.page(order=Order(), after=None, limit=MOST_SORTED)
    if page.next is not None:
        raise TooMany(f"more than {MOST_SORTED:,} events cannot be ordered by {by}")
    keyed = [(sort_key(by, each.event, found.query), each) for each in page.events]
    having = [each for each in keyed if each[0] is not None]
    having.sort(key=lambda each: (*each[0], each[1].index), reverse=descending)
    ordered = [each for _, each in having] + [each for key, each in keyed if key is None]
    return ordered[offset : offset + limit], len(ordered) > offset + limit


def sort_key(by: str, event: EpcisEvent, query: Query) -> Any:
    """What an event is ordered by: numbers before times before texts, each among themselves; None where it has none."""
    field, _, _ = by.partition("_")
    if ":" not in by and field in fields.MEASURES:
        amounts = [each.value for each in fields.MEASURES[field](event)]
        return (0, max(amounts), "") if amounts else None
    for value in fields.own(event, "own", by, query.prefixes, is_inner=False):
        for leaf in fields.leaves(value):
            number, moment = fields.number(leaf), fields.moment(leaf)
            if number is not None:
                return 0, number, ""
            return (1, moment.timestamp(), "") if moment is not None else (2, 0.0, str(leaf))
    return None


def opened_since(query: Query, *, party: UUID, since: Opened, limit: int, most: int = MOST_LOOKED_AT) -> Batch:
    """The events of the result in the order in which `party` came to read them, from the place `since` on.

    At most `limit` of them, of at most `most` candidates; go on at `Batch.end`. The database is read for the party,
    whoever asks.
    """
    with tenancy.acting_for(party):
        found = search(query, party=party)
        before = Place(datetime.min, 0, Opened(since.at, since.index - 1))
        page = found.page(order=OpeningOrder(until=found.until), after=before, limit=limit, most=most)
    if page.next is None or page.next.opened is None:
        return Batch(page.events, max(since, Opened(found.until)))
    return Batch(page.events, page.next.opened.next)


def opening_of(index: int, *, party: UUID) -> Opened:
    """Where an event stands in the order in which `party` came to read events."""
    late = LateEvent.objects.filter(party=party, index=index).values_list("opened_index", flat=True).first()
    return Opened(index if late is None else late, index)
