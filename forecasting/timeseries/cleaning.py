"""Caps and flags what no history explains, before a method learns from it: a slip of the pen, or demand made up.

A period far above everything else in its series counts as its usual peak; a level that has just jumped is flagged and
kept, for it may be true. The history that is shown, signed and scored keeps every number as it was told.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from forecasting.timeseries.series import Vector

DEVIATIONS = 10.0
"""Robust deviations beyond the median, from which on a period is far."""
TIMES_OTHERS = 3.0
RARE = 0.05
"""This share of the periods may be wrong without hiding one another; a yearly peak is more than that of all months."""
FEWEST = 12
LATELY = 3
JUMP_DEVIATIONS = 4.0
JUMP_TIMES = 1.4


@dataclass(frozen=True, slots=True)
class Flag:
    """A period that somebody should look at: what was told of it, what a method saw, and why."""

    place: int
    told: float
    used: float
    kind: Literal["capped", "jump"]


def cleaned(values: Vector, season_length: int = 1) -> tuple[Vector, tuple[Flag, ...]]:
    """The values that a method may learn from, and what is flagged. Missing ones stay missing."""
    known = np.flatnonzero(~np.isnan(values))
    if known.size < FEWEST:
        return values, ()
    seen = values[known]
    cap = _usual_peak(seen)
    far = known[(seen > _far(seen)) & (seen > TIMES_OTHERS * cap)]
    used = values
    if far.size:
        used = values.copy()
        used[far] = cap
    flags = [Flag(place, float(values[place]), cap, "capped") for place in far.tolist()]
    flags += [
        Flag(place, float(values[place]), float(values[place]), "jump")
        for place in _jumps(used, season_length)
        if place not in far
    ]
    return used, tuple(flags)


def _usual_peak(seen: Vector) -> float:
    """The largest value, but for the rare ones."""
    rare = max(1, int(np.ceil(RARE * seen.size)))
    return float(np.sort(seen)[-rare - 1])


def _far(seen: Vector) -> float:
    """The median and ten robust deviations, of the periods with demand where most are empty."""
    base = seen[seen > 0] if np.median(seen) == 0 else seen
    if base.size == 0:
        return float("inf")
    middle = float(np.median(base))
    spread = 1.4826 * float(np.median(np.abs(base - middle)))
    return middle + DEVIATIONS * max(spread, 0.1 * middle)


def _jumps(values: Vector, season_length: int) -> list[int]:
    """The latest periods that lie far above the same places of the season before, as none did earlier."""
    season = season_length if values.size >= 2 * season_length + FEWEST else 1
    before = values[:-season] if season > 1 else np.full(values.size - 1, np.nanmedian(values))
    now = values[season:] if season > 1 else values[1:]
    rise = now - before
    past = rise[:-LATELY]
    past = past[~np.isnan(past)]
    if past.size < FEWEST:
        return []
    middle = float(np.median(past))
    spread = 1.4826 * float(np.median(np.abs(past - middle)))
    spread = max(spread, 0.05 * float(np.nanmedian(values)))
    found = []
    for place in range(values.size - LATELY, values.size):
        was, is_now = before[place - season], values[place]
        if was > 0 and is_now > JUMP_TIMES * was and is_now - was > middle + JUMP_DEVIATIONS * spread > 0:
            found.append(place)
    return found
