"""Journeys as columns: when each started, what was known of it then, how long it took, and since when that is known.

Times are days since any fixed instant, durations days. An open journey has neither a duration nor a time from which it
is known: both are NaN and infinity.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Vector: TypeAlias = NDArray[np.float64]
Codes: TypeAlias = NDArray[np.int64]
Mask: TypeAlias = NDArray[np.bool_]

LEVELS = (0.025, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.975)
"""The quantiles of every estimate: those of demand forecasts too."""
SHORTEST = 1 / 1440
"""Days: a minute. Durations are compared as logarithms, and nothing arrives before it left."""


@dataclass(frozen=True, slots=True, eq=False)
class Journeys:
    """Journeys in order of their start; `labels` and `numbers` are what was known of each at its start."""

    start: Vector
    known: Vector
    duration: Vector
    labels: Mapping[str, tuple[str, ...]]
    numbers: Mapping[str, Vector]

    def __post_init__(self) -> None:
        assert (np.diff(self.start) >= 0).all(), "journeys are in order of their start"

    def __len__(self) -> int:
        return int(self.start.size)

    @property
    def log_duration(self) -> Vector:
        """Natural logarithms of the durations; NaN while open."""
        return np.log(np.maximum(self.duration, SHORTEST))

    def known_at(self, instant: float) -> Mask:
        """Those whose outcome was known before `instant`."""
        return np.asarray(self.known < instant)

    def codes(self, names: Sequence[str]) -> Codes:
        """One number for each combination of these labels; no labels: all alike."""
        if not names:
            return np.zeros(len(self), dtype=np.int64)
        seen: dict[tuple[str, ...], int] = {}
        rows = zip(*(self.labels[name] for name in names), strict=True)
        return np.array([seen.setdefault(row, len(seen)) for row in rows], dtype=np.int64)

    def take(self, chosen: Mask) -> Journeys:
        """Only the chosen ones."""
        places = np.flatnonzero(chosen)
        return Journeys(
            self.start[chosen],
            self.known[chosen],
            self.duration[chosen],
            {name: tuple(values[i] for i in places) for name, values in self.labels.items()},
            {name: values[chosen] for name, values in self.numbers.items()},
        )
