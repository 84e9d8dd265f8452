"""The day's routes in words and on a map."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from supplychain.web import maps
from supplychain.web.names import Names

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


def drawn(kept: dict[str, Any], names: Names) -> maps.Map | None:
    """The routes on a map: the site they leave from, their stops, a line each."""
    depot = kept.get("depot")
    if not depot or not kept.get("routes"):
        return None
    stops = {visit["stop"]["name"]: visit["stop"] for route in kept["routes"] for visit in route["visits"]}
    home = (depot["latitude"], depot["longitude"])
    spots = [maps.Spot(home, names.place(depot["uri"]), "home")]
    spots += [maps.Spot((s["latitude"], s["longitude"]), names.place(s["name"]), "stop") for s in stops.values()]
    paths = []
    for number, route in enumerate(kept["routes"], start=1):
        visited = [(each["stop"]["latitude"], each["stop"]["longitude"]) for each in route["visits"]]
        look = f"t{(number - 1) % TONES + 1}"
        paths.append(maps.Path((home, *visited, home), look, f"Route {number}, {route['vehicle']['name']}"))
    return maps.drawn(spots, paths)


def clock(minutes: int) -> str:
    """`08:05`; the day after is said."""
    later = " next day" if minutes >= 24 * 60 else ""
    return f"{minutes // 60 % 24:02d}:{minutes % 60:02d}{later}"
