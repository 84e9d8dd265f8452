"""Local regression and ARIMA: textbook answers, known orders, and levels of sparse demand by hand."""

from datetime import date

import numpy as np
import pytest

from forecasting.timeseries.methods.arima import AutoArima, _differenced, _integrated, _kpss, _responses
from forecasting.timeseries.methods.counts import Imapa, Tsb
from forecasting.timeseries.methods.levels import imapa, smoothed, tsb
from forecasting.timeseries.methods.loess import loess, loess_at, stl
from forecasting.timeseries.methods.mstl import Mstl
from forecasting.timeseries.methods.smoothing import ARIMA, loss
from forecasting.timeseries.series import DemandSeries, NothingToForecast
from tests.forecasting.timeseries.methods.test_smoothing_methods import monthly, seasonal


def noise(count, seed=12):
    return np.random.default_rng(seed).normal(0, 1, count)


def autoregressive(count, phi, seed=12):
    found, shocks = np.zeros(count), noise(count, seed)
    for t in range(1, count):
        found[t] = phi * found[t - 1] + shocks[t]
    return found


def test_local_lines_go_through_straight_points_and_beyond_them():
    y = 3 + 2 * np.arange(30.0)
    assert loess(y, 11) == pytest.approx(y)
    assert loess_at(y, 11, 31.0, True) == pytest.approx(65)
    assert loess_at(y, 11, 10.0, False) == pytest.approx(y[10])


def test_a_local_line_is_the_weighted_least_squares_one():
    y, x, width = noise(40), 20.0, 9
    places = np.arange(16.0, 25.0)
    weights = (1 - (np.abs(places - x) / 4) ** 3) ** 3
    slope, level = np.polyfit(places - x, y[16:25], 1, w=np.sqrt(weights))
    assert loess_at(y, width, x, True) == pytest.approx(level)
    assert loess_at(y, width, x, False) == pytest.approx(np.average(y[16:25], weights=weights))
    assert slope != 0


def test_the_season_is_separated_from_trend_and_noise():
    t = np.arange(120)
    wave = 10 * np.sin(2 * np.pi * t / 12)
    found = stl(50 + 0.3 * t + wave + noise(120), 12, 11)
    assert np.abs(found - wave).max() < 2
    assert found[:12].sum() == pytest.approx(0, abs=3)


def test_days_have_a_season_of_the_week_and_one_of_the_year():
    t = np.arange(1100)
    truth = 100 + 20 * np.sin(2 * np.pi * t / 7) + 40 * np.sin(2 * np.pi * t / 365)
    series = DemandSeries("k", "D", 7, date(2020, 1, 6), truth[:1000] + noise(1000), "EA", "receipts")
    assert Mstl().forecast(series, 100).point == pytest.approx(truth[1000:], abs=14)


def test_the_partial_autocorrelation_of_a_first_order_process_is_found():
    y = autoregressive(600, 0.7)
    setting = np.array([1.0, 0, 0, 0, 1])
    losses = {phi: loss(ARIMA, np.array([phi, 0.0]), y, setting, np.empty(0)) for phi in (0.5, 0.6, 0.7, 0.8, 0.9)}
    assert min(losses, key=losses.get) == 0.7


def test_one_loss_by_hand():
    """ARMA(1,1): e_t = y_t - .5 y_(t-1) + .3 e_(t-1), zeros before."""
    y, e = np.array([1.0, 2.0, 0.5]), []
    for t in range(3):
        e.append(y[t] - (0.5 * y[t - 1] - 0.3 * e[t - 1] if t else 0.0))
    found = loss(ARIMA, np.array([0.5, 0.3, 0.0]), y, np.array([1.0, 1, 0, 0, 1]), np.empty(0))
    assert found == pytest.approx(3 * np.log(np.square(e).sum()))


def test_responses_are_the_psi_weights():
    assert _responses(np.array([0.5, 0.0]), (1, 0, 0, 0), 1, 5) == pytest.approx(0.5 ** np.arange(5))
    assert _responses(np.array([0.4, 0.0]), (0, 1, 0, 0), 1, 4) == pytest.approx([1, -0.4, 0, 0])
    seasonal_one = _responses(np.array([0.5, 0.0]), (0, 0, 1, 0), 4, 9)
    assert seasonal_one == pytest.approx([1, 0, 0, 0, 0.5, 0, 0, 0, 0.25])


def test_differences_are_undone():
    y = np.cumsum(noise(60)) + 10 * np.sin(np.arange(60) * np.pi / 6)
    for lags in ([], [1], [12], [12, 1], [1, 1]):
        whole = _differenced(y, lags)
        assert _integrated(y[:50], lags, whole[-10:]) == pytest.approx(y[50:])


def test_a_walk_is_told_from_noise():
    assert _kpss(noise(200)) < 0.463 < _kpss(np.cumsum(noise(200)))


def test_noise_returns_to_its_mean_and_a_walk_stays_and_spreads():
    level = AutoArima().forecast(monthly(100 + 5 * noise(120), 1), 12)
    assert level.point == pytest.approx(np.full(12, 100), abs=3)
    walk = AutoArima().forecast(monthly(500 + np.cumsum(5 * noise(120)), 1), 12)
    width = np.diff(walk.interval(80), axis=0)[0]
    assert width[11] / width[0] > 2


def test_intervals_of_a_first_order_process_are_the_textbooks():
    forecast = AutoArima().forecast(monthly(200 + 5 * autoregressive(400, 0.8), 1), 6)
    deviation = (forecast.quantile(0.9) - forecast.point) / 1.2816
    expected = 5 * np.sqrt((1 - 0.8 ** (2 * np.arange(1, 7))) / (1 - 0.64))
    assert deviation == pytest.approx(expected, rel=0.15)


def test_a_strong_season_is_differenced_away_and_comes_back():
    t = np.arange(120, 132)
    expected = (100 + 0.5 * t) * (1 + 0.3 * np.sin(2 * np.pi * t / 12))
    assert AutoArima().forecast(monthly(seasonal(120, noise=1)), 12).point == pytest.approx(expected, rel=0.05)


# --- levels of sparse demand -----------------------------------------------------------------------------------------


def test_a_smoothed_level_by_hand():
    level, error = smoothed(np.array([1.0, 2.0, 3.0]), 0.5)
    assert level == pytest.approx(2.375) and error == pytest.approx((1 + 0.5**2 + 1.25**2) / 3)


def test_the_level_of_tsb_by_hand_and_it_sinks_while_nothing_comes():
    values, one = np.array([0.0, 4.0, 0.0, 0.0]), np.array([0.5])
    # chance .25 -> .125 -> .5625 -> .28125 -> .140625; size 4
    assert tsb(values, one) == pytest.approx(0.140625 * 4)
    sold = monthly([0, 3, 0, 2] * 10)
    dormant = monthly([0, 3, 0, 2] * 10 + [0] * 12)
    assert Tsb().forecast(dormant, 3).point[0] < 0.7 * Tsb().forecast(sold, 3).point[0]


def test_imapa_is_the_mean_of_its_levels():
    values, one = np.array([2.0, 0.0, 4.0, 2.0]), np.array([0.5])
    alone, pairs = smoothed(values, 0.5)[0], smoothed(np.array([2.0, 6.0]), 0.5)[0] / 2
    assert imapa(values, 1, one) == pytest.approx(alone)
    assert imapa(values, 2, one) == pytest.approx((alone + pairs) / 2)


@pytest.mark.parametrize("method", [Tsb(), Imapa()], ids=lambda method: method.name)
def test_levels_of_nothing_are_refused(method):
    with pytest.raises(NothingToForecast):
        method.forecast(monthly([np.nan] * 30), 3)
