"""A subscription as it is asked for (EPCIS 2.0, 8.2.5 and 12.8.3).

{"dest": "https://partner.example/hook", "signatureToken": "...", "stream": true}
{"dest": "https://partner.example/hook", "schedule": {"hour": "1", "minute": "5"}, "reportIfEmpty": true}
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from supplychain.epcis.contexts import Context
from supplychain.epcis.values import Reader
from supplychain.webhooks import addresses, schedule, signatures
from supplychain.webhooks.errors import DestinationRefused, ScheduleRefused, TokenRefused

MEMBERS: Final = ("dest", "signatureToken", "stream", "schedule", "reportIfEmpty", "initialRecordTime")


class SubscriptionInvalid(Exception):
    """`kind` is the exception of EPCIS, `pointer` the place; the message never holds the signature token."""

    def __init__(self, kind: str, pointer: str, message: str) -> None:
        super().__init__(message)
        self.kind = kind
        self.pointer = pointer


@dataclass(frozen=True, slots=True)
class Wanted:
    """A subscription that may be made. The token shows in no repr."""

    dest: str
    token: bytes | None = field(repr=False)
    schedule: dict[str, Any] | None
    report_if_empty: bool
    initial_record_time: datetime | None

    @property
    def stream(self) -> bool:
        """Whether events go out soon after they came in."""
        return self.schedule is None


def parse_subscription(value: Any, *, allow: Iterable[str]) -> Wanted:
    """Read what was sent. Raises SubscriptionInvalid."""
    if not isinstance(value, dict):
        raise SubscriptionInvalid("ValidationException", "", "A subscription is a JSON object.")
    for name in value:
        if name not in MEMBERS:
            raise SubscriptionInvalid(
                "ValidationException", f"/{name[:60]}", f"A subscription has the members {', '.join(MEMBERS)}."
            )
    return Wanted(
        dest=_dest(value.get("dest"), allow),
        token=_token(value.get("signatureToken")),
        schedule=_when(value.get("stream"), value.get("schedule")),
        report_if_empty=_flag(value.get("reportIfEmpty"), "/reportIfEmpty"),
        initial_record_time=_time(value.get("initialRecordTime")),
    )


def _dest(given: Any, allow: Iterable[str]) -> str:
    if not isinstance(given, str):
        raise SubscriptionInvalid("InvalidURIException", "/dest", "dest is the URL to send events to.")
    try:
        addresses.parse_destination(given, allow=allow)
    except DestinationRefused as refused:
        raise SubscriptionInvalid("InvalidURIException", "/dest", str(refused)) from None
    return given


def _token(given: Any) -> bytes | None:
    if given is None:
        return None
    try:
        return signatures.check_token(given if isinstance(given, str) else "")
    except TokenRefused as refused:
        raise SubscriptionInvalid("ValidationException", "/signatureToken", str(refused)) from None


def _when(stream: Any, given: Any) -> dict[str, Any] | None:
    """The schedule, or None for a stream: one of the two, and not both (EPCIS 2.0, 8.2.5.3)."""
    is_stream = _flag(stream, "/stream")
    if is_stream == (given is not None):
        raise SubscriptionInvalid(
            "SubscriptionControlsException",
            "/schedule" if is_stream else "",
            'A subscription says either "stream": true or a schedule: when shall events be sent?',
        )
    if is_stream:
        return None
    try:
        schedule.parse_schedule(given)
    except ScheduleRefused as refused:
        at = f"/schedule/{refused.field}" if refused.field else "/schedule"
        raise SubscriptionInvalid("SubscriptionControlsException", at, str(refused)) from None
    return {str(name): str(text) for name, text in given.items() if text is not None}


def _flag(given: Any, at: str) -> bool:
    if given is not None and type(given) is not bool:
        raise SubscriptionInvalid("ValidationException", at, f"{at[1:]} is true or false.")
    return bool(given)


def _time(given: Any) -> datetime | None:
    if given is None:
        return None
    reader = Reader(Context({}, is_epcis=False))
    found = reader.time(given, "/initialRecordTime")
    if found is None:
        raise SubscriptionInvalid("SubscriptionControlsException", "/initialRecordTime", reader.faults[0].message)
    return found
