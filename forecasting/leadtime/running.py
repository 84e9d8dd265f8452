"""What a group's outcomes were, as known at each start: means that forget, shrunk towards their parent's.

No outcome counts before it was known: a walk through time takes outcomes in as they become known, and answers each
start from what has been taken in by then.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import exp, inf, log

import numpy as np

from forecasting.leadtime.journeys import Codes, Journeys, Vector

FOR_EVER = inf


@dataclass(frozen=True, slots=True)
class Grouping:
    """Which labels are held together, and whose mean the group's is shrunk to (its place in the list before it)."""

    labels: tuple[str, ...]
    parent: int | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Running:
    """A group's mean, and how many outcomes it weighs, at each start."""

    mean: Vector
    weight: Vector


def running_mean(
    start: Vector,
    known: Vector,
    value: Vector,
    codes: Codes,
    *,
    half_life: float = FOR_EVER,
    strength: float = 5.0,
    parent: Vector | None = None,
    prior: float = 0.0,
) -> Running:
    """The mean of `value` over each start's group, of outcomes known before it; `strength` outcomes say the parent's.

    Outcomes weigh half after `half_life` days. Without a parent the mean of all outcomes is it, and `prior` where
    there is none yet. `start` must be sorted.
    """
    decay = 0.0 if half_life == inf else log(2) / half_life
    size = int(codes.max(initial=0)) + 1
    weights, sums, seen = [0.0] * size, [0.0] * size, [0.0] * size
    everything = [0.0, 0.0, 0.0]
    order = [int(i) for i in np.argsort(known, kind="stable") if np.isfinite(known[i])]
    group, when, what = codes.tolist(), known.tolist(), value.tolist()
    means, counts, taken = np.empty(start.size), np.empty(start.size), 0
    for place, instant in enumerate(start.tolist()):
        while taken < len(order) and when[order[taken]] < instant:
            i, at = order[taken], group[order[taken]]
            faded = exp(-decay * (when[i] - seen[at]))
            weights[at], sums[at], seen[at] = weights[at] * faded + 1, sums[at] * faded + what[i], when[i]
            faded = exp(-decay * (when[i] - everything[2]))
            everything = [everything[0] * faded + 1, everything[1] * faded + what[i], when[i]]
            taken += 1
        base = float(parent[place]) if parent is not None else (everything[1] + prior) / (everything[0] + 1)
        at = group[place]
        faded = exp(-decay * (instant - seen[at])) if weights[at] else 0.0
        counts[place] = weights[at] * faded
        means[place] = (sums[at] * faded + strength * base) / (counts[place] + strength)
    return Running(means, counts)


def running_features(
    journeys: Journeys,
    value: Vector,
    groupings: Sequence[Grouping],
    *,
    half_lives: Sequence[float],
    strength: float = 5.0,
    prior: float = 0.0,
) -> list[Running]:
    """The running means of every grouping at every half-life, half-life by half-life."""
    coded = [journeys.codes(grouping.labels) for grouping in groupings]
    found: list[Running] = []
    for half_life in half_lives:
        here: list[Running] = []
        for grouping, codes in zip(groupings, coded, strict=True):
            parent = None if grouping.parent is None else here[grouping.parent].mean
            here.append(
                running_mean(
                    journeys.start,
                    journeys.known,
                    value,
                    codes,
                    half_life=half_life,
                    strength=strength,
                    parent=parent,
                    prior=prior,
                )
            )
        found += here
    return found


def columns(features: Sequence[Running], numbers: Sequence[Vector] = ()) -> Vector:
    """One table of means, weights and numbers, as a boosted model reads it."""
    return np.column_stack([each.mean for each in features] + [each.weight for each in features] + list(numbers))
