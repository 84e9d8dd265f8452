"""When scheduled queries run."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from supplychain.webhooks.errors import ScheduleRefused
from supplychain.webhooks.schedule import FIELDS, parse_schedule

SUNDAY = datetime(2026, 3, 1, 12, 0, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("schedule", "after", "expected"),
    [
        ({"hour": "1", "minute": "5"}, SUNDAY, "2026-03-02T01:05:00"),
        ({"hour": "12"}, SUNDAY, "2026-03-02T12:00:00"),
        ({"second": "*/15"}, SUNDAY, "2026-03-01T12:00:15"),
        ({"second": "7/30"}, SUNDAY, "2026-03-01T12:00:07"),
        ({"minute": "0,30"}, SUNDAY, "2026-03-01T12:30:00"),
        ({"dayOfWeek": "[1-5]", "hour": "6,18"}, SUNDAY, "2026-03-02T06:00:00"),
        ({"dayOfWeek": "7"}, SUNDAY, "2026-03-08T00:00:00"),
        ({"dayOfMonth": "31"}, SUNDAY, "2026-03-31T00:00:00"),
        ({"dayOfMonth": "31", "month": "[2-5]"}, datetime(2026, 3, 31, tzinfo=UTC), "2026-05-31T00:00:00"),
        ({"dayOfMonth": "29", "month": "2"}, SUNDAY, "2028-02-29T00:00:00"),
        ({"month": "1"}, SUNDAY, "2027-01-01T00:00:00"),
        ({"hour": 23, "minute": 59, "second": 59}, SUNDAY, "2026-03-01T23:59:59"),
        ({"minute": "5"}, SUNDAY.replace(minute=5), "2026-03-01T13:05:00"),
        ({"second": "30"}, SUNDAY.replace(microsecond=1), "2026-03-01T12:00:30"),
    ],
)
def test_the_next_time_is_the_first_that_matches(schedule, after, expected):
    assert parse_schedule(schedule).next_after(after) == datetime.fromisoformat(expected).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("schedule", "field"),
    [
        ({}, ""),
        ([], ""),
        ("0 5 * * *", ""),
        ({"hours": "1"}, "hours"),
        ({"hour": "24"}, "hour"),
        ({"minute": "-1"}, "minute"),
        ({"second": "1.5"}, "second"),
        ({"second": True}, "second"),
        ({"dayOfWeek": "0"}, "dayOfWeek"),
        ({"dayOfMonth": "[5-1]"}, "dayOfMonth"),
        ({"dayOfMonth": "30", "month": "2"}, "dayOfMonth"),
        ({"minute": "٣"}, "minute"),
        ({"minute": ""}, "minute"),
        ({"minute": "1," * 200}, "minute"),
        ({"second": "*/0"}, "second"),
        ({"second": "60/2"}, "second"),
    ],
)
def test_a_schedule_that_says_no_time_is_refused_with_its_field(schedule, field):
    with pytest.raises(ScheduleRefused) as refused:
        parse_schedule(schedule)
    assert refused.value.field == field


@given(
    st.fixed_dictionaries(
        {}, optional={name: st.integers(*bounds).map(str) for name, bounds in FIELDS.items() if name != "dayOfMonth"}
    ).filter(bool),
    st.datetimes(datetime(2026, 1, 1), datetime(2030, 1, 1), timezones=st.just(UTC)),
)
def test_a_found_time_matches_every_field_and_is_later(schedule, after):
    found = parse_schedule(schedule).next_after(after)
    assert found > after
    values = {
        "second": found.second,
        "minute": found.minute,
        "hour": found.hour,
        "month": found.month,
        "dayOfWeek": found.isoweekday(),
    }
    assert {name: str(values[name]) for name in schedule} == schedule
    assert parse_schedule(schedule).next_after(found - timedelta(seconds=1)) == found
