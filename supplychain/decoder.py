"""Tells forecasting what the log's entries mean, in forecasting's own words, and in which country sites lie."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from uuid import UUID

from forecasting import history
from ledger.verified import VerifiedEntry
from supplychain import observations


def decode(entry: VerifiedEntry) -> Iterator[history.Observation | history.Withdrawal]:
    """What a verified entry tells of demand."""
    for told in observations.decode(entry, signer=UUID(entry.key.party)):
        if isinstance(told, observations.Withdrawal):
            yield history.Withdrawal(told.source, told.known_at)
        else:
            yield history.Observation(
                series=history.SeriesKey(told.kind, told.product, told.site, told.unit, told.tenant),
                at=told.at,
                known_at=told.known_at,
                quantity=told.quantity,
                attested=told.attested,
                index=told.index,
                source=told.source,
                origin=told.origin,
            )


def countries(sites: Iterable[str]) -> dict[str, str]:
    """The country of each of these sites that is in the register."""
    from supplychain.models import Site  # the register of this room

    return dict(Site.objects.filter(uri__in=set(sites)).exclude(country="").values_list("uri", "country"))
