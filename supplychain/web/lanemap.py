"""Maps of what is on its way: the lanes of the control tower, and the way of one shipment."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import urlencode
from uuid import UUID

from django.urls import reverse

from supplychain.models import Shipment
from supplychain.queries import tower as figures
from supplychain.queries.shipmentpage import Step
from supplychain.web import maps
from supplychain.web.names import Names


@dataclass(frozen=True, slots=True)
class LaneLine:
    """A lane in the table under the map."""

    start: str
    end: str
    moving: int
    late: int
    breached: int
    url: str


@dataclass(frozen=True, slots=True)
class Lanes:
    """The tower's map with its table; `unplaced` counts the lanes of which an end has no position."""

    map: maps.Map | None
    lines: tuple[LaneLine, ...]
    unplaced: int


def lanes(party: UUID, *, now: datetime) -> Lanes:
    """What `party` can see moving, by lane."""
    found = figures.lanes(party, now=now)
    names = Names(uris={uri for lane in found for uri in (lane.start, lane.end)})
    placed = [lane for lane in found if names.position(lane.start) and names.position(lane.end)]
    ends = {lane.end for lane in placed}
    uris = sorted({uri for lane in placed for uri in (lane.start, lane.end)})
    spots = [_spot(uri, names, "stop" if uri in ends else "home") for uri in uris]
    lines = tuple(_lane_line(lane, names) for lane in found)
    return Lanes(maps.drawn(spots, [_path(lane, names) for lane in reversed(placed)]), lines, len(found) - len(placed))


def way(shipment: Shipment, steps: Sequence[Step], names: Names) -> maps.Map | None:
    """Where a shipment was, oldest first, and what is ahead of it. `steps` come newest first."""
    told = [step.row.read_point or step.row.biz_location for step in reversed(steps)]
    passed = list(dict.fromkeys(uri for uri in [shipment.from_location, *told] if uri and names.position(uri)))
    goal = shipment.to_location if names.position(shipment.to_location) else ""
    ahead = [goal] if goal and goal not in passed else []
    if len(passed) + len(ahead) < 2:
        return None
    here = next((uri for uri in reversed(told) if uri and names.position(uri)), "")
    spots = [_spot(uri, names, "here" if uri == here else "done") for uri in passed]
    spots += [_spot(uri, names, "stop") for uri in ahead]
    positions = [found for uri in passed if (found := names.position(uri))]
    paths = [maps.Path(tuple(positions), "done", "the way so far")] if len(positions) > 1 else []
    if ahead and (end := names.position(goal)) and positions:
        paths.append(maps.Path((positions[-1], end), "ahead", "still ahead"))
    return maps.drawn(spots, paths)


def _spot(uri: str, names: Names, kind: str) -> maps.Spot:
    position = names.position(uri)
    assert position is not None
    return maps.Spot(position, names.place(uri), kind)


def _path(lane: figures.Lane, names: Names) -> maps.Path:
    start, end = names.position(lane.start), names.position(lane.end)
    assert start is not None and end is not None
    line = _lane_line(lane, names)
    states = [f"{n} {what}" for n, what in ((line.late, "late"), (line.breached, "too warm")) if n]
    words = f"{line.start} to {line.end}: {', '.join([f'{line.moving} on the move', *states])}"
    return maps.Path((start, end), "bad" if lane.breached else "warn" if lane.late else "", words)


def _lane_line(lane: figures.Lane, names: Names) -> LaneLine:
    url = f"{reverse('shipments')}?{urlencode({'state': 'moving', 'q': names.place(lane.end)})}"
    return LaneLine(names.place(lane.start), names.place(lane.end), lane.moving, lane.late, lane.breached, url)
