"""When to order and how much: demand over the lead time by Monte-Carlo, and what follows for one product at one site.

The protection interval is the lead time and the time until the next review: what is ordered now must last until an
order placed at the next review arrives. Reorder point and order-up-to level are quantiles of the demand over it at the
target cycle service level (Silver, Pyke and Thomas, 2017, chapters 6 and 7).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil, inf
from statistics import NormalDist
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from forecasting.timeseries.likeness import USUAL, Likeness

Vector: TypeAlias = NDArray[np.float64]

DRAWS = 4_000
LONGEST = 400
"""Periods that a lead time may take here."""


@dataclass(frozen=True, slots=True)
class Policy:
    """How one product is ordered at one site."""

    target: float = 0.95
    review: float = 1.0
    """Periods between two looks at the stock."""
    pack: float = 1.0
    minimum: float = 0.0
    most: float = inf

    def __post_init__(self) -> None:
        if not 0.5 <= self.target < 1:
            raise PolicyRefused("A target service level lies between 50 % and just under 100 %.")
        if not (self.review > 0 and self.pack > 0 and self.minimum >= 0 and self.most > 0):
            raise PolicyRefused("Review period and pack size are above zero, and a minimum order is none or more.")


class PolicyRefused(ValueError):
    """A policy that makes no sense; the message says what of it."""


@dataclass(frozen=True, slots=True)
class Position:
    """What is there, what is coming, what is owed."""

    on_hand: float
    on_order: float = 0.0
    owed: float = 0.0

    @property
    def inventory(self) -> float:
        """What orders are decided by: stock and what is coming, less what is owed."""
        return self.on_hand + self.on_order - self.owed


@dataclass(frozen=True, slots=True)
class Proposal:
    """What to order now, and why; `quantity` is 0 where nothing is needed."""

    quantity: float
    reorder_point: float
    order_up_to: float
    expected: float
    safety: float
    risk: float
    """Probability that stock runs out before anything ordered now could arrive."""
    risk_if_ordered: float
    """The same until an order of the next review could arrive, once this proposal is taken."""


def from_quantiles(scores: Vector, levels: Sequence[float], quantiles: Vector) -> Vector:
    """Values at normal `scores` of a distribution given by quantiles, joined straight; none is negative.

    Beyond the outermost levels it goes on as the last two say.
    """
    normal = np.array([NormalDist().inv_cdf(level) for level in levels])
    found = np.interp(scores, normal, quantiles)
    for beyond, inner, outer in ((scores < normal[0], 1, 0), (scores > normal[-1], -2, -1)):
        slope = (quantiles[outer] - quantiles[inner]) / (normal[outer] - normal[inner])
        found = np.where(beyond, quantiles[outer] + slope * (scores - normal[outer]), found)
    return np.asarray(np.maximum(found, 0.0))


def demand_paths(
    levels: Sequence[float],
    quantiles: Vector,
    *,
    draws: int = DRAWS,
    seed: int = 1,
    likeness: Likeness = USUAL,
) -> Vector:
    """Draw paths of demand, one row a draw and one column a step, from the quantiles of each step (steps x levels).

    Steps are joined by a Gaussian copula with the correlations that `likeness` says: forecasts that err high one
    month tend to do so the next, and what must be ordered is for a sum of months.
    """
    rng = np.random.default_rng(seed)
    steps, fade = quantiles.shape[0], likeness.fade
    noise = rng.standard_normal((draws, steps))
    lasting = noise.copy()
    for step in range(1, steps):
        lasting[:, step] = fade * lasting[:, step - 1] + np.sqrt(1 - fade**2) * noise[:, step]
    state = np.sqrt(likeness.share) * lasting + np.sqrt(1 - likeness.share) * rng.standard_normal((draws, steps))
    return np.column_stack([from_quantiles(state[:, step], levels, quantiles[step]) for step in range(steps)])


def demand_over(paths: Vector, lengths: Vector) -> Vector:
    """Demand of each path over its own length in periods; a part of a period counts its share.

    Beyond the last step the last one goes on.
    """
    longest = min(ceil(float(lengths.max(initial=0.0))) + 1, LONGEST)
    if longest > paths.shape[1]:
        paths = np.column_stack([paths, np.repeat(paths[:, -1:], longest - paths.shape[1], axis=1)])
    sums = np.column_stack([np.zeros(paths.shape[0]), np.cumsum(paths, axis=1)])
    lengths = np.clip(lengths, 0.0, paths.shape[1] - 1e-9)
    whole = lengths.astype(int)
    rows = np.arange(paths.shape[0])
    return np.asarray(sums[rows, whole] + (lengths - whole) * paths[rows, whole])


def lead_times(levels: Sequence[float], quantiles: Vector, *, draws: int = DRAWS, seed: int = 2) -> Vector:
    """Draw lead times, in periods."""
    scores = np.random.default_rng(seed).standard_normal(draws)
    return np.minimum(from_quantiles(scores, levels, quantiles), LONGEST)


def propose(policy: Policy, position: Position, *, paths: Vector, leads: Vector) -> Proposal:
    """Say what to order now of one product at one site; demand paths and lead times have as many draws."""
    until_arrival = demand_over(paths, leads)
    protected = demand_over(paths, leads + policy.review)
    reorder_point = float(np.quantile(until_arrival, policy.target))
    order_up_to = max(float(np.quantile(protected, policy.target)), reorder_point)
    expected = float(protected.mean())
    quantity = 0.0
    # Ordered is where stock would not last until the review after this one could be answered.
    if position.inventory < order_up_to:
        quantity = rounded(order_up_to - position.inventory, policy)
    risk = float((until_arrival > position.inventory + 1e-9).mean())
    after = float((protected > position.inventory + quantity + 1e-9).mean())
    return Proposal(quantity, reorder_point, order_up_to, expected, order_up_to - expected, risk, after)


def rounded(wanted: float, policy: Policy) -> float:
    """In whole packs, at least the minimum order, and no more than may be ordered at once."""
    if wanted <= 1e-9:
        return 0.0
    packs = ceil(max(wanted, policy.minimum) / policy.pack - 1e-9)
    return min(packs * policy.pack, policy.most if policy.most == inf else policy.most // policy.pack * policy.pack)
