"""Which way is used: the table, unless a challenger's pinball loss was lower out of time.

Every way is fitted again at equal distances and asked for the journeys that start until the next fit. A challenger's
quantiles are moved by what the window before each fit says of them (split-conformal), open journeys counted as
censored: those that take long are not yet among the known ones. Where the future was again and again less like that
window than chance explains, what is said is spread further, by as much as it has been wrong so far.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from forecasting.leadtime.durations import censored_quantile, rising
from forecasting.leadtime.journeys import LEVELS, SHORTEST, Journeys, Mask, Vector
from forecasting.leadtime.models import Fit
from forecasting.leadtime.risk import blocks

WINDOW = 900.0
"""Days of starts that calibrate a way: orders come in bursts, and one burst says little of the next."""
ENOUGH = 80
"""Journeys that a calibration needs."""
STEADY = 600.0
"""Beside so many journeys that said nothing is amiss, those seen decide how far quantiles are spread."""
WIDEST = 3.0


@dataclass(frozen=True, slots=True)
class Score:
    """How a way did out of time."""

    pinball: float
    cover80: float
    cover95: float
    journeys: int


def out_of_time(journeys: Journeys, fit: Fit, *, since: float, every: float, levels: int = len(LEVELS)) -> Vector:
    """The quantiles that a way gave each journey from `since` on, fitted on what was known before its block."""
    found = np.full((len(journeys), levels), np.nan)
    for at, wanted in blocks(journeys.start, since=since, every=every):
        found[wanted] = fit(at)(wanted)
    return found


def shifts(
    journeys: Journeys, quantiles: Vector, *, at: float, levels: tuple[float, ...] = LEVELS, window: float = WINDOW
) -> Vector | None:
    """How far each level's logarithm must be moved, as the window before `at` has it; None with too few journeys."""
    used = (journeys.start < at) & (journeys.start >= at - window) & np.isfinite(quantiles[:, 0])
    if used.sum() < ENOUGH:
        return None
    closed = journeys.known_at(at)[used]
    age = np.log(np.maximum(at - journeys.start[used], SHORTEST))
    reached = np.where(closed, journeys.log_duration[used], age)
    rows = np.log(np.maximum(quantiles[used], SHORTEST))
    return np.array([censored_quantile(reached - rows[:, i], closed, level) for i, level in enumerate(levels)])


def calibrated(
    journeys: Journeys,
    quantiles: Vector,
    *,
    since: float,
    every: float = 30.0,
    levels: tuple[float, ...] = LEVELS,
    window: float = WINDOW,
) -> Vector:
    """The quantiles of each journey, moved as its own past asks for."""
    found = quantiles.copy()
    for at, wanted in blocks(journeys.start, since=since, every=every):
        moved = shifts(journeys, quantiles, at=at, levels=levels, window=window)
        if moved is not None:
            found[wanted] = rising(quantiles[wanted] * np.exp(moved))
    return found


def spreads(
    journeys: Journeys, quantiles: Vector, *, told: Mask, at: float, levels: tuple[float, ...] = LEVELS
) -> Vector | None:
    """By how much each level's logarithm must lie further from the median's; None with too few journeys.

    A calibration is true if the next journeys are like those of its window. Times drift, so they are not, and intervals
    hold less than they say. How much less is seen from what was said, calibrated, of all journeys that started before
    `at`: the factor that would have made each central interval true there, shrunk to none while few are seen. `told`
    is true where the quantiles were calibrated already.
    """
    used = (journeys.start < at) & told & np.isfinite(quantiles[:, 0])
    if used.sum() < ENOUGH:
        return None
    closed = journeys.known_at(at)[used]
    age = np.log(np.maximum(at - journeys.start[used], SHORTEST))
    reached = np.where(closed, journeys.log_duration[used], age)
    rows = np.log(np.maximum(quantiles[used], SHORTEST))
    middle = rows[:, levels.index(0.5)]
    beyond, found = reached >= middle, np.ones(len(levels))
    for low in range(levels.index(0.5)):
        high = len(levels) - 1 - low
        half = np.where(beyond, rows[:, high] - middle, middle - rows[:, low])
        # An open journey that is younger than the median may yet end anywhere: it is only known not to have.
        ratio = np.where(closed | beyond, np.abs(reached - middle) / np.maximum(half, 1e-3), 0.0)
        share = censored_quantile(ratio, closed, 1 - 2 * levels[low])
        found[[low, high]] = np.clip(share, 1.0, WIDEST)
    seen = float(used.sum())
    return np.asarray(found ** (seen / (seen + STEADY)))


def spread_out(quantiles: Vector, factors: Vector, levels: tuple[float, ...] = LEVELS) -> Vector:
    """Rows of quantiles moved away from their medians on the scale of logarithms."""
    rows = np.log(np.maximum(quantiles, SHORTEST))
    middle = rows[:, [levels.index(0.5)]]
    return rising(np.exp(middle + (rows - middle) * factors))


def held(
    journeys: Journeys,
    quantiles: Vector,
    *,
    told: Mask,
    since: float,
    every: float = 30.0,
    levels: tuple[float, ...] = LEVELS,
) -> Vector:
    """The calibrated quantiles of each journey, spread as what was said before it asks for."""
    found = quantiles.copy()
    for at, wanted in blocks(journeys.start, since=since, every=every):
        factors = spreads(journeys, quantiles, told=told, at=at, levels=levels)
        if factors is not None:
            found[wanted] = spread_out(quantiles[wanted], factors, levels)
    return found


def score(journeys: Journeys, quantiles: Vector, *, judged: Mask, levels: tuple[float, ...] = LEVELS) -> Score | None:
    """Mean of twice the pinball loss over .1 to .9 (days) and the shares inside 80 and 95 %; None without any."""
    used = judged & np.isfinite(journeys.duration) & np.isfinite(quantiles[:, 0])
    if not used.any():
        return None
    inner = [i for i, level in enumerate(levels) if 0.1 <= level <= 0.9]
    error = journeys.duration[used, None] - quantiles[used][:, inner]
    level = np.array(levels)[inner]
    loss = 2 * np.maximum(level * error, (level - 1) * error)
    return Score(
        pinball=float(loss.mean()),
        cover80=_inside(journeys, quantiles, used, levels, 0.1),
        cover95=_inside(journeys, quantiles, used, levels, 0.025),
        journeys=int(used.sum()),
    )


def _inside(journeys: Journeys, quantiles: Vector, used: Mask, levels: tuple[float, ...], low: float) -> float:
    actual = journeys.duration[used]
    lower, upper = quantiles[used, levels.index(low)], quantiles[used, levels.index(1 - low)]
    return float(((actual >= lower) & (actual <= upper)).mean())


def settled(journeys: Journeys, *, at: float, share: float = 0.975) -> Mask:
    """Those that started so long before `at` that nearly all of their like are over.

    Judged on younger ones too, a way that says too little would win: of those only the quick ones are known.
    """
    known = journeys.duration[journeys.known_at(at)]
    longest = float(np.quantile(known, share)) if known.size else 0.0
    return np.asarray(journeys.start <= at - longest)


def champion(
    journeys: Journeys,
    given: Mapping[str, Vector],
    *,
    baseline: str,
    since: float,
    every: float,
    levels: tuple[float, ...] = LEVELS,
) -> tuple[Vector, list[str]]:
    """What is said when the promotion is made anew before each block, as every night does; and each block's choice.

    A choice sees journeys of the window before it that had settled by then, and what was known of them.
    """
    found, chosen = given[baseline].copy(), []
    for at, wanted in blocks(journeys.start, since=since, every=every):
        judged = (journeys.start >= at - WINDOW) & settled(journeys, at=at) & journeys.known_at(at)
        scores = {name: score(journeys, each, judged=judged, levels=levels) for name, each in given.items()}
        chosen.append(promoted(scores, baseline=baseline))
        found[wanted] = given[chosen[-1]][wanted]
    return found, chosen


def promoted(scores: Mapping[str, Score | None], *, baseline: str) -> str:
    """The way with the lowest loss; the baseline where no challenger was judged on as many journeys."""
    own = scores.get(baseline)
    if own is None:
        return baseline
    judged = {name: one for name, one in scores.items() if one is not None and one.journeys >= own.journeys}
    return min(judged, key=lambda name: (judged[name].pinball, name != baseline))
