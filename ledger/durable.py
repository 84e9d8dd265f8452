"""Files that are there, whole, once a function returns: written aside, fsynced, renamed, the folder fsynced."""

import contextlib
import fcntl
import os
from collections.abc import Iterator
from pathlib import Path


class InUse(RuntimeError):
    """Another process works in this folder."""


def write(path: Path, data: bytes, *, mode: int = 0o644) -> None:
    """Put `data` at `path` so that after a crash there is the old file or the new one, never half of one."""
    make_folder(path.parent)
    aside = path.with_name(path.name + ".new")
    with os.fdopen(os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode), "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    aside.replace(path)
    sync_folder(path.parent)


def make_folder(path: Path) -> None:
    """Make a folder and those above it that are missing, each durably."""
    if path.is_dir():
        return
    make_folder(path.parent)
    path.mkdir(exist_ok=True)
    sync_folder(path.parent)


def sync_folder(path: Path) -> None:
    """Make the names in a folder durable."""
    folder = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def read(path: Path) -> bytes | None:
    """The file's bytes; None when there is none."""
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return None


@contextlib.contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Work in `folder` alone; raise InUse when another process does."""
    make_folder(folder)
    with (folder / "lock").open("a") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise InUse(f"another process works in {folder}") from None
        yield
