"""When a scheduled query runs (EPCIS 2.0, 8.2.5.3): a time matches when each of its fields does. UTC.

{"hour": "1", "minute": "5"} is each day at 01:05:00, {"dayOfWeek": "[1-5]", "hour": "6,18"} on working days at six
and eighteen. A field is a list of numbers and ranges, `*`, `*/n`, or `m/n`. A field that is left out matches
always, those finer than the finest one given match their first value alone.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from supplychain.webhooks.errors import ScheduleRefused

FIELDS: Final[Mapping[str, tuple[int, int]]] = {
    "second": (0, 59),
    "minute": (0, 59),
    "hour": (0, 23),
    "dayOfMonth": (1, 31),
    "month": (1, 12),
    "dayOfWeek": (1, 7),
}
"""The fields, the finest first, and their least and greatest values; days of the week begin with Monday."""
_CLOCK: Final = ("second", "minute", "hour")
_ITEM = re.compile(r"\[?([0-9]{1,2})(?:-([0-9]{1,2}))?\]?").fullmatch
_STEP = re.compile(r"\*(?:/([1-9][0-9]?))?").fullmatch
_STEP_FROM = re.compile(r"([0-9]{1,2})/([1-9][0-9]?)").fullmatch
_LONGEST = 200
_LOOK_AHEAD = 366 * 8
"""Days: the 29th of February is at most eight years away."""


@dataclass(frozen=True, slots=True)
class Schedule:
    """The values that match, by field."""

    second: tuple[int, ...]
    minute: tuple[int, ...]
    hour: tuple[int, ...]
    day_of_month: frozenset[int]
    month: frozenset[int]
    day_of_week: frozenset[int]

    def next_after(self, moment: datetime) -> datetime:
        """The first time after `moment` that matches."""
        first = (moment.astimezone(UTC) + timedelta(seconds=1)).replace(microsecond=0)
        for ahead in range(_LOOK_AHEAD):
            day = first + timedelta(days=ahead)
            if ahead:
                day = day.replace(hour=0, minute=0, second=0)
            if self._matches_day(day) and (found := self._first_on(day)) is not None:
                return found
        raise AssertionError("parse_schedule lets no schedule through that never comes")

    def _matches_day(self, day: datetime) -> bool:
        return day.month in self.month and day.day in self.day_of_month and day.isoweekday() in self.day_of_week

    def _first_on(self, day: datetime) -> datetime | None:
        """The first matching time of this day, not before `day` itself."""
        for hour in self.hour:
            for minute in self.minute:
                if (hour, minute) < (day.hour, day.minute):
                    continue
                for second in self.second:
                    if (hour, minute, second) >= (day.hour, day.minute, day.second):
                        return day.replace(hour=hour, minute=minute, second=second)
        return None


def parse_schedule(value: Any) -> Schedule:
    """Read a schedule as it stands in a subscription. Raises ScheduleRefused."""
    if not isinstance(value, dict):
        raise ScheduleRefused("", 'A schedule is an object such as {"hour": "1", "minute": "5"}.')
    for name in value:
        if name not in FIELDS:
            raise ScheduleRefused(str(name)[:40], f"A schedule has the fields {', '.join(FIELDS)}.")
    if not value:
        raise ScheduleRefused("", "A schedule names at least one field.")
    finest = next(place for place, name in enumerate(FIELDS) if name in value)
    read = [_values(name, value.get(name), place < finest) for place, name in enumerate(FIELDS)]
    found = Schedule(read[0], read[1], read[2], frozenset(read[3]), frozenset(read[4]), frozenset(read[5]))
    if not any(day <= _LONGEST_MONTH[month] for month in found.month for day in found.day_of_month):
        raise ScheduleRefused("dayOfMonth", "None of these months has such a day.")
    return found


_LONGEST_MONTH: Final = {month: 29 if month == 2 else 30 if month in (4, 6, 9, 11) else 31 for month in range(1, 13)}


def _values(name: str, given: Any, is_finer: bool) -> tuple[int, ...]:
    least, greatest = FIELDS[name]
    if given is None:
        return (least,) if is_finer and name in _CLOCK else tuple(range(least, greatest + 1))
    text = str(given) if type(given) in (str, int) else ""
    if len(text) > _LONGEST:
        raise ScheduleRefused(name, f"{name} is too long.")
    found: set[int] = set()
    for item in text.replace(" ", "").split(","):
        found.update(_item(name, item))
    return tuple(sorted(found))


def _item(name: str, item: str) -> range:
    least, greatest = FIELDS[name]
    if step := _STEP(item):
        return range(least, greatest + 1, int(step[1] or 1))
    if (step := _STEP_FROM(item)) and least <= int(step[1]) <= greatest:
        return range(int(step[1]), greatest + 1, int(step[2]))
    parts = _ITEM(item)
    if parts is None:
        raise ScheduleRefused(name, f"{name} is a list of numbers and ranges, such as 0,30 or [1-5], or *.")
    low, high = int(parts[1]), int(parts[2] or parts[1])
    if not least <= low <= high <= greatest:
        raise ScheduleRefused(name, f"{name} goes from {least} to {greatest}.")
    return range(low, high + 1)
