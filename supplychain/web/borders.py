"""Countries under a map, from a file of this server: Natural Earth, public domain. Nothing is asked of the outside."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

FILE = Path(__file__).parent.parent / "static" / "data" / "borders.json"
"""The browser reads it too, for maps that can be moved (static/js/map.js)."""
SCALE = 100
"""Parts of a degree in which the file counts."""
LEAST_SHARE = 0.015
"""A country that fills less of a view is drawn without its name."""

Point = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Box:
    """A view, in degrees."""

    west: float
    south: float
    east: float
    north: float

    def meets(self, other: Box) -> bool:
        """Whether the two have anything in common."""
        return not (
            other.east < self.west or other.west > self.east or other.north < self.south or other.south > self.north
        )

    @property
    def area(self) -> float:
        return (self.east - self.west) * (self.north - self.south)


@dataclass(frozen=True, slots=True)
class Land:
    """What is seen of a country: rings within the view, and where its name stands, when enough of it is seen."""

    name: str
    rings: tuple[tuple[Point, ...], ...]
    label: Point | None


@dataclass(frozen=True, slots=True)
class _Ring:
    name: str
    points: tuple[Point, ...]
    box: Box


@lru_cache(maxsize=128)
def within(box: Box) -> tuple[Land, ...]:
    """The countries of a view, cut to it (Sutherland and Hodgman)."""
    seen: dict[str, list[tuple[Point, ...]]] = {}
    for ring in _rings():
        if box.meets(ring.box) and len(points := _cut(ring.points, box)) > 2:
            seen.setdefault(ring.name, []).append(points)
    return tuple(Land(name, tuple(rings), _label(rings, box)) for name, rings in seen.items())


@lru_cache(maxsize=1)
def _rings() -> tuple[_Ring, ...]:
    told = json.loads(FILE.read_text())
    lines = [_decoded(line, told["scale"]) for line in told["lines"]]
    found = []
    for name, rings in told["countries"]:
        for ring in rings:
            points = tuple(point for n in ring for point in (lines[n] if n >= 0 else lines[~n][::-1]))
            found.append(_Ring(name, points, _box(points)))
    return tuple(found)


def _decoded(line: Sequence[int], scale: int) -> list[Point]:
    x = y = 0
    points = []
    for step_x, step_y in zip(line[::2], line[1::2], strict=True):
        x, y = x + step_x, y + step_y
        points.append((x / scale, y / scale))
    return points


def _box(points: Iterable[Point]) -> Box:
    lons, lats = zip(*points, strict=True)
    return Box(min(lons), min(lats), max(lons), max(lats))


def _cut(points: Sequence[Point], box: Box) -> tuple[Point, ...]:
    for axis, bound, sign in ((0, box.west, 1), (0, box.east, -1), (1, box.south, 1), (1, box.north, -1)):
        points = _cut_along(points, axis, bound, sign)
        if not points:
            break
    return tuple(points)


def _cut_along(points: Sequence[Point], axis: int, bound: float, sign: int) -> list[Point]:
    """What lies on the inner side of one edge; where the ring crosses it, a point is set on it."""
    kept: list[Point] = []
    before = points[-1]
    was_in = (before[axis] - bound) * sign >= 0
    for point in points:
        is_in = (point[axis] - bound) * sign >= 0
        if is_in != was_in:
            share = (bound - before[axis]) / (point[axis] - before[axis])
            other = before[1 - axis] + share * (point[1 - axis] - before[1 - axis])
            kept.append((bound, other) if axis == 0 else (other, bound))
        if is_in:
            kept.append(point)
        before, was_in = point, is_in
    return kept


def _label(rings: Sequence[Sequence[Point]], box: Box) -> Point | None:
    area, middle = max(_centre(ring) for ring in rings)
    return middle if area > LEAST_SHARE * box.area else None


def _centre(ring: Sequence[Point]) -> tuple[float, Point]:
    """A ring's area, and its centroid."""
    twice = x = y = 0.0
    for (x1, y1), (x2, y2) in zip(ring, [*ring[1:], ring[0]], strict=True):
        cross = x1 * y2 - x2 * y1
        twice, x, y = twice + cross, x + (x1 + x2) * cross, y + (y1 + y2) * cross
    return (abs(twice) / 2, (x / (3 * twice), y / (3 * twice))) if twice else (0.0, ring[0])
