"""Connections come to lie evenly on the web server's processes.

The kernel deals new connections out by a hash of their addresses, and a client that keeps its connection stays with the
process that got it: of four that send without a pause, two processes have two each in three of eight cases only, and
one has all four in one of eight. So a process that has had clearly more to do than another for a while closes a
connection after its answer; the client makes a new one, which is dealt out anew, until they lie evenly. How much each
has to do stands in a small file that all of them map; without it nothing is closed.
"""

from __future__ import annotations

import fcntl
import math
import mmap
import os
import struct
import threading
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

GAP, PART = 1.5, 0.25
"""So many requests at a time more than the least busy process, and this part of its own: less would not be mended."""
EVERY = 0.1
"""Seconds between two connections that a process closes for this: the last one must have been dealt out."""
MEMORY = 0.15
"""Seconds over which the number of requests at a time is averaged."""
SLOTS = 64
_SLOT = struct.Struct("=qddd")
"""Process id, when it was written (monotonic), requests at a time: then, and on average."""

Headers = list[tuple[str, str]]


class Board:
    """What each process of the web server has to do, in a file that they share. Torn reads harm nobody."""

    def __init__(self, path: Path, process: int) -> None:
        """Take a slot; raise OSError where there is no such file, or no slot is free."""
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            os.truncate(descriptor, SLOTS * _SLOT.size)
            self._map = mmap.mmap(descriptor, SLOTS * _SLOT.size)
            self._process, self._at = process, self._free_slot(process)
            self.write(time.monotonic(), 0.0, 0.0)
        finally:
            fcntl.flock(descriptor, fcntl.LOCK_UN)  # the map keeps the file open, and with it the lock
            os.close(descriptor)

    def _free_slot(self, process: int) -> int:
        for at in range(0, SLOTS * _SLOT.size, _SLOT.size):
            owner = _SLOT.unpack_from(self._map, at)[0]
            if owner in (0, process) or not _lives(owner):
                return at
        raise OSError("more processes than slots")

    def write(self, now: float, count: float, average: float) -> None:
        """Say how many requests this process is at."""
        _SLOT.pack_into(self._map, self._at, self._process, now, count, average)

    def least(self, now: float) -> float | None:
        """The average of the least busy of the other processes that live; None where there is none."""
        found = []
        for at in range(0, SLOTS * _SLOT.size, _SLOT.size):
            owner, then, count, average = _SLOT.unpack_from(self._map, at)
            if owner and at != self._at and _lives(owner):
                found.append(faded(average, count, now - then))
        return min(found, default=None)


def faded(average: float, count: float, seconds: float) -> float:
    """An average, so many seconds later, during which there were `count`."""
    return count + (average - count) * math.exp(-max(0.0, seconds) / MEMORY)


def _lives(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True


class Evenly:
    """A WSGI application that closes a connection now and then, where this process has more to do than another."""

    def __init__(self, inner: Callable[..., Iterable[bytes]], board: Board) -> None:
        self._inner = inner
        self._board = board
        self._lock = threading.Lock()
        self._count, self._average, self._then, self._closed = 0, 0.0, time.monotonic(), 0.0

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        """Answer as the application does, perhaps with one header more."""

        def start(status: str, headers: Headers, *more: Any) -> Any:
            is_plain = environ.get("SERVER_PROTOCOL") == "HTTP/1.1"  # HTTP/2 has no such header
            closing = [("Connection", "close")] if is_plain and self._is_to_close(time.monotonic()) else []
            return start_response(status, [*headers, *closing], *more)

        self._step(+1)
        try:
            return self._inner(environ, start)
        finally:
            self._step(-1)

    def _step(self, by: int) -> None:
        now = time.monotonic()
        with self._lock:
            self._average = faded(self._average, self._count, now - self._then)
            self._count, self._then = self._count + by, now
            self._board.write(now, self._count, self._average)

    def _is_to_close(self, now: float) -> bool:
        with self._lock:
            average = faded(self._average, self._count, now - self._then)
            if average < GAP or now - self._closed < EVERY:
                return False
            least = self._board.least(now)
            if least is None or average - least < max(GAP, PART * average):
                return False
            self._closed = now
            return True


def evenly(inner: Callable[..., Iterable[bytes]], path: Path) -> Callable[..., Iterable[bytes]]:
    """Wrap the application; where the file cannot be had it stays as it is."""
    try:
        return Evenly(inner, Board(path, os.getpid()))
    except OSError:
        return inner
