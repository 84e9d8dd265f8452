"""Keep and check a copy of a log: `python -m ledger.mirror URL --vkey VKEY --dir DIR`.

Run it again (from cron, say) to go on from where it stood. A token for entries that are not public comes from the
environment, WAYLOG_TOKEN. Exit codes: 0 all is checked; 1 the log did what no honest log does (the evidence is a file
below DIR/notes/evidence) or our copy is damaged; 2 nothing could be checked.
"""

import argparse
import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from ledger import durable
from ledger.mirror.copying import Alarm, Damaged, Mirror
from ledger.reading import EntriesClosed, LogAt
from ledger.tlog.errors import Malformed, TlogError
from ledger.tlog.note import parse_verifier_key
from ledger.tlog.policy import Policy, parse_policy

CHECKED, ALARMED, UNKNOWN = 0, 1, 2


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options, those of a monitor too."""
    parser.add_argument("url", metavar="URL", help="the server, or the address of its log (https://host/log)")
    trust = parser.add_mutually_exclusive_group(required=True)
    trust.add_argument("--vkey", metavar="VKEY", help="the verifier key of the log")
    trust.add_argument("--policy", metavar="FILE", type=Path, help="who must have signed (C2SP tlog-policy)")
    parser.add_argument("--dir", metavar="DIR", type=Path, required=True, help="where the copy is kept")


def add_own_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of the mirror."""
    add_arguments(parser)
    parser.add_argument(
        "--hashes-only", action="store_true", help="copy tiles and no entries: growth is checked, signatures are not"
    )


def open_mirror(options: argparse.Namespace, *, with_entries: bool = True) -> Mirror:
    """Return the mirror that the options describe; raise a TlogError for a key or policy that is none."""
    policy = (
        parse_policy(options.policy.read_bytes()) if options.policy else Policy((parse_verifier_key(options.vkey),))
    )
    if len({log.name for log in policy.logs}) != 1:
        raise Malformed("a mirror copies one log: name the keys of one")
    source = LogAt.of(options.url, token=os.environ.get("WAYLOG_TOKEN", ""))
    # An edge: evidence says when it was seen.
    return Mirror(
        options.dir,
        source,
        policy,
        clock=lambda: int(time.time()),  # noqa: TID251
        with_entries=with_entries,
        progress=_progress,
    )


def run(options: argparse.Namespace) -> int:
    """Bring the copy up to date once; return the exit code."""
    try:
        with durable.locked(options.dir):
            synced = open_mirror(options, with_entries=not options.hashes_only).sync()
    except (Alarm, Damaged) as alarm:
        return report_alarm(alarm)
    except (TlogError, OSError, EntriesClosed, durable.InUse) as fault:
        sys.stderr.write(f"nothing could be checked: {fault}\n")
        return UNKNOWN
    found = synced.checkpoint
    checked = "hashes" if options.hashes_only else "hashes and signatures"
    sys.stdout.write(
        f"checked: {found.origin} grew from {synced.old_size} to {found.tree_size} entries, {checked} hold\n"
        f"root {found.root_hash.hex()}\n"
    )
    return CHECKED


def report_alarm(alarm: Alarm | Damaged) -> int:
    """Say what is wrong and where the evidence lies; return the exit code."""
    sys.stderr.write(f"ALARM: {alarm}\n")
    evidence = getattr(alarm, "evidence", None)
    if evidence is not None:
        command = "evidence" if evidence.suffix == ".json" else "verify"
        sys.stderr.write(f"evidence: {evidence}\nanyone checks it: python -m ledger.tlog {command} FILE --vkey VKEY\n")
    return ALARMED


def _progress(done: int, of: int) -> None:
    if sys.stderr.isatty():
        sys.stderr.write(f"\r{done:,} of {of:,} entries")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m ledger.mirror", description=__doc__)
    add_own_arguments(parser)
    return run(parser.parse_args(arguments))


if __name__ == "__main__":
    sys.exit(main())
