"""Watch a log for what concerns certain keys: `python -m ledger.mirror.monitor URL --vkey VKEY --dir DIR --key-id KEY`.

Follows the log as a mirror does, in the same folder, and prints each entry that one of these keys signed: what you did
not sign yourself, somebody else did with your key. Prints, with a mark, every key that is registered or revoked for the
parties of these keys. Ends with an alarm, exit code 1, when the log did what no honest log does.
"""

import argparse
import contextlib
import sys
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from ledger import durable
from ledger.mirror.__main__ import ALARMED, CHECKED, UNKNOWN, add_arguments, open_mirror, report_alarm
from ledger.mirror.copying import Alarm, Damaged, Mirror
from ledger.reading import EntriesClosed
from ledger.tlog.envelope import Leaf, format_time, parse_leaf
from ledger.tlog.errors import TlogError
from ledger.tlog.keys import KeyRecord
from ledger.tlog.statement import Statement, is_key_id, parse_statement

MARK = "!!"


@dataclass(frozen=True, slots=True)
class Sighting:
    """An entry that concerns a watched key; `is_about_keys` when it changes which keys speak for its party."""

    index: int
    leaf: Leaf
    statement: Statement
    signer: KeyRecord | None
    is_about_keys: bool

    def __str__(self) -> str:
        """The line that is printed."""
        who = f"{self.signer.role} key of party {self.signer.party}" if self.signer else "a key"
        said = f"entry {self.index} {format_time(self.leaf.record_time_ms)} {self.statement.type} by {who}"
        line = f"{said}, {self.statement.key}, statement id {self.statement.id}"
        if not self.is_about_keys:
            return f"   {line}"
        claims = ", ".join(f"{name} {value}" for name, value in self.statement.claims.items() if name != "pop")
        return f"{MARK} {line}: {claims}"


def add_own_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of the monitor."""
    add_arguments(parser)
    parser.add_argument(
        "--key-id", metavar="KEY", action="append", default=[], help="a key to watch; may be repeated (default: all)"
    )
    parser.add_argument("--every", metavar="SECONDS", type=float, default=60.0, help="default: %(default)s")
    parser.add_argument("--once", action="store_true", help="look once and end")


def sightings(mirror: Mirror, first: int, end: int, watched: Sequence[str]) -> Iterator[Sighting]:
    """Yield what concerns these keys (or all, without any) among the copied entries [first, end)."""
    keys = mirror.replay().keys
    parties = {keys[key_id].party for key_id in watched if key_id in keys}
    for index, data in mirror.entries(first, end):
        leaf = parse_leaf(data)
        statement = parse_statement(leaf.payload)
        touched = _party_of_key_act(statement, keys)
        about_keys = touched is not None and (not watched or touched in parties)
        if about_keys or not watched or statement.key in watched:
            yield Sighting(index, leaf, statement, keys.get(statement.key), about_keys)


def look(mirror: Mirror, watched: Sequence[str]) -> int:
    """Bring the copy up to date and print what is new; return up to which entry. Raises as `Mirror.sync` does."""
    mirror.sync()
    seen = mirror.folder / "seen"
    first = int(durable.read(seen) or b"0")
    kept = mirror.kept()
    end = kept.tree_size if kept else 0
    for sighting in sightings(mirror, first, end, watched):
        sys.stdout.write(f"{sighting}\n")
    sys.stdout.flush()
    durable.write(seen, b"%d" % end)
    return end


def run(options: argparse.Namespace, *, stop: threading.Event | None = None) -> int:
    """Follow the log until it alarms, or until interrupted; return the exit code."""
    stop = stop or threading.Event()
    for key_id in options.key_id:
        if not is_key_id(key_id):
            sys.stderr.write(f"{key_id!r} is not a key id: an RFC 7638 thumbprint\n")
            return UNKNOWN
    code = CHECKED
    with contextlib.suppress(KeyboardInterrupt):
        while True:
            code = _look_once(options)
            if code == ALARMED or options.once or stop.wait(options.every):
                break
    return code


def _look_once(options: argparse.Namespace) -> int:
    try:
        with durable.locked(Path(options.dir)):
            look(open_mirror(options), options.key_id)
    except (Alarm, Damaged) as alarm:
        return report_alarm(alarm)
    except (TlogError, OSError, EntriesClosed, durable.InUse) as fault:
        sys.stderr.write(f"nothing could be checked: {fault}\n")
        return UNKNOWN
    return CHECKED


def _party_of_key_act(statement: Statement, keys: dict[str, KeyRecord]) -> str | None:
    """The party whose keys an entry changes; None for an entry that changes none."""
    if statement.type == "key.register":
        return str(statement.claims["party"])
    if statement.type == "key.revoke":
        revoked = keys.get(str(statement.claims["key"]))
        return revoked.party if revoked else None
    return None


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m ledger.mirror.monitor", description=__doc__)
    add_own_arguments(parser)
    return run(parser.parse_args(arguments))


if __name__ == "__main__":
    sys.exit(main())
