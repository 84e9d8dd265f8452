"""What the events that a party may read name: types, EPCs, steps, places, dispositions; each once, in order."""

from __future__ import annotations

from uuid import UUID

from django.db import connection

COLUMNS = {
    "bizStep": "biz_step",
    "disposition": "disposition",
    "readPoint": "read_point",
    "bizLocation": "biz_location",
    "eventType": "event_type",
}
_UNINDEXED = ("disposition", "eventType")

_SHARED = "supplychain_eventreader v JOIN supplychain_event e ON e.index = v.index WHERE v.party = %(party)s"


def named(field: str, *, party: UUID, after: str, limit: int) -> list[str]:
    """The next values of a field behind `after`."""
    if field == "epc":
        return _asked(_EPCS, party, after, limit)
    column = COLUMNS[field]
    own = _asked((_SCANNED if field in _UNINDEXED else _OWN).format(column=column), party, after, limit)
    shared = _asked(
        f'SELECT DISTINCT e.{column} COLLATE "C" FROM {_SHARED} AND e.{column} COLLATE "C" > %(after)s'
        " ORDER BY 1 LIMIT %(limit)s",
        party,
        after,
        limit,
    )
    return sorted({*own, *shared} - {""})[:limit]


# Each next value is looked up in the index, so that it costs as much as there are values, not events. The indexes of
# places leave out events without one, which must be asked for in so many words.
_OWN = """
WITH RECURSIVE found(value) AS (
  (SELECT e.{column} FROM supplychain_event e
    WHERE e.tenant = %(party)s AND e.{column} > %(after)s AND e.{column} <> '' ORDER BY e.{column} LIMIT 1)
  UNION ALL
  SELECT (SELECT e.{column} FROM supplychain_event e
    WHERE e.tenant = %(party)s AND e.{column} > found.value AND e.{column} <> ''
    ORDER BY e.{column} LIMIT 1) FROM found WHERE found.value IS NOT NULL
)
SELECT value FROM found WHERE value IS NOT NULL LIMIT %(limit)s
"""
_SCANNED = """
SELECT DISTINCT e.{column} COLLATE "C" FROM supplychain_event e
WHERE e.tenant = %(party)s AND e.{column} COLLATE "C" > %(after)s ORDER BY 1 LIMIT %(limit)s
"""
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


def _asked(sql: str, party: UUID, after: str, limit: int) -> list[str]:
    with connection.cursor() as cursor:
        cursor.execute(sql, {"party": party, "after": after, "limit": limit})
        return [row[0] for row in cursor.fetchall()]
