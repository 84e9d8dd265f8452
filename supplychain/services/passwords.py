"""The passwords of the embedded servers: made at first start, one file each, readable by their owner alone."""

from pathlib import Path

from ledger.secretfiles import read_or_make


def password(path: Path) -> str:
    """Return the password kept in `path`; make it when there is none yet."""
    return read_or_make(path, length=24).hex()
