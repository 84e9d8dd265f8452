"""Theta, exponential and complex smoothing, smoothed counts: published figures, and what holds for each."""

from datetime import date

import numpy as np
import pytest

from forecasting.timeseries import metrics
from forecasting.timeseries.methods import HorizonRefused
from forecasting.timeseries.methods.arima import AutoArima
from forecasting.timeseries.methods.ces import ComplexSmoothing
from forecasting.timeseries.methods.counts import Imapa, SmoothedCounts, Tsb
from forecasting.timeseries.methods.decompose import NO_SEASON, decomposed, filled, season_of
from forecasting.timeseries.methods.ets import ExponentialSmoothing
from forecasting.timeseries.methods.mstl import Mstl
from forecasting.timeseries.methods.smoothing import CES, ETS, THETA, count_quantiles, loss
from forecasting.timeseries.methods.theta import Theta
from forecasting.timeseries.series import DemandSeries, NothingToForecast, TooShort
from tests.forecasting.timeseries.test_public_data import load

SMOOTH = [Theta(), ExponentialSmoothing(), ComplexSmoothing(), Mstl(), AutoArima()]
smooth = pytest.mark.parametrize("method", SMOOTH, ids=lambda method: method.name)
every = pytest.mark.parametrize("method", [*SMOOTH, SmoothedCounts(), Tsb(), Imapa()], ids=lambda method: method.name)


def monthly(values, season=12):
    return DemandSeries("k", "MS", season, date(2015, 1, 1), np.array(values, dtype=float), "EA", "receipts")


def seasonal(count, noise=3.0, seed=1):
    t = np.arange(count)
    wave = 1 + 0.3 * np.sin(2 * np.pi * t / 12)
    return (100 + 0.5 * t) * wave + np.random.default_rng(seed).normal(0, noise, count)


def mean_mase(method, path, step):
    found = []
    for train, test in load(path)[::step]:
        point = method.forecast(monthly(train), test.size).point
        found.append(metrics.mase(test, point, train=train, season_length=12))
    return np.mean([value for value in found if value is not None])


@pytest.mark.parametrize(("path", "expected"), [("demand/m3_monthly.csv.gz", 0.850), ("demand/hospital.csv.gz", 0.756)])
def test_theta_has_the_published_error(path, expected):
    assert mean_mase(Theta(), path, 1) == pytest.approx(expected, abs=0.003)


@pytest.mark.parametrize("method", SMOOTH[1:], ids=lambda method: method.name)
def test_smoothing_is_far_better_than_the_yardstick(method):
    assert mean_mase(method, "demand/hospital.csv.gz", 12) < 0.87


@smooth
def test_a_trend_and_a_season_are_carried_on(method):
    t = np.arange(120, 132)
    expected = (100 + 0.5 * t) * (1 + 0.3 * np.sin(2 * np.pi * t / 12))
    assert method.forecast(monthly(seasonal(120)), 12).point == pytest.approx(expected, rel=0.12)


@every
def test_quantiles_rise_and_repeat(method):
    series = monthly(np.maximum(seasonal(60, noise=80), 0).round())
    one, two = method.forecast(series, 36), method.forecast(series, 36)
    assert one.quantiles.tobytes() == two.quantiles.tobytes()
    assert (np.diff(one.quantiles, axis=1) >= 0).all() and (one.quantiles >= 0).all()


@every
@pytest.mark.parametrize("level", [0.0, 7.0, 1e12])
def test_a_constant_stays(method, level):
    found = method.forecast(monthly(np.full(40, level)), 6)
    assert found.point == pytest.approx(np.full(6, level), rel=0.01, abs=1e-6)


@every
def test_gaps_and_huge_values_are_bridged(method):
    values = seasonal(60).round() * 2.0**30
    values[[0, 7, 30, 59]] = np.nan
    assert np.isfinite(method.forecast(monthly(values), 6).quantiles).all()


@every
def test_a_senseless_horizon_is_refused(method):
    with pytest.raises(HorizonRefused):
        method.forecast(monthly(seasonal(40)), 10**9)


@smooth
@pytest.mark.parametrize("values", [[], [1.0], [np.nan] * 50, [1.0] * 7], ids=len)
def test_too_little_is_refused(method, values):
    with pytest.raises(TooShort):
        method.forecast(monthly(values), 6)


@smooth
def test_a_season_longer_than_the_states_is_taken_out_first(method):
    wave = 50 + 20 * np.sin(2 * np.pi * np.arange(260) / 52)
    series = DemandSeries("k", "W", 52, date(2015, 1, 5), wave, "EA", "receipts")
    expected = 50 + 20 * np.sin(2 * np.pi * np.arange(260, 286) / 52)
    assert method.forecast(series, 26).point == pytest.approx(expected, abs=4)


def test_counts_have_a_lower_loss_than_empirical_quantiles_on_spare_parts():
    loss = total = 0.0
    for train, test in load("demand/carparts.csv.gz"):
        found = SmoothedCounts().forecast(monthly(train), test.size)
        loss += metrics.quantile_loss_sum(test, found.quantiles, found.levels)
        total += metrics.absolute_sum(test)
    assert loss / total < 0.866


def test_counts_come_in_packs():
    values = np.where(np.arange(48) % 5 == 0, 24.0, 0.0) * (1 + np.arange(48) % 3)
    found = SmoothedCounts().forecast(monthly(values), 3)
    assert set(np.mod(found.quantiles, 24.0).ravel().tolist()) == {0.0}


def test_counts_of_nothing_are_refused():
    with pytest.raises(NothingToForecast):
        SmoothedCounts().forecast(monthly([np.nan] * 30), 3)


@pytest.mark.parametrize(("mean", "variance"), [(0.3, 0.3), (2.0, 9.0), (40.0, 90.0), (400.0, 401.0)])
def test_quantiles_of_counts_are_scipys(mean, variance):
    from scipy import stats

    levels = np.array([0.025, 0.1, 0.5, 0.9, 0.975])
    if variance > mean:
        expected = stats.nbinom.ppf(levels, mean**2 / (variance - mean), mean / variance)
    else:
        expected = stats.poisson.ppf(levels, mean)
    assert count_quantiles(mean, variance, levels) == pytest.approx(expected)


def test_simple_smoothing_has_its_textbook_recursion():
    y, level, squares = np.array([3.0, 5.0, 4.0, 8.0]), 2.0, 0.0
    for value in y:
        squares += (value - level) ** 2
        level += 0.4 * (value - level)
    forecast = np.empty(2)
    found = loss(ETS, np.array([0.4, 0, 1, 0, 2.0, 0]), y, np.array([0.0, 0, 0, 0]), forecast)
    assert found == pytest.approx(4 * np.log(squares))
    assert forecast == pytest.approx([level, level])


def test_holt_winters_has_its_textbook_recursion():
    y = np.array([30.0, 52, 33, 60, 39, 66])
    level, slope, season, alpha, beta, gamma = 35.0, 2.0, [0.8, 1.2], 0.3, 0.1, 0.2
    for t, value in enumerate(y):
        base = level + slope
        rest = value - base * season[t % 2]
        level, slope = base + alpha * rest / season[t % 2], slope + beta * rest / season[t % 2]
        season[t % 2] += gamma * rest / base
    forecast = np.empty(3)
    x = np.array([alpha, beta / alpha, 1.0, gamma / (1 - alpha), 35.0, 2.0])
    loss(ETS, x, y, np.array([1.0, 1, 2, 0.8, 1.2]), forecast)
    assert forecast == pytest.approx([(level + (h + 1) * slope) * season[h % 2] for h in range(3)])


def test_a_series_that_explodes_has_a_loss_and_no_error():
    y = np.array([1.0, 1e150, 1.0, 1e200])
    for method, x in ((THETA, np.array([0.5, 0.5, 1.0])), (CES, np.array([1.8, 0.01, 1.8, 0.01]))):
        assert loss(method, x, y, np.array([0.0, 1.0, 0.0]), np.empty(0)) <= 1e300


def test_classical_decomposition_finds_the_season():
    wave = np.array([0.7, 1.0, 1.3, 1.0])
    values = np.resize(wave, 40) * 100
    found = season_of(values, 4)
    assert found.multiplies and found.indices == pytest.approx(wave)
    assert found.removed(values) == pytest.approx(np.full(40, 100))
    assert found.restored(np.full(3, 100.0), 41) == pytest.approx([100, 130, 100])
    assert decomposed(values, 4, multiplies=False).indices == pytest.approx([-30, 0, 30, 0])


def test_noise_has_no_season_and_gaps_are_straight():
    assert season_of(np.random.default_rng(2).normal(100, 1, 60), 12) is NO_SEASON
    assert filled(monthly([np.nan, 1, 2, np.nan, 4, 5, 6, 7, 8, 9])).tolist() == [1, 2, 3, 4, 5, 6, 7, 8, 9]
