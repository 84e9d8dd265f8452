"""What an answer means, and when a refused delivery is tried again."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from enum import StrEnum
from typing import Final

FIRST_PAUSE: Final = timedelta(seconds=5)
LONGEST_PAUSE: Final = timedelta(hours=1)
LONGEST_ASKED: Final = timedelta(hours=24)
"""A receiver may ask for more patience than ours, up to a day."""
PAUSED_AFTER: Final = timedelta(days=3)
"""A webhook that failed for so long is paused until somebody resumes it."""
PAUSED_AFTER_REFUSALS: Final = timedelta(days=1)
"""A receiver that answers and says no will hardly change its mind by itself."""
TOLD_AFTER_REFUSALS: Final = 3
"""So many failures in a row, the last of them a refusal, and the managers are told, while it is still being tried: two
alone may come of a release or of a moved route."""
_TRY_LATER: Final = frozenset((408, 425, 429))
"""What a receiver answers that will take the same request another time (RFC 9110, 15.5.9; RFC 8470; RFC 6585)."""


class Verdict(StrEnum):
    """What became of one delivery."""

    DELIVERED = "delivered"
    TOO_LARGE = "too_large"
    GONE = "gone"
    REFUSED = "refused"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Answer:
    """What a receiver said; status 0 where nothing came back, and `said` then tells why."""

    status: int
    said: str = ""
    retry_after: str = ""


def verdict(answer: Answer) -> Verdict:
    """Any 2xx takes the events over; 413 asks for fewer, 410 for none any more; all else is tried again, though what
    refuses the request as it is (a redirect, an error of the client's) for less long."""
    match answer.status:
        case status if 200 <= status < 300:
            return Verdict.DELIVERED
        case 413:
            return Verdict.TOO_LARGE
        case 410:
            return Verdict.GONE
        case status if 300 <= status < 500 and status not in _TRY_LATER:
            return Verdict.REFUSED
        case _:
            return Verdict.FAILED


def paused_after(found: Verdict) -> timedelta:
    """For how long it may have failed until a failure of this kind pauses it."""
    return PAUSED_AFTER_REFUSALS if found is Verdict.REFUSED else PAUSED_AFTER


def next_try(answer: Answer, *, failures: int, now: datetime, random: Callable[[], float]) -> datetime:
    """When to try again after `failures` failures in a row (from 1): exponential, half of it jitter, never before
    what Retry-After asks for (RFC 9110, 10.2.3)."""
    pause = min(FIRST_PAUSE * 2.0 ** min(failures - 1, 20), LONGEST_PAUSE)
    ours = now + pause * (0.5 + random() / 2)
    asked = _asked(answer.retry_after, now)
    return ours if asked is None else max(ours, min(asked, now + LONGEST_ASKED))


def _asked(text: str, now: datetime) -> datetime | None:
    if text.isascii() and text.isdecimal() and len(text) < 10:
        return now + timedelta(seconds=int(text))
    try:
        found = parsedate_to_datetime(text)
    except (ValueError, TypeError, OverflowError):
        return None
    return found if found.tzinfo else found.replace(tzinfo=UTC)
