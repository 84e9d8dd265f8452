"""The harnesses of arrivals and inventory measure what they say; the figures themselves take longer."""

import numpy as np
import pytest

from benchmarks import arrivals, inventory
from forecasting.leadtime.risk import auc
from forecasting.leadtime.running import running_mean
from forecasting.timeseries.likeness import Likeness
from forecasting.timeseries.methods import LEVELS, Forecast
from tests.conftest import shared


def test_the_delay_decisions_are_the_ones_that_were_defined_and_the_rate_is_the_yardstick():
    rows = arrivals.read(shared("shipments/scms.csv"))
    rows.sort(key=lambda row: (row.scheduled, int(row.fields["ID"])))
    start = np.array([arrivals.day(row.scheduled) - 30 for row in rows])
    late = np.array([float(row.delivered > row.scheduled) for row in rows])
    judged = start >= arrivals.day(arrivals.RISK_FROM)
    assert (len(rows), int(judged.sum())) == (10_324, 2_448)
    assert late[judged].mean() == pytest.approx(0.143, abs=0.001)
    made = arrivals.journeys(rows, start.tolist(), [1.0] * len(rows))
    rate = running_mean(start, made.known, late, made.codes(("vendor", "country")), strength=1.0, prior=0.1)
    assert auc(late[judged], rate.mean[judged]) == pytest.approx(0.786, abs=0.003)
    assert not {"Scheduled Delivery Date", "Weight (Kilograms)", "Freight Cost (USD)"} & set(arrivals.LABELS.values())


def test_another_file_is_refused_with_the_column_that_is_missing(tmp_path, capsys):
    other = tmp_path / "other.csv"
    other.write_text("a,b\n1,2\n")
    assert arrivals.main([str(other)]) == 2
    assert "Scheduled Delivery Date" in capsys.readouterr().err
    assert inventory.main([str(other)]) == 2


def test_the_level_that_is_tuned_achieves_the_target_and_no_lower_one_does():
    rng = np.random.default_rng(6)
    z = np.array([-1.96, -1.28, -0.84, -0.52, -0.25, 0, 0.25, 0.52, 0.84, 1.28, 1.96])
    assert len(LEVELS) == z.size
    too_narrow = {str(n): Forecast(np.full(24, 100.0), np.tile(100 + 10 * z, (24, 1))) for n in range(40)}
    actual = {key: np.maximum(rng.normal(100, 20, 24), 0) for key in too_narrow}
    scales = dict.fromkeys(actual, 100.0)
    tables = {key: inventory.sums(one, 2, Likeness(0, 0)) for key, one in too_narrow.items()}
    level = inventory.tuned(tables, actual, scales, 0.95, 1)
    assert level > 0.97  # quantiles half as wide as they must be
    assert inventory.achieved(tables, actual, scales, level, 1).service >= 0.95
    assert inventory.achieved(tables, actual, scales, level - 0.02, 1).service < 0.95
    assert inventory.achieved(tables, actual, scales, 0.95, 1).service < 0.92
