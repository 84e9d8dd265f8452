"""Charts as geometry: pure functions from numbers to points, for SVG that the server writes.

Nothing here knows colours or pages; a template places the points and a style sheet gives them their looks. Each chart
comes in two sizes, `WIDE` and `NARROW`, so that its text stays legible on a phone.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta


@dataclass(frozen=True, slots=True)
class Frame:
    """The picture's size and the margins around the plot, in the units of its viewBox."""

    width: float
    height: float
    left: float = 40
    right: float = 10
    top: float = 14
    bottom: float = 24

    @property
    def floor(self) -> float:
        return self.height - self.bottom

    @property
    def end(self) -> float:
        return self.width - self.right

    @property
    def plot_height(self) -> float:
        return self.floor - self.top

    @property
    def label_x(self) -> float:
        """Where the labels of values end."""
        return self.left - 6

    @property
    def label_y(self) -> float:
        """The baseline of the labels of times."""
        return self.height - 6


WIDE = Frame(720, 240)
NARROW = Frame(330, 190, left=34, right=8)


@dataclass(frozen=True, slots=True)
class Scale:
    """Maps the range [low, high] of values to [start, end] of the picture, linearly."""

    low: float
    high: float
    start: float
    end: float

    def __call__(self, value: float) -> float:
        span = self.high - self.low
        share = 0.5 if span == 0 else (value - self.low) / span
        return round(self.start + share * (self.end - self.start), 1)


@dataclass(frozen=True, slots=True)
class Tick:
    position: float
    label: str


@dataclass(frozen=True, slots=True)
class Observed:
    """A value at a time; None where nothing was observed."""

    at: datetime | date
    value: float | None


@dataclass(frozen=True, slots=True)
class Step:
    """A forecast for one time, with its intervals."""

    at: datetime | date
    forecast: float
    lower80: float
    upper80: float
    lower95: float
    upper95: float


@dataclass(frozen=True, slots=True)
class Hit:
    """An upright strip with words for whoever points at it."""

    x: float
    width: float
    words: str


@dataclass(frozen=True, slots=True)
class Mark:
    """One reading as a dot."""

    x: float
    y: float
    over: bool
    words: str


@dataclass(frozen=True, slots=True)
class BandChart:
    frame: Frame
    actual: tuple[str, ...]
    forecast: str
    band80: str
    band95: str
    cutoff: float | None
    x_ticks: tuple[Tick, ...]
    y_ticks: tuple[Tick, ...]
    hits: tuple[Hit, ...]


@dataclass(frozen=True, slots=True)
class LineChart:
    frame: Frame
    line: tuple[str, ...]
    points: tuple[Mark, ...]
    over: tuple[str, ...]
    limit: float | None
    x_ticks: tuple[Tick, ...]
    y_ticks: tuple[Tick, ...]

    @property
    def dot(self) -> float:
        """The radius of a reading's dot: small where there are many."""
        return 2.4 if len(self.points) <= 60 else 1.2


def nice_step(span: float, count: int) -> float:
    """The step of 1, 2 or 5 times a power of ten that divides `span` into at most about `count` parts."""
    if span <= 0:
        return 1.0
    raw = span / max(1, count)
    power = 10.0 ** math.floor(math.log10(raw))
    return next(factor * power for factor in (1, 2, 5, 10) if raw <= factor * power * 1.000001)


def value_ticks(low: float, high: float, count: int = 4) -> tuple[float, ...]:
    """Round values from at or below `low` to at or above `high`, evenly apart."""
    step = nice_step(high - low, count)
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    if last <= first:
        last = first + 1
    return tuple(round(number * step, 10) for number in range(first, last + 1))


def format_value(value: float, step: float = 1) -> str:
    """`1,200`, `0.5`: as many decimals as the step between ticks asks for."""
    decimals = 0 if step >= 1 else max(0, -math.floor(math.log10(step) + 1e-9))
    return f"{value:,.{decimals}f}"


def segments(points: Sequence[tuple[float, float | None]]) -> tuple[str, ...]:
    """Polylines through neighbouring points; a missing value ends one and starts the next."""
    runs: list[list[str]] = [[]]
    for x, y in points:
        if y is None:
            runs.append([])
        else:
            runs[-1].append(f"{x:g},{y:g}")
    return tuple(" ".join(run) for run in runs if run)


def band(upper: Sequence[tuple[float, float]], lower: Sequence[tuple[float, float]]) -> str:
    """The polygon between two lines: along the upper one, back along the lower one."""
    return " ".join(f"{x:g},{y:g}" for x, y in (*upper, *reversed(lower)))


def band_chart(
    observed: Sequence[Observed], steps: Sequence[Step], frame: Frame = WIDE, *, floor: float | None = 0.0
) -> BandChart | None:
    """History, then a forecast with its 80 % and 95 % bands. None when there is nothing to draw.

    `floor` is the least value shown (None: as low as the values go).
    """
    times = [_seconds(each.at) for each in observed] + [_seconds(each.at) for each in steps]
    if not times:
        return None
    values = [each.value for each in observed if each.value is not None]
    values += [edge for step in steps for edge in (step.lower95, step.upper95, step.forecast)]
    low, high = _span(values, floor)
    ticks = value_ticks(low, high, 4)
    x = Scale(min(times), max(times), frame.left, frame.end)
    y = Scale(ticks[0], ticks[-1], frame.floor, frame.top)
    at = [x(_seconds(each.at)) for each in steps]
    low80, low95 = ([y(max(value, ticks[0])) for value in row] for row in _lowers(steps))
    high80, high95 = [y(each.upper80) for each in steps], [y(each.upper95) for each in steps]
    return BandChart(
        frame=frame,
        actual=segments([(x(_seconds(o.at)), None if o.value is None else y(o.value)) for o in observed]),
        forecast=" ".join(f"{x(_seconds(s.at)):g},{y(s.forecast):g}" for s in steps),
        band80=band(list(zip(at, high80, strict=True)), list(zip(at, low80, strict=True))),
        band95=band(list(zip(at, high95, strict=True)), list(zip(at, low95, strict=True))),
        cutoff=_between(observed, steps, x),
        x_ticks=time_ticks(min(times), max(times), x, 6 if frame.width > 500 else 4),
        y_ticks=tuple(Tick(y(value), format_value(value, ticks[1] - ticks[0])) for value in ticks),
        hits=_hits(observed, steps, x, frame),
    )


def line_chart(
    observed: Sequence[Observed], frame: Frame = WIDE, *, limit: float | None = None, unit: str = ""
) -> LineChart | None:
    """Readings over time, with the limit they should stay under. None when there is nothing to draw."""
    known = [(each, each.value) for each in observed if each.value is not None]
    if not known:
        return None
    low, high = _span([value for _, value in known] + ([limit] if limit is not None else []), None)
    ticks = value_ticks(low, high, 3)
    times = [_seconds(each.at) for each, _ in known]
    x = Scale(min(times), max(times), frame.left, frame.end)
    y = Scale(ticks[0], ticks[-1], frame.floor, frame.top)
    track = [(x(_seconds(each.at)), value) for each, value in known]
    return LineChart(
        frame=frame,
        line=segments([(at, y(value)) for at, value in track]),
        points=tuple(
            Mark(x(_seconds(each.at)), y(value), limit is not None and value > limit, f"{value:g} {unit}".strip())
            for each, value in known
        ),
        over=() if limit is None else tuple(_area(area, limit, y) for area in excursions(track, limit)),
        limit=None if limit is None else y(limit),
        x_ticks=time_ticks(min(times), max(times), x, 5 if frame.width > 500 else 3),
        y_ticks=tuple(Tick(y(value), format_value(value, ticks[1] - ticks[0])) for value in ticks),
    )


def excursions(track: Sequence[tuple[float, float]], limit: float) -> list[list[tuple[float, float]]]:
    """The parts of a track above `limit`, with the points where it crosses."""
    areas: list[list[tuple[float, float]]] = []
    before: tuple[float, float] | None = None
    for x, value in track:
        crosses = before is not None and (before[1] > limit) != (value > limit)
        if crosses and before is not None:
            share = (limit - before[1]) / (value - before[1])
            at = (round(before[0] + share * (x - before[0]), 1), limit)
            if value > limit:
                areas.append([at])
            else:
                areas[-1].append(at)
        if value > limit:
            if before is None:
                areas.append([])
            areas[-1].append((x, value))
        before = (x, value)
    return [area for area in areas if len(area) > 1]


def time_ticks(first: float, last: float, scale: Scale, count: int) -> tuple[Tick, ...]:
    """Round days (or hours, on short spans) with labels that say what changes between them."""
    span = last - first
    if span <= 0:
        return (Tick(scale(first), _label(first, 0)),)
    minute, hour, day = 60, 3600, 86400
    choices = [
        5 * minute,
        15 * minute,
        30 * minute,
        hour,
        2 * hour,
        3 * hour,
        6 * hour,
        12 * hour,
        day,
        2 * day,
        7 * day,
        14 * day,
        30 * day,
        61 * day,
        91 * day,
    ]
    step = next((each for each in choices if span / each <= count), 365 * day)
    start = math.ceil(first / step) * step
    if step >= 28 * day:
        return _month_ticks(first, last, scale, round(step / (30.4 * day)) or 1)
    return tuple(Tick(scale(at), _label(at, step)) for at in range(int(start), int(last) + 1, int(step)))


def _month_ticks(first: float, last: float, scale: Scale, every: int) -> tuple[Tick, ...]:
    moment = _EPOCH + timedelta(seconds=first)
    number = moment.year * 12 + moment.month
    found: list[Tick] = []
    while True:
        if number % every == 0:
            at = (datetime(number // 12, number % 12 + 1, 1) - _EPOCH).total_seconds()
            if at > last:
                return tuple(found)
            if at >= first:
                found.append(Tick(scale(at), f"{_EPOCH + timedelta(seconds=at):%b %Y}"))
        number += 1


_EPOCH = datetime(1970, 1, 1)


def _lowers(steps: Sequence[Step]) -> tuple[list[float], list[float]]:
    return [each.lower80 for each in steps], [each.lower95 for each in steps]


def _seconds(at: datetime | date) -> float:
    if isinstance(at, datetime):
        return at.timestamp() if at.tzinfo else (at - _EPOCH).total_seconds()
    return (datetime(at.year, at.month, at.day) - _EPOCH).total_seconds()


def _label(seconds: float, step: float) -> str:
    moment = _EPOCH + timedelta(seconds=seconds)
    return f"{moment:%-d %b %H:%M}" if step < 86400 else f"{moment:%-d %b}"


def _span(values: Sequence[float], floor: float | None) -> tuple[float, float]:
    low, high = min(values, default=0.0), max(values, default=1.0)
    if floor is not None:
        low = min(floor, high)
    if low == high:
        low, high = low - 1, high + 1
    return low, high


def _between(observed: Sequence[Observed], steps: Sequence[Step], x: Scale) -> float | None:
    if not observed or not steps:
        return None
    return x((_seconds(observed[-1].at) + _seconds(steps[0].at)) / 2)


def _hits(observed: Sequence[Observed], steps: Sequence[Step], x: Scale, frame: Frame) -> tuple[Hit, ...]:
    marks = [
        (x(_seconds(o.at)), f"{_day(o.at)}: {'no observation' if o.value is None else format_value(o.value)}")
        for o in observed
    ]
    marks += [
        (x(_seconds(s.at)), f"{_day(s.at)}: {s.forecast:,.1f}, 80 % {s.lower80:,.1f} to {s.upper80:,.1f}")
        for s in steps
    ]
    width = (frame.end - frame.left) / max(1, len(marks) - 1)
    return tuple(Hit(round(at - width / 2, 1), round(width, 1), words) for at, words in marks)


def _day(at: datetime | date) -> str:
    return f"{at:%a %-d %b %Y}"


def _area(area: Sequence[tuple[float, float]], limit: float, y: Scale) -> str:
    base = y(limit)
    inner = " ".join(f"{x:g},{y(value):g}" for x, value in area)
    return f"{area[0][0]:g},{base:g} {inner} {area[-1][0]:g},{base:g}"
