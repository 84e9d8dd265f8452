"""Series that the tests share."""

from datetime import UTC, date, datetime, timedelta

import numpy as np
import pytest

from forecasting.timeseries.series import Dated, DemandSeries


@pytest.fixture
def weekly_pattern():
    """Daily demand with a weekly season: 20 each day, 50 each Saturday; starts on a Monday."""

    def make(days=140, start=date(2025, 1, 6), noise=0.0, seed=1):
        values = np.full(days, 20.0) + np.where(np.arange(days) % 7 == 5, 30.0, 0.0)
        values += np.random.default_rng(seed).normal(0, noise, days) if noise else 0
        return DemandSeries("apples", "D", 7, start, np.maximum(values, 0), "EA", "receipts")

    return make


@pytest.fixture
def observed():
    """One observation a day at noon, known after `late`."""

    def make(values, start=date(2025, 1, 6), late=timedelta(0)):
        noon = datetime(start.year, start.month, start.day, 12, tzinfo=UTC)
        return [
            Dated(noon + timedelta(days=i), noon + timedelta(days=i) + late, float(v)) for i, v in enumerate(values)
        ]

    return make
