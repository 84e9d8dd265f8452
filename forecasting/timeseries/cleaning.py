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
SEASONS = 4
"""The same place of so many seasons tells what is usual there: one alone is as uneven as what is judged by it."""
MADE_UP = 2
"""What was missing in so many periods before may come now."""


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
    """The latest periods that lie far above the same places of the seasons before, as none did earlier.

    What only makes up for what was missing just before, a delivery that came a day late, is no jump.
    """
    season = season_length if values.size >= 2 * season_length + FEWEST else 1
    before = _usual(values, season)
    rise = values - before
    made_up = rise.copy()
    for back in range(1, MADE_UP + 1):
        made_up[back:] += np.minimum(np.nan_to_num(rise[:-back]), 0.0)
    past = rise[:-LATELY]
    past = past[~np.isnan(past)]
    if past.size < FEWEST:
        return []
    middle = float(np.median(past))
    spread = 1.4826 * float(np.median(np.abs(past - middle)))
    spread = max(spread, 0.05 * float(np.median(values[~np.isnan(values)])))
    earlier = made_up[: -LATELY - season]  # a level that rose within the last season would hide itself
    far = max(middle + JUMP_DEVIATIONS * spread, float(np.max(earlier, where=~np.isnan(earlier), initial=0.0)))
    return [
        place
        for place in range(values.size - LATELY, values.size)
        if before[place] > 0 and made_up[place] > far and made_up[place] > (JUMP_TIMES - 1) * before[place]
    ]


def _usual(values: Vector, season: int) -> Vector:
    """For each period the median of the same places in the seasons before it; of all where there are no seasons."""
    if season == 1:
        return np.full(values.size, np.median(values[~np.isnan(values)]))
    same = np.full((SEASONS, values.size), np.nan)
    for back in range(1, min(SEASONS, values.size // season) + 1):
        same[back - 1, back * season :] = values[: values.size - back * season]
    same = np.sort(same, axis=0)  # what is not known comes last
    known = (~np.isnan(same)).sum(axis=0)
    places = np.arange(values.size)
    return np.asarray((same[np.maximum(known - 1, 0) // 2, places] + same[known // 2 % SEASONS, places]) / 2)
