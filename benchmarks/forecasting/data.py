"""Read `series,t,y,part` in long form, gzip or plain: one training and one test part a series.

`t` counts steps, or is an ISO date. What is wrong with the file refuses it, with the line; what is wrong with one
series leaves that one out, with the reason.
"""

from __future__ import annotations

import csv
import gzip
import math
from array import array
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

import numpy as np

from forecasting.timeseries.methods import MAX_HORIZON
from forecasting.timeseries.series import MAX_PERIODS, DemandSeries, Frequency, Vector, period_of, periods_between

START = date(2000, 1, 1)
MONDAY = date(2000, 1, 3)
FREQUENCY: dict[int, Frequency] = {12: "MS", 52: "W", 7: "D"}
COLUMNS = ("series", "t", "y", "part")
LONGEST_GAP = 10_000
LARGEST = 1e100
"""Squares of larger values, summed, would not be finite."""


class Unreadable(ValueError):
    """The file is not what the harness reads; the message says where."""


class LeftOut(ValueError):
    """One series makes no sense; the others are still judged."""


@dataclass(frozen=True, slots=True, eq=False)
class Task:
    """One series: what may be seen, and what is judged.

    `train` is the whole training part, which scales the errors; `series` its latest part, which is all that methods
    look at, raised by `raised` where values are negative.
    """

    series: DemandSeries
    actual: Vector
    train: Vector
    raised: float = 0.0

    @property
    def key(self) -> str:
        return self.series.key

    @classmethod
    def of(cls, series: DemandSeries, actual: Vector) -> Task:
        """A task without anything cut or raised."""
        return cls(series, actual, series.values)


@dataclass(slots=True)
class _Parts:
    """The rows of one series."""

    steps: dict[str, array[int]] = field(default_factory=lambda: {"train": array("q"), "test": array("q")})
    values: dict[str, array[float]] = field(default_factory=lambda: {"train": array("d"), "test": array("d")})


def has_calendar(season_length: int) -> bool:
    """Whether steps of this season are days, weeks or months: methods that read the calendar need one."""
    return season_length in FREQUENCY


def read(path: Path, *, season_length: int, horizon: int, sample: int | None = None) -> list[Task]:
    """The tasks of a file, by series, without those that were left out. Raises Unreadable."""
    return read_all(path, season_length=season_length, horizon=horizon, sample=sample)[0]


def read_all(
    path: Path, *, season_length: int, horizon: int, sample: int | None = None
) -> tuple[list[Task], dict[str, str]]:
    """The tasks of a file, by series, and why others were left out; the first `horizon` test steps are judged.

    A sample takes series at equal distances over the sorted names. Steps that are absent, and empty values, are
    missing (NaN). Raises Unreadable.
    """
    frequency = FREQUENCY.get(season_length, "D")
    limit = MAX_HORIZON[frequency]
    if not 1 <= horizon <= limit:
        raise Unreadable(f"a horizon of {horizon} is not between 1 and {limit} for a season of {season_length}")
    if not 1 <= season_length <= MAX_PERIODS[frequency]:
        raise Unreadable(f"a season of {season_length} is not between 1 and {MAX_PERIODS[frequency]}")
    found = _collected(path, frequency)
    keys = sorted(found)
    if sample is not None and 0 < sample < len(keys):
        keys = [keys[i * len(keys) // sample] for i in range(sample)]
    tasks, left_out = [], {}
    for key in keys:
        try:
            tasks.append(_task(key, found.pop(key), season_length, horizon))
        except LeftOut as reason:
            left_out[key] = str(reason)
    if not tasks:
        why = f": {next(iter(left_out.values()))}" if left_out else ""
        raise Unreadable(f"{path}: no series has both a training and a test part{why}")
    return tasks, left_out


def _collected(path: Path, frequency: Frequency) -> dict[str, _Parts]:
    found: dict[str, _Parts] = {}
    for number, (key, t, y, part) in _rows(path):
        try:
            step = _step(t, frequency)
            value = float(y) if y.strip() else math.nan
        except (ValueError, OverflowError) as failure:
            raise Unreadable(f"{path}, line {number}: not a row of series,t,y,part ({failure})") from failure
        if part not in ("train", "test"):
            raise Unreadable(f"{path}, line {number}: part is train or test, not {part[:20]!r}")
        parts = found.setdefault(key, _Parts())
        parts.steps[part].append(step)
        parts.values[part].append(value)
    return found


def _rows(path: Path) -> Iterator[tuple[int, tuple[str, str, str, str]]]:
    try:
        with gzip.open(path, "rt", newline="") if path.suffix == ".gz" else path.open(newline="") as lines:
            rows: Iterable[list[str]] = csv.reader(lines)
            header = [name.strip().removeprefix("\ufeff") for name in next(iter(rows), [])]
            if not set(COLUMNS) <= set(header):
                raise Unreadable(f"{path}, line 1: the columns series, t, y and part are needed")
            places = [header.index(name) for name in COLUMNS]
            for number, row in enumerate(rows, start=2):
                if not row:
                    continue
                if len(row) <= max(places):
                    raise Unreadable(f"{path}, line {number}: not a row of series,t,y,part")
                key, t, y, part = (row[place] for place in places)
                yield number, (key, t, y, part)
    except (UnicodeDecodeError, csv.Error, EOFError, gzip.BadGzipFile) as failure:
        raise Unreadable(f"{path}: not a CSV file ({failure})") from failure


def _step(text: str, frequency: Frequency) -> int:
    """The number of a step, from a number or an ISO date."""
    try:
        number = float(text)
    except ValueError:
        return periods_between(
            MONDAY if frequency == "W" else START,
            period_of(date.fromisoformat(text.strip()[:10]), frequency),
            frequency,
        )
    if number != math.floor(number) or abs(number) > 2**53:
        raise ValueError(f"{text} is no whole step")
    return int(number)


def _task(key: str, parts: _Parts, season_length: int, horizon: int) -> Task:
    for part, steps in parts.steps.items():
        if not len(steps):
            raise LeftOut(f"it has no {'training' if part == 'train' else 'test'} part")
    first, last = min(parts.steps["train"]), max(parts.steps["train"])
    if min(parts.steps["test"]) <= last:
        raise LeftOut("the test part does not follow the training part")
    if last - first > len(parts.steps["train"]) + LONGEST_GAP:
        raise LeftOut(f"more than {LONGEST_GAP} steps of its training part are missing")
    train = _regular(parts, "train", first, last - first + 1)
    actual = _regular(parts, "test", last + 1, horizon)
    frequency = FREQUENCY.get(season_length, "D")
    latest = train[-MAX_PERIODS[frequency] :]
    raised = max(0.0, -float(np.nanmin(latest))) if not np.isnan(latest).all() else 0.0
    start = MONDAY if frequency == "W" else START
    series = DemandSeries(key, frequency, season_length, start, latest + raised, "", "benchmark")
    return Task(series, actual, train, raised)


def _regular(parts: _Parts, part: str, first: int, count: int) -> Vector:
    """The values of `count` steps from `first`, NaN where there is none; a step may come twice with one value."""
    steps = np.array(parts.steps[part], dtype=np.int64) - first
    values = np.array(parts.values[part], dtype=np.float64)
    if (np.abs(values) > LARGEST).any():
        raise LeftOut(f"a value is infinite or beyond {LARGEST:g}")
    inside = (steps >= 0) & (steps < count)
    steps, values = steps[inside], values[inside]
    found = np.full(count, np.nan)
    found[steps] = values
    differs = (found[steps] != values) & ~(np.isnan(found[steps]) & np.isnan(values))
    if differs.any():
        raise LeftOut(f"step {first + int(steps[differs][0])} comes twice, with different values")
    return found
