"""Tells forecasting what the log's entries mean, in forecasting's own words, and in which country sites lie."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from uuid import UUID

from forecasting import arrivals, history, plans
from ledger.verified import VerifiedEntry
from supplychain import movements, observations, stocks


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


def decode_movements(entry: VerifiedEntry) -> Iterator[arrivals.Movement | arrivals.Wrong]:
    """What a verified entry tells of units on their way."""
    for told in movements.decode(entry, signer=UUID(entry.key.party)):
        if isinstance(told, movements.Wrong):
            yield arrivals.Wrong(told.source)
        else:
            yield arrivals.Movement(
                unit=told.unit,
                kind=told.kind,
                at=told.at,
                known_at=min(told.known_at, entry.record_time),
                by=told.by.hex,
                taker=told.taker,
                consignee=told.consignee,
                origin=told.origin,
                destination=told.destination,
                promised=told.promised,
                source=told.source,
                index=told.index,
            )


def decode_stock(entry: VerifiedEntry) -> Iterator[plans.Change | plans.Wrong]:
    """What a verified entry tells of its signer's stock and orders."""
    for told in stocks.decode(entry, signer=UUID(entry.key.party)):
        if isinstance(told, stocks.Wrong):
            yield plans.Wrong(told.source)
        else:
            key = plans.Key(told.tenant, told.site, told.product, told.unit)
            yield plans.Change(key, told.kind, told.quantity, told.at, told.source, told.index)
