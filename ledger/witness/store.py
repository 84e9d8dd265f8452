"""What a witness or a mirror remembers of logs: every checkpoint it accepted, and evidence. Plain files, all durable.

DIR/<32 hex digits of the origin's hash>/latest               the note that was accepted last
DIR/<32 hex digits of the origin's hash>/checkpoint/x001/234  every accepted note, by tree size
DIR/<32 hex digits of the origin's hash>/evidence/<kind>-<16 hex digits>.json
"""

import hashlib
from pathlib import Path

from ledger import durable
from ledger.tlog.checkpoint import parse_checkpoint
from ledger.tlog.evidence import Evidence, format_evidence
from ledger.tlog.note import parse_note


class NoteStore:
    """The folder of one log. Who uses it has locked it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @classmethod
    def of(cls, parent: Path, origin: str) -> "NoteStore":
        """The folder of the log of that name, below `parent`."""
        return cls(parent / hashlib.sha256(origin.encode()).hexdigest()[:32])

    def latest(self) -> str | None:
        """The note accepted last."""
        data = durable.read(self.folder / "latest")
        return None if data is None else data.decode()

    def at(self, tree_size: int) -> str | None:
        """The note that was accepted for that size."""
        data = durable.read(self._path(tree_size))
        return None if data is None else data.decode()

    def put(self, note: str) -> None:
        """Keep an accepted note, durably, before anybody is told of it."""
        size = parse_checkpoint(parse_note(note).text).tree_size
        durable.write(self._path(size), note.encode())
        durable.write(self.folder / "latest", note.encode())

    def put_evidence(self, kind: str, evidence: Evidence) -> Path:
        """Keep evidence once: the same checkpoint offered again makes no second file."""
        named = "\n".join([evidence.offered, *(each.hex() for each in evidence.path)])
        path = self.folder / "evidence" / f"{kind}-{hashlib.sha256(named.encode()).hexdigest()[:16]}.json"
        if not path.exists():
            durable.write(path, format_evidence(evidence))
        return path

    def evidence(self) -> list[str]:
        """The names of the evidence files that are kept."""
        return sorted(path.name for path in (self.folder / "evidence").glob("*.json"))

    def read_evidence(self, name: str) -> str | None:
        """The evidence file of that name; None when there is none."""
        return (self.folder / "evidence" / name).read_text() if name in self.evidence() else None

    def _path(self, tree_size: int) -> Path:
        digits = str(tree_size)
        digits = digits.zfill(-(-len(digits) // 3) * 3)
        steps = [digits[at : at + 3] for at in range(0, len(digits), 3)]
        return self.folder.joinpath("checkpoint", *("x" + step for step in steps[:-1]), steps[-1])
