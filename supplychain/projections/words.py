"""What the events name that a party may read, each value once: what the collections of EPCIS list.

Such lists are short, and the events behind them many: the rows are kept where an event or a reader is added, so that a
list costs as much as it is long.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final
from uuid import UUID

from django.db import connection

from ledger import bulk

COLUMNS: Final = {
    "eventType": "event_type",
    "bizStep": "biz_step",
    "disposition": "disposition",
    "readPoint": "read_point",
    "bizLocation": "biz_location",
}
"""The fields that have a collection, and the columns of an event that hold them; EPCs are found by their own rows."""

OF_READERS: Final = f"""
INSERT INTO supplychain_eventword (party, field, value)
SELECT DISTINCT made.party, w.field, w.value FROM made JOIN supplychain_event e ON e.index = made.index
  CROSS JOIN LATERAL (VALUES {", ".join(f"('{field}', e.{column})" for field, column in COLUMNS.items())})
    w (field, value)
WHERE w.value <> '' ON CONFLICT DO NOTHING
"""
"""What the events name that were just opened to their readers: `made` has a party and an index in each row."""

_OWN = """
INSERT INTO supplychain_eventword (party, field, value) SELECT * FROM unnest(%s::uuid[], %s::text[], %s::text[])
ON CONFLICT DO NOTHING
"""
_FORGET = """
DELETE FROM supplychain_eventword w WHERE w.field = %s AND w.value = ANY(%s) AND w.party = ANY(%s)
  AND NOT EXISTS (SELECT 1 FROM supplychain_event e WHERE e.tenant = w.party AND e.{column} = w.value)
  AND NOT EXISTS (SELECT 1 FROM supplychain_eventreader v JOIN supplychain_event e ON e.index = v.index
    WHERE v.party = w.party AND e.{column} = w.value)
"""
_NAMED_BY = f"""
SELECT e.tenant, ARRAY(SELECT v.party FROM supplychain_eventreader v WHERE v.index = e.index),
  {", ".join(f"e.{column}" for column in COLUMNS.values())} FROM supplychain_event e WHERE e.index = %s
"""
Named = tuple[list[UUID], list[str]]


def keep(words: Iterable[tuple[UUID, str, str]]) -> None:
    """Remember what new events of a party's own name: party, field, value."""
    listed = sorted({each for each in words if each[2]})
    if listed:
        bulk.change(_OWN, [list(column) for column in zip(*listed, strict=True)])


def named_by(index: int) -> Named | None:
    """Who may read an event, and what it names, by field; None where there is no such event."""
    with connection.cursor() as cursor:
        cursor.execute(_NAMED_BY, [index])
        row = cursor.fetchone()
    return None if row is None else ([row[0], *row[1]], list(row[2:]))


def forget(named: Sequence[Named]) -> None:
    """Forget what erased events named, where no other event names it that the party may read."""
    with connection.cursor() as cursor:
        for parties, values in named:
            for (field, column), value in zip(COLUMNS.items(), values, strict=True):
                if value:
                    cursor.execute(_FORGET.format(column=column), [field, [value], parties])
