"""A webhook that is paused is told of: on its page, and by mail to its party's managers."""

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
    letter = _letter(row, because)
    if letter is not None:
        transaction.on_commit(letter.send)


@dataclass(frozen=True, slots=True)
class _Letter:
    to: list[str]
    text: str

    def send(self) -> None:
        """Mail it, as well as can be: the page says the same."""
        try:
            send_mail("A webhook is paused", self.text, None, self.to)
        except (OSError, smtplib.SMTPException) as trouble:
            logger.warning("managers could not be told by mail that a webhook is paused: %s", trouble)


def _letter(row: Subscription, because: str) -> _Letter | None:
    managers = Membership.objects.filter(party_id=row.tenant, role=Role.MANAGER, user__is_active=True)
    to = list(managers.values_list("user__email", flat=True))
    page = f"{settings.WAYLOG_URL}{reverse('webhook', args=[row.pk])}"
    text = (
        f"Waylog sends no more events of the query {row.query.name!r} to\n  {row.dest}\n\n{because}\n\n"
        f"Nothing is lost: once it is resumed, it goes on where it stopped.\n{page}\n"
    )
    return _Letter(to, text) if to else None
