"""Documents that answer a query: the signed bodies, with what stands beside them laid over (EPCIS 2.0, 7.4.1, 10.2).

What a party signed is never changed. An answer is a copy of it that says recordTime, which the log gave, and eventID
where the event has none of its own.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from supplychain.epcis.builders import format_time
from supplychain.epcis.contexts import EPCIS_CONTEXT
from supplychain.epcis.translation import Translation


@dataclass(frozen=True, slots=True)
class Answered:
    """An event that stands in the log: the body as signed, and what stands beside it."""

    body: bytes
    event_id: str
    record_time: datetime


def overlaid(answered: Answered) -> tuple[Any, dict[str, Any]]:
    """Return the `@context` of a body, and its event with eventID and recordTime laid over."""
    value = json.loads(answered.body)
    event = {"type": value["event"].get("type"), "eventID": answered.event_id} | value["event"]
    event["recordTime"] = format_time(answered.record_time)
    return value.get("@context", EPCIS_CONTEXT), event


def bare_event(answered: Answered, translation: Translation) -> dict[str, Any]:
    """Write one event alone, with the `@context` that its prefixes need."""
    context, event = overlaid(answered)
    own = event.get("@context")
    items = [*(context if isinstance(context, list) else [context])]
    items += own if isinstance(own, list) else [own] if own is not None else []
    return {
        "@context": items,
        **{name: value for name, value in translation.event(event).items() if name != "@context"},
    }


def query_document(
    events: Iterable[Answered],
    *,
    created_at: datetime,
    query_name: str = "SimpleEventQuery",
    subscription_id: str | None = None,
    translation: Translation | None = None,
) -> dict[str, Any]:
    """Write an EPCISQueryDocument; `translation` says how identifiers are written, and counts those left as they were.

    Prefixes that mean one thing in all events stand in the document's `@context`; an event that uses one of them for
    something else carries its own.
    """
    results: dict[str, Any] = {"queryName": query_name}
    if subscription_id is not None:
        results["subscriptionID"] = subscription_id
    context, listed = _gathered(events, translation or Translation())
    results["resultsBody"] = {"eventList": listed}
    return {
        "@context": context,
        "type": "EPCISQueryDocument",
        "schemaVersion": "2.0",
        "creationDate": format_time(created_at),
        "epcisBody": {"queryResults": results},
    }


def _gathered(events: Iterable[Answered], translation: Translation) -> tuple[list[Any], list[dict[str, Any]]]:
    terms: dict[str, Any] = {}
    others: list[str] = []
    listed = []
    for answered in events:
        context, event = overlaid(answered)
        names, uris = _read(context)
        if any(terms.get(name, meaning) != meaning for name, meaning in names.items()):
            event["@context"] = _with_own(context, event.get("@context"))
        else:
            terms.update(names)
        others += [uri for uri in uris if uri not in others]
        listed.append(translation.event(event))
    return [EPCIS_CONTEXT, *others, *([terms] if terms else [])], listed


def _read(context: Any) -> tuple[dict[str, Any], list[str]]:
    """The terms that a context declares, and the further contexts that it names."""
    items = context if isinstance(context, list) else [context]
    names = {name: meaning for item in items if isinstance(item, dict) for name, meaning in item.items()}
    return names, [item for item in items if isinstance(item, str) and not item.endswith("epcis-context.jsonld")]


def _with_own(context: Any, own: Any) -> list[Any]:
    items = context if isinstance(context, list) else [context]
    inner = [] if own is None else own if isinstance(own, list) else [own]
    return [item for item in items if isinstance(item, dict)] + inner
