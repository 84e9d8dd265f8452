"""The day's routes in words and on a map that the server draws: places by their position, no tiles, no outside."""

from __future__ import annotations

from dataclasses import dataclass
from math import cos, radians
from typing import Any

from supplychain.web.names import Names

WIDTH, HEIGHT, EDGE = 560, 340, 46
TONES = 6


@dataclass(frozen=True, slots=True)
class VisitLine:
    """One stop of a route."""

    place: str
    arrives: str
    leaves: str
    load: float


@dataclass(frozen=True, slots=True)
class RouteLine:
    """What one vehicle does, in words."""

    number: int
    vehicle: str
    departs: str
    returns: str
    kilometres: float
    load: float
    capacity: float
    delayed: bool
    visits: tuple[VisitLine, ...]


@dataclass(frozen=True, slots=True)
class Dot:
    """A place on the map; its name stands to the left of it where it would leave the picture."""

    x: float
    y: float
    name: str
    kind: str
    anchor: str
    label_x: float


@dataclass(frozen=True, slots=True)
class Way:
    """A route's line."""

    points: str
    tone: int
    words: str


@dataclass(frozen=True, slots=True)
class Picture:
    """The map."""

    ways: tuple[Way, ...]
    dots: tuple[Dot, ...]
    bar: float
    kilometres: int
    width: int = WIDTH
    height: int = HEIGHT


def routes(kept: dict[str, Any], names: Names) -> list[RouteLine]:
    """The routes of a kept plan."""
    delayed = set(kept.get("delayed", []))
    return [
        RouteLine(
            number,
            route["vehicle"]["name"],
            clock(route["departs"]),
            clock(route["returns"]),
            route["kilometres"],
            route["load"],
            route["vehicle"]["capacity"],
            route["vehicle"]["name"] in delayed,
            tuple(
                VisitLine(
                    names.place(visit["stop"]["name"]), clock(visit["arrives"]), clock(visit["leaves"]), visit["load"]
                )
                for visit in route["visits"]
            ),
        )
        for number, route in enumerate(kept.get("routes", []), start=1)
    ]


def trouble(kept: dict[str, Any], names: Names) -> list[str]:
    """What a plan could not do, and what moved it."""
    found = [
        f"{names.place(each['name'])} is left out: {each['load']:,.0f} fit into no route of these vehicles and hours."
        for each in kept.get("left_out", [])
    ]
    found += [f"{names.place(uri)} has no position; it is in no route." for uri in kept.get("no_position", [])]
    found += [f"{name} is still out and starts later: its arrival is estimated." for name in kept.get("delayed", [])]
    return found


def picture(kept: dict[str, Any], names: Names) -> Picture | None:
    """Lay places out by latitude and longitude (equirectangular at their middle)."""
    depot = kept.get("depot")
    if not depot or not kept.get("routes"):
        return None
    stops = {visit["stop"]["name"]: visit["stop"] for route in kept["routes"] for visit in route["visits"]}
    spots = [(depot["latitude"], depot["longitude"])] + [(s["latitude"], s["longitude"]) for s in stops.values()]
    middle = cos(radians(sum(lat for lat, _ in spots) / len(spots)))
    south, north = min(lat for lat, _ in spots), max(lat for lat, _ in spots)
    west, east = min(lon for _, lon in spots), max(lon for _, lon in spots)
    scale = min((WIDTH - 2 * EDGE) / max((east - west) * middle, 0.02), (HEIGHT - 2 * EDGE) / max(north - south, 0.02))
    shift_x = (WIDTH - (east - west) * middle * scale) / 2
    shift_y = (HEIGHT - (north - south) * scale) / 2

    def at(lat: float, lon: float) -> tuple[float, float]:
        return round(shift_x + (lon - west) * middle * scale, 1), round(shift_y + (north - lat) * scale, 1)

    home = at(depot["latitude"], depot["longitude"])
    dots = [_dot(home, names.place(depot["uri"]), "depot")]
    dots += [_dot(at(s["latitude"], s["longitude"]), names.place(s["name"]), "stop") for s in stops.values()]
    ways = []
    for number, route in enumerate(kept["routes"], start=1):
        points = [home, *(at(v["stop"]["latitude"], v["stop"]["longitude"]) for v in route["visits"]), home]
        text = " ".join(f"{x},{y}" for x, y in points)
        ways.append(Way(text, (number - 1) % TONES + 1, f"Route {number}, {route['vehicle']['name']}"))
    length = next((km for km in (200, 100, 50, 20, 10, 5, 2, 1) if km / 111.2 * scale < WIDTH / 3), 1)
    return Picture(tuple(ways), tuple(dots), round(length / 111.2 * scale, 1), length)


def _dot(at: tuple[float, float], name: str, kind: str) -> Dot:
    left = at[0] > WIDTH / 2
    return Dot(*at, name, kind, "end" if left else "start", at[0] - 10 if left else at[0] + 10)


def clock(minutes: int) -> str:
    """`08:05`; the day after is said."""
    later = " next day" if minutes >= 24 * 60 else ""
    return f"{minutes // 60 % 24:02d}:{minutes % 60:02d}{later}"
