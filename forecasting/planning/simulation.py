"""What a rule would have achieved: the past played again, period by period, with lost demand counted.

Each period begins with what arrives; demand takes from stock, and what is not there is lost; then the rule looks, and
orders. Judged by several figures at once, for any one of them alone is easily bought: cycle service level (share of
periods in which nothing was lost), fill rate (share of demand met), and the stock that it took. Where most periods ask
for nothing the first says little, for nothing is lost then whatever lies there: `asked` counts the others alone.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from forecasting.planning.inventory import Policy, Vector, rounded

UpTo = Callable[[int], float]
"""For a period the level to order up to, from what was known before it."""


@dataclass(frozen=True, slots=True)
class Played:
    """What came of one series."""

    periods: int
    short: int
    demand: float
    met: float
    stock: float
    """Mean of what was left at the end of each period."""
    orders: int
    asked: int
    """Periods in which anything was wanted."""

    @property
    def service(self) -> float:
        """Share of periods in which all demand was met."""
        return 1 - self.short / self.periods if self.periods else 1.0


def play(demand: Vector, up_to: UpTo, *, lead: int, policy: Policy, opening: float) -> Played:
    """Play one series: order up to a level each period; an order arrives as the period `lead` later begins."""
    stock, met, left, short, orders = opening, 0.0, 0.0, 0, 0
    coming = [0.0] * (len(demand) + lead + 1)
    for period, wanted in enumerate(np.nan_to_num(demand).tolist()):
        stock += coming[period]
        position = stock + sum(coming[period + 1 :])
        quantity = rounded(up_to(period) - position, policy)
        if quantity:
            orders += 1
            if lead == 0:
                stock += quantity
            else:
                coming[period + lead] += quantity
        given = min(stock, wanted)
        short += wanted > given + 1e-9
        stock, met = stock - given, met + given
        left += stock
    asked = int((np.nan_to_num(demand) > 0).sum())
    return Played(len(demand), short, float(np.nansum(demand)), met, left / max(len(demand), 1), orders, asked)


@dataclass(frozen=True, slots=True)
class Achieved:
    """What a rule achieved over many series."""

    service: float
    asked: float
    """The service in periods in which anything was wanted."""
    fill: float
    stock: float
    """Mean stock, each series in units of its own mean demand."""
    orders: float


def together(played: Sequence[Played], scales: Sequence[float]) -> Achieved:
    """Pool the periods; stock is scaled by each series' own demand, so that none outweighs the others."""
    periods = sum(each.periods for each in played)
    demand = sum(each.demand / scale for each, scale in zip(played, scales, strict=True))
    met = sum(each.met / scale for each, scale in zip(played, scales, strict=True))
    return Achieved(
        service=1 - sum(each.short for each in played) / max(periods, 1),
        asked=1 - sum(each.short for each in played) / max(sum(each.asked for each in played), 1),
        fill=met / demand if demand > 0 else 1.0,
        stock=float(np.mean([each.stock / scale for each, scale in zip(played, scales, strict=True)])),
        orders=sum(each.orders for each in played) / max(periods, 1),
    )


def min_max(train: Vector, *, lead: int, review: int = 1) -> tuple[float, float]:
    """A planner's rule of thumb: order below 1.5 times the mean demand of the lead time, up to a review more."""
    mean = float(np.nanmean(train[-12:]))
    low = 1.5 * mean * (lead + review)
    return low, low + mean * review
