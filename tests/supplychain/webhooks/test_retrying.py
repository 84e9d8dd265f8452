"""When a refused delivery is tried again."""

from datetime import UTC, datetime, timedelta

import pytest

from supplychain.webhooks.retrying import Answer, Verdict, next_try, verdict

NOW = datetime(2026, 3, 1, 12, 0, 0, tzinfo=UTC)


def seconds(failures=1, random=1.0, **answer):
    found = next_try(Answer(503, **answer), failures=failures, now=NOW, random=lambda: random)
    return (found - NOW).total_seconds()


def test_pauses_double_up_to_an_hour():
    assert [seconds(failures) for failures in (1, 2, 3, 4, 10, 11, 1000)] == [5, 10, 20, 40, 2560, 3600, 3600]


def test_half_of_a_pause_is_jitter():
    assert [seconds(4, random) for random in (0.0, 0.5, 1.0)] == [20, 30, 40]


def test_a_receiver_may_ask_for_more_patience_and_not_for_less():
    assert seconds(retry_after="120") == 120
    assert seconds(10, retry_after="1") == 2560
    assert seconds(retry_after="Sun, 01 Mar 2026 12:10:00 GMT") == 600
    assert seconds(retry_after="Sun, 01 Mar 2026 11:00:00 GMT") == 5
    assert seconds(retry_after="999999999") == timedelta(hours=24).total_seconds()
    for nonsense in ("soon", "-5", "1e9", "٣", "Sun, 99 Mar 2026 12:10:00 GMT", "9" * 40):
        assert seconds(retry_after=nonsense) == 5


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        (200, Verdict.DELIVERED),
        (202, Verdict.DELIVERED),
        (204, Verdict.DELIVERED),
        (301, Verdict.REFUSED),
        (307, Verdict.REFUSED),
        (400, Verdict.REFUSED),
        (401, Verdict.REFUSED),
        (404, Verdict.REFUSED),
        (408, Verdict.FAILED),
        (410, Verdict.GONE),
        (413, Verdict.TOO_LARGE),
        (422, Verdict.REFUSED),
        (425, Verdict.FAILED),
        (429, Verdict.FAILED),
        (500, Verdict.FAILED),
        (0, Verdict.FAILED),
        (199, Verdict.FAILED),
    ],
)
def test_only_2xx_takes_events_over(status, expected):
    assert verdict(Answer(status)) == expected
