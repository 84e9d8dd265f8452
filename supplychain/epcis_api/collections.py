"""What events name, as resources: /epcis/eventTypes, epcs, bizSteps, bizLocations, readPoints, dispositions.

Each lists what stands in the events that the caller may read; each of its resources leads to those events. A resource
is there when such an event names it, or when it is a word of the standard: the absent and the foreign get one 404.
"""

from __future__ import annotations

from dataclasses import dataclass

from django.http import HttpRequest, HttpResponse

from supplychain.epcis.identifiers import MAX_LENGTH, canonical, is_uri
from supplychain.epcis.parameters import Condition
from supplychain.epcis.query import Query
from supplychain.epcis.vocabulary import BUSINESS_STEPS, DISPOSITIONS, EVENT_TYPES, Vocabulary
from supplychain.epcis_api import events, headers, paging, problems, rendering
from supplychain.epcis_api.base import QUERY, Endpoint, json_response, resource_list
from supplychain.epcis_api.events import EventsRead, bounded
from supplychain.queries import epcis_events, vocabularies
from supplychain.queries.candidates import Order


@dataclass(frozen=True, slots=True)
class Collection:
    """One of the collections: its name, the field of queries that its resources are values of, their vocabulary."""

    name: str
    field: str
    words: Vocabulary | tuple[str, ...] | None = None

    def value(self, text: str) -> str | None:
        """The resource that an address names, as it stands in events; None for what can be none."""
        if isinstance(self.words, tuple):
            return text if text in self.words else None
        if self.words is not None:
            return self.words.resolve(text)
        return canonical(text) if is_uri(text) and len(text) <= MAX_LENGTH else None

    def condition(self, value: str) -> Condition:
        """What holds for the events of a resource."""
        if self.field == "epc":
            return Condition("MATCH_anyEPC", "MATCH", "any", (value,))
        return Condition(f"EQ_{self.field}", "EQ", self.field, (value,))

    def is_standard(self, value: str) -> bool:
        """Whether it is a word of the standard, which is there whether or not an event has it."""
        return value in (self.words.words if isinstance(self.words, Vocabulary) else self.words or ())


COLLECTIONS = (
    Collection("eventTypes", "eventType", EVENT_TYPES),
    Collection("epcs", "epc"),
    Collection("bizSteps", "bizStep", BUSINESS_STEPS),
    Collection("bizLocations", "bizLocation"),
    Collection("readPoints", "readPoint"),
    Collection("dispositions", "disposition", DISPOSITIONS),
)


class Listed(Endpoint):
    """GET the resources of a collection."""

    scopes = {"GET": QUERY}
    announces = headers.FORMATS
    collection: Collection = COLLECTIONS[0]

    def get(self, request: HttpRequest) -> HttpResponse:
        """List what the events that the caller may read name, a page at a time."""
        asked = paging.asked(request, party=self.party)
        paging.refuse_others(asked)
        after = str((asked.place or {}).get("v", ""))
        with bounded():
            found = vocabularies.named(self.collection.field, party=self.party, after=after, limit=asked.per_page + 1)
        listed = found[: asked.per_page]
        translation = rendering.translation_for(request)
        answer = json_response(resource_list(translation.identifier(each) for each in listed), form=self.form)
        place = {"v": listed[-1]} if len(found) > len(listed) else None
        return paging.linked(rendering.finished(answer, translation), request, asked, place)


class Resource(Endpoint):
    """GET one resource: what there is beneath it, which is its events."""

    scopes = {"GET": QUERY}
    announces = headers.FORMATS
    collection: Collection = COLLECTIONS[0]

    def get(self, request: HttpRequest, value: str) -> HttpResponse:
        """List the resources beneath it."""
        _condition_of(self, self.collection, value)
        return json_response(resource_list(["events"]), form=self.form)


class ResourceEvents(EventsRead):
    """GET the events of one resource, those of them that a query finds."""

    collection: Collection = COLLECTIONS[0]

    def get(self, request: HttpRequest, value: str) -> HttpResponse:
        """Answer with a page of events."""
        return events.answer(self, request, _condition_of(self, self.collection, value))


def _condition_of(endpoint: Endpoint, collection: Collection, text: str) -> Condition:
    """What holds for the events of a resource. Raises EpcisProblem (404) where there is none."""
    value = collection.value(text)
    if value is not None:
        condition = collection.condition(value)
        if collection.is_standard(value):
            return condition
        with bounded():
            found = epcis_events.search(Query(conditions=(condition,)), party=endpoint.party)
            if found.page(order=Order(by_time=False), after=None, limit=1).events:
                return condition
    raise problems.no_such_resource("There is no such resource, or no event that you may see names it.")
