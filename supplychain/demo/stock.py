"""Goods that lie somewhere, lot by lot, the oldest leaving first."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime

from supplychain.demo.script import Load


class Stock:
    """What one site holds of each product, and what is on the shelf from a moment on."""

    def __init__(self) -> None:
        self._lots: dict[str, deque[Load]] = {}
        self._coming: list[tuple[datetime, tuple[Load, ...]]] = []

    def add(self, loads: Iterable[Load], *, at: datetime | None = None) -> None:
        """Put goods in, now or from `at` on."""
        if at is not None:
            self._coming.append((at, tuple(loads)))
            return
        for load in loads:
            if load.amount > 0:
                self._lots.setdefault(load.product, deque()).append(load)

    def settle(self, at: datetime) -> None:
        """Put on the shelf what has arrived by `at`."""
        self._coming.sort(key=lambda each: each[0])
        while self._coming and self._coming[0][0] <= at:
            self.add(self._coming.pop(0)[1])

    def held(self, product: str, *, with_coming: bool = False) -> float:
        """How much of a product there is."""
        coming = (load for _, loads in self._coming for load in loads) if with_coming else ()
        lots = self._lots.get(product, ())
        return sum(load.amount for load in lots) + sum(load.amount for load in coming if load.product == product)

    def take(self, product: str, amount: float) -> list[Load]:
        """Take at most so much out, from the oldest lots."""
        taken: list[Load] = []
        lots = self._lots.get(product, deque())
        while amount > 1e-9 and lots:
            oldest = lots[0]
            part = min(oldest.amount, amount)
            taken.append(replace(oldest, amount=part))
            amount -= part
            if oldest.amount - part > 1e-9:
                lots[0] = replace(oldest, amount=oldest.amount - part)
            else:
                lots.popleft()
        return taken


def onto_units(loads: Sequence[Load], capacity: float) -> list[list[Load]]:
    """Spread loads evenly over as few units as hold them, so that every unit is mixed; pieces stay whole."""
    total = sum(load.amount for load in loads)
    count = max(1, math.ceil(total / capacity))
    units: list[list[Load]] = [[] for _ in range(count)]
    turn = 0
    for load in loads:
        each, rest = divmod(round(load.amount), count)
        for number, unit in enumerate(units):
            extra = (number - turn) % count < rest
            if each + extra:
                unit.append(replace(load, amount=each + extra))
        turn += rest
    return [unit for unit in units if unit]
