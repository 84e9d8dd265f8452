"""How many connections to the database all processes of one installation hold at the most: a thread has one.

Whoever finds none left answers nothing, so the server is to have room for all of them, and for commands beside.
"""

import os
from collections.abc import Mapping

WEB_THREADS = 48
"""Of all processes of the web server together."""
WORKERS = {"captures": 1, "webhooks": 4}
"""Threads of the Celery workers that run threads, by the queue they serve."""
STREAM_THREADS = 4
RESERVED = 30
"""For commands, audits in several processes, backups, whoever looks by hand."""


def concurrency(environ: Mapping[str, str] = os.environ) -> int:
    """How many jobs run at a time (WAYLOG_WORKER_CONCURRENCY)."""
    return int(environ.get("WAYLOG_WORKER_CONCURRENCY") or "1")


def needed(jobs: int) -> int:
    """The most that web, workers, streams and beat hold; each but the web has a main thread of its own besides."""
    threaded = sum(WORKERS.values()) + len(WORKERS) + STREAM_THREADS + 1
    return WEB_THREADS + jobs + 1 + threaded + 1


def room(jobs: int) -> int:
    """What max_connections is to be."""
    return max(100, needed(jobs) + RESERVED)
