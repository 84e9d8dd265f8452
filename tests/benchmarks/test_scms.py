"""Demand of public-health shipments, at four cutoffs: as defined, and no worse than what is hard to beat there."""

from datetime import date

from benchmarks.forecasting import scms
from tests.conftest import shared


def test_the_cutoffs_hold_the_pairs_of_the_definition():
    pairs = scms.shipments(shared("shipments/scms.csv"))
    assert [len(scms.tasks_at(pairs, cutoff)) for cutoff in scms.CUTOFFS] == [26, 29, 31, 36]


def test_the_champion_is_no_worse_than_the_last_24_months_and_true_by_quantile():
    found = scms.run(shared("shipments/scms.csv"))
    assert round(found["empirical"]["wql"], 3) == 0.621
    assert found["champion"]["wql"] <= min(found["empirical"]["wql"], 0.62)
    assert 0.75 <= round(found["champion"]["cov80"], 2) <= 0.85
    assert 0.91 <= found["champion"]["cov95"] <= 0.99
    for level, (below, within) in found["champion"]["by_quantile"].items():
        assert below <= float(level) + 0.02 and within >= float(level) - 0.02


def test_what_came_later_changes_no_forecast():
    """Deliveries after a cutoff are cut away: the pairs and their series stay what they were."""
    pairs = scms.shipments(shared("shipments/scms.csv"))
    cutoff = date(2014, 2, 1)
    early = {key: [one for one in seen if one.at.date() < date(2014, 3, 1)] for key, seen in pairs.items()}
    one, two = scms.tasks_at(pairs, cutoff), scms.tasks_at({k: v for k, v in early.items() if v}, cutoff)
    assert [task.series.digest() for task in one] == [task.series.digest() for task in two]
