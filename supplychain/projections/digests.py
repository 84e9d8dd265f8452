"""Comparing projections: a digest a table, and where two versions of a table differ first."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from django.db import connection


@dataclass(frozen=True, slots=True)
class Table:
    """A projection: its key, and the column that leads back to the log (empty: none does).

    Not compared is what may be remade a little otherwise: of chains with erased bodies nobody knows any more by which
    entry they were opened to whom.
    """

    name: str
    key: str
    index: str = ""
    is_compared: bool = True


TABLES = (
    Table("supplychain_party", "id"),
    Table("supplychain_partyidentifier", "uri"),
    Table("supplychain_event", "index", "index"),
    Table("supplychain_eventscope", "scope, index", "index"),
    Table("supplychain_eventreader", "party, index", "index"),
    Table("supplychain_lateevent", "party, index", "index", is_compared=False),
    Table("supplychain_eventword", "party, field, value"),
    Table("supplychain_eventobject", "index, position", "index"),
    Table("supplychain_sensorreading", "index, position", "index"),
    Table("supplychain_shipment", "id", "last_index"),
    Table("supplychain_shipmentline", "shipment_id, position"),
    Table("ledger_scopereader", "party, scope"),
)
"""In the order in which rows may be removed from the last to the first."""


def digest_of_projections() -> dict[str, str]:
    """SHA-256 of each projection's rows, in the order of their keys, in hex."""
    return {table.name: _digest(table) for table in TABLES if table.is_compared}


def _digest(table: Table) -> str:
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT encode(sha256(coalesce(string_agg(encode(sha256(t::text::bytea), 'hex'), '' ORDER BY {table.key}),"
            f" '')::bytea), 'hex') FROM (SELECT * FROM {table.name}) t"
        )
        row = cursor.fetchone()
    return str(row[0]) if row else ""


def shadow_all() -> None:
    """Put empty temporary tables before the projections, for the rest of this transaction."""
    with connection.cursor() as cursor:
        for table in TABLES:
            cursor.execute(
                f"CREATE TEMPORARY TABLE {table.name} (LIKE public.{table.name} INCLUDING ALL) ON COMMIT DROP"
            )


def replace_all() -> None:
    """Put the rows of the temporary tables in the place of the projections' own."""
    with connection.cursor() as cursor:
        for table in reversed(TABLES[1:]):
            cursor.execute(f"DELETE FROM public.{table.name}")
        cursor.execute(
            "DELETE FROM public.supplychain_party WHERE id NOT IN (SELECT id FROM pg_temp.supplychain_party)"
        )
        cursor.execute(_PARTIES_ANEW)
        for table in TABLES[1:]:
            cursor.execute(f"INSERT INTO public.{table.name} SELECT * FROM pg_temp.{table.name}")


_PARTIES_ANEW = """
INSERT INTO public.supplychain_party AS p SELECT * FROM pg_temp.supplychain_party
ON CONFLICT (id) DO UPDATE SET name = excluded.name, uri = excluded.uri, is_operator = excluded.is_operator,
  created_at = excluded.created_at
"""
"""Parties are written over, not removed: people, sites and keys belong to them."""


def unshadow_all() -> None:
    """Take the temporary tables away again."""
    with connection.cursor() as cursor:
        for table in TABLES:
            cursor.execute(f"DROP TABLE pg_temp.{table.name}")


def differences() -> Iterator[tuple[int, str]]:
    """Where the shadowed tables differ from those that were made anew: the log's index (-1: unknown), and what."""
    for table in TABLES:
        if not table.is_compared:
            continue
        column = f"min({table.index})" if table.index else "-1::bigint"
        with connection.cursor() as cursor:
            cursor.execute(
                f"WITH kept AS (SELECT * FROM public.{table.name}), anew AS (SELECT * FROM pg_temp.{table.name}),"
                " differing AS ((SELECT * FROM kept EXCEPT SELECT * FROM anew)"
                " UNION ALL (SELECT * FROM anew EXCEPT SELECT * FROM kept))"
                f" SELECT count(*), {column} FROM differing"
            )
            count, index = cursor.fetchone() or (0, None)
        if count:
            at = -1 if index is None else int(index)
            yield (
                at,
                f"{count} rows of {table.name} are not what follows from the log; `manage.py rebuild` remakes them",
            )
