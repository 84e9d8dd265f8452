"""Which events a subscription's query finds: the seam between the log and what is sent."""

from __future__ import annotations

from supplychain.epcis.query import read_query
from supplychain.models import Subscription
from supplychain.operations.subscriptions.deliver import Looked, Matched, place_of
from supplychain.queries.epcis_events import opened_since


def events(row: Subscription, limit: int) -> Looked:
    """Look for the first events of the query that its party may read, from the position on."""
    query = read_query(row.query.query)
    batch = opened_since(query, party=row.tenant, since=place_of(row), limit=limit)
    return Looked([Matched(found.opened, found.answered) for found in batch.events], batch.end)
