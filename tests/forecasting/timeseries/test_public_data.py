"""Published series give the published figures: so metrics and methods are those of the literature."""

import csv
import gzip
from collections import defaultdict
from datetime import UTC, date, datetime

import numpy as np
import pytest

from forecasting.timeseries import metrics
from forecasting.timeseries.methods import LEVELS
from forecasting.timeseries.methods.empirical import Empirical
from forecasting.timeseries.methods.seasonal_naive import SeasonalNaive
from forecasting.timeseries.series import (
    Dated,
    DemandSeries,
    SeriesRefused,
    begins_at,
    periods_between,
    series_as_known,
    step_from,
)
from tests.conftest import shared


def load(path):
    """(train, test) of each series of a long file."""
    parts = defaultdict(lambda: {"train": [], "test": []})
    with gzip.open(shared(path), "rt") as lines:
        for row in csv.DictReader(lines):
            parts[row["series"]][row["part"]].append(float(row["y"]))
    return [(np.array(part["train"]), np.array(part["test"])) for part in parts.values()]


def monthly(values, start=date(2000, 1, 1)):
    return DemandSeries("k", "MS", 12, start, values, "EA", "receipts")


@pytest.mark.parametrize(
    ("path", "expected"), [("demand/m3_monthly.csv.gz", 1.146), ("demand/hospital.csv.gz", 0.9205)]
)
def test_seasonal_naive_has_the_known_mase(path, expected):
    method, found = SeasonalNaive(), []
    for train, test in load(path):
        point = method.forecast(monthly(train), test.size).point
        found.append(metrics.mase(test, point, train=train, season_length=12))
    assert np.mean([value for value in found if value is not None]) == pytest.approx(expected, abs=5e-4)


def test_empirical_quantiles_have_the_known_loss_on_spare_parts():
    loss = total = 0.0
    for train, test in load("demand/carparts.csv.gz"):
        loss += metrics.quantile_loss_sum(test, Empirical().forecast(monthly(train), test.size).quantiles, LEVELS)
        total += metrics.absolute_sum(test)
    assert loss / total == pytest.approx(0.8725, abs=5e-4)


def test_empirical_quantiles_have_the_known_loss_on_public_health_shipments():
    pairs = defaultdict(list)
    with shared("shipments/scms.csv").open(encoding="utf-8", errors="replace", newline="") as lines:
        for row in csv.DictReader(lines):
            day = _day(row["Delivered to Client Date"])
            quantity = float(row["Line Item Quantity"].replace(",", ""))
            pairs[row["Country"], row["Product Group"]].append(Dated(day, day, quantity))
    loss = total = 0.0
    counts, inside = [], []
    for cutoff in (date(2013, 8, 1), date(2014, 2, 1), date(2014, 8, 1), date(2015, 2, 1)):
        used = 0
        for seen in pairs.values():
            # the months up to and with the cutoff's are known
            end = step_from(cutoff, "MS", 1)
            train = _months(seen, end)
            if train is None or len(train) < 24 or (train.values > 0).sum() < 12:
                continue
            used += 1
            now = _months(seen, date(2015, 9, 1))
            actual = now.values[periods_between(now.start, end, "MS") :][:6]
            forecast = Empirical().forecast(train, 6)
            loss += metrics.quantile_loss_sum(actual, forecast.quantiles, LEVELS)
            total += metrics.absolute_sum(actual)
            inside.append(metrics.coverage(actual, *forecast.interval(80)))
        counts.append(used)
    assert counts == [26, 29, 31, 36]
    assert loss / total == pytest.approx(0.621, abs=5e-4)
    assert np.mean(inside) == pytest.approx(0.824, abs=5e-4)


def _months(seen, end):
    try:
        return series_as_known(seen, cutoff=begins_at(end), key="k", frequency="MS", unit="EA", kind="receipts")
    except SeriesRefused:
        return None


def _day(text):
    for form in ("%d-%b-%y", "%m/%d/%y", "%Y-%m-%d"):
        try:
            return datetime.strptime(text, form).replace(tzinfo=UTC)
        except ValueError:
            continue
    raise ValueError(text)
