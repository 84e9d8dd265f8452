"""Django's cache in Valkey, with one client a thread: to make one anew for every question costs more than to ask it."""

from __future__ import annotations

from typing import Any

from django.core.cache.backends.redis import RedisCache, RedisCacheClient


class _Client(RedisCacheClient):
    """Keeps the client that it made for each server's pool; clients hold no connection of their own."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._made: dict[int, Any] = {}

    def get_client(self, key: Any = None, *, write: bool = False) -> Any:
        pool = self._get_connection_pool(write)  # type: ignore[attr-defined]
        found = self._made.get(id(pool))
        if found is None:
            found = self._made[id(pool)] = self._client(connection_pool=pool)  # type: ignore[attr-defined]
        return found


class Cache(RedisCache):
    """The backend that settings name."""

    def __init__(self, server: str, params: dict[str, Any]) -> None:
        super().__init__(server, params)
        self._class = _Client
