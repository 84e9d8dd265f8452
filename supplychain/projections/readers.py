"""Which events of others each party reads, as rows by time: those of the shipments that it is or was a party to.

The rows follow from the events, their scopes and the readers of these, whichever came first.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from uuid import UUID

from django.db import connection

from ledger import kept

_OF_EVENTS = """
INSERT INTO supplychain_eventreader (party, index, event_time)
SELECT DISTINCT r.party, e.index, e.event_time FROM supplychain_eventscope s
  JOIN supplychain_event e ON e.index = s.index JOIN ledger_scopereader r ON r.scope = s.scope AND r.party <> e.tenant
WHERE s.index = ANY(%s) AND s.scope = ANY(%s) ON CONFLICT DO NOTHING
"""
_OF_READERS = """
INSERT INTO supplychain_eventreader (party, index, event_time)
SELECT DISTINCT p.party, e.index, e.event_time FROM unnest(%s::uuid[], %s::uuid[]) p (scope, party)
  JOIN supplychain_eventscope s ON s.scope = p.scope
  JOIN supplychain_event e ON e.index = s.index AND e.tenant <> p.party
ON CONFLICT DO NOTHING
"""


def show(events: Sequence[tuple[int, Sequence[UUID]]]) -> None:
    """Let the readers of their scopes find new events, of which each is given with its scopes."""
    scopes = {scope for _, listed in events for scope in listed}
    if scopes:
        _execute(_OF_EVENTS, [[index for index, listed in events if listed], list(scopes)])


def admit(pairs: Iterable[tuple[UUID, UUID]]) -> None:
    """Let parties read scopes, and find the events that are there already: pairs of scope and party."""
    listed = list(pairs)
    kept.add_readers(listed)
    if listed:
        _execute(_OF_READERS, [[scope for scope, _ in listed], [party for _, party in listed]])


def _execute(sql: str, values: list[list[object]]) -> None:
    with connection.cursor() as cursor:
        cursor.execute(sql, values)
