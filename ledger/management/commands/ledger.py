"""`manage.py ledger verify`, `acknowledge`, `status`, `rotate-log-key`, `export DIR` and `accept-loss DIR`."""

from __future__ import annotations

import json
import os
import sys
from argparse import ArgumentParser
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from ledger import (
    audit,
    comparing,
    durable,
    exporting,
    keystore,
    losing,
    operations,
    outside,
    queries,
    quorum,
    roles,
    tenancy,
    verified,
)
from ledger.audit import alarm, runs
from ledger.operations import LogMissing

_SHARED_FROM = 5_000
"""Entries from which it pays to start processes."""


class Command(BaseCommand):
    help = "Check the log from its stored bytes, or say how it stands."

    def add_arguments(self, parser: ArgumentParser) -> None:
        verbs = parser.add_subparsers(dest="verb", required=True)
        verify = verbs.add_parser("verify", help="compute everything again; exit 1 and name the first bad index")
        verify.add_argument("--json", action="store_true", help="print the result as JSON")
        verify.add_argument("--no-projections", action="store_true", help="the log and the bodies alone")
        kept: dict[str, Any] = {"metavar": "FILE", "action": "append", "default": [], "type": Path}
        verify.add_argument("--checkpoint", **kept, help="hold the log against a checkpoint that was kept elsewhere")
        verify.add_argument("--bundle", **kept, help="hold it against a bundle or a proof file that was kept elsewhere")
        verify.add_argument(
            "--continue", action="store_true", help="take signatures as checked that an earlier run has checked here"
        )
        verify.add_argument(
            "--incremental",
            action="store_true",
            help="only the entries since the last run that held, from where it stood",
        )
        verify.add_argument("--resume", action="store_true", help="go on with a run that was interrupted")
        verify.add_argument("--processes", metavar="N", type=int, help="how many share the work; without it all cores")
        answer = verbs.add_parser("acknowledge", help="answer for what a run found: the alarm ends, the run is kept")
        answer.add_argument("--by", required=True, metavar="NAME", help="who answers for it")
        answer.add_argument("--comment", required=True, metavar="TEXT", help="what it was")
        verbs.add_parser("status", help="origin, size, root, keys").add_argument("--json", action="store_true")
        export = verbs.add_parser("export", help="write the log as files that any web server can serve; run it again")
        export.add_argument("folder", metavar="DIR", type=Path)
        export.add_argument("--entries", action="store_true", help="the entries too: whoever is served sees who signed")
        rotate = verbs.add_parser("rotate-log-key", help="change the key that signs checkpoints: begin, then --finish")
        rotate.add_argument("--finish", action="store_true", help="let the new key sign alone and revoke the old one")
        lost = verbs.add_parser("accept-loss", help="signed entries are gone for good: put away what is left")
        lost.add_argument("folder", metavar="DIR", type=Path, help="where what is left of the log goes")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            with tenancy.system():
                self.verbs[options["verb"]](self, options)
        except LogMissing as missing:
            raise CommandError(f"{missing}: `manage.py up` makes it") from None

    def verify(self, options: dict[str, Any]) -> None:
        size = queries.tree_size()
        trusted = verified.trusted_size(None) if options["continue"] else 0
        processes = options["processes"] or (os.cpu_count() or 1 if size >= _SHARED_FROM else 1)
        kind = runs.Kind.LOG if options["no_projections"] else runs.Kind.FULL
        try:
            outcome = runs.perform(
                runs.Kind.INCREMENTAL if options["incremental"] else kind,
                clock=timezone.now,  # noqa: TID251
                processes=processes,
                trusted_size=trusted,
                resume=options["resume"],
                outside=lambda found: self.against_files(found, options),
                progress=self.progress,
            )
        except KeyboardInterrupt:
            raise CommandError("interrupted: `manage.py ledger verify --resume` goes on from there") from None
        found, faults = outcome.found, outcome.faults
        if found.holds:
            verified.remember(found)
        fresh, took = found.tree_size - found.from_index, outcome.log_seconds
        result = {
            "holds": not faults,
            "origin": found.origin,
            "tree_size": found.tree_size,
            "root_hash": found.root_hash.hex(),
            "kind": str(outcome.run.kind),
            "from_index": found.from_index,
            "bodies": found.bodies,
            "links": found.links,
            "disputed": len(found.disputed),
            "first_bad_index": outcome.first_bad_index,
            "faults": [{"index": each.index, "what": each.what, "part": each.part} for each in faults[:100]],
            "fault_count": len(faults),
            "parts": outcome.parts(),
            "signatures_taken_as_checked": trusted,
            "held_against": [str(path) for path in [*options["checkpoint"], *options["bundle"]]],
            "processes": processes,
            "seconds": round(took, 3),
            "entries_per_second": round(fresh / took) if took else 0,
            "projections": sorted(each.name for each in outcome.derived),
            "projection_seconds": {each.name: round(each.seconds, 3) for each in outcome.derived},
        }
        self.stdout.write(json.dumps(result, indent=1) if options["json"] else _verdict(result, faults))
        if faults:
            sys.exit(1)

    def acknowledge(self, options: dict[str, Any]) -> None:
        now = timezone.now()  # noqa: TID251
        try:
            run = alarm.acknowledge(by=options["by"], comment=options["comment"], now=now)
        except alarm.NotAcknowledged as refused:
            raise CommandError(str(refused)) from None
        self.stdout.write(f"{run.acknowledged_by} answers for: {alarm.words(run)}")

    def against_files(self, found: audit.Found, options: dict[str, Any]) -> Iterator[audit.Fault]:
        """Hold the log against each file from outside, and say in its fault which one it was."""
        for name, compare in (("checkpoint", comparing.against_checkpoint), ("bundle", comparing.against_bundle)):
            for path in options[name]:
                try:
                    faults = compare(found, path.read_bytes())
                except OSError as error:
                    raise CommandError(f"{path}: {error.strerror}") from None
                yield from (audit.Fault(fault.index, f"{path.name}: {fault.what}") for fault in faults)

    def progress(self, done: int, of: int) -> None:
        if sys.stderr.isatty():
            self.stderr.write(f"\r{done:,} of {of:,} entries", ending="\n" if done == of else "")

    def files(self, done: int) -> None:
        if sys.stderr.isatty():
            self.stderr.write(f"\r{done:,} files", ending="")

    def export(self, options: dict[str, Any]) -> None:
        try:
            shown = queries.published_checkpoint(quorum.is_met_by if quorum.is_set() else None)
        except quorum.PolicyUnreadable as fault:
            raise CommandError(str(fault)) from None
        if shown is None:
            raise CommandError("no checkpoint has been cosigned yet by those whom the policy asks for")
        try:
            done = exporting.export(
                options["folder"],
                note=shown[0],
                with_entries=options["entries"],
                progress=self.files,
            )
        except (exporting.ExportRefused, durable.InUse, OSError) as refused:
            raise CommandError(str(refused)) from None
        self.stdout.write(
            f"{options['folder']} holds {done.checkpoint.origin} up to {done.checkpoint.tree_size:,} entries"
            f" (before: {done.old_size:,}; {done.files:,} files written)\nroot {done.checkpoint.root_hash.hex()}"
        )

    def rotate_log_key(self, options: dict[str, Any]) -> None:
        now = timezone.now()  # noqa: TID251
        try:
            change = operations.finish_log_key if options["finish"] else operations.begin_log_key
            change(now=now)
        except (operations.LogKeyNotChanged, keystore.KeyNotHeld) as refused:
            raise CommandError(str(refused)) from None
        text = _FINISHED if options["finish"] else _BEGUN
        self.stdout.write(text.format(keys="\n".join(f"log {vkey}" for vkey in queries.verifier_keys())))

    def accept_loss(self, options: dict[str, Any]) -> None:
        try:
            loss = losing.put_away(options["folder"])
        except (losing.NothingLost, outside.NotKept, exporting.ExportRefused, durable.InUse, OSError) as refused:
            raise CommandError(str(refused)) from None
        self.stdout.write(_ACCEPTED.format(loss=loss, folder=options["folder"], kept=outside.path_of(loss.left.origin)))

    def status(self, options: dict[str, Any]) -> None:
        head = queries.head()
        keys = queries.keys_of()
        result = {
            "origin": head.origin,
            "tree_size": head.tree_size,
            "root_hash": bytes(head.root_hash).hex(),
            "verifier_key": queries.verifier_key(),
            "next_verifier_key": [*queries.verifier_keys(), ""][1],
            "keys": len(keys),
            "revoked_keys": sum(key.revoked_index is not None for key in keys),
            "kept_checkpoints": [kept.tree_size for kept in queries.kept_checkpoints(5)],
            "roles_split": roles.are_split(),
        }
        if options["json"]:
            self.stdout.write(json.dumps(result, indent=1))
            return
        for name, value in result.items():
            self.stdout.write(f"{name.replace('_', ' '):18} {value}")

    verbs = {
        "verify": verify,
        "acknowledge": acknowledge,
        "status": status,
        "export": export,
        "rotate-log-key": rotate_log_key,
        "accept-loss": accept_loss,
    }


_BEGUN = """\
The new log key is registered in the log, and every checkpoint is signed by both keys from now on:
{keys}

Whoever trusts the old one checks, under its signature, the entry that registers the new one, and puts the second line
into its policy beside the first: witnesses, mirrors, monitors, readers of bundles. When all have,
`manage.py ledger rotate-log-key --finish` lets the new key sign alone."""
_FINISHED = """\
The new log key signs alone, and the old one is revoked in the log:
{keys}

What the old key signed stays verifiable with it: whoever keeps such checkpoints or bundles keeps both lines."""
_ACCEPTED = """\
{loss.why}.

The log {loss.left.origin} ends here. What is left of it, {loss.left.tree_size:,} of {loss.missing.tree_size:,} signed
entries, is in {folder} with the missing checkpoint, for anybody to check. This database stays as it is: it is read,
verified and exported as before, and signs nothing more, since {kept} stays where it is.

To go on, begin a new log, which gets an origin of its own:
  1. start with an empty place: WAYLOG_DATA=<new folder> python3 manage.py up (with PostgreSQL of your own: a new
     database in DATABASE_URL too);
  2. let every party enrol its keys again, and capture open shipments again: what was signed names the old origin, and
     nobody can sign it over but those who signed it;
  3. give your partners {folder} and the new verifier key, and say what was lost."""


def _verdict(result: dict[str, Any], faults: list[audit.Fault]) -> str:
    fresh = f"entries {result['from_index']:,} to {result['tree_size']:,}" if result["from_index"] else None
    checked = (
        f"{fresh or format(result['tree_size'], ',') + ' entries'}, {result['bodies']:,} bodies,"
        f" {result['links']:,} links in {result['seconds']:.1f} s ({result['entries_per_second']:,} entries/s)"
    )
    if result["signatures_taken_as_checked"]:
        checked += f"; signatures of the first {result['signatures_taken_as_checked']:,} were checked in an earlier run"
    if not faults:
        checked += "".join(f"; agrees with {path}" for path in result["held_against"])
        took = [f"{name} ({seconds:.1f} s)" for name, seconds in result["projection_seconds"].items()]
        also = f"; what follows from it agrees: {', '.join(took)}" if took else ""
        return f"the log holds: {checked}{also}\nroot {result['root_hash']} at tree size {result['tree_size']}"
    lines = [f"THE LOG DOES NOT HOLD, first bad index {result['first_bad_index']}: {checked}"]
    lines += [f"  {fault}" for fault in faults[:20]]
    if len(faults) > 20:
        lines.append(f"  and {len(faults) - 20:,} more")
    lines += [f"  {part}: {found['faults']:,} faults" for part, found in result["parts"].items() if found["faults"]]
    if not result["projections"]:
        lines.append("  projections were not checked: they follow from the log")
    return "\n".join(lines)
