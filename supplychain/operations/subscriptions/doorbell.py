"""Says that the log has grown: to the worker that sends webhooks, and to the streams. It may be lost: rows are looked
at again every few seconds.

Many commits ring once: a key in Valkey says that the worker has been rung; the worker takes it away before it looks.
A thread of its own rings, so that no capture waits for Valkey; what is committed while it rings is rung for once more.
"""

from __future__ import annotations

import logging
import os
import threading
import time

import redis
from celery import current_app
from django.db import transaction
from kombu.exceptions import OperationalError

from supplychain.heartbeat import valkey

CHANNEL = "waylog:log"
QUEUE = "webhooks"
_RUNG = "waylog:rung:webhooks"
_RINGS_AGAIN_AFTER_MS = 5_000
BREATH = 0.1
"""Seconds between two rings of a process: what is committed meanwhile is rung for once, and the worker looks once."""
_PATIENCE = 5.0
"""Seconds without a try after Valkey did not answer: captures must not wait for it."""

logger = logging.getLogger(__name__)
_silent_until = 0.0


def on_commit() -> None:
    """Ring once what is being appended is committed, or at once where it is."""
    transaction.on_commit(ring_soon)


class _Ringer:
    """The thread that rings, begun anew in a process that was forked."""

    def __init__(self) -> None:
        self._asked = threading.Event()
        self._lock = threading.Lock()
        self._process = 0

    def ask(self) -> None:
        """Have it ring; return at once."""
        self._asked.set()
        if self._process != os.getpid():
            with self._lock:
                if self._process != os.getpid():
                    self._process = os.getpid()
                    threading.Thread(target=self._run, name="doorbell", daemon=True).start()

    def _run(self) -> None:
        while self._asked.wait():
            self._asked.clear()
            ring()
            time.sleep(BREATH)


_ringer = _Ringer()


def ring_soon() -> None:
    """Wake the streams and the worker, from another thread."""
    _ringer.ask()


def ring() -> None:
    """Wake the streams and the worker, as far as Valkey is there."""
    global _silent_until
    if time.monotonic() < _silent_until:
        return
    try:
        pipe = valkey().pipeline(transaction=False)
        pipe.publish(CHANNEL, b"")
        pipe.set(_RUNG, b"1", nx=True, px=_RINGS_AGAIN_AFTER_MS)
        _, was_quiet = pipe.execute()
    except redis.RedisError as away:
        logger.warning("nobody was told that the log has grown: %s", away)
        _silent_until = time.monotonic() + _PATIENCE
        return
    if was_quiet:
        ring_worker()


def ring_worker() -> None:
    """Have the worker look for what is due."""
    try:
        current_app.send_task("supplychain.tasks.deliver_due", queue=QUEUE, retry=False)
    except (OperationalError, redis.RedisError) as away:
        logger.warning("webhooks wait for the next look: %s", away)


def heard() -> None:
    """The worker is about to look: whoever commits from now on rings again."""
    try:
        valkey().delete(_RUNG)
    except redis.RedisError as away:
        logger.warning("the doorbell stays rung for a moment: %s", away)
