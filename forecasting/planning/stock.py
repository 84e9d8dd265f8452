"""What lies where and what is on order, from changes, counts and orders; a count sets right all that came before."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Literal
from uuid import UUID

Kind = Literal["in", "out", "count", "order"]


@dataclass(frozen=True, slots=True)
class Key:
    """One product at one site of one party, in one unit."""

    tenant: UUID
    site: str
    product: str
    unit: str


@dataclass(frozen=True, slots=True)
class Change:
    """What one event says of one product: so much came, went, was counted, was ordered."""

    key: Key
    kind: Kind
    quantity: float
    at: datetime
    source: str
    index: int


@dataclass(frozen=True, slots=True)
class Wrong:
    """The event that is called `source` was wrong."""

    source: str


@dataclass(slots=True)
class Held:
    """What is there and what is coming. `counted_at` is None where nobody has counted yet."""

    on_hand: float = 0.0
    counted_at: datetime | None = None
    on_order: float = 0.0
    ordered_at: datetime | None = None
    changes: int = 0

    @property
    def is_plausible(self) -> bool:
        """Whether more went than ever came: then an opening balance is missing, and a count would tell."""
        return self.on_hand >= -1e-9


def positions(changes: Iterable[Change], *, now: datetime, wrong: Iterable[str] = ()) -> dict[Key, Held]:
    """Stock and open orders as of `now`; what was declared wrong is left out.

    What comes in fills the oldest order first, whatever it says it belongs to.
    """
    refused = set(wrong)
    found: dict[Key, Held] = {}
    known = [each for each in changes if each.at <= now and each.source not in refused]
    # What is counted at a moment is what is there after all else of that moment.
    for each in sorted(known, key=lambda one: (one.at, one.kind == "count", one.index)):
        held = found.setdefault(each.key, Held())
        held.changes += 1
        if each.kind == "count":
            held.on_hand, held.counted_at = each.quantity, each.at
        elif each.kind == "order":
            held.on_order += each.quantity
            held.ordered_at = held.ordered_at or each.at
        elif each.kind == "in":
            held.on_hand += each.quantity
            held.on_order = max(0.0, held.on_order - each.quantity)
            held.ordered_at = held.ordered_at if held.on_order else None
        else:
            held.on_hand -= each.quantity
    return found
