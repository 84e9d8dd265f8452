"""The newest checkpoint, kept in a file outside the database, so that a database that went back in time is noticed.

The file's name is that of WAYLOG_CHECKPOINT_FILE with the log's own 16 digits: `checkpoint.4f5b0c1d2e3a4b5c`. It holds
a signed note and is only ever replaced by that of a larger tree. It is written after the commit and before the answer;
before a checkpoint is signed the database is held against it, inside the lock.
"""

from __future__ import annotations

import fcntl
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from django.conf import settings

from ledger import durable, tree
from ledger.admission import Refused
from ledger.models import LogHead
from ledger.tlog.checkpoint import Checkpoint, parse_checkpoint
from ledger.tlog.errors import TlogError
from ledger.tlog.note import parse_note

PREFIX_SECONDS = 60.0
"""How long this process takes a smaller kept tree for the beginning of the database's, once it has seen that it is."""

_seen_as_prefix: dict[str, float] = {}


class RolledBack(Refused):
    """The database lacks what this log signed before; nothing more is signed."""

    code = "rolled_back"
    status = 503


class NotKept(Refused):
    """The checkpoint outside the database cannot be written or read, so nothing is acknowledged."""

    code = "checkpoint_not_kept"
    status = 503


def path_of(origin: str) -> Path:
    """Where the newest checkpoint of the log of that name is kept."""
    named = Path(settings.WAYLOG_CHECKPOINT_FILE)
    return named.with_name(f"{named.name}.{origin.rpartition('/')[2]}")


def kept_note(origin: str) -> str | None:
    """The signed note that is kept; None before the first. Raise NotKept."""
    try:
        data = durable.read(path_of(origin))
        return None if data is None else data.decode()
    except (OSError, UnicodeDecodeError) as error:
        raise NotKept(f"the checkpoint that is kept outside the database cannot be read: {_why(error)}") from None


def kept_checkpoint(origin: str) -> Checkpoint | None:
    """What the kept note says; None before the first. Raise NotKept."""
    note = kept_note(origin)
    return None if note is None else _parse(note)


def check(head: LogHead, note: str | None) -> None:
    """Raise RolledBack unless the database holds everything that `note`, read *before* or under the lock, covers."""
    if note is None or note == head.checkpoint:
        return
    kept = _parse(note)
    if kept.origin != head.origin:
        raise RolledBack(f"the checkpoint that is kept outside the database is of another log, {kept.origin}")
    if kept.tree_size > head.tree_size:
        raise RolledBack(
            f"this database lacks entries that the log has signed: {_named(kept)} is missing, and the database ends at"
            f" {head.tree_size:,}. An older backup was restored, or entries were lost. Nothing is signed until they"
            " are back; `manage.py ledger accept-loss` says what to do when they are gone for good"
        )
    if kept.tree_size < head.tree_size and time.monotonic() < _seen_as_prefix.get(head.origin, 0.0):
        return  # another process, or thread, has committed and is about to write the file
    root = bytes(head.root_hash) if kept.tree_size == head.tree_size else tree.root_at(kept.tree_size)
    if root != kept.root_hash:
        raise RolledBack(
            f"this database holds another history than the log has signed: {_named(kept)} is missing, and the database"
            f" has the root {root.hex()} at that size. Nothing is signed until the signed history is back;"
            " `manage.py ledger accept-loss` says what to do when it is gone for good"
        )
    _seen_as_prefix[head.origin] = time.monotonic() + PREFIX_SECONDS


def forget() -> None:
    """Drop what this process remembers: after any failed batch, everything is read again."""
    _seen_as_prefix.clear()


def check_now() -> None:
    """Hold the database as it is against the kept checkpoint, without a lock; raise RolledBack or NotKept."""
    origin = LogHead.objects.values_list("origin", flat=True).first()
    if origin is not None:
        note = kept_note(origin)  # before the head, which may have grown since then and never the other way
        check(LogHead.objects.get(), note)


def keep(note: str) -> None:
    """Put `note` where the newest checkpoint of its log is kept, durably, unless one as large is there.

    Raises NotKept, and RolledBack where another root of the same size is kept.
    """
    mine = _parse(note)
    path = path_of(mine.origin)
    try:
        with _alone(path):
            there = durable.read(path)
            kept = None if there is None else _parse(there.decode())
            if kept is None or kept.tree_size < mine.tree_size:
                durable.write(path, note.encode())
                return
    except (OSError, UnicodeDecodeError) as error:
        raise NotKept(
            "the entries are in the log, but their checkpoint could not be kept outside the database"
            f" ({_why(error)}): send them again once it can, they are not doubled"
        ) from None
    if kept.tree_size == mine.tree_size and kept.root_hash != mine.root_hash:
        raise RolledBack(f"two databases write one log: {_named(kept)} was signed by another one")


@contextmanager
def _alone(path: Path) -> Iterator[None]:
    """Wait until nobody else, in this process or another, writes that file."""
    durable.make_folder(path.parent)
    with path.with_name(path.name + ".lock").open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _parse(note: str) -> Checkpoint:
    try:
        return parse_checkpoint(parse_note(note).text)
    except TlogError as error:
        raise NotKept(f"the file with the checkpoint outside the database holds none: {error}") from None


def _named(kept: Checkpoint) -> str:
    return f"the checkpoint of {kept.origin} at {kept.tree_size:,} entries with the root {kept.root_hash.hex()}"


def _why(error: Exception) -> str:
    return getattr(error, "strerror", None) or type(error).__name__
