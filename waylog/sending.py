"""Captures a file of events in batches, with a journal beside it, so that it goes on where it was stopped.

The file is read as it is sent: a batch of it is in memory at a time.

What is signed is written to the journal before it is sent: after a crash the same statements are sent again, and give
the same places. Lines of the journal: `{"source", "origin", "key"}`, then in turns `{"positions", "items"}` and
`{"positions", "results"}`.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

from nacl.signing import SigningKey

from ledger.tlog.keys import key_id
from waylog.client import Client, any_signed
from waylog.documents import Bodies
from waylog.errors import WaylogError

MAX_EVENTS = 500
MAX_BYTES = 8 * 1024 * 1024
Result = dict[str, Any]


@dataclass(slots=True)
class Report:
    """What became of each event of the file, by its position from 0."""

    total: int
    results: dict[int, Result] = field(default_factory=dict)

    @property
    def captured(self) -> int:
        """How many are in the log."""
        return sum(each["status"] < 300 for each in self.results.values())

    @property
    def refused(self) -> list[tuple[int, Result]]:
        """Which are not, and why."""
        return [(position, each) for position, each in sorted(self.results.items()) if each["status"] >= 300]


def capture_file(
    client: Client,
    path: Path,
    *,
    key: SigningKey,
    journal: Path | None = None,
    again: bool = False,
    hide: Sequence[str] = (),
    progress: Callable[[Report], None] = lambda _: None,
) -> Report:
    """Sign and capture the events of a file, in order; with `again` also those that were refused before.

    Members of events that are named in `hide` are signed apart.

    Raises WaylogError: the file or the journal cannot be read, or the server cannot be reached; type it again then.
    """
    with path.open("rb") as file:
        head = {
            "source": hashlib.file_digest(file, "sha256").hexdigest(),
            "origin": client.origin,
            "key": key_id(bytes(key.verify_key)),
        }
        bodies = Bodies(file)
        report = Report(bodies.total)
        with _open(journal or path.with_name(path.name + ".waylog"), head) as kept:
            pending = kept.read_into(report)
            if pending is not None:
                _send(client, *pending, kept, report)
                progress(report)
            done = {position for position, each in report.results.items() if each["status"] < 300 or not again}
            for batch in _batches(bodies, done):
                _send(client, list(batch), client.sign(list(batch.values()), key=key, hide=hide), kept, report)
                progress(report)
    return report


def _send(client: Client, positions: Sequence[int], items: Sequence[Any], kept: _Journal, report: Report) -> None:
    """Write down what was signed, send it, write down what became of it."""
    if kept.pending != (positions, items):
        kept.write({"positions": list(positions), "items": list(items)})
    taken = iter(client.capture([each for each in items if "problem" not in each]) if any_signed(items) else ())
    results = [{"status": 422, **each} if "problem" in each else next(taken) for each in items]
    kept.write({"positions": list(positions), "results": results})
    report.results.update(zip(positions, results, strict=True))


def _batches(bodies: Iterable[bytes], done: set[int]) -> Iterator[dict[int, bytes]]:
    """Bodies by position, as many as one request holds."""
    batch: dict[int, bytes] = {}
    size = 0
    for position, body in enumerate(bodies):
        if position in done:
            continue
        if batch and (len(batch) == MAX_EVENTS or size + len(body) > MAX_BYTES):
            yield batch
            batch, size = {}, 0
        batch[position] = body
        size += len(body)
    if batch:
        yield batch


@dataclass(slots=True)
class _Journal:
    file: IO[bytes]
    path: Path
    pending: tuple[Sequence[int], Sequence[Any]] | None = None

    def __enter__(self) -> _Journal:
        return self

    def __exit__(self, *_: object) -> None:
        self.file.close()

    def write(self, line: dict[str, Any]) -> None:
        """Add a line, durably."""
        self.file.write(json.dumps(line, separators=(",", ":")).encode() + b"\n")
        self.file.flush()
        os.fsync(self.file.fileno())

    def read_into(self, report: Report) -> tuple[Sequence[int], Sequence[Any]] | None:
        """Take over what is known; return a batch that was signed and has no results yet."""
        self.file.seek(0)
        whole = 0
        for line in self.file.readlines()[1:] if self.file.seek(0) == 0 else ():
            if not line.endswith(b"\n"):
                break
            found = json.loads(line)
            if "results" in found:
                report.results.update(zip(found["positions"], found["results"], strict=True))
                self.pending = None
            else:
                self.pending = found["positions"], found["items"]
            whole += 1
        _cut(self.file, whole + 1)
        return self.pending


def _cut(file: IO[bytes], lines: int) -> None:
    """Leave out a last line that a crash cut short."""
    file.seek(0)
    for _ in range(lines):
        file.readline()
    file.truncate(file.tell())


def _open(path: Path, head: dict[str, str]) -> _Journal:
    """Open the journal of this file, this log and this key, or begin one; raise WaylogError for another's."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    file = os.fdopen(descriptor, "r+b")
    first = file.readline()
    kept = _Journal(file, path)
    if not first.endswith(b"\n"):
        file.seek(0)
        file.truncate(0)
        kept.write(head)
    elif json.loads(first) != head:
        file.close()
        raise WaylogError(
            f"{path} belongs to another file, log or key; give another --journal, or remove it to begin anew."
        )
    return kept
