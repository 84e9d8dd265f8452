"""Observations become regular series; what cannot be forecast says why."""

from datetime import UTC, date, datetime, timedelta

import numpy as np
import pytest

from forecasting.timeseries.series import (
    MAX_PERIODS,
    Dated,
    DemandSeries,
    NothingToForecast,
    QuantityRefused,
    TooShort,
    choose_frequency,
    ensure_forecastable,
    period_of,
    season_length_of,
    series_as_known,
    step_from,
)


def at(day: str, hour: int = 12) -> datetime:
    return datetime.fromisoformat(day).replace(hour=hour, tzinfo=UTC)


def seen(day: str, quantity: float, known: str | None = None) -> Dated:
    return Dated(at(day), at(known or day), quantity)


def built(observations, cutoff, frequency="D", **more):
    return series_as_known(
        observations, cutoff=cutoff, key="k", frequency=frequency, unit="EA", kind="receipts", **more
    )


def series(values, frequency="D"):
    season = {"D": 7, "W": 52, "MS": 12}[frequency]
    return DemandSeries("k", frequency, season, date(2020, 1, 1), np.array(values, dtype=float), "EA", "receipts")


def test_a_period_without_an_observation_is_zero_and_observations_of_one_period_add_up():
    found = built([seen("2025-03-01", 2), seen("2025-03-01", 3), seen("2025-03-04", 1)], at("2025-03-06", 0))
    assert found.start == date(2025, 3, 1)
    assert found.values.tolist() == [5, 0, 0, 1, 0]
    assert found.end == date(2025, 3, 6)


def test_the_period_that_runs_at_the_cutoff_is_left_out():
    found = built([seen("2025-03-01", 2), seen("2025-03-02", 9)], at("2025-03-02", 18))
    assert found.values.tolist() == [2]


def test_what_was_not_known_at_the_cutoff_is_not_in_the_series():
    observations = [seen("2025-03-01", 2), seen("2025-03-02", 7, known="2025-03-09")]
    assert built(observations, at("2025-03-05", 0)).values.tolist() == [2, 0, 0, 0]
    assert built(observations, at("2025-03-10", 0)).values[1] == 7


def test_a_missing_period_is_nan_and_not_zero():
    found = built([seen("2025-03-01", 2)], at("2025-03-04", 0), missing=[date(2025, 3, 2)])
    assert np.isnan(found.values[1]) and found.values[2] == 0


def test_the_order_of_observations_does_not_change_a_bit():
    rng = np.random.default_rng(0)
    observations = [seen("2025-03-01", q) for q in rng.lognormal(3, 4, 200)]
    forward = built(observations, at("2025-03-03", 0))
    backward = built(observations[::-1], at("2025-03-03", 0))
    assert forward.digest() == backward.digest()


def test_days_are_days_of_utc():
    late = Dated(datetime.fromisoformat("2025-03-01T23:30:00-05:00"), at("2025-03-02", 5), 4)
    assert built([late], at("2025-03-04", 0)).start == date(2025, 3, 2)


def test_a_week_begins_on_monday_and_a_month_on_its_first_day():
    assert period_of(date(2025, 3, 2), "W") == date(2025, 2, 24)
    assert period_of(date(2025, 3, 31), "MS") == date(2025, 3, 1)
    assert step_from(date(2024, 11, 1), "MS", 3) == date(2025, 2, 1)
    assert step_from(date(2025, 1, 1), "MS", -1) == date(2024, 12, 1)


def test_future_periods_follow_the_last_one():
    found = built([seen("2024-11-05", 2), seen("2024-12-05", 2)], at("2025-01-15"), "MS")
    assert found.future(2) == [date(2025, 1, 1), date(2025, 2, 1)]


def test_an_absurdly_old_date_is_left_out_and_fills_no_memory():
    found = built([seen("0001-01-01", 5), seen("2025-03-01", 2)], at("2025-03-04", 0))
    assert found.start == date(2025, 3, 1)
    assert len(built([seen("2020-04-01", 5), seen("2025-03-01", 2)], at("2025-03-04", 0))) <= MAX_PERIODS["D"]


@pytest.mark.parametrize("quantity", [-1, float("nan"), float("inf"), 1e13])
def test_a_quantity_that_is_none_is_refused(quantity):
    with pytest.raises(QuantityRefused):
        built([seen("2025-03-01", quantity)], at("2025-03-04", 0))


def test_no_observation_at_all_is_nothing_to_forecast():
    with pytest.raises(NothingToForecast, match="No demand is known"):
        built([], at("2025-03-04", 0))


def test_values_cannot_be_changed():
    with pytest.raises(ValueError):
        series([1, 2, 3]).values[0] = 9


@pytest.mark.parametrize("change", [{"unit": "KG"}, {"kind": "dispatches"}, {"season_length": 1}, {"key": "other"}])
def test_the_digest_covers_what_a_method_may_see(change):
    fields = {"key": "k", "frequency": "D", "season_length": 7, "start": date(2020, 1, 1), "unit": "EA", "kind": "r"}
    one = DemandSeries(values=np.array([1.0, np.nan]), **fields)
    assert one.digest() != DemandSeries(values=np.array([1.0, np.nan]), **(fields | change)).digest()
    assert one.digest() != DemandSeries(values=np.array([1.0, 0.0]), **fields).digest()


@pytest.mark.parametrize(
    ("values", "frequency", "error", "words"),
    [
        ([np.nan] * 40, "D", NothingToForecast, "any demand"),
        ([0.0] * 40, "D", NothingToForecast, "any demand"),
        ([5.0], "D", TooShort, "1 days of history"),
        ([5.0] * 23, "MS", TooShort, "needs 24"),
        ([0.0] * 30 + [4.0], "MS", TooShort, "1 months with demand"),
        ([9.0] * 30 + [0.0] * 24, "MS", NothingToForecast, "last 24 months"),
    ],
)
def test_a_series_that_cannot_be_forecast_says_why(values, frequency, error, words):
    with pytest.raises(error, match=words):
        ensure_forecastable(series(values, frequency))


def test_a_history_of_two_years_of_months_is_enough():
    ensure_forecastable(series([5.0] * 24, "MS"))


def test_demand_on_most_days_is_a_daily_series(observed):
    assert choose_frequency(observed([1] * 100), at("2025-06-01")) == "D"


def test_one_delivery_a_month_over_years_is_a_monthly_series():
    months = [Dated(at(f"{y}-{m:02}-10"), at(f"{y}-{m:02}-10"), 5.0) for y in range(2020, 2025) for m in range(1, 13)]
    assert choose_frequency(months, at("2025-01-01")) == "MS"


def test_two_deliveries_a_week_over_years_are_a_weekly_series():
    first = at("2022-01-04")
    days = [first + timedelta(days=7 * w + d) for w in range(150) for d in (0, 2)]
    assert choose_frequency([Dated(day, day, 5.0) for day in days], at("2025-01-01")) == "W"


def test_a_few_deliveries_after_years_of_them_are_still_a_monthly_series():
    days = [at("2015-03-01"), at("2017-06-01"), at("2024-06-01"), at("2024-09-01")]
    assert choose_frequency([Dated(day, day, 5.0) for day in days], at("2025-01-01")) == "MS"


def test_no_season_is_claimed_before_two_were_seen():
    assert season_length_of("W", 103) == 1
    assert season_length_of("W", 104) == 52


def test_what_was_withdrawn_counts_until_it_was():
    wrong = Dated(at("2025-03-01"), at("2025-03-01"), 900, withdrawn_at=at("2025-03-05"))
    right = seen("2025-03-01", 9, known="2025-03-05")
    assert built([wrong, right], at("2025-03-04", 0)).values[0] == 900
    assert built([wrong, right], at("2025-03-06", 0)).values[0] == 9
