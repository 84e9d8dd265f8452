"""What an access token allows, remembered for 30 seconds by its digest and forgotten the moment it is revoked.

The toolkit's own check costs more than the rest of a request. What is remembered here never holds the token itself.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from django.core.cache import cache
from django.db.models import Q
from django.db.models.signals import post_delete, post_save
from django.dispatch import receiver
from django.http import HttpRequest
from django.utils import timezone
from oauth2_provider.models import AccessToken
from redis.exceptions import RedisError

from supplychain.models import ApiClient

REMEMBERED_SECONDS = 30
_LONGEST_TOKEN = 512
_REVOKED = "revoked"

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Grant:
    """What a token allows: a client, acting for one party, within scopes, until a time."""

    client: int
    client_id: str
    party: UUID
    scopes: frozenset[str]
    expires_at: datetime


def bearer_token(request: HttpRequest) -> str | None:
    """The token of `Authorization: Bearer <token>` (RFC 6750, 2.1); None when the header is another or absent."""
    kind, _, token = request.META.get("HTTP_AUTHORIZATION", "").partition(" ")
    return token.strip() if kind.lower() == "bearer" else None


def grant_of(token: str, *, now: datetime) -> Grant | None:
    """What `token` allows now; None when it is unknown, expired, revoked, or its client acts for nobody."""
    if not token or len(token) > _LONGEST_TOKEN or not token.isascii():
        return None
    digest = hashlib.sha256(token.encode()).hexdigest()
    found = _from_cache(_ask_cache(lambda: cache.get(_name(digest))))
    if found is None:
        found = _from_database(digest, now)
        if found is not None:
            value = _to_cache(found)
            _ask_cache(lambda: cache.add(_name(digest), value, REMEMBERED_SECONDS))
    return found if found is not None and found.scopes and now < found.expires_at else None


def may_read_entries(request: HttpRequest) -> bool:
    """Whether the request carries a token of any party: what the log's entry tiles ask for."""
    token = bearer_token(request)
    return token is not None and grant_of(token, now=timezone.now()) is not None  # noqa: TID251


def _from_database(digest: str, now: datetime) -> Grant | None:
    row = AccessToken.objects.select_related("application").filter(token_checksum=digest, expires__gt=now).first()
    client = row.application if row is not None else None
    if row is None or client is None or client.party_id is None or row.resource:
        return None
    scopes = frozenset(row.scope.split()) & frozenset(client.granted_scopes.split())
    unused = Q(last_used_at=None) | Q(last_used_at__lt=now - timedelta(minutes=1))
    ApiClient.objects.filter(unused, pk=client.pk).update(last_used_at=now)
    return Grant(client.pk, client.client_id, client.party_id, scopes, row.expires)


def _to_cache(grant: Grant) -> list[Any]:
    scopes = " ".join(sorted(grant.scopes))
    return [grant.client, grant.client_id, grant.party.hex, scopes, grant.expires_at.timestamp()]


def _from_cache(value: Any) -> Grant | None:
    if value is None:
        return None
    if value == _REVOKED:
        return Grant(0, "", UUID(int=0), frozenset(), datetime.min.replace(tzinfo=UTC))
    client, client_id, party, scopes, expires = value
    return Grant(client, client_id, UUID(party), frozenset(scopes.split()), datetime.fromtimestamp(expires, UTC))


def _name(digest: str) -> str:
    return f"token:{digest}"


def _ask_cache(call: Callable[[], Any]) -> Any:
    """Ask the cache; without it the database answers each time, which is slower and as right."""
    try:
        return call()
    except (RedisError, OSError) as trouble:
        log.warning("the cache does not answer: %s", trouble)
        return None


@receiver(post_delete, sender=AccessToken)
def forget_token(instance: Any, **_more: Any) -> None:
    """A revoked token is refused at once: the mark outlives what another process may be about to remember."""
    _ask_cache(lambda: cache.set(_name(instance.token_checksum), _REVOKED, 2 * REMEMBERED_SECONDS))


@receiver(post_save, sender=ApiClient)
def forget_client(instance: Any, **_more: Any) -> None:
    """A client whose party or scopes changed is looked up again."""
    digests = AccessToken.objects.filter(application=instance.pk).values_list("token_checksum", flat=True)
    names = [_name(digest) for digest in digests]
    if names:
        _ask_cache(lambda: cache.delete_many(names))
