"""`manage.py borders FILE`: make the borders that maps are drawn on, from Natural Earth as TopoJSON.

The file is `countries-50m.json` of the npm package world-atlas (`npm pack world-atlas`): Natural Earth's countries at
1:50,000,000, which are in the public domain. What is written is ours: each line simplified, in hundredths of a degree,
as differences; a line that two countries share is kept once, so that no gap opens between them.
"""

from __future__ import annotations

import json
from argparse import ArgumentParser
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from supplychain.web.borders import FILE, SCALE

TOLERANCE = 0.025
"""Degrees by which a simplified line may leave the line it was: 2.5 km."""
LEAST_AREA = 0.02
"""Square degrees: a smaller island is left out, unless a country has no larger one."""
SOUTH = -60.0
"""Nothing is traded further south."""

Point = tuple[float, float]


class Command(BaseCommand):
    help = "Make the borders that maps are drawn on, from Natural Earth's countries as TopoJSON"

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", type=Path, help="countries-50m.json of the npm package world-atlas")
        parser.add_argument("--out", type=Path, default=FILE)

    def handle(self, *args: Any, **options: Any) -> None:
        """Read, simplify, write; say how large it became."""
        try:
            topology = json.loads(options["file"].read_text())
            made = made_of(topology)
        except (OSError, ValueError, KeyError) as fault:
            raise CommandError(f"{options['file']} is no TopoJSON of countries: {fault}") from None
        text = json.dumps(made, ensure_ascii=False, separators=(",", ":"))
        options["out"].write_text(text + "\n")
        points = sum(len(each) // 2 for each in made["lines"])
        self.stdout.write(f"{len(made['countries'])} countries, {points:,} points, {len(text.encode()):,} bytes")


def made_of(topology: dict[str, Any]) -> dict[str, Any]:
    """The borders as the maps read them: lines, and countries as rings of lines (~n: line n from its end)."""
    lines = [decoded(arc, topology["transform"]) for arc in topology["arcs"]]
    kept: dict[int, int] = {}
    countries = []
    for geometry in topology["objects"]["countries"]["geometries"]:
        rings = _worth_drawing(_rings(geometry), lines)
        if rings:
            numbered = [[_renumbered(reference, kept) for reference in ring] for ring in rings]
            countries.append([geometry["properties"]["name"], numbered])
    simple = [differences(simplified(lines[old], TOLERANCE)) for old in kept]
    source = "Natural Earth 1:50m, admin 0 countries: public domain (naturalearthdata.com)"
    return {"source": source, "scale": SCALE, "lines": simple, "countries": countries}


def decoded(arc: Iterable[Sequence[int]], transform: dict[str, list[float]]) -> list[Point]:
    """A line's points in degrees: TopoJSON keeps each as its difference to the one before, quantized."""
    (scale_x, scale_y), (shift_x, shift_y) = transform["scale"], transform["translate"]
    x = y = 0
    points = []
    for step_x, step_y in arc:
        x, y = x + step_x, y + step_y
        points.append((x * scale_x + shift_x, y * scale_y + shift_y))
    return points


def simplified(points: Sequence[Point], tolerance: float) -> list[Point]:
    """The line without the points that lie within `tolerance` of it (Ramer, Douglas and Peucker); both ends stay."""
    keep = {0, len(points) - 1}
    spans = [(0, len(points) - 1)]
    while spans:
        first, last = spans.pop()
        far, at = max(
            ((_distance(points[n], points[first], points[last]), n) for n in range(first + 1, last)), default=(0.0, 0)
        )
        if far > tolerance:
            keep.add(at)
            spans += [(first, at), (at, last)]
    return [points[n] for n in sorted(keep)]


def differences(points: Iterable[Point]) -> list[int]:
    """Points as x, y, then steps, in whole parts of a degree; what does not move is left out."""
    found: list[int] = []
    at = (0, 0)
    for number, (lon, lat) in enumerate(points):
        x, y = round(lon * SCALE), round(lat * SCALE)
        if number == 0 or (x, y) != at:
            found += [x - at[0], y - at[1]]
            at = (x, y)
    return found


def _rings(geometry: dict[str, Any]) -> list[list[int]]:
    polygons = {"Polygon": [geometry.get("arcs", [])], "MultiPolygon": geometry.get("arcs", [])}
    return [ring for polygon in polygons.get(geometry["type"], []) for ring in polygon]


def _worth_drawing(rings: list[list[int]], lines: list[list[Point]]) -> list[list[int]]:
    sizes = []
    for ring in rings:
        points = [point for reference in ring for point in _line(reference, lines)]
        if max(lat for _, lat in points) > SOUTH:
            sizes.append((_area(points), ring))
    largest = max((size for size, _ in sizes), default=0.0)
    return [ring for size, ring in sizes if size >= min(LEAST_AREA, largest)]


def _line(reference: int, lines: list[list[Point]]) -> list[Point]:
    return lines[reference] if reference >= 0 else lines[~reference][::-1]


def _renumbered(reference: int, kept: dict[int, int]) -> int:
    old = reference if reference >= 0 else ~reference
    new = kept.setdefault(old, len(kept))
    return new if reference >= 0 else ~new


def _area(points: Sequence[Point]) -> float:
    pairs = zip(points, [*points[1:], points[0]], strict=True)
    return abs(sum(a[0] * b[1] - b[0] * a[1] for a, b in pairs)) / 2


def _distance(point: Point, start: Point, end: Point) -> float:
    (x, y), (x1, y1), (x2, y2) = point, start, end
    run, rise = x2 - x1, y2 - y1
    length = run * run + rise * rise
    share = 0.0 if length == 0 else max(0.0, min(1.0, ((x - x1) * run + (y - y1) * rise) / length))
    return float(((x - x1 - share * run) ** 2 + (y - y1 - share * rise) ** 2) ** 0.5)
