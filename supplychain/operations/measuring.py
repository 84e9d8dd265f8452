"""Measures what this installation carries, once an hour."""

from __future__ import annotations

import shutil
from datetime import datetime

from django.conf import settings
from django.db import connection

from forecasting import load
from ledger import queries


def measure(*, now: datetime) -> None:
    """Note entries, bytes and job time of the hour that has ended; nothing before there is a log."""
    try:
        size = queries.tree_size()
    except queries.LogMissing:
        return
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_database_size(current_database())")
        [database_bytes] = cursor.fetchone() or [0]
    free = shutil.disk_usage(settings.WAYLOG_DATA)
    # nothing is appended below the reserve: what counts as free ends there
    usable = max(0, int(free.free - free.total * settings.WAYLOG_MIN_FREE_PERCENT / 100))
    load.measure(now=now, tree_size=size, database_bytes=database_bytes, free_bytes=usable)
