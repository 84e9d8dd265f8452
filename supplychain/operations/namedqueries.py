"""Keeping queries under a name, and pages that nobody will ask for again."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import transaction

from ledger import tenancy
from supplychain.epcis.query import read_query
from supplychain.models import DeletedPageToken, NamedQuery
from supplychain.queries.namedqueries import QueryMissing

MOST_QUERIES = 1_000
"""Of one party."""


class NameTaken(ValueError):
    """The party has a query of this name already."""


class TooManyQueries(ValueError):
    """The party keeps as many queries as it may."""


@transaction.atomic
def keep_query(name: str, query: Mapping[str, Any], *, party: UUID, now: datetime) -> NamedQuery:
    """Keep a query under a name. Raises QueryInvalid, NameTaken, TooManyQueries."""
    read_query(query)
    with tenancy.system():
        if NamedQuery.objects.filter(tenant=party).count() >= MOST_QUERIES:
            raise TooManyQueries(f"A party keeps at most {MOST_QUERIES:,} named queries; delete one.")
        row = NamedQuery(tenant=party, name=name, query=dict(query), created_at=now)
        inserted = NamedQuery.objects.bulk_create([row], ignore_conflicts=True)
        kept = NamedQuery.objects.filter(tenant=party, name=name).first()
    if kept is None or kept.id != inserted[0].id:
        raise NameTaken(f'There is a query with the name "{name}" already.')
    return kept


@transaction.atomic
def delete_query(name: str, *, party: UUID) -> None:
    """Delete a named query and what belongs to it. Raises QueryMissing."""
    with tenancy.system():
        deleted, _ = NamedQuery.objects.filter(tenant=party, name=name).delete()
    if not deleted:
        raise QueryMissing(name)


def delete_page(digest: bytes, *, party: UUID, expires_at: datetime, now: datetime) -> None:
    """Remember that a page token is not to be used again; forget those that have run out."""
    with tenancy.system():
        DeletedPageToken.objects.filter(expires_at__lt=now).delete()
        row = DeletedPageToken(digest=digest, tenant=party, expires_at=expires_at)
        DeletedPageToken.objects.bulk_create([row], ignore_conflicts=True)
