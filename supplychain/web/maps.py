"""Maps that the server draws: places by latitude and longitude over the borders of this server; no tiles, no outside.

Like a chart each comes in two sizes, so that its text stays legible on a phone; a browser makes of `places` one that
can be moved (static/js/map.js). Nothing here knows colours.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import ceil, cos, floor, radians

from supplychain.web import borders

KM_PER_DEGREE = 111.2
LETTER = 6.6
"""How wide a letter of a label is taken to be."""
LEAST_DEGREES = 0.3
"""A map shows no less, so that one place alone still has surroundings."""
WIDE, NARROW = (560, 340), (330, 280)

Position = tuple[float, float]
"""Latitude and longitude, in degrees."""
Point = tuple[float, float]
"""A place on the picture."""


@dataclass(frozen=True, slots=True)
class Spot:
    """A place to be shown: where, what it is called, and what kind of mark it gets."""

    position: Position
    name: str
    kind: str
    words: str = ""


@dataclass(frozen=True, slots=True)
class Path:
    """A line to be shown along positions; `look` is for the style sheet, `words` for who points at it."""

    positions: tuple[Position, ...]
    look: str
    words: str


@dataclass(frozen=True, slots=True)
class Dot:
    """A place on the picture. Where its name would cover another's, the picture leaves it out; `words` holds it."""

    x: float
    y: float
    kind: str
    words: str
    label: Label | None


@dataclass(frozen=True, slots=True)
class Label:
    """A name on the picture."""

    text: str
    x: float
    y: float
    anchor: str


@dataclass(frozen=True, slots=True)
class Line:
    """A line on the picture."""

    points: str
    look: str
    words: str


@dataclass(frozen=True, slots=True)
class Picture:
    """A map of one size."""

    width: int
    height: int
    land: str
    countries: tuple[Label, ...]
    lines: tuple[Line, ...]
    dots: tuple[Dot, ...]
    bar: float
    kilometres: int


@dataclass(frozen=True, slots=True)
class Map:
    """A map in both sizes, and what is on it as JSON."""

    wide: Picture
    narrow: Picture
    places: str


def drawn(spots: Sequence[Spot], paths: Sequence[Path]) -> Map | None:
    """Draw places and lines; None where no place is known."""
    if not spots:
        return None
    wide, narrow = _picture(spots, paths, *WIDE, edge=46), _picture(spots, paths, *NARROW, edge=30)
    return Map(wide, narrow, _places(spots, paths))


def _places(spots: Iterable[Spot], paths: Iterable[Path]) -> str:
    """What the script of the page reads."""
    told = {
        "spots": [
            {"at": spot.position, "kind": spot.kind, "name": spot.name, "words": spot.words or spot.name}
            for spot in spots
        ],
        "paths": [{"at": path.positions, "look": path.look, "words": path.words} for path in paths],
    }
    return json.dumps(told, ensure_ascii=False, separators=(",", ":"))


@dataclass(frozen=True, slots=True)
class _View:
    """Equirectangular at the middle of what is shown."""

    width: int
    height: int
    west: float
    north: float
    across: float
    """Picture units a degree of longitude."""
    down: float
    """Picture units a degree of latitude."""

    def at(self, position: Position) -> tuple[float, float]:
        lat, lon = position
        return round((lon - self.west) * self.across, 1), round((self.north - lat) * self.down, 1)

    def box(self) -> borders.Box:
        """The whole picture, outwards to a tenth of a degree: neighbours share what was cut."""
        east, south = self.west + self.width / self.across, self.north - self.height / self.down
        return borders.Box(
            floor(self.west * 10) / 10, floor(south * 10) / 10, ceil(east * 10) / 10, ceil(self.north * 10) / 10
        )


def _view(positions: Iterable[Position], width: int, height: int, edge: int) -> _View:
    lats, lons = zip(*positions, strict=True)
    middle_lat, middle_lon = (min(lats) + max(lats)) / 2, (min(lons) + max(lons)) / 2
    squeeze = max(cos(radians(middle_lat)), 0.05)
    wanted_across = max((max(lons) - min(lons)) * squeeze, LEAST_DEGREES)
    wanted_down = max(max(lats) - min(lats), LEAST_DEGREES)
    down = min((width - 2 * edge) / wanted_across, (height - 2 * edge) / wanted_down)
    across = down * squeeze
    return _View(width, height, middle_lon - width / 2 / across, middle_lat + height / 2 / down, across, down)


def _picture(spots: Sequence[Spot], paths: Sequence[Path], width: int, height: int, *, edge: int) -> Picture:
    view = _view([spot.position for spot in spots], width, height, edge)
    courses = [tuple(map(view.at, path.positions)) for path in paths]
    lines = [
        Line(" ".join(f"{x},{y}" for x, y in course), path.look, path.words)
        for path, course in zip(paths, courses, strict=True)
    ]
    room = _Room.around([view.at(spot.position) for spot in spots], courses, width, height)
    dots = [_dot(spot, *view.at(spot.position), room) for spot in spots]
    land = borders.within(view.box())
    shape = "".join(_outline(ring, view) for each in land for ring in each.rings)
    countries = [found for each in land if (found := _country(each, view, room)) is not None]
    length = next((km for km in (1000, 500, 200, 100, 50, 20, 10, 5, 2, 1) if _bar(km, view) < width / 3), 1)
    return Picture(
        width, height, shape, tuple(countries), tuple(lines), tuple(dots), round(_bar(length, view), 1), length
    )


def _bar(kilometres: int, view: _View) -> float:
    return kilometres / KM_PER_DEGREE * view.down


def _outline(ring: Iterable[borders.Point], view: _View) -> str:
    """A ring as a path, without the points that nobody could tell apart."""
    kept: list[tuple[float, float]] = []
    for lon, lat in ring:
        x, y = view.at((lat, lon))
        if not kept or abs(x - kept[-1][0]) + abs(y - kept[-1][1]) >= 1:
            kept.append((x, y))
    return "M" + "L".join(f"{x:g} {y:g}" for x, y in kept) + "Z" if len(kept) > 2 else ""


@dataclass(frozen=True, slots=True)
class _Area:
    """What a mark or a label covers."""

    left: float
    top: float
    right: float
    bottom: float

    def meets(self, other: _Area) -> bool:
        return not (
            other.right < self.left or other.left > self.right or other.bottom < self.top or other.top > self.bottom
        )

    def holds(self, other: _Area) -> bool:
        return (
            self.left <= other.left
            and other.right <= self.right
            and self.top <= other.top
            and other.bottom <= self.bottom
        )


@dataclass(slots=True)
class _Room:
    """Where names may still stand: not over marks and other names, and rather not over lines."""

    inside: _Area
    taken: list[_Area]
    lines: list[_Area]

    @classmethod
    def around(cls, marks: Iterable[Point], courses: Iterable[Sequence[Point]], width: int, height: int) -> _Room:
        """The room that marks, lines and the scale leave."""
        taken = [_Area(x - 6, y - 6, x + 6, y + 6) for x, y in marks]
        taken.append(_Area(0, height - 34, width / 3 + 20, height))
        along = [point for course in courses for start, end in pairwise(course) for point in _between(start, end)]
        return cls(_Area(2, 2, width - 2, height - 2), taken, along)

    def place(self, text: str, choices: Iterable[Label], *, letter: float, over_lines: bool) -> Label | None:
        """The first of the places that is free, one without a line under it before all others."""
        free = []
        for label in choices:
            wide = len(text) * letter
            left = label.x - {"start": 0.0, "end": wide, "middle": wide / 2}[label.anchor]
            area = _Area(left, label.y - 11, left + wide, label.y + 3)
            if self.inside.holds(area) and not any(area.meets(other) for other in self.taken):
                free.append((any(area.meets(other) for other in self.lines), area, label))
        best = min(free, key=lambda each: each[0], default=None)
        if best is None or (best[0] and not over_lines):
            return None
        self.taken.append(best[1])
        return best[2]


def _between(start: Point, end: Point) -> Iterator[_Area]:
    """Points of a line, as closely as a name is high."""
    steps = max(1, ceil((abs(end[0] - start[0]) + abs(end[1] - start[1])) / 8))
    for n in range(steps + 1):
        x, y = start[0] + (end[0] - start[0]) * n / steps, start[1] + (end[1] - start[1]) * n / steps
        yield _Area(x, y, x, y)


def _dot(spot: Spot, x: float, y: float, room: _Room) -> Dot:
    places = [("start", x + 10, y + 4), ("end", x - 10, y + 4), ("middle", x, y - 11), ("middle", x, y + 20)]
    choices = [Label(spot.name, round(at, 1), round(down, 1), anchor) for anchor, at, down in places]
    label = room.place(spot.name, choices, letter=LETTER, over_lines=True) if spot.name else None
    return Dot(x, y, spot.kind, spot.words or spot.name, label)


def _country(land: borders.Land, view: _View, room: _Room) -> Label | None:
    """A country's name, where nothing else stands."""
    if land.label is None:
        return None
    label = Label(land.name, *view.at((land.label[1], land.label[0])), "middle")
    return room.place(land.name, [label], letter=LETTER + 1.6, over_lines=False)
