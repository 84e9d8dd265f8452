"""Which events of others each party reads, as rows by time: those of the shipments that it is or was a party to.

The rows follow from the events, their scopes and the readers of these, whichever came first. Where the readers came
after the event, it is remembered by which entry: subscribers are sent such events then.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from uuid import UUID

from django.db import connection

from ledger import kept
from supplychain.projections import words

# All parts of one statement see the readers as they were before it.
_OF_EVENTS = f"""
WITH made AS (
  INSERT INTO supplychain_eventreader (party, index, event_time)
  SELECT DISTINCT r.party, e.index, e.event_time FROM supplychain_eventscope s
    JOIN supplychain_event e ON e.index = s.index
    JOIN ledger_scopereader r ON r.scope = s.scope AND r.party <> e.tenant
  WHERE s.index = ANY(%s) AND s.scope = ANY(%s) ON CONFLICT DO NOTHING RETURNING party, index
) {words.OF_READERS}"""
_OF_READERS = f"""
WITH opened AS (
  SELECT p.party, e.index, e.event_time, min(p.opened_index) AS opened_index
  FROM unnest(%s::uuid[], %s::uuid[], %s::bigint[]) p (scope, party, opened_index)
  JOIN supplychain_eventscope s ON s.scope = p.scope
  JOIN supplychain_event e ON e.index = s.index AND e.tenant <> p.party
  GROUP BY p.party, e.index, e.event_time
), made AS (
  INSERT INTO supplychain_eventreader (party, index, event_time) SELECT party, index, event_time FROM opened
  ON CONFLICT DO NOTHING RETURNING party, index
), late AS (
  INSERT INTO supplychain_lateevent (party, index, opened_index)
  SELECT party, index, opened_index FROM opened WHERE opened_index > index AND NOT EXISTS (
    SELECT 1 FROM supplychain_eventreader v WHERE v.party = opened.party AND v.index = opened.index)
  ON CONFLICT DO NOTHING
) {words.OF_READERS}"""


def show(events: Sequence[tuple[int, Sequence[UUID]]]) -> None:
    """Let the readers of their scopes find new events, of which each is given with its scopes."""
    scopes = {scope for _, listed in events for scope in listed}
    if scopes:
        _execute(_OF_EVENTS, [[index for index, listed in events if listed], list(scopes)])


def admit(admitted: Iterable[tuple[UUID, UUID, int]]) -> None:
    """Let parties read scopes, and find the events that are there already: each scope and party, once, with the index
    of the entry that opens it to the party."""
    listed = list(admitted)
    kept.add_readers((scope, party) for scope, party, _ in listed)
    if listed:
        _execute(_OF_READERS, [list(column) for column in zip(*listed, strict=True)])


def _execute(sql: str, values: list[list[object]]) -> None:
    with connection.cursor() as cursor:
        cursor.execute(sql, values)
