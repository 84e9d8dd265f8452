"""Requests that may be sent again: the same key and the same request get the answer of the first time, for a day.

After draft-ietf-httpapi-idempotency-key-header: a key that is used for another request is refused (422), one whose
first request is still in flight too (409).
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db import connection

from ledger import tenancy
from supplychain.models import KeptAnswer

KEPT = timedelta(hours=24)
HELD = timedelta(minutes=5)
"""A request that took longer was lost with its process; the next one with its key runs."""


class KeyReused(Exception):
    """The key came with another request before."""


class InFlight(Exception):
    """The first request with this key has not been answered yet."""


@dataclass(frozen=True, slots=True)
class Claim:
    """The right to answer the first request with a key."""

    row: int


@dataclass(frozen=True, slots=True)
class Answer:
    """What was answered."""

    status: int
    headers: dict[str, str]
    body: bytes


def claim(*, client: int, party: UUID, key: str, request: bytes, now: datetime) -> Claim | Answer:
    """Claim a key for `request` (all that makes it this request), or return the answer that it had before.

    Raises KeyReused and InFlight.
    """
    digest, fingerprint = hashlib.sha256(key.encode()).digest(), hashlib.sha256(request).digest()
    with tenancy.system(), connection.cursor() as cursor:
        cursor.execute(_FORGET, [now - KEPT])
        cursor.execute(_CLAIM, [client, party, digest, fingerprint, now, now + HELD, now - KEPT, now])
        row = cursor.fetchone()
        if row is not None:
            return Claim(row[0])
        found = KeptAnswer.objects.filter(client_id=client, key_digest=digest).first()
    if found is None:
        raise InFlight
    if bytes(found.fingerprint) != fingerprint:
        raise KeyReused
    if found.status is None:
        raise InFlight
    return Answer(found.status, dict(found.headers), bytes(found.body))


def keep(claimed: Claim, answer: Answer) -> None:
    """Keep the answer to a claimed request."""
    with tenancy.system():
        KeptAnswer.objects.filter(pk=claimed.row, status=None).update(
            status=answer.status, headers=answer.headers, body=answer.body
        )


def release(claimed: Claim) -> None:
    """Give a key back: its request failed for a reason that may pass, so it may be sent again."""
    with tenancy.system():
        KeptAnswer.objects.filter(pk=claimed.row, status=None).delete()


_FORGET: Any = """
DELETE FROM supplychain_keptanswer WHERE id IN (
  SELECT id FROM supplychain_keptanswer WHERE created_at < %s ORDER BY created_at LIMIT 20 FOR UPDATE SKIP LOCKED)
"""
_CLAIM: Any = """
INSERT INTO supplychain_keptanswer AS k
  (client_id, tenant, key_digest, fingerprint, created_at, held_until, headers, body)
VALUES (%s, %s, %s, %s, %s, %s, '{}', '')
ON CONFLICT (client_id, key_digest) DO UPDATE
  SET fingerprint = excluded.fingerprint, created_at = excluded.created_at, held_until = excluded.held_until,
      status = NULL, headers = '{}', body = ''
  WHERE k.created_at < %s OR (k.status IS NULL AND k.held_until < %s)
RETURNING id
"""
