"""What an audit finds: faults, each with the first index it concerns and the part of the log it lies in."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from enum import StrEnum

from ledger.tlog.keys import KeyRecord


class Part(StrEnum):
    """What a fault lies in; an audit reports each apart."""

    ENTRIES = "entries"
    BODIES = "bodies"
    ADMISSION = "admission"
    LINKS = "links"
    TILES = "tiles"
    CHECKPOINTS = "checkpoints"
    KEYS = "keys"
    OUTSIDE = "outside"
    """What somebody else kept."""


@dataclass(frozen=True, slots=True, order=True)
class Fault:
    """What does not hold, and the first index it concerns (-1: the log as a whole)."""

    index: int
    what: str
    part: str = ""

    def __str__(self) -> str:
        return f"entry {self.index}: {self.what}" if self.index >= 0 else self.what


@dataclass(slots=True)
class Found:
    """What a check found; the log holds when `faults` is empty."""

    origin: str
    tree_size: int
    checkpoint: str
    root_hash: bytes = b""
    faults: list[Fault] = field(default_factory=list)
    leaf_hashes: bytearray = field(default_factory=bytearray)
    disputed: set[int] = field(default_factory=set)
    keys: dict[str, KeyRecord] = field(default_factory=dict)
    checked: Counter[str] = field(default_factory=Counter)
    """How many things were checked, by part."""
    from_index: int = 0
    """Entries below were checked by an earlier run, from whose authenticated position this one went on."""

    @property
    def holds(self) -> bool:
        return not self.faults

    @property
    def links(self) -> int:
        return self.checked[Part.LINKS]

    @property
    def bodies(self) -> int:
        return self.checked[Part.BODIES]

    def first_bad_index(self) -> int | None:
        """The smallest index at fault, or None."""
        return min((fault.index for fault in self.faults), default=None)

    def parts(self) -> dict[str, dict[str, float]]:
        """For each part, how much was checked and how many faults lie in it."""
        faults = Counter(fault.part for fault in self.faults)
        return {part: {"checked": self.checked[part], "faults": faults[part]} for part in Part if part != Part.OUTSIDE}


@dataclass(frozen=True, slots=True)
class Derived:
    """What the auditor of that name found in what its room derives from the log, and the seconds it took."""

    name: str
    faults: list[Fault]
    seconds: float


Auditor = Callable[[], Iterator[Fault]]
