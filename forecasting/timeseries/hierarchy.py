"""Sums of forecasts that add up: by product, site, lane and in all, a day, week or month.

Everything is summed from the bottom: each series' forecast spread over the days it is about, then added. So whatever is
added up from one level is what another shows, to the last bits. Quantiles do not add up: their distances from the point
are joined with the correlation that the histories themselves showed, between independence and all going wrong together.
Only what is counted in one unit is added.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Literal

import numpy as np

from forecasting.timeseries.series import Frequency, Vector, period_of, step_from

Level = Literal["product", "site", "lane", "total"]
LEVELS_OF: tuple[Level, ...] = ("total", "product", "site", "lane")
BLOCK: dict[Frequency, int] = {"D": 7, "W": 4, "MS": 3}
FEWEST = 24
UNKNOWN = 0.2
"""The correlation where histories are too short to tell."""


@dataclass(frozen=True, slots=True, eq=False)
class Leaf:
    """The forecast of one series, and the history that tells how its errors hang together with others'.

    `lanes` are the shares of the places that its goods come from; they add up to one, or there are none.
    """

    product: str
    site: str
    frequency: Frequency
    first: date
    point: Vector
    quantiles: Vector
    levels: tuple[float, ...]
    history: Vector
    history_end: date
    season_length: int = 1
    lanes: Mapping[str, float] = field(default_factory=dict)

    @property
    def end(self) -> date:
        """The first day after the last step."""
        return step_from(self.first, self.frequency, self.point.size)


@dataclass(frozen=True, slots=True)
class Cell:
    """A sum in one period; `days` of it are forecast, which may be fewer than it has."""

    period: date
    point: float
    quantiles: tuple[float, ...]
    days: int
    is_whole: bool


@dataclass(frozen=True, slots=True)
class Node:
    """One row of a level: a product, a site, a lane (from, to), or all of it."""

    name: tuple[str, ...]
    series: int
    cells: tuple[Cell, ...]


def add_up(leaves: Sequence[Leaf], *, level: Level, every: Frequency) -> list[Node]:
    """Add up to one level, over the days that all series have a forecast for; the largest row first."""
    if not leaves:
        return []
    first, end = max(leaf.first for leaf in leaves), min(leaf.end for leaf in leaves)
    if first >= end:
        return []
    periods = _periods(first, end, every)
    together, apart = correlation(leaves), _over_time(leaves)
    groups: dict[tuple[str, ...], list[tuple[Vector, Vector]]] = {}
    for leaf in leaves:
        point, distance = _by_period(leaf, periods, apart)
        for name, share in _names(leaf, level):
            groups.setdefault(name, []).append((share * point, share * distance))
    levels = np.array(leaves[0].levels)
    nodes = [Node(name, len(parts), _cells(parts, periods, every, together, levels)) for name, parts in groups.items()]
    return sorted(nodes, key=lambda node: (-sum(cell.point for cell in node.cells), node.name))


def _names(leaf: Leaf, level: Level) -> list[tuple[tuple[str, ...], float]]:
    if level == "lane":
        lanes = leaf.lanes or {"": 1.0}
        whole = sum(lanes.values())
        return [((origin, leaf.site), share / whole) for origin, share in sorted(lanes.items())]
    names: Mapping[Level, tuple[str, ...]] = {"product": (leaf.product,), "site": (leaf.site,), "total": ()}
    return [(names[level], 1.0)]


def _periods(first: date, end: date, every: Frequency) -> list[tuple[date, date, date]]:
    """Each period's name, and the part of it that lies between `first` and `end`."""
    found, at = [], period_of(first, every)
    while at < end:
        after = step_from(at, every, 1)
        found.append((at, max(at, first), min(after, end)))
        at = after
    return found


def _by_period(leaf: Leaf, periods: Sequence[tuple[date, date, date]], apart: float) -> tuple[Vector, Vector]:
    """Points and distances (periods x levels) of a series, each step spread evenly over its days."""
    starts = [step_from(leaf.first, leaf.frequency, step) for step in range(leaf.point.size + 1)]
    distance = leaf.quantiles - leaf.point[:, None]
    weights = np.zeros((len(periods), leaf.point.size))
    for row, (_, start, end) in enumerate(periods):
        for step in range(leaf.point.size):
            days = (min(end, starts[step + 1]) - max(start, starts[step])).days
            if days > 0:
                weights[row, step] = days / (starts[step + 1] - starts[step]).days
    joined = [_joined(weights[row][:, None] * distance, apart) for row in range(len(periods))]
    return weights @ leaf.point, np.array(joined)


def _cells(
    parts: Sequence[tuple[Vector, Vector]],
    periods: Sequence[tuple[date, date, date]],
    every: Frequency,
    together: float,
    levels: Vector,
) -> tuple[Cell, ...]:
    points, distances = np.array([point for point, _ in parts]), np.array([distance for _, distance in parts])
    found = []
    for row, (period, start, end) in enumerate(periods):
        point = float(points[:, row].sum())
        quantiles = np.sort(np.maximum(point + _joined(distances[:, row, :], together), 0.0))
        days = (end - start).days
        whole = days == (step_from(period, every, 1) - period).days
        found.append(Cell(period, point, tuple(float(q) for q in quantiles), days, whole))
    return tuple(found)


def _joined(distances: Vector, correlation: float) -> Vector:
    """The distance of a sum from its parts' (parts x levels): all as one where they always err alike."""
    plain = distances.sum(axis=0)
    independent = np.sqrt((distances**2).sum(axis=0))
    size = np.sqrt((1 - correlation) * independent**2 + correlation * plain**2)
    return np.asarray(np.sign(plain) * size)


def correlation(leaves: Sequence[Leaf]) -> float:
    """How much the series' surprises come together: from the variance of their sum, over the periods all know."""
    frequency = max({leaf.frequency for leaf in leaves}, key=lambda one: sum(leaf.frequency == one for leaf in leaves))
    some = [leaf for leaf in leaves if leaf.frequency == frequency]
    surprises = {(leaf.history_end, i): _surprises(leaf) for i, leaf in enumerate(some)}
    newest = max(end for end, _ in surprises)
    kept = [one for (end, _), one in surprises.items() if end == newest and one.size >= FEWEST]
    if len(kept) < 2:
        return UNKNOWN
    length = min(one.size for one in kept)
    matrix = np.array([one[-length:] for one in kept])
    alone = matrix.var(axis=1)
    spread = np.sqrt(alone).sum() ** 2 - alone.sum()
    return float(np.clip((matrix.sum(axis=0).var() - alone.sum()) / spread, 0.0, 1.0)) if spread > 0 else UNKNOWN


def _over_time(leaves: Sequence[Leaf]) -> float:
    """The same of the periods of one series that follow each other."""
    found = []
    for leaf in leaves:
        block, one = BLOCK[leaf.frequency], _surprises(leaf)
        count = one.size // block
        if count >= FEWEST // BLOCK["MS"] and one.var() > 0:
            sums = one[-count * block :].reshape(count, block).sum(axis=1)
            found.append((sums.var() / (block * one.var()) - 1) / (block - 1))
    return float(np.clip(np.mean(found), 0.0, 1.0)) if found else UNKNOWN


def _surprises(leaf: Leaf) -> Vector:
    """Differences to the season before, which no forecaster of the last season foresaw."""
    values = np.nan_to_num(leaf.history, nan=float(np.nanmean(leaf.history)) if leaf.history.size else 0.0)
    season = leaf.season_length if 0 < leaf.season_length < values.size else 1
    return np.asarray(values[season:] - values[:-season])


def spread_days(leaf: Leaf) -> list[tuple[date, float]]:
    """Each day that a forecast is about, with its share: what every sum is made of."""
    found: list[tuple[date, float]] = []
    for step in range(leaf.point.size):
        start = step_from(leaf.first, leaf.frequency, step)
        days = (step_from(leaf.first, leaf.frequency, step + 1) - start).days
        found += [(start + timedelta(days=day), float(leaf.point[step]) / days) for day in range(days)]
    return found
