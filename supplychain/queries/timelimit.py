"""A limit on the time that one reading may take in the database."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import OperationalError, connection
from psycopg.errors import QueryCanceled
from psycopg.pq import TransactionStatus


class TooSlow(Exception):
    """The database took longer than it may."""


@contextmanager
def time_limit(seconds: float) -> Iterator[None]:
    """Let each statement of the block take so long at most; raise TooSlow where one took longer."""
    _set(f"{int(seconds * 1000)}ms")
    try:
        yield
    except OperationalError as error:
        if isinstance(error.__cause__, QueryCanceled):
            raise TooSlow(f"this took longer than {seconds:g} s") from None
        raise
    finally:
        _reset()


def _set(value: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT set_config('statement_timeout', %s, false)", [value])


def _reset() -> None:
    """Back to what the server says; a transaction that failed, or a new connection, goes back to it by itself."""
    raw = connection.connection
    if raw is not None and not raw.closed and raw.info.transaction_status != TransactionStatus.INERROR:
        with connection.cursor() as cursor:
            cursor.execute("RESET statement_timeout")
