from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from supplychain.web import words

NOON = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)


def test_a_time_is_shown_on_the_clock_of_its_event():
    local = words.in_offset(NOON, "-03:30")
    assert words.day_and_time(local) == "Sun 22 Nov 2026, 08:30"


@pytest.mark.parametrize(
    ("offset", "said"),
    [("+00:00", "UTC"), ("+01:00", "UTC+1"), ("-03:30", "UTC-3:30"), ("", "UTC"), ("rubbish", "UTC")],
)
def test_an_offset_is_said_in_words(offset, said):
    assert words.zone(offset) == said


@pytest.mark.parametrize(
    ("before", "said"),
    [
        (timedelta(hours=1), "today 11:00"),
        (timedelta(hours=13), "yesterday 23:00"),
        (timedelta(days=9), "Fri 13 Nov, 12:00"),
        (timedelta(days=400), "18 Oct 2025, 12:00"),
    ],
)
def test_a_near_time_is_said_shortly(before, said):
    assert words.near_time(NOON - before, NOON) == said


@pytest.mark.parametrize(
    ("value", "uom", "said"),
    [
        (Decimal("1240.000000"), "", "1,240"),
        (Decimal("12.500000"), "KGM", "12.5 kg"),
        (0, "", "0"),
        (Decimal("100"), "", "100"),
    ],
)
def test_a_quantity_has_no_trailing_zeros(value, uom, said):
    assert words.quantity(value, uom) == said


@pytest.mark.parametrize(
    ("uri", "said"),
    [
        ("https://id.gs1.org/00/376123450000042184", "376123450000042184"),
        ("https://id.gs1.org/01/07612345000011/10/L%2F22", "07612345000011 lot L/22"),
        ("urn:epcglobal:cbv:bt:7612345000011:PO-88213", "PO-88213"),
        ("https://log.example/0123/unit/abc", "abc"),
    ],
)
def test_an_identifier_is_shown_by_the_part_that_people_read_out(uri, said):
    assert words.short_identifier(uri) == said


def test_one_case_is_not_two_cases():
    assert [words.units(n, "case") for n in (1, 2)] == ["1 case", "2 cases"]
    assert words.units(3, "box") == "3 boxes"
