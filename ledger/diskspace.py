"""Free disk space: nothing is appended below a limit, for a full disk has lost entries that were promised."""

from __future__ import annotations

import os
import time
from pathlib import Path

from django.conf import settings

from ledger.admission import Refused

SECONDS = 3.0
"""How long a measurement is good for."""

_measured: dict[Path, tuple[float, float]] = {}


class DiskLow(Refused):
    """Too little disk space is free to promise that an entry stays."""

    code = "disk_low"
    status = 507


def check() -> str:
    """Say how much is free where it is least; raise DiskLow below WAYLOG_MIN_FREE_PERCENT.

    Asked are the disks of the data folder, of PostgreSQL's files where they lie in it, and of the checkpoint's file.
    """
    least = min(_free_percent(folder) for folder in _folders())
    if least < settings.WAYLOG_MIN_FREE_PERCENT:
        raise DiskLow(
            f"only {least:.1f} % of the disk is free, and below {settings.WAYLOG_MIN_FREE_PERCENT:g} % nothing is"
            " appended: make room, then send it again"
        )
    return f"{least:.0f} % free"


def forget() -> None:
    """Measure again at the next question."""
    _measured.clear()


def _folders() -> set[Path]:
    data = Path(settings.WAYLOG_DATA)
    return {_existing(path) for path in (data, data / "postgres", Path(settings.WAYLOG_CHECKPOINT_FILE).parent)}


def _existing(path: Path) -> Path:
    while not path.exists() and path != path.parent:
        path = path.parent
    return path


def _free_percent(folder: Path) -> float:
    now = time.monotonic()
    until, percent = _measured.get(folder, (0.0, 0.0))
    if now < until:
        return percent
    percent = measure(folder)
    _measured[folder] = (now + SECONDS, percent)
    return percent


def measure(folder: Path) -> float:
    """How much of the folder's disk is free for us, in percent; what only root may use counts as neither."""
    found = os.statvfs(folder)
    ours = found.f_blocks - found.f_bfree + found.f_bavail
    return 100.0 * found.f_bavail / ours if ours else 100.0
