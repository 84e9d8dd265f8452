from datetime import UTC, date, datetime, timedelta

import pytest

from supplychain.web import charts
from supplychain.web.charts import Observed, Step

DAY = date(2026, 3, 2)


def days(*values: float | None) -> list[Observed]:
    return [Observed(DAY + timedelta(days=n), value) for n, value in enumerate(values)]


def numbers(points: str) -> list[tuple[float, float]]:
    return [tuple(map(float, pair.split(","))) for pair in points.split()]


@pytest.mark.parametrize(
    ("low", "high", "ticks"),
    [(0, 10, (0, 5, 10)), (0, 97, (0, 50, 100)), (3.1, 4.9, (3, 3.5, 4, 4.5, 5)), (-2, 2, (-2, -1, 0, 1, 2))],
)
def test_value_ticks_are_round_and_enclose_the_values(low, high, ticks):
    assert charts.value_ticks(low, high) == ticks


def test_value_ticks_of_a_flat_line_are_two_at_least():
    assert len(charts.value_ticks(0, 0)) >= 2


def test_a_missing_value_interrupts_the_line():
    chart = charts.band_chart(days(1, 2, None, 4, 5), [])
    assert [len(numbers(line)) for line in chart.actual] == [2, 2]


def test_higher_values_lie_higher_in_the_picture_and_inside_of_it():
    chart = charts.band_chart(days(1, 100, 7), [])
    points = numbers(chart.actual[0])
    assert points[1][1] < points[0][1]
    frame = charts.WIDE
    assert all(frame.left <= x <= frame.end and frame.top <= y <= frame.floor for x, y in points)


def test_the_95_band_encloses_the_80_band_and_that_the_forecast():
    steps = [Step(DAY + timedelta(days=5 + n), 10, 8, 13, 6, 15) for n in range(3)]
    chart = charts.band_chart(days(9, 11, 10), steps)
    wide, narrow, line = numbers(chart.band95), numbers(chart.band80), numbers(chart.forecast)
    assert wide[0][1] < narrow[0][1] < line[0][1] < narrow[-1][1] < wide[-1][1]


def test_the_cutoff_lies_between_what_was_and_what_is_forecast():
    steps = [Step(DAY + timedelta(days=3), 10, 8, 13, 6, 15)]
    chart = charts.band_chart(days(9, 11, 10), steps)
    assert numbers(chart.actual[0])[-1][0] < chart.cutoff < numbers(chart.forecast)[0][0]


def test_half_an_hour_has_ticks_too():
    start = datetime(2026, 3, 2, 19, 13, tzinfo=UTC)
    chart = charts.line_chart([Observed(start + timedelta(minutes=n), 4.0 + n) for n in (0, 17, 35)])
    assert [tick.label for tick in chart.x_ticks] == ["2 Mar 19:15", "2 Mar 19:30", "2 Mar 19:45"]


def test_nothing_is_drawn_of_nothing():
    assert charts.band_chart([], []) is None
    assert charts.line_chart([]) is None
    assert charts.line_chart(days(None, None)) is None


def test_an_excursion_begins_and_ends_where_the_limit_is_crossed():
    [area] = charts.excursions([(0, 6), (10, 10), (20, 6)], 8)
    assert area == [(5, 8), (10, 10), (15, 8)]


def test_a_track_that_starts_above_the_limit_is_an_excursion_from_its_start():
    [area] = charts.excursions([(0, 10), (10, 6)], 8)
    assert area == [(0, 10), (5, 8)]


def test_a_track_under_the_limit_has_no_excursion():
    assert charts.excursions([(0, 6), (10, 8)], 8) == []


def test_readings_over_the_limit_are_marked():
    at = datetime(2026, 3, 2, 8, tzinfo=UTC)
    readings = [Observed(at + timedelta(minutes=15 * n), value) for n, value in enumerate((4.0, 9.4, 5.0))]
    chart = charts.line_chart(readings, limit=8, unit="°C")
    assert [mark.over for mark in chart.points] == [False, True, False]
    assert chart.points[1].words == "9.4 °C"
    assert len(chart.over) == 1


@pytest.mark.parametrize("length", [1, 5, 40, 400, 3000])
def test_time_ticks_are_few_and_in_order(length):
    chart = charts.band_chart(days(*range(length)), [])
    positions = [tick.position for tick in chart.x_ticks]
    assert 1 <= len(positions) <= 13
    assert positions == sorted(positions)
