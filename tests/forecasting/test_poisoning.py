"""Made-up demand: 1 % of all volume moves the total of the forecasts by less than 5 %, or is flagged."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

import numpy as np
import pytest

from forecasting.history import SeriesHistory, SeriesKey
from forecasting.runs import RunSettings, Told, compute
from forecasting.timeseries.engine import NO_CHOICE
from forecasting.timeseries.series import Dated

FIRST = datetime(2025, 1, 6, 12, tzinfo=UTC)
DAYS = 168
SETTINGS = RunSettings(FIRST.replace(hour=0) + timedelta(days=DAYS), frequency="D", horizon=28)
WEEK = np.array([1.0, 1.05, 1.0, 1.1, 1.3, 1.5, 0.6])


def demand(count=12, seed=7):
    rng = np.random.default_rng(seed)
    sizes = rng.uniform(20, 80, count)
    return [rng.poisson(size * WEEK[np.arange(DAYS) % 7]).astype(float) for size in sizes]


def forecast(values):
    told = []
    for number, one in enumerate(values):
        key = SeriesKey("receipts", f"p{number}", "shop", "EA", UUID(int=number % 4 + 1))
        moments = [FIRST + timedelta(days=day) for day in range(DAYS)]
        seen = tuple(Dated(at, at, v) for at, v in zip(moments, one.tolist(), strict=True))
        told.append(Told(SeriesHistory(key, seen, attested=False)))
    results = compute(told, SETTINGS, NO_CHOICE)
    flagged = [(place, flag.place) for place, one in enumerate(results) for flag in one.flags]
    return sum(float(one.forecast.point.sum()) for one in results), flagged


def one_day(values, fake, day):
    values[0][day] += fake


def three_days(values, fake):
    values[0][-3:] += fake / 3


def a_week(values, fake):
    values[0][-7:] += fake / 7


def one_party_lately(values, fake):
    for number in (0, 4, 8):
        values[number][-3:] += fake / 9


def spread_over_all(values, fake):
    for one in values:
        one += fake / len(values) / DAYS


ATTACKS = {
    "on the last day": lambda v, f: one_day(v, f, -1),
    "on a day last month": lambda v, f: one_day(v, f, -30),
    "on the first day": lambda v, f: one_day(v, f, 0),
    "over three days": three_days,
    "over the last week of one series": a_week,
    "by one party, lately": one_party_lately,
    "a little everywhere": spread_over_all,
}


@pytest.mark.parametrize("attack", ATTACKS.values(), ids=ATTACKS.keys())
def test_one_per_cent_of_fake_volume_moves_the_total_by_less_than_five_or_is_flagged(attack):
    honest = demand()
    before, flags_before = forecast(honest)
    poisoned = [one.copy() for one in honest]
    attack(poisoned, 0.01 * sum(one.sum() for one in honest))
    after, flags_after = forecast(poisoned)
    moved = abs(after / before - 1)
    assert moved < 0.05 or len(flags_after) > len(flags_before), f"{100 * moved:.1f} %"


def test_honest_demand_raises_hardly_a_flag():
    flagged = sum(len(forecast(demand(seed=seed))[1]) for seed in range(3))
    assert flagged <= 3, "of 36 series"


def test_what_is_capped_moves_the_total_hardly_at_all():
    honest = demand()
    before, _ = forecast(honest)
    poisoned = [one.copy() for one in honest]
    one_day(poisoned, 0.01 * sum(one.sum() for one in honest), -1)
    after, flagged = forecast(poisoned)
    assert flagged and abs(after / before - 1) < 0.02
