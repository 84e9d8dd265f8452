"""The day's deliveries as vehicle routes: capacities, time windows, travel times from history where there is some.

Solved by PyVRP (Wouda, Lan and Kool, 2024). Loads are scaled to whole numbers, times to minutes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise
from math import asin, ceil, cos, radians, sin, sqrt

import pyvrp
from pyvrp.stop import MaxIterations, MaxRuntime, MultipleCriteria

SPEED = 60.0
"""Kilometres an hour of a lorry where no trip tells better."""
DETOUR = 1.3
"""Roads are so much longer than the straight line."""
EARTH = 6371.0
DAY = 24 * 60
MOST_STOPS = 500
RELOADS = 3
"""So many times a vehicle may come back and load again."""


class RoutingRefused(ValueError):
    """Nothing can be planned; the message says why."""


@dataclass(frozen=True, slots=True)
class Stop:
    """A place to deliver to: how much, between when (minutes of the day), and how long unloading takes."""

    name: str
    latitude: float
    longitude: float
    load: float = 0.0
    opens: int = 0
    closes: int = DAY
    service: int = 20


@dataclass(frozen=True, slots=True)
class Vehicle:
    """A vehicle: what it takes, and from when until when it can be used (minutes of the day)."""

    name: str
    capacity: float
    start: int = 0
    end: int = DAY


@dataclass(frozen=True, slots=True)
class Visit:
    """A stop on a route, with when the vehicle gets there and leaves."""

    stop: Stop
    arrives: int
    leaves: int
    load: float


@dataclass(frozen=True, slots=True)
class Route:
    """What one vehicle does until it is back; it may load again and go on another."""

    vehicle: Vehicle
    departs: int
    returns: int
    visits: tuple[Visit, ...]
    kilometres: float

    @property
    def load(self) -> float:
        """All that it carries."""
        return sum(visit.load for visit in self.visits)


@dataclass(frozen=True, slots=True)
class Plan:
    """All routes, and what could not be served."""

    routes: tuple[Route, ...]
    left_out: tuple[Stop, ...] = ()
    measured: int = 0
    """How many of the legs used have a travel time from history."""
    legs: int = 0


@dataclass(frozen=True, slots=True)
class Travel:
    """Minutes between two places: the middle of past trips where there were some, else by distance."""

    history: Mapping[tuple[str, str], float] = field(default_factory=dict)

    def minutes(self, a: Stop, b: Stop) -> float:
        """From a to b."""
        told = self.history.get((a.name, b.name), self.history.get((b.name, a.name)))
        return told if told is not None else kilometres(a, b) / SPEED * 60

    def is_measured(self, a: Stop, b: Stop) -> bool:
        """Whether past trips tell it."""
        return (a.name, b.name) in self.history or (b.name, a.name) in self.history


def kilometres(a: Stop, b: Stop) -> float:
    """Along the road: the great circle with a detour."""
    one, two = radians(a.latitude), radians(b.latitude)
    half = sin((two - one) / 2) ** 2 + cos(one) * cos(two) * sin(radians(b.longitude - a.longitude) / 2) ** 2
    return DETOUR * 2 * EARTH * asin(min(1.0, sqrt(half)))


def plan(
    depot: Stop,
    stops: Sequence[Stop],
    vehicles: Sequence[Vehicle],
    *,
    travel: Travel | None = None,
    seconds: float = 3.0,
    iterations: int = 2_000,
    seed: int = 1,
) -> Plan:
    """Plan routes from the depot over the stops and back. A load larger than any vehicle is split over several visits,
    and what did not fit is taken by vehicles that come back to load again.

    Raises RoutingRefused without vehicles, or with more stops than can be planned; what fits in no route is left out.
    """
    usable = [each for each in vehicles if each.capacity > 0 and each.end > each.start]
    if not usable:
        raise RoutingRefused("There is no vehicle that can carry anything.")
    wanted = [part for stop in stops if stop.load > 0 for part in _parts(stop, max(v.capacity for v in usable))]
    if len(wanted) > MOST_STOPS:
        raise RoutingRefused(f"{len(wanted):,} visits are too many for one plan; at most {MOST_STOPS} are planned.")
    found, left, free = Plan(()), wanted, usable
    for _ in range(1 + RELOADS):
        if not left or not free:
            break
        more = _solve(depot, left, free, travel or Travel(), seconds, iterations, seed)
        found = Plan(found.routes + more.routes, (), found.measured + more.measured, found.legs + more.legs)
        left = list(more.left_out)
        free = _back(free, more.routes) if more.routes else []
    return replace(found, left_out=tuple(left))


def _back(vehicles: Sequence[Vehicle], routes: Sequence[Route]) -> list[Vehicle]:
    """The vehicles as they can be used again: those that went out, from when they are back."""
    returns = {route.vehicle.name: route.returns for route in routes}
    again = [replace(each, start=max(each.start, returns.get(each.name, each.start))) for each in vehicles]
    return [each for each in again if each.start < each.end]


def _solve(
    depot: Stop,
    wanted: Sequence[Stop],
    usable: Sequence[Vehicle],
    travel: Travel,
    seconds: float,
    iterations: int,
    seed: int,
) -> Plan:
    """One departure of each vehicle at most."""
    scale = 100
    model = pyvrp.Model()
    places = [depot, *wanted]
    spots = [model.add_location(x=_x(place), y=_y(place)) for place in places]
    home = model.add_depot(spots[0], tw_early=0, tw_late=2 * DAY)
    for spot, stop in zip(spots[1:], wanted, strict=True):
        model.add_client(
            spot,
            delivery=ceil(stop.load * scale),
            service_duration=stop.service,
            tw_early=stop.opens,
            tw_late=max(stop.closes, stop.opens),
            prize=1_000_000,
            required=False,
        )
    for vehicle in usable:
        model.add_vehicle_type(
            num_available=1,
            capacity=int(vehicle.capacity * scale),
            start_depot=home,
            end_depot=home,
            tw_early=vehicle.start,
            tw_late=vehicle.end,
            fixed_cost=60,
            unit_distance_cost=1,
            unit_duration_cost=1,
        )
    for i, a in enumerate(places):
        for j, b in enumerate(places):
            if i != j:
                minutes = ceil(travel.minutes(a, b)) if a.name != b.name else 0
                model.add_edge(spots[i], spots[j], distance=ceil(kilometres(a, b)), duration=minutes)
    stop_at = MultipleCriteria([MaxRuntime(seconds), MaxIterations(iterations)])
    best = model.solve(stop=stop_at, seed=seed, display=False).best
    routes, seen, measured, legs = [], set(), 0, 0
    for found in best.routes():
        visits = [(each.idx + 1, each) for each in found.schedule() if each.is_client()]
        seen |= {place for place, _ in visits}
        way = [places[each.idx + 1] if each.is_client() else depot for each in found.schedule()]
        pairs = [(a, b) for a, b in pairwise(way) if a.name != b.name]
        measured += sum(travel.is_measured(a, b) for a, b in pairs)
        legs += len(pairs)
        routes.append(
            Route(
                usable[found.vehicle_type()],
                found.start_time(),
                found.end_time(),
                tuple(
                    Visit(places[place], each.end_time - places[place].service, each.end_time, places[place].load)
                    for place, each in visits
                ),
                sum(kilometres(a, b) for a, b in pairs),
            )
        )
    left = tuple(stop for number, stop in enumerate(wanted, start=1) if number not in seen)
    return Plan(tuple(routes), left, measured, legs)


def _parts(stop: Stop, capacity: float) -> list[Stop]:
    """The stop, or as many visits as its load takes."""
    count = max(1, ceil(stop.load / capacity - 1e-9))
    return [
        Stop(stop.name, stop.latitude, stop.longitude, stop.load / count, stop.opens, stop.closes, stop.service)
        for _ in range(count)
    ]


def _x(stop: Stop) -> int:
    return round(stop.longitude * 10_000)


def _y(stop: Stop) -> int:
    return round(stop.latitude * 10_000)
