"""What forecasts know of the world: observations decoded from verified entries, and from nothing else.

What an event means is not known here. The product registers a decoder at start-up that turns a verified entry into
observations; this module groups them into series and keeps the checkpoint they were verified against.
"""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

from forecasting.timeseries.series import Dated
from ledger.verified import VerifiedCheckpoint, VerifiedEntry, verified_entries, verified_some

DEMAND_KINDS = ("consumption", "receipts", "dispatches")
"""What counts as demand of a product at a site: the first of these that the site has, never a mixture."""
DEMAND_RULE = (
    "Consumption where the site records it; else what it accepted; else what was dispatched to it, censored by stock. "
    "Units are never mixed."
)


class NoDecoder(RuntimeError):
    """Nobody has said what an event means."""


@dataclass(frozen=True, slots=True)
class SeriesKey:
    """Which series an observation belongs to; `tenant` is the party at whose site the demand is."""

    kind: str
    product: str
    site: str
    unit: str
    tenant: UUID | None = None

    @property
    def text(self) -> str:
        """One text for one key: ["receipts","https://...","https://...","EA","0123..."]."""
        tenant = self.tenant.hex if self.tenant else None
        return json.dumps([self.kind, self.product, self.site, self.unit, tenant], separators=(",", ":"))


@dataclass(frozen=True, slots=True)
class Observation:
    """One quantity that an entry tells of. `source` (a party and its event id) is what a later entry may withdraw.

    `origin` is the place that the goods came from, where the entry says so.
    """

    series: SeriesKey
    at: datetime
    known_at: datetime
    quantity: float
    attested: bool
    index: int
    source: str = ""
    origin: str = ""


@dataclass(frozen=True, slots=True)
class Withdrawal:
    """A later entry says that `source` was wrong: from `known_at` on its observations count no more."""

    source: str
    known_at: datetime


Decode = Callable[[VerifiedEntry], Iterable[Observation | Withdrawal]]

_start: list[Callable[[], Decode]] = []


def register_decoder(decode: Decode) -> None:
    """Let `decode` tell what entries mean; the last one registered counts."""
    register_stateful_decoder(lambda: decode)


def register_stateful_decoder(start: Callable[[], Decode]) -> None:
    """Register one that remembers earlier entries: `start` makes a fresh one for each reading of the log."""
    _start[:] = [start]


def decoder() -> Decode:
    """A fresh decoder. Raises NoDecoder when nobody has said what events mean."""
    if not _start:
        raise NoDecoder("no decoder of events is registered")
    return _start[0]()


Countries = Callable[[Iterable[str]], Mapping[str, str]]
_countries: list[Countries] = []


def register_countries(countries: Countries) -> None:
    """Let `countries` tell the country (ISO 3166-1 alpha-2) of sites: their public holidays are known ahead."""
    _countries[:] = [countries]


def countries_of(sites: Iterable[str]) -> Mapping[str, str]:
    """The country of each site of which it is known."""
    return _countries[0](sites) if _countries else {}


@dataclass(frozen=True, slots=True, eq=False)
class SeriesHistory:
    """The observations of one series."""

    key: SeriesKey
    observations: tuple[Dated, ...]
    attested: bool
    first_index: int = 0


@dataclass(frozen=True, slots=True, eq=False)
class History:
    """All demand that the log tells of, sorted by key, and the checkpoint it was verified against."""

    checkpoint: VerifiedCheckpoint | None
    series: tuple[SeriesHistory, ...]


def demand_history(*, tree_size: int | None = None, only: Callable[[SeriesKey], bool] = lambda key: True) -> History:
    """Read the demand from the first `tree_size` entries (default: all), every kind. Disputed entries are left out.

    `only` says which series are wanted, so that a part of many fits in memory.

    Raises ledger.verified.LogBroken when the log does not hold, and NoDecoder when nobody has said what events mean.
    """
    decode, checkpoint = decoder(), None
    found: dict[SeriesKey, dict[str, list[Dated]]] = {}
    attested: set[SeriesKey] = set()
    by_source: dict[str, set[SeriesKey]] = {}
    first_index: dict[SeriesKey, int] = {}
    for entry in verified_entries(tree_size=tree_size):
        checkpoint = entry.checkpoint
        if entry.disputed or entry.body is None or entry.statement.type != "event":
            continue
        for told in decode(entry):
            if isinstance(told, Withdrawal):
                _withdraw(told, entry, found, by_source)
                continue
            if told.series.kind not in DEMAND_KINDS or not only(told.series):
                continue
            # Nobody knows a thing after it stands in the log.
            known_at = min(told.known_at, entry.record_time)
            dated = Dated(told.at, known_at, told.quantity, None, told.attested, told.origin)
            first_index.setdefault(told.series, entry.index)
            found.setdefault(told.series, {}).setdefault(told.source, []).append(dated)
            if told.source:
                by_source.setdefault(told.source, set()).add(told.series)
            if told.attested:
                attested.add(told.series)
    return History(
        checkpoint,
        tuple(
            SeriesHistory(
                key,
                tuple(dated for told in found[key].values() for dated in told),
                key in attested,
                first_index[key],
            )
            for key in sorted(found, key=lambda key: key.text)
        ),
    )


def signed_forecasts(indices: Sequence[int]) -> dict[int, VerifiedEntry]:
    """The verified `forecast` entries at `indices`, each with its own proof. Raises LogBroken."""
    return {entry.index: entry for entry in verified_some(indices) if entry.statement.type == "forecast"}


def _withdraw(
    told: Withdrawal,
    entry: VerifiedEntry,
    found: dict[SeriesKey, dict[str, list[Dated]]],
    by_source: dict[str, set[SeriesKey]],
) -> None:
    """End what `source` said so far; what it says later (a corrected event under the same id) stands."""
    known_at = min(told.known_at, entry.record_time)
    for key in by_source.get(told.source, ()):
        found[key][told.source] = [
            replace(dated, withdrawn_at=known_at) if dated.withdrawn_at is None else dated
            for dated in found[key][told.source]
        ]


def preferred(keys: Iterable[SeriesKey]) -> list[SeriesKey]:
    """For each product, site, unit and tenant the key of the first kind in DEMAND_KINDS; sorted by text."""
    best: dict[tuple[str, str, str, UUID | None], SeriesKey] = {}
    for key in sorted(keys, key=lambda key: DEMAND_KINDS.index(key.kind)):
        best.setdefault((key.product, key.site, key.unit, key.tenant), key)
    return sorted(best.values(), key=lambda key: key.text)
