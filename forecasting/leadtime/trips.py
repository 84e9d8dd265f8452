"""Trips of logistic units, put together from what moved them, and the passages that an arrival is learnt from.

A trip begins where a unit is handed over first and ends where the one it is for takes it. Each hand-over, acceptance
and sighting on the way is a stage; from each the time to the arrival is a passage of its own, so that what is said of
a shipment sharpens with every event of it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from math import nan
from typing import Literal

import numpy as np

from forecasting.leadtime.journeys import SHORTEST, Journeys
from forecasting.leadtime.running import Grouping

DAY = timedelta(days=1)
Kind = Literal["dispatch", "accept", "arrive", "depart", "end"]
LONGEST = timedelta(days=730)
"""A trip that takes longer was forgotten, not slow."""
CHAIN: tuple[tuple[str, ...], ...] = (("stage",), ("giver", "stage"), ("lane", "stage"))
"""From all passages of a stage over its giver's to the lane's own."""
GROUPINGS = (
    Grouping(("stage",)),
    Grouping(("giver", "stage"), 0),
    Grouping(("lane", "stage"), 0),
    Grouping(("holder", "lane", "stage"), 2),
)
NUMBERS = ("hour", "weekday", "since_left", "promised_in")


@dataclass(frozen=True, slots=True)
class Movement:
    """What one event says of where one unit is; `source` is what a later event may declare wrong."""

    unit: str
    kind: Kind
    at: datetime
    known_at: datetime
    by: str
    taker: str = ""
    consignee: str = ""
    origin: str = ""
    destination: str = ""
    promised: datetime | None = None
    source: str = ""
    index: int = 0


@dataclass(frozen=True, slots=True)
class Stage:
    """Where a trip stood from one event on."""

    name: str
    at: datetime
    holder: str
    index: int


@dataclass(slots=True)
class Trip:
    """One unit's way from its first giver to whom it is for."""

    unit: str
    giver: str
    consignee: str
    origin: str
    destination: str
    left_at: datetime
    promised: datetime | None
    stages: list[Stage] = field(default_factory=list)
    arrived_at: datetime | None = None
    known_at: datetime | None = None
    ended: bool = False

    @property
    def is_open(self) -> bool:
        """Whether it is still under way."""
        return self.arrived_at is None and not self.ended

    @property
    def lane(self) -> str:
        """From where to where."""
        return f"{self.origin} > {self.destination}"

    @property
    def is_late(self) -> bool | None:
        """Whether it came after the promise; None where it is open or nothing was promised."""
        return None if self.arrived_at is None or self.promised is None else self.arrived_at > self.promised


def trips(movements: Iterable[Movement], *, wrong: Iterable[str] = ()) -> list[Trip]:
    """Put movements together, each unit's in order of time; what was declared wrong is left out."""
    refused = set(wrong)
    by_unit: dict[str, list[Movement]] = {}
    for each in movements:
        if each.source not in refused:
            by_unit.setdefault(each.unit, []).append(each)
    return [trip for unit in by_unit.values() for trip in _of_unit(sorted(unit, key=lambda m: (m.at, m.index)))]


def _of_unit(movements: Sequence[Movement]) -> list[Trip]:
    found: list[Trip] = []
    trip: Trip | None = None
    for each in movements:
        if trip is None or not trip.is_open:
            if each.kind != "dispatch":
                continue
            trip = Trip(
                each.unit,
                each.by,
                each.consignee or each.taker,
                each.origin or each.by,
                each.destination or each.consignee or each.taker,
                each.at,
                each.promised,
            )
            found.append(trip)
        _move(trip, each)
    return found


def _move(trip: Trip, each: Movement) -> None:
    if each.kind == "end":
        trip.ended = True
    elif each.kind == "accept" and each.taker == trip.consignee:
        trip.arrived_at, trip.known_at = each.at, each.known_at
    else:
        trip.promised = each.promised or trip.promised
        count = sum(stage.name.startswith(each.kind) for stage in trip.stages)
        holder = each.taker or each.by
        trip.stages.append(Stage(f"{each.kind} {count + 1}", each.at, holder, each.index))


@dataclass(frozen=True, slots=True)
class Passage:
    """One row to learn from, or to ask about: a trip seen from one of its stages."""

    trip: Trip
    stage: Stage

    @property
    def labels(self) -> dict[str, str]:
        """What it is compared by."""
        return {
            "stage": self.stage.name,
            "giver": self.trip.giver,
            "holder": self.stage.holder,
            "lane": self.trip.lane,
        }

    @property
    def numbers(self) -> dict[str, float]:
        """What else was known at the stage."""
        at, promised = self.stage.at, self.trip.promised
        return {
            "hour": at.hour + at.minute / 60,
            "weekday": float(at.weekday()),
            "since_left": (at - self.trip.left_at) / DAY,
            "promised_in": nan if promised is None else (promised - at) / DAY,
        }


def passages(found: Iterable[Trip], *, latest: int = 20_000) -> list[Passage]:
    """The finished passages, in order of their start; at most the `latest` ones."""
    rows = [
        Passage(trip, stage)
        for trip in found
        if trip.arrived_at is not None
        for stage in trip.stages
        if timedelta(0) <= trip.arrived_at - stage.at <= LONGEST
    ]
    return sorted(rows, key=lambda row: (row.stage.at, row.stage.index))[-latest:]


def under_way(found: Iterable[Trip], *, known: Collection[str] | None = None) -> list[Passage]:
    """The latest stage of each open trip (among the `known` ones, where it has such), in order of its time."""
    rows = []
    for trip in found:
        if trip.is_open and trip.stages:
            learnt = [stage for stage in trip.stages if known is None or stage.name in known]
            rows.append(Passage(trip, (learnt or trip.stages)[-1]))
    return sorted(rows, key=lambda row: (row.stage.at, row.stage.index))


def stages_seen(rows: Iterable[Passage], *, least: int) -> set[str]:
    """The stages that at least so many passages began with."""
    return {name for name, count in Counter(row.stage.name for row in rows).items() if count >= least}


def as_days(moment: datetime, epoch: datetime) -> float:
    """Days since the epoch of a set of journeys."""
    return (moment - epoch) / DAY


def as_journeys(rows: Sequence[Passage], *, epoch: datetime) -> Journeys:
    """Passages as columns; an open one is known at no time. Rows must be in order of their start."""
    done = [row.trip.arrived_at for row in rows]
    known = [row.trip.known_at for row in rows]
    pairs = list(zip(rows, done, strict=True))
    names = ("stage", "giver", "holder", "lane")
    labels = [row.labels for row in rows]
    numbers = [row.numbers for row in rows]
    return Journeys(
        np.array([as_days(row.stage.at, epoch) for row in rows]),
        np.array([np.inf if at is None else as_days(at, epoch) for at in known]),
        np.array([nan if at is None else max((at - row.stage.at) / DAY, SHORTEST) for row, at in pairs]),
        {name: tuple(each[name] for each in labels) for name in names},
        {name: np.array([each[name] for each in numbers]) for name in NUMBERS},
    )
