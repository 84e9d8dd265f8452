"""Read `series,t,y,part` in long form, gzip or plain: one training and one test part a series."""

from __future__ import annotations

import csv
import gzip
import math
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np

from forecasting.timeseries.methods import MAX_HORIZON
from forecasting.timeseries.series import DemandSeries, Frequency, Vector

START = date(2000, 1, 1)
MONDAY = date(2000, 1, 3)
FREQUENCY: dict[int, Frequency] = {12: "MS", 52: "W", 7: "D"}
LONGEST_GAP = 10_000


class Unreadable(ValueError):
    """The file is not what the harness reads; the message says where."""


@dataclass(frozen=True, slots=True, eq=False)
class Task:
    """One series: what may be seen, and what is judged."""

    series: DemandSeries
    actual: Vector

    @property
    def key(self) -> str:
        return self.series.key


def has_calendar(season_length: int) -> bool:
    """Whether steps of this season are days, weeks or months: methods that read the calendar need one."""
    return season_length in FREQUENCY


def read(path: Path, *, season_length: int, horizon: int, sample: int | None = None) -> list[Task]:
    """The tasks of a file, by series; the first `horizon` steps of the test part are judged. Raises Unreadable.

    A sample takes series at equal distances over the sorted names. Steps that are absent, and empty values, are
    missing (NaN).
    """
    limit = MAX_HORIZON[FREQUENCY.get(season_length, "D")]
    if not 1 <= horizon <= limit:
        raise Unreadable(f"a horizon of {horizon} is not between 1 and {limit} for a season of {season_length}")
    found: dict[str, dict[str, dict[int, float]]] = {}
    for number, row in enumerate(_rows(path), start=2):
        try:
            key, t, y, part = row["series"], int(float(row["t"])), row["y"].strip(), row["part"]
            value = float(y) if y else math.nan
        except (KeyError, ValueError, OverflowError, AttributeError, TypeError) as failure:
            raise Unreadable(f"{path}, line {number}: not a row of series,t,y,part ({failure})") from failure
        if part not in ("train", "test") or math.isinf(value):
            raise Unreadable(f"{path}, line {number}: part is train or test, and y finite or empty")
        seen = found.setdefault(key, {"train": {}, "test": {}})[part]
        if t in seen:
            raise Unreadable(f"{path}, line {number}: step {t} of {key} comes twice")
        seen[t] = value
    keys = sorted(key for key, parts in found.items() if parts["train"] and parts["test"])
    if not keys:
        raise Unreadable(f"{path}: no series has both a training and a test part")
    if sample is not None and 0 < sample < len(keys):
        keys = [keys[i * len(keys) // sample] for i in range(sample)]
    return [_task(key, found[key], season_length, horizon) for key in keys]


def _rows(path: Path) -> Iterable[dict[str, Any]]:
    with gzip.open(path, "rt", newline="") if path.suffix == ".gz" else path.open(newline="") as lines:
        yield from csv.DictReader(lines)


def _task(key: str, parts: dict[str, dict[int, float]], season_length: int, horizon: int) -> Task:
    train, test = parts["train"], parts["test"]
    first, last = min(train), max(train)
    if last - first > len(train) + LONGEST_GAP or min(test) <= last:
        raise Unreadable(f"{key}: the test part does not follow the training part")
    values = np.array([train.get(t, math.nan) for t in range(first, last + 1)])
    actual = np.array([test.get(last + 1 + i, math.nan) for i in range(horizon)])
    frequency = FREQUENCY.get(season_length, "D")
    start = MONDAY if frequency == "W" else START
    return Task(DemandSeries(key, frequency, season_length, start, values, "", "benchmark"), actual)
