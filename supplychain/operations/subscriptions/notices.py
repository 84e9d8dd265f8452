"""A webhook that is paused, or whose receiver refuses events, is told of: on its page, and by mail to its party's
managers."""

from __future__ import annotations

import logging
import smtplib
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.conf import settings
from django.core.mail import send_mail
from django.db import transaction
from django.urls import reverse

from supplychain.models import Membership, Role, Subscription

logger = logging.getLogger(__name__)


def pause(row: Subscription, because: str, *, now: datetime, **more: Any) -> None:
    """Send nothing any more until somebody resumes it, and tell the managers once this is committed."""
    Subscription.objects.filter(pk=row.pk).update(
        state=Subscription.State.PAUSED, paused_at=now, paused_because=because, next_at=None, **more
    )
    _tell(
        row, "A webhook is paused", f"Waylog sends no more events of the query {row.query.name!r} to", because, _PAUSED
    )


def warn(row: Subscription, because: str, *, now: datetime) -> None:
    """Tell the managers, once until a delivery succeeds, that the receiver refuses events; the row is the caller's to
    save."""
    row.told_at = now
    opening = f"The receiver refuses the events of the query {row.query.name!r} that Waylog sends to"
    _tell(row, "A webhook's receiver refuses events", opening, because, _TRIED)


_PAUSED = "Nothing is lost: once it is resumed, it goes on where it stopped."
_TRIED = "It is tried again for a day, then paused. Nothing is lost: what is refused is kept and sent again."


def _tell(row: Subscription, subject: str, opening: str, because: str, ending: str) -> None:
    managers = Membership.objects.filter(party_id=row.tenant, role=Role.MANAGER, user__is_active=True)
    to = list(managers.values_list("user__email", flat=True))
    page = f"{settings.WAYLOG_URL}{reverse('webhook', args=[row.pk])}"
    if to:
        text = f"{opening}\n  {row.dest}\n\n{because}\n\n{ending}\n{page}\n"
        transaction.on_commit(_Letter(to, subject, text).send)


@dataclass(frozen=True, slots=True)
class _Letter:
    to: list[str]
    subject: str
    text: str

    def send(self) -> None:
        """Mail it, as well as can be: the page says the same."""
        try:
            send_mail(self.subject, self.text, None, self.to)
        except (OSError, smtplib.SMTPException) as trouble:
            logger.warning("managers could not be told by mail of a webhook: %s", trouble)
