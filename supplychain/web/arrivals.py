"""When a shipment will be there, in words and as a picture."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from forecasting.arrivals import Expected
from supplychain.queries.arrivals import Said
from supplychain.web import shown, words
from supplychain.web.names import Names
from supplychain.web.shown import Chip

WIDTH, HEIGHT, EDGE = 560, 56, 8
_METHODS = {
    "table": "past trips of the lane, shrunk towards those of its giver and of all",
    "log-normal": "a log-normal for the lane, open trips counted as longer than their age",
    "boosted": "the mean of the lane's table and boosted quantiles over lane, giver, holder, hour and weekday",
}
_STAGES = {"dispatch": "handed over", "accept": "taken over", "arrive": "seen arriving", "depart": "seen departing"}


@dataclass(frozen=True, slots=True)
class Mark:
    """A moment on the picture."""

    x: float
    words: str
    kind: str


@dataclass(frozen=True, slots=True)
class Bar:
    """The intervals as bars over time, with now and the promise as marks."""

    x95: float
    width95: float
    x80: float
    width80: float
    marks: tuple[Mark, ...]
    width: int = WIDTH
    height: int = HEIGHT


@dataclass(frozen=True, slots=True)
class Card:
    """The page's card."""

    said: Said
    expected: Expected | None
    risk: str
    chip: Chip | None
    drivers: tuple[str, ...]
    method: str
    bar: Bar | None


def card(said: Said, names: Names, *, now: datetime) -> Card:
    """All that the shipment's page says of its arrival."""
    expected = said.expected
    if expected is None:
        return Card(said, None, "", None, (), "", None)
    risk = "" if expected.risk is None else percent(expected.risk)
    return Card(
        said, expected, risk, shown.likely_late(said, now=now), drivers(said, names, now=now),
        _METHODS.get(said.row.method, said.row.method), bar(said, expected, now=now),
    )  # fmt: skip


def percent(share: float) -> str:
    """A probability as people read it: never 0 or 100 where it is neither."""
    return "under 1 %" if share < 0.01 else "over 99 %" if share > 0.99 else f"{share:.0%}".replace("%", " %")


def drivers(said: Said, names: Names, *, now: datetime) -> tuple[str, ...]:
    """What the estimate rests on, as sentences."""
    told, row, found = said.row.drivers, said.row, []
    age = max(now - row.since, timedelta(0))
    stage = _STAGES.get(row.stage.split(" ")[0], "seen")
    holder = _holder(told.get("holder", ""), names)
    found.append(f"It was {stage}{_to(row.stage, holder)} {words.span(age)} ago.")
    if told.get("lane_passages") and told.get("lane_middle") is not None:
        found.append(
            f"From there, the {_count(told['lane_passages'], 'earlier trip')} on this lane took"
            f" {_days(told['lane_middle'])} in the middle."
        )
    elif told.get("all_middle") is not None:
        found.append(
            f"No trip on this lane was finished yet; from there, those of other lanes took {_days(told['all_middle'])}"
            " in the middle."
        )
    slower = told.get("slower")
    if slower is not None and not 0.9 <= slower <= 1.1:
        more = f"{abs(slower - 1):.0%}".replace("%", " %")
        found.append(
            f"This one is expected to take {more} {'longer' if slower > 1 else 'less'} than the lane's middle."
        )
    if said.expected is not None and (passed := told.get("arrived_by_now", 0.0)) >= 0.5:
        found.append(f"When this was computed, {percent(passed)} of such trips would have been there.")
    if told.get("promised"):
        found.append(
            f"{told['late']} of the last {_count(told['promised'], 'trip')} on this lane came after the promise."
        )
    return tuple(found)


def bar(said: Said, expected: Expected, *, now: datetime) -> Bar:
    """Lay the moments out between the earliest and the latest of them."""
    promised = said.row.promised_at
    moments = [now, expected.lower95, expected.upper95] + ([promised] if promised else [])
    first, last = min(moments), max(moments)
    length = max((last - first) / timedelta(minutes=1), 1.0)

    def x(at: datetime) -> float:
        return round(EDGE + (WIDTH - 2 * EDGE) * ((at - first) / timedelta(minutes=1)) / length, 1)

    marks = [Mark(x(now), "now", "now"), Mark(x(expected.middle), "expected", "middle")]
    if promised:
        marks.append(Mark(x(promised), "promised", "promised"))
    return Bar(
        x(expected.lower95), max(x(expected.upper95) - x(expected.lower95), 1.0),
        x(expected.lower80), max(x(expected.upper80) - x(expected.lower80), 1.0), tuple(marks),
    )  # fmt: skip


def _holder(told: str, names: Names) -> str:
    """A taker's name from its identifier; who signed what was seen is known by its id alone."""
    return "" if not told or is_party_id(told) else names.party(None, told)


def is_party_id(told: str) -> bool:
    """Whether it is a party's id, 32 hexadecimal digits, and no identifier of an event."""
    return len(told) == 32 and set(told) <= set("0123456789abcdef")


def _to(stage: str, holder: str) -> str:
    if not holder:
        return ""
    return f" to {holder}" if stage.startswith("dispatch") else f" by {holder}"


def _count(number: int, word: str) -> str:
    return f"{number:,} {word}" if number == 1 else f"{number:,} {word}s"


def _days(days: float) -> str:
    return words.span(timedelta(days=days))
