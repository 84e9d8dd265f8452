"""Keys that come to their end: their party's managers are told in time, once a key."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from uuid import UUID

from django.conf import settings
from django.core.mail import send_mail

from ledger import queries as log
from ledger import tenancy
from ledger.tlog.keys import KeyRecord
from supplychain.models import KeyReminder, KeyRequest, Membership, Party, Role

TEXT = """\
A key that signs for {party} comes to its end on {day}:

  {label}{key_id}

Renew it on that device, at {url}/device/, in a few seconds; nobody need approve it again. After its end it signs
nothing more; what it signed stays valid.
"""


def ending(party: UUID | None = None, *, now: datetime) -> list[KeyRecord]:
    """The valid keys (of one party) that end within the days of `WAYLOG_KEY_REMINDER_DAYS`, the first to end first."""
    until = int((now + timedelta(days=settings.WAYLOG_KEY_REMINDER_DAYS)).timestamp() * 1000)
    return log.ending_keys(until, party=party)


def remind(*, now: datetime) -> int:
    """Mail the managers of each key that ends soon; once a key, however often this is rung. Return how many keys."""
    with tenancy.system():
        fresh = [record for record in ending(now=now) if _is_first(record.key_id, now)]
        for record in fresh:
            _mail(record)
        return len(fresh)


def _is_first(key_id: str, now: datetime) -> bool:
    return KeyReminder.objects.get_or_create(key_id=key_id, defaults={"sent_at": now})[1]


def _mail(record: KeyRecord) -> None:
    assert record.expires_ms is not None
    party, request = Party.objects.get(id=UUID(record.party)), KeyRequest.objects.filter(key_id=record.key_id).first()
    label = f"{request.label}, " if request is not None and request.label else ""
    day = f"{datetime.fromtimestamp(record.expires_ms / 1000, UTC):%-d %b %Y, %H:%M} UTC"
    text = TEXT.format(party=party.name, day=day, label=label, key_id=record.key_id, url=settings.WAYLOG_URL)
    holder = [request.requested_by.email] if request is not None and request.requested_by is not None else []
    to = sorted({*managers([party.id]), *holder})
    if to:
        send_mail(f"A key of {party.name} ends on {day}", text, None, to)


def managers(parties: Iterable[UUID]) -> list[str]:
    """The addresses of the managers of these parties."""
    found = Membership.objects.filter(party__in=list(parties), role=Role.MANAGER, user__is_active=True)
    return sorted(set(found.values_list("user__email", flat=True)))
