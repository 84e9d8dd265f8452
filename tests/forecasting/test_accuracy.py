"""What came of forecasts, in figures; who leans, who is no better than the last season; and what a stranger sees."""

from datetime import date, timedelta
from uuid import uuid4

import pytest

from forecasting import accuracy
from forecasting.models import ForecastRun, ObservedSeries, Outcome
from tests.forecasting.conftest import CUTOFF

TODAY = date(2025, 9, 22)


@pytest.fixture
def told(as_system):
    """Write outcomes: `told(party, product, [(point, actual, naive), ...])`."""
    run = ForecastRun.every.create(
        cutoff=CUTOFF,
        origin="log.example",
        tree_size=1,
        root_hash=bytes(32),
        settings={},
        versions={},
        seed=1,
        started_at=CUTOFF,
    )

    def write(party, product, figures, site="shop", attested=False, width=2.0, first=TODAY):
        series, _ = ObservedSeries.objects.get_or_create(
            kind="receipts",
            product=product,
            site=site,
            unit="EA",
            tenant=party,
            defaults={"first_known_at": CUTOFF, "first_at": CUTOFF, "last_index": 0},
        )
        for place, (point, actual, naive) in enumerate(figures):
            Outcome.objects.create(
                observed=series,
                tenant=party,
                site=site,
                frequency="D",
                demand_class="smooth",
                period=first - timedelta(days=place + 1),
                step=1,
                forecast_by=run,
                point=point,
                lower_80=point - width,
                upper_80=point + width,
                lower_95=point - 2 * width,
                upper_95=point + 2 * width,
                naive=naive,
                actual=actual,
                attested=attested,
                seen_at=CUTOFF,
            )

    return write


def test_the_figures_are_those_of_the_book(told):
    party = uuid4()
    told(party, "apples", [(11, 10, 14), (9, 10, 14), (14, 10, 14), (10, 10, 14)])
    [line] = accuracy.by_series(accuracy.outcomes(party=party, today=TODAY))
    assert line.name[:3] == ("apples", "shop", "EA")
    assert (line.periods, line.error, line.bias) == (4, 1.5, 1.0)
    assert line.tracking_signal == pytest.approx(4 / 1.5) and line.value_added == pytest.approx(1 - 1.5 / 4)
    assert (line.coverage_80, line.coverage_95) == (0.75, 1.0)
    assert line.relative_error == pytest.approx(6 / 40) and line.alarms == ()


def test_intervals_that_hold_everything_are_too_wide_but_not_for_the_empty_periods_of_sparse_demand(told):
    wide, sparse = uuid4(), uuid4()
    told(wide, "apples", [(20, 18 + place % 5, 26) for place in range(24)], width=9.0)
    told(sparse, "truffles", [(1, 0, 2)] * 34 + [(1, 4, 2)] * 2, width=2.0)
    [line] = accuracy.lines(accuracy.outcomes(party=wide, today=TODAY))
    assert line.alarms == ("The 80 % interval held 100 % of what came: it is too wide.",)
    [line] = accuracy.lines(accuracy.outcomes(party=sparse, today=TODAY))
    assert line.coverage_80 == pytest.approx(34 / 36) and line.judged == 2
    told(sparse, "nuts", [(1, 0, 2)] * 60, width=2.0)
    [line, _] = sorted(accuracy.by_series(accuracy.outcomes(party=sparse, today=TODAY)), key=lambda one: one.name[0])
    assert (line.coverage_80, line.judged) == (1.0, 0) and not any("too wide" in alarm for alarm in line.alarms)


def test_a_forecast_that_leans_or_adds_nothing_or_is_too_narrow_raises_an_alarm(told):
    party = uuid4()
    told(party, "apples", [(13, 10, 11)] * 24)
    [line] = accuracy.lines(accuracy.outcomes(party=party, today=TODAY))
    leans, no_better, narrow = line.alarms
    assert "steadily too much" in leans and "+24" in leans
    assert "200 %" in no_better and "held 0 %" in narrow


def test_a_few_periods_raise_none(told):
    party = uuid4()
    told(party, "apples", [(13, 10, 11)] * 7)
    assert accuracy.lines(accuracy.outcomes(party=party, today=TODAY))[0].alarms == ()


def test_live_and_attested_are_told_apart(told):
    party = uuid4()
    told(party, "apples", [(10, 10, 11)])
    told(party, "pears", [(20, 10, 11)], attested=True)
    live, attested = (
        accuracy.lines(accuracy.outcomes(party=party, today=TODAY, attested=one))[0] for one in (False, True)
    )
    assert (live.error, attested.error) == (0, 10)


def test_only_the_last_91_days_count(told):
    party = uuid4()
    told(party, "apples", [(10, 10, 11)], first=TODAY - timedelta(days=92))
    assert accuracy.lines(accuracy.outcomes(party=party, today=TODAY)) == []


def test_a_stranger_sees_nothing_and_the_operator_who_is_served_worse(told):
    one, other = uuid4(), uuid4()
    told(one, "apples", [(11, 10, 14)] * 3)
    told(other, "apples", [(19, 10, 14)] * 3, site="elsewhere")
    assert accuracy.lines(accuracy.outcomes(party=uuid4(), today=TODAY)) == []
    assert accuracy.lines(accuracy.outcomes(party=None, today=TODAY)) == []
    assert {line.name[0]: line.error for line in accuracy.of_partners(today=TODAY)} == {one: 1, other: 9}
    assert [line.name for line in accuracy.lines(accuracy.outcomes(party=one, today=TODAY), "site")] == [("shop",)]
    assert accuracy.of_everybody(today=TODAY).error == 5


def test_weeks_compare_the_error_with_that_of_the_last_season(told):
    party = uuid4()
    told(party, "apples", [(11, 10, 14)] * 7)
    assert accuracy.by_week(accuracy.outcomes(party=party, today=TODAY)) == [(date(2025, 9, 15), 0.25)]
