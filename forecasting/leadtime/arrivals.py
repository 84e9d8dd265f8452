"""What is said of a shipment under way: when it will be there, how likely its promise is missed, and why.

`learn` fits every way on finished passages and promotes one; `ask` gives each open passage its duration by that way,
moved as the latest window asks for. What was not there yet counts: `expect` takes the time since the stage as passed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np

from forecasting.leadtime import promotion
from forecasting.leadtime.durations import Duration, rising
from forecasting.leadtime.journeys import LEVELS, Journeys, Mask, Vector
from forecasting.leadtime.models import (
    BoostedSettings,
    Boosters,
    boosted_method,
    log_normal_method,
    mean_method,
    table_method,
)
from forecasting.leadtime.promotion import Score, calibrated, out_of_time, promoted, score, shifts, spread_out, spreads
from forecasting.leadtime.trips import CHAIN, GROUPINGS, NUMBERS, Passage, Trip, as_days, as_journeys

TABLE, LOG_NORMAL, BOOSTED = "table", "log-normal", "boosted"
BOOSTED_SETTINGS = BoostedSettings(GROUPINGS, NUMBERS, iterations=60)
BLOCKS = 6
BLOCK = 30.0
"""Ways are judged on the last six months, each fitted on what was known before."""
SEEN = 10
"""Finished passages that a stage needs to be learnt from; of a rarer one the stage before it speaks."""
LEAST = 20
"""Finished passages without which nothing is said."""


@dataclass(frozen=True, slots=True, eq=False)
class Learnt:
    """Which way was promoted, how each did out of time, how far its quantiles are moved, and then spread."""

    method: str
    scores: Mapping[str, Score | None]
    shift: tuple[float, ...] | None
    passages: int
    spread: tuple[float, ...] | None = None


def learn(rows: Sequence[Passage], *, now: datetime) -> Learnt | None:
    """Judge every way on the passages of the last six months and promote one; None with too few passages."""
    if len(rows) < LEAST:
        return None
    epoch = rows[0].stage.at
    journeys, at = as_journeys(rows, epoch=epoch), as_days(now, epoch)
    since = max(at - BLOCKS * BLOCK, 0.0)
    judged = (journeys.start >= since) & promotion.settled(journeys, at=at)
    ways = {
        TABLE: table_method(journeys, CHAIN),
        LOG_NORMAL: log_normal_method(journeys, CHAIN),
        BOOSTED: mean_method(boosted_method(journeys, BOOSTED_SETTINGS), table_method(journeys, CHAIN)),
    }
    given = {name: out_of_time(journeys, fit, since=since, every=BLOCK) for name, fit in ways.items()}
    moved = {name: calibrated(journeys, each, since=since, every=BLOCK / 3) for name, each in given.items()}
    scores = {name: score(journeys, each, judged=judged) for name, each in moved.items()}
    method = promoted(scores, baseline=TABLE)
    shift = shifts(journeys, given[method], at=at, window=promotion.WINDOW)
    told = np.asarray((moved[method] != given[method]).any(axis=1))
    spread = spreads(journeys, moved[method], told=told, at=at)
    return Learnt(method, scores, _told(shift), len(rows), _told(spread))


def _told(found: Vector | None) -> tuple[float, ...] | None:
    return None if found is None else tuple(found.tolist())


def boosters(rows: Sequence[Passage], *, now: datetime) -> Boosters:
    """The fitted boosted models of all that is known now, to be asked again and again."""
    epoch = rows[0].stage.at
    return Boosters.fitted(as_journeys(rows, epoch=epoch), BOOSTED_SETTINGS, at=as_days(now, epoch))


def ask(
    rows: Sequence[Passage],
    wanted: Sequence[Passage],
    learnt: Learnt,
    *,
    now: datetime,
    fitted: Boosters | None = None,
) -> list[Duration]:
    """The duration of each wanted passage, counted from its stage, by the promoted way."""
    every = sorted([*rows, *wanted], key=lambda row: row.stage.at)
    places = {id(row): place for place, row in enumerate(every)}
    epoch = every[0].stage.at
    journeys, at = as_journeys(every, epoch=epoch), as_days(now, epoch)
    mask = np.zeros(len(every), dtype=bool)
    mask[[places[id(row)] for row in wanted]] = True
    quantiles = _quantiles(journeys, learnt.method, at, mask, fitted)
    if np.isnan(quantiles).any():
        quantiles = _quantiles(journeys, TABLE, at, mask, None)
    if learnt.shift is not None:
        quantiles = rising(quantiles * np.exp(np.array(learnt.shift)))
    if learnt.spread is not None:
        quantiles = spread_out(quantiles, np.array(learnt.spread))
    by_place = dict(zip(np.flatnonzero(mask).tolist(), quantiles, strict=True))
    return [Duration(by_place[places[id(row)]], LEVELS) for row in wanted]


def _quantiles(journeys: Journeys, method: str, at: float, mask: Mask, fitted: Boosters | None) -> Vector:
    if method == BOOSTED:
        boosted = boosted_method(journeys, BOOSTED_SETTINGS, fitted=fitted)
        fit = mean_method(boosted, table_method(journeys, CHAIN))
    elif method == LOG_NORMAL:
        fit = log_normal_method(journeys, CHAIN)
    else:
        fit = table_method(journeys, CHAIN)
    return fit(at)(mask)


@dataclass(frozen=True, slots=True)
class Expected:
    """When a shipment will be there, as things stand at one moment."""

    lower80: datetime
    middle: datetime
    upper80: datetime
    lower95: datetime
    upper95: datetime
    risk: float | None
    quantiles: tuple[tuple[float, datetime], ...]


def expect(duration: Duration, *, since: datetime, now: datetime, promised: datetime | None) -> Expected:
    """Say when, given that it is not there at `now`; the risk is None where nothing was promised."""
    age = max((now - since) / timedelta(days=1), 0.0)
    left = duration.beyond(age)

    def moment(level: float) -> datetime:
        return since + timedelta(days=min(left.at(level), 20_000.0))

    risk = None
    if promised is not None:
        due = (promised - since) / timedelta(days=1)
        risk = 1.0 if due <= age else _missed(duration, age, due)
    found = tuple((level, moment(level)) for level in LEVELS)
    at = dict(found)
    return Expected(at[0.1], at[0.5], at[0.9], at[0.025], at[0.975], risk, found)


def _missed(duration: Duration, age: float, due: float) -> float:
    """The probability of longer than `due`, given longer than `age`."""
    left = 1 - duration.below(age)
    if left < 1e-6:  # beyond all that was ever seen: what `beyond` says is left
        return 1 - duration.beyond(age).below(due)
    return min(1.0, max(0.0, (1 - duration.below(due)) / left))


@dataclass(frozen=True, slots=True)
class Drivers:
    """What the estimate rests on, in numbers; pages make sentences of them."""

    lane_passages: int
    lane_middle: float | None
    all_middle: float | None
    arrived_by_now: float
    late: int
    promised: int
    slower: float | None


def drivers(rows: Sequence[Passage], asked: Passage, duration: Duration, *, now: datetime) -> Drivers:
    """Compare a passage with those of its lane and stage: how long they took, how many were late."""
    same_stage = [row for row in rows if row.stage.name == asked.stage.name]
    lane = [row for row in same_stage if row.trip.lane == asked.trip.lane]
    middle = _middle(lane)
    judged = [row.trip.is_late for row in lane[-200:] if row.trip.is_late is not None]
    age = max((now - asked.stage.at) / timedelta(days=1), 0.0)
    own = duration.at(0.5)
    return Drivers(
        len(lane), middle, _middle(same_stage), duration.below(age), sum(judged), len(judged),
        None if not middle else own / middle,
    )  # fmt: skip


def _middle(rows: Sequence[Passage]) -> float | None:
    taken = [(row.trip.arrived_at - row.stage.at) / timedelta(days=1) for row in rows[-500:] if row.trip.arrived_at]
    return float(np.median(taken)) if taken else None


__all__ = ["Drivers", "Expected", "Learnt", "Trip", "ask", "boosters", "drivers", "expect", "learn"]
