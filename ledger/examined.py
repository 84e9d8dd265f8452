"""What was found in a range of entries by itself, and what they say that hangs together with others."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

from ledger.tlog.statement import Statement

FaultOf = tuple[int, str, str]
"""An index, what is wrong there, and in which part: entries or bodies."""


class Said(NamedTuple):
    """What one entry says that hangs together with others; `key` is None where its leaf cannot be read."""

    at: int
    row_key: str
    key: str | None = None
    type: str = ""
    record_time_ms: int = 0
    commitment: bytes | None = None
    statement_hash: bytes = b""
    links: tuple[bytes, ...] = ()
    tenant: bytes | None = None
    """The party that its body is filed under; None where there is no body."""
    chains: tuple[bytes, ...] = ()
    statement: Statement | None = None
    """Of a statement that the ledger itself acts on: about keys, approvals, and erasures."""
    lacks_body: bool = False
    """It commits to a body, and none is there: only a later erasure explains that."""


class Run(NamedTuple):
    """Events without links that follow one another, signed by one key, their bodies filed under one party."""

    first: int
    key: str
    tenant: bytes
    times: list[int]
    """Their record times, none before the one before it."""

    def each(self) -> Iterator[Said]:
        """What each of them says."""
        for at, milliseconds in enumerate(self.times, self.first):
            yield Said(at, self.key, self.key, "event", milliseconds, tenant=self.tenant)


@dataclass(slots=True)
class Examined:
    """A range of entries: a leaf hash each, what they say, and what is wrong with them by themselves."""

    first: int
    end: int
    leaf_hashes: list[bytes] = field(default_factory=list)
    tile_roots: list[bytes] = field(default_factory=list)
    """The roots over each 256 of them, from the first on, as far as there are 256."""
    said: list[Said | Run] = field(default_factory=list)
    faults: list[FaultOf] = field(default_factory=list)
