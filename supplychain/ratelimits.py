"""How often a program may ask: so many requests a minute, counted in the cache, for all processes together.

Each process takes its permits by the handful, so that counting costs one question to the cache in twenty requests.
Without a cache nothing is counted: being there matters more.
"""

from __future__ import annotations

import logging
import math
import threading
from collections.abc import Callable
from dataclasses import dataclass

from django.core.cache import cache
from redis.exceptions import RedisError

WINDOW = 60
HANDFUL = 20

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Standing:
    """How a caller stands: allowed so many a window, so many left, seconds until the next window."""

    limit: int
    remaining: int
    reset: int
    is_over: bool = False

    def headers(self) -> dict[str, str]:
        """RateLimit-Policy and RateLimit (draft-ietf-httpapi-ratelimit-headers), and Retry-After when it is over."""
        found = {
            "RateLimit-Policy": f'"requests";q={self.limit};w={WINDOW}',
            "RateLimit": f'"requests";r={self.remaining};t={self.reset}',
        }
        return found | ({"Retry-After": str(self.reset)} if self.is_over else {})


@dataclass(slots=True)
class _Permits:
    window: int
    left: int
    counted: int
    is_over: bool = False


class Limiter:
    """Counts requests by caller. Safe for threads."""

    def __init__(self, name: str, *, count: Callable[[str, int], int | None] | None = None) -> None:
        self._name = name
        self._count = count or _count
        self._lock = threading.Lock()
        self._held: dict[str, _Permits] = {}

    def take(self, caller: str, *, limit: int, now: float) -> Standing:
        """Take one permit at `now` (seconds since 1970); `is_over` when there is none."""
        window = int(now // WINDOW)
        reset = math.ceil((window + 1) * WINDOW - now)
        with self._lock:
            held = self._held.get(caller)
            if held is None or held.window != window:
                self._forget(window)
                held = self._held[caller] = _Permits(window, 0, 0)
            if held.left == 0 and not held.is_over:
                handful = max(1, min(HANDFUL, limit // 100))
                counted = self._count(f"rate:{self._name}:{caller}:{window}", handful)
                if counted is None:
                    return Standing(limit, limit, reset)
                held.counted = counted
                held.left = max(0, handful - max(0, counted - limit))
            held.is_over = held.left == 0
            if held.is_over:
                return Standing(limit, 0, reset, is_over=True)
            held.left -= 1
            return Standing(limit, max(0, limit - held.counted) + held.left, reset)

    def _forget(self, window: int) -> None:
        if len(self._held) > 10_000:
            self._held = {name: each for name, each in self._held.items() if each.window == window}


def _count(name: str, more: int) -> int | None:
    """Add to a counter that ends with its window; None when the cache does not answer."""
    try:
        cache.add(name, 0, 2 * WINDOW)
        return int(cache.incr(name, more))
    except (RedisError, OSError, ValueError) as trouble:
        log.warning("requests are not counted, the cache does not answer: %s", trouble)
        return None
