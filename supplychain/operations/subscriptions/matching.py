"""Which events a subscription's query finds: the seam between the log and what is sent."""

from __future__ import annotations

from ledger import queries as log
from supplychain.epcis.query import read_query
from supplychain.models import Subscription
from supplychain.operations.subscriptions.deliver import Looked, Matched
from supplychain.queries.epcis_events import matching_after


def events(row: Subscription, limit: int) -> Looked:
    """Look for the first events of the query that its party may read, from the position on."""
    query = read_query(row.query.query)
    batch = matching_after(query, party=row.tenant, after=row.position - 1, limit=limit)
    is_over = batch.end <= row.position  # a query for record times that are past looks at no entry any more
    return Looked(
        [Matched(found.index, found.answered) for found in batch.events], log.tree_size() if is_over else batch.end
    )
