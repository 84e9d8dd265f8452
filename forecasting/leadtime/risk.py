"""How likely a promise is missed: the running rate of a lane, and a boosted challenger beside it.

Both learn from outcomes known before each decision alone. The estimate is the mean of their log-odds, half weight to
the rate: it steadies the challenger where a lane is new.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from forecasting.leadtime.journeys import Journeys, Mask, Vector
from forecasting.leadtime.running import FOR_EVER, Grouping, columns, running_features, running_mean

if TYPE_CHECKING:
    from sklearn.ensemble import HistGradientBoostingClassifier

HALF_LIVES = (180.0, 720.0, FOR_EVER)
RATE_WEIGHT = 0.5
PRIOR = 0.1
"""What share is taken to be late before anything is known."""
LEAST = 200
"""Known outcomes that the challenger needs, twenty of them late."""


@dataclass(frozen=True, slots=True)
class RiskSettings:
    """What the lane is, and which groups the challenger looks at."""

    lane: tuple[str, ...]
    groupings: tuple[Grouping, ...]
    numbers: tuple[str, ...] = ()
    every: float = 90.0


@dataclass(frozen=True, slots=True, eq=False)
class Risks:
    """For each journey the probability of being late, as each way has it."""

    rate: Vector
    boosted: Vector
    combined: Vector


def lateness(journeys: Journeys, late: Vector, settings: RiskSettings, *, since: float) -> Risks:
    """Estimate the risk of each journey that starts from `since` on, from what was known at its start; others NaN.

    The challenger is fitted again every `settings.every` days; before it has enough outcomes the rate alone counts.
    """
    rate = running_mean(
        journeys.start, journeys.known, late, journeys.codes(settings.lane), strength=1.0, prior=PRIOR
    ).mean
    features = running_features(journeys, late, settings.groupings, half_lives=HALF_LIVES, prior=PRIOR)
    table = columns(features, [journeys.numbers[name] for name in settings.numbers])
    boosted = np.full(len(journeys), np.nan)
    for at, wanted in blocks(journeys.start, since=since, every=settings.every):
        past = journeys.known_at(at)
        if past.sum() >= LEAST and 20 <= late[past].sum() <= past.sum() - 20:
            boosted[wanted] = _fitted(table[past], late[past]).predict_proba(table[wanted])[:, 1]
    combined = _combined(boosted, rate)
    combined[journeys.start < since] = np.nan
    return Risks(rate, boosted, combined)


def blocks(start: Vector, *, since: float, every: float) -> list[tuple[float, Mask]]:
    """The journeys of each `every` days from `since` on, with the instant at which a model for them is fitted."""
    if not start.size:
        return []
    edges = np.arange(since, float(start[-1]) + every, every)
    found = [(float(at), np.asarray((start >= at) & (start < at + every))) for at in edges]
    return [(at, wanted) for at, wanted in found if wanted.any()]


def auc(late: Sequence[bool] | Vector, score: Vector) -> float | None:
    """The share of pairs of a late and a punctual one that `score` orders rightly; ties count half."""
    is_late = np.asarray(late, dtype=bool)
    positive, negative = int(is_late.sum()), int((~is_late).sum())
    if not positive or not negative:
        return None
    _, inverse, counts = np.unique(score, return_inverse=True, return_counts=True)
    ranks = (np.cumsum(counts) - (counts - 1) / 2)[inverse]
    return float((ranks[is_late].sum() - positive * (positive + 1) / 2) / (positive * negative))


def _fitted(table: Vector, late: Vector) -> HistGradientBoostingClassifier:
    from sklearn.ensemble import HistGradientBoostingClassifier  # 110 MB that only whoever learns needs

    model = HistGradientBoostingClassifier(
        max_iter=120,
        learning_rate=0.05,
        max_leaf_nodes=8,
        min_samples_leaf=40,
        l2_regularization=10,
        early_stopping=False,
        random_state=0,
    )
    return model.fit(table, late)


def _combined(boosted: Vector, rate: Vector) -> Vector:
    with np.errstate(invalid="ignore"):
        odds = (_log_odds(boosted) + RATE_WEIGHT * _log_odds(rate)) / (1 + RATE_WEIGHT)
    return np.asarray(np.where(np.isnan(boosted), rate, 1 / (1 + np.exp(-odds))))


def _log_odds(share: Vector) -> Vector:
    kept = np.clip(share, 1e-3, 1 - 1e-3)
    return np.asarray(np.log(kept / (1 - kept)))
