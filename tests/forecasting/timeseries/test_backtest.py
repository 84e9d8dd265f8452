"""What is scored is the past, never the future; that no origin sees what came later is tested in test_runs."""

import numpy as np

from forecasting.timeseries.backtest import Trial, actuals, score
from forecasting.timeseries.methods.seasonal_naive import SeasonalNaive
from forecasting.timeseries.series import begins_at


def trial(whole, train, horizon):
    forecast = SeasonalNaive().forecast(train, horizon)
    actual = actuals(whole, after=train, horizon=horizon)
    return Trial(begins_at(train.end), train.end, forecast, actual, train.values, train.season_length)


def test_the_seasonal_naive_is_perfect_on_a_perfect_season(weekly_pattern):
    found = score([trial(weekly_pattern(days=140), weekly_pattern(days=days), 14) for days in (126, 119)])
    assert (found.origins, found.steps) == (2, 28)
    assert found.wape == 0 and found.coverage_80 == 1 and found.bias == 0
    assert found.mase is None  # a scale of zero: counted, not scored


def test_what_has_not_come_yet_is_not_scored(weekly_pattern):
    whole = weekly_pattern(days=30)
    assert np.isnan(actuals(whole, after=whole, horizon=3)).all()
    assert score([trial(whole, weekly_pattern(days=28), 14)]).steps == 2
