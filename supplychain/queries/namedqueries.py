"""Named queries as their party sees them."""

from __future__ import annotations

from uuid import UUID

from supplychain.models import DeletedPageToken, NamedQuery


class QueryMissing(LookupError):
    """There is no query of this name, or it is another party's: the same answer."""


def named_query(name: str, *, party: UUID) -> NamedQuery:
    """The party's query of this name; `epcis.query.read_query` reads its `query`. Raises QueryMissing."""
    row = NamedQuery.objects.filter(tenant=party, name=name).first()
    if row is None:
        raise QueryMissing(name)
    return row


def named_queries(*, party: UUID, limit: int, after: str = "") -> list[NamedQuery]:
    """The party's queries by name, behind the name `after`."""
    return list(NamedQuery.objects.filter(tenant=party, name__gt=after).order_by("name")[:limit])


def is_deleted_page(digest: bytes, *, party: UUID) -> bool:
    """Whether the party said that it will not ask for the page with this token."""
    return DeletedPageToken.objects.filter(tenant=party, digest=digest).exists()
