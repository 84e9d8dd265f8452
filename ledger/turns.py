"""Who holds the log's lock goes first: the other threads of its process let it have the interpreter.

All appends wait for the one that holds the lock, in every process. What it computes meanwhile takes twice as long when
another thread of its process computes too, for the interpreter runs one at a time and gives each the same share. So
whoever reads or checks many items asks before each whether somebody in this process is in a hurry, and then waits.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

PATIENCE = 0.05
"""Seconds that a thread gives way for at most, each time it is asked to."""

_nobody = threading.Event()
_nobody.set()
_holder: int | None = None


@contextmanager
def first() -> Iterator[None]:
    """Compute while the others of this process wait; not for longer than there is something to compute."""
    global _holder
    _holder = threading.get_ident()
    _nobody.clear()
    try:
        yield
    finally:
        _holder = None
        _nobody.set()


def give_way() -> None:
    """Wait for the thread that computes under the log's lock, if there is one and it is another."""
    if not _nobody.is_set() and _holder != threading.get_ident():
        _nobody.wait(PATIENCE)
