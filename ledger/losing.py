"""What to do when signed entries are gone for good: keep the log that there is, and begin another one.

A log whose checkpoint is known outside can never go on without the entries under it: every statement names its origin,
and whoever kept the checkpoint would find a fork. So nothing here makes an old log sign again. `put_away` writes all
that is left of it, with the evidence, into a folder that anybody can check; a new log, in an empty database, gets an
origin of its own.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from ledger import durable, exporting, outside, queries
from ledger.tlog.checkpoint import Checkpoint

README = """\
The log {origin} ended here.

It had signed a checkpoint of {missing:,} entries (missing-checkpoint), and {left:,} are left (log/):
{why}.

Nothing more is signed under this name. What is left can be checked by anyone, without a server:

    python3 -m http.server 8080
    python -m ledger.mirror http://127.0.0.1:8080/log --vkey '{vkey}' --dir copy
    python -m ledger.statictree log INDEX > entry.tlog-proof

Bodies of events are not in it: they stay in the database, and in its backups.
"""


class NothingLost(RuntimeError):
    """The database holds everything that was signed."""


@dataclass(frozen=True, slots=True)
class Loss:
    """What is missing, and what is left."""

    missing: Checkpoint
    left: Checkpoint
    why: str


def put_away(folder: Path) -> Loss:
    """Write what is left of a log that lost signed entries to `folder`; raise NothingLost, NotKept, ExportRefused."""
    head = queries.head()
    missing = outside.kept_note(head.origin)
    try:
        outside.check_now()
    except outside.RolledBack as refused:
        why = str(refused).partition(". ")[0]
    else:
        raise NothingLost("the database holds everything that the log has signed: nothing is lost, and it signs")
    assert missing is not None
    kept = outside.kept_checkpoint(head.origin)
    assert kept is not None
    left = exporting.export(folder / "log", note=head.checkpoint, with_entries=True).checkpoint
    durable.write(folder / "missing-checkpoint", missing.encode())
    text = README.format(
        origin=head.origin, missing=kept.tree_size, left=left.tree_size, why=why, vkey=queries.verifier_key()
    )
    durable.write(folder / "README", text.encode())
    return Loss(kept, left, why)
