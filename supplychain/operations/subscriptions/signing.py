"""The keys that sign deliveries: published before they are used and after, and followed by a new one each quarter.

They sign nothing else: whoever got one could neither append to the log nor speak for a party.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db import connection, transaction
from nacl.signing import SigningKey

from ledger import keystore, tenancy
from ledger.tlog import keys
from supplychain.models import Party, WebhookKey

ROLE = "webhook"
ROTATED_AFTER = timedelta(days=90)
PUBLISHED_BEFORE = timedelta(days=1)
"""A receiver that asks for the keys once a day knows each one in time."""
KEPT_AFTER = timedelta(days=30)
_LOCK = 0x77686B6579  # "whkey"


def current(*, now: datetime) -> tuple[str, SigningKey]:
    """The id of the key that signs now, and the key; the first one is made here."""
    found = WebhookKey.objects.filter(use_from__lte=now).first() or rotate(now=now)
    return found.key_id, keystore.signing_key(found.key_id)


def published(*, now: datetime) -> list[WebhookKey]:
    """The keys that receivers must know: the next, the current, and those whose follower is younger than a month.

    The first is made here, once there is an operator: receivers know it before anything is signed.
    """
    rows = list(WebhookKey.objects.order_by("-use_from"))
    if not rows and Party.objects.filter(is_operator=True).exists():
        rows = [rotate(now=now)]
    followers = [None, *rows]
    return [
        row
        for row, follower in zip(rows, followers, strict=False)
        if follower is None or now < follower.use_from + KEPT_AFTER
    ]


def rotate_if_due(*, now: datetime) -> WebhookKey | None:
    """Make the next key when the newest has signed for a quarter."""
    newest = WebhookKey.objects.first()
    if newest is None or newest.use_from + ROTATED_AFTER > now:
        return None
    return rotate(now=now)


def rotate(*, now: datetime) -> WebhookKey:
    """Make a key that signs from tomorrow on, or at once where there was none; one that waits for its day is kept."""
    with tenancy.system(), transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", [_LOCK])
        newest = WebhookKey.objects.first()
        if newest is not None and (newest.use_from > now or newest.created_at == now):
            return newest
        operator = Party.objects.get(is_operator=True)
        made = keystore.make(party=operator.id, role=ROLE)
        key_id = keys.key_id(bytes(made.verify_key))
        use_from = now if newest is None else now + PUBLISHED_BEFORE
        return WebhookKey.objects.create(
            key_id=key_id, public_key=bytes(made.verify_key), created_at=now, use_from=use_from
        )
