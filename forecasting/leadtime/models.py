"""Ways to say how long a journey will take: tables of what was, a censored log-normal, boosted quantiles.

Each is fitted on what was known at one instant and asked for journeys that start later. A table is always there; the
challengers are promoted only where their pinball loss was lower out of time (`promotion`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from statistics import NormalDist
from typing import TYPE_CHECKING

import numpy as np

from forecasting.leadtime.durations import log_normal, rising
from forecasting.leadtime.journeys import LEVELS, SHORTEST, Journeys, Mask, Vector
from forecasting.leadtime.running import Grouping, columns, running_features

if TYPE_CHECKING:
    from sklearn.ensemble import HistGradientBoostingRegressor

SHRINKAGE = 10.0
"""So many journeys of its parent a group's table counts beside its own."""
MOST = 500
"""The latest so many journeys of a group make its table."""
HALF_LIVES = (120.0, 720.0)
LEAST_BOOSTED = 150
WIDEST = 1.25
"""A group's spread is at most so many times that of all."""

Answer = Callable[[Mask], Vector]
"""Quantiles of the chosen journeys, one row each; NaN where nothing can be said."""
Fit = Callable[[float], Answer]
"""Fit on what was known before an instant."""


def table_method(journeys: Journeys, chain: Sequence[tuple[str, ...]], levels: Sequence[float] = LEVELS) -> Fit:
    """Empirical quantiles of all, then of each narrower group of `chain`, each shrunk towards the one before."""
    coded = [journeys.codes(names) for names in [(), *chain]]

    def fit(at: float) -> Answer:
        past = np.flatnonzero(journeys.known_at(at))
        past = past[np.argsort(journeys.known[past], kind="stable")]
        tables = [_latest(codes[past].tolist(), journeys.duration[past].tolist()) for codes in coded]
        made: dict[tuple[int, ...], Vector] = {}

        def answer(wanted: Mask) -> Vector:
            found = np.full((int(wanted.sum()), len(levels)), np.nan)
            for row, i in enumerate(np.flatnonzero(wanted)):
                key = tuple(int(codes[i]) for codes in coded)
                if key not in made:
                    made[key] = _shrunk(tables, key, levels)
                found[row] = made[key]
            return found

        return answer

    return fit


def _latest(codes: Sequence[int], durations: Sequence[float]) -> dict[int, list[float]]:
    found: dict[int, list[float]] = {}
    for code, duration in zip(codes, durations, strict=True):
        found.setdefault(code, []).append(duration)
    return {code: each[-MOST:] for code, each in found.items()}


def _shrunk(tables: Sequence[Mapping[int, list[float]]], key: Sequence[int], levels: Sequence[float]) -> Vector:
    quantiles = np.full(len(levels), np.nan)
    for table, code in zip(tables, key, strict=True):
        seen = table.get(code)
        if seen:
            own = np.quantile(seen, levels)
            share = len(seen) / (len(seen) + SHRINKAGE)
            quantiles = own if np.isnan(quantiles[0]) else share * own + (1 - share) * quantiles
    return quantiles


def log_normal_method(journeys: Journeys, chain: Sequence[tuple[str, ...]], levels: Sequence[float] = LEVELS) -> Fit:
    """A log-normal for each group of the last labels of `chain`, open journeys counted as longer than their age.

    A group's mean and spread are shrunk towards those of all.
    """
    codes = journeys.codes(chain[-1] if chain else ())
    z = np.array([NormalDist().inv_cdf(level) for level in levels])

    def fit(at: float) -> Answer:
        started = journeys.start < at
        closed = journeys.known_at(at)
        logs = np.where(closed, journeys.log_duration, np.log(np.maximum(at - journeys.start, SHORTEST)))
        if not closed.any():
            return lambda wanted: np.full((int(wanted.sum()), len(levels)), np.nan)
        whole = log_normal(logs[started], closed[started])
        made: dict[int, tuple[float, float]] = {}

        def group(code: int) -> tuple[float, float]:
            mine = started & (codes == code)
            if code not in made:
                own = log_normal(logs[mine], closed[mine]) if (mine & closed).sum() >= 3 else whole
                share = float((mine & closed).sum() / ((mine & closed).sum() + SHRINKAGE))
                spread = share * own[1] + (1 - share) * whole[1]
                # A few open journeys of a small group say little of how wide it is.
                made[code] = share * own[0] + (1 - share) * whole[0], min(spread, WIDEST * whole[1])
            return made[code]

        def answer(wanted: Mask) -> Vector:
            rows = [group(int(code)) for code in codes[wanted]]
            return np.array([np.exp(mean + spread * z) for mean, spread in rows]).reshape(-1, len(levels))

        return answer

    return fit


@dataclass(frozen=True, slots=True)
class BoostedSettings:
    """What the boosted quantiles look at."""

    groupings: tuple[Grouping, ...]
    numbers: tuple[str, ...] = ()
    iterations: int = 100


@dataclass(frozen=True, slots=True, eq=False)
class Boosters:
    """Fitted models, one a level; they answer for any journeys with the same features."""

    models: tuple[HistGradientBoostingRegressor, ...]

    @classmethod
    def fitted(
        cls, journeys: Journeys, settings: BoostedSettings, *, at: float, levels: Sequence[float] = LEVELS
    ) -> Boosters:
        """Fit on what was known before `at`; without enough of it there are no models."""
        return cls.on(_features(journeys, settings), journeys, settings, at=at, levels=levels)

    @classmethod
    def on(
        cls, table: Vector, journeys: Journeys, settings: BoostedSettings, *, at: float, levels: Sequence[float]
    ) -> Boosters:
        """Fit on features that are at hand."""
        past = journeys.known_at(at)
        if past.sum() < LEAST_BOOSTED:
            return cls(())
        values = journeys.log_duration[past]
        return cls(tuple(_quantile_model(one, settings.iterations).fit(table[past], values) for one in levels))


def boosted_method(
    journeys: Journeys, settings: BoostedSettings, levels: Sequence[float] = LEVELS, *, fitted: Boosters | None = None
) -> Fit:
    """Boosted quantiles of the log duration; features are running means as known at each start, and numbers.

    With `fitted` nothing is fitted again.
    """
    table = _features(journeys, settings)

    def fit(at: float) -> Answer:
        found = fitted or Boosters.on(table, journeys, settings, at=at, levels=levels)

        def answer(wanted: Mask) -> Vector:
            if not found.models or not wanted.any():
                return np.full((int(wanted.sum()), len(levels)), np.nan)
            return rising(np.exp(np.column_stack([model.predict(table[wanted]) for model in found.models])))

        return answer

    return fit


def mean_method(one: Fit, other: Fit) -> Fit:
    """The geometric mean of two ways' quantiles: errors of a model and of a table are not the same ones."""

    def fit(at: float) -> Answer:
        a, b = one(at), other(at)
        return lambda wanted: np.asarray(np.sqrt(a(wanted) * b(wanted)))

    return fit


def _features(journeys: Journeys, settings: BoostedSettings) -> Vector:
    known = journeys.log_duration[np.argsort(journeys.known, kind="stable")][:1]
    features = running_features(
        journeys,
        np.nan_to_num(journeys.log_duration),
        settings.groupings,
        half_lives=HALF_LIVES,
        strength=3.0,
        prior=float(np.nan_to_num(known).sum()),  # the first outcome there was; it fades with those that follow
    )
    return columns(features, [journeys.numbers[name] for name in settings.numbers])


def _quantile_model(level: float, iterations: int) -> HistGradientBoostingRegressor:
    from sklearn.ensemble import HistGradientBoostingRegressor  # 110 MB that only whoever learns needs

    return HistGradientBoostingRegressor(
        loss="quantile",
        quantile=level,
        max_iter=iterations,
        learning_rate=0.06,
        max_leaf_nodes=8,
        min_samples_leaf=30,
        l2_regularization=5,
        early_stopping=False,
        random_state=0,
    )
