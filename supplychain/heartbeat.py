"""Signs of life of the workers and of beat: a key in Valkey each, which goes by itself when they do.

Loaded with the Celery application; `/healthz` reads them (supplychain.web.health).
"""

from typing import Any

import redis
from celery.beat import PersistentScheduler
from celery.signals import heartbeat_sent
from django.conf import settings

LIFE = 30
"""Seconds without a sign after which a process counts as gone."""

_client: redis.Redis | None = None


def valkey() -> redis.Redis:
    """Return this process's client; raises redis.RedisError in use."""
    global _client
    if _client is None:
        _client = redis.Redis.from_url(settings.REDIS_URL, socket_timeout=2, socket_connect_timeout=2)
    return _client


def give_sign(name: str) -> None:
    """Say that `name` (worker, captures, webhooks, streams, beat) lives; a Valkey that is away must not stop it."""
    try:
        valkey().set(f"waylog:alive:{name}", 1, ex=LIFE)
    except redis.RedisError:
        return


def is_alive(name: str) -> bool:
    """Whether `name` gave a sign lately; raises redis.RedisError."""
    return bool(valkey().exists(f"waylog:alive:{name}"))


@heartbeat_sent.connect(weak=False)
def _worker_lives(sender: Any = None, **_: Any) -> None:
    """The workers of one kind of work are started with a name of their own: `celery worker -n webhooks@%h`."""
    name = str(getattr(getattr(sender, "eventer", None), "hostname", "")).partition("@")[0]
    give_sign(name if name in ("webhooks", "captures") else "worker")


class Scheduler(PersistentScheduler):
    """Beat's scheduler, which says at each tick that it lives."""

    def tick(self, *args: Any, **kwargs: Any) -> Any:
        """Give a sign, then do what is due."""
        give_sign("beat")
        return super().tick(*args, **kwargs)
