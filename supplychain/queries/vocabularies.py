"""What the events that a party may read name: types, EPCs, steps, places, dispositions; each once, in order."""

from __future__ import annotations

from uuid import UUID

from django.db import connection

FEW = 20_000
"""Events up to which a party's EPCs are gathered from these; of more, each next one is looked up among all."""


def named(field: str, *, party: UUID, after: str, limit: int) -> list[str]:
    """The next values of a field behind `after`."""
    if field == "epc":
        return _asked(_EPCS_OF_FEW if _has_few(party) else _EPCS, party, after, limit)
    return _asked(_WORDS, party, after, limit, field)


def _has_few(party: UUID) -> bool:
    """Whether the events are few that a party may read."""
    with connection.cursor() as cursor:
        cursor.execute(_COUNTED, {"party": party, "limit": FEW + 1})
        row = cursor.fetchone()
    return row is not None and row[0] <= FEW


_WORDS = """
SELECT value FROM supplychain_eventword WHERE party = %(party)s AND field = %(field)s AND value > %(after)s
ORDER BY value LIMIT %(limit)s
"""
_COUNTED = """
SELECT count(*) FROM (
  (SELECT FROM supplychain_event WHERE tenant = %(party)s LIMIT %(limit)s)
  UNION ALL (SELECT FROM supplychain_eventreader WHERE party = %(party)s LIMIT %(limit)s)) f
"""
# Compared so that the index of EPCs does not serve: it would be gone through whole for each event.
_EPCS_OF_FEW = """
SELECT DISTINCT o.epc COLLATE "C" FROM (
    SELECT index FROM supplychain_event WHERE tenant = %(party)s
    UNION SELECT index FROM supplychain_eventreader WHERE party = %(party)s
  ) e JOIN supplychain_eventobject o ON o.index = e.index
WHERE o.epc COLLATE "C" > %(after)s AND o.place <> 'reference' ORDER BY 1 LIMIT %(limit)s
"""
# Each next value is looked up in the index, so that it costs as much as there are values, not events.
_EPCS = """
WITH RECURSIVE found(value) AS (
  (SELECT o.epc FROM supplychain_eventobject o WHERE o.epc ~>~ %(after)s AND o.place <> 'reference' AND (
      o.tenant = %(party)s OR EXISTS (
        SELECT 1 FROM ledger_scopereader r WHERE r.party = %(party)s AND r.scope = ANY(o.scopes)))
    ORDER BY o.epc USING ~<~ LIMIT 1)
  UNION ALL
  SELECT (SELECT o.epc FROM supplychain_eventobject o WHERE o.epc ~>~ found.value AND o.place <> 'reference' AND (
      o.tenant = %(party)s OR EXISTS (
        SELECT 1 FROM ledger_scopereader r WHERE r.party = %(party)s AND r.scope = ANY(o.scopes)))
    ORDER BY o.epc USING ~<~ LIMIT 1) FROM found WHERE found.value IS NOT NULL
)
SELECT value FROM found WHERE value IS NOT NULL LIMIT %(limit)s
"""


def _asked(sql: str, party: UUID, after: str, limit: int, field: str = "") -> list[str]:
    with connection.cursor() as cursor:
        cursor.execute(sql, {"party": party, "after": after, "limit": limit, "field": field})
        return [row[0] for row in cursor.fetchall()]
