"""`manage.py import FILE --map MAP.toml`: a file of past deliveries, captured as attested history."""

from __future__ import annotations

import json
import sys
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone
from tqdm import tqdm

from ledger.keystore import KeyNotHeld
from ledger.queries import LogMissing
from supplychain.importing.errors import ImportRefused
from supplychain.importing.mapping import parse_mapping
from supplychain.importing.run import Report, import_file, report_on
from supplychain.queries.parties import PartyUnknown, party_called

SHOWN = 20


class Command(BaseCommand):
    help = "Import past deliveries from CSV or Excel; docs/importing.md says how a mapping is written"

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", type=Path)
        parser.add_argument("--map", type=Path, required=True, dest="mapping", help="the mapping, a TOML file")
        parser.add_argument("--dry-run", action="store_true", help="check all rows and write nothing")
        parser.add_argument("--report", type=Path, help="write what became of each row to this JSON file")
        parser.add_argument("--party", default="", help="whose history it is, by name or URI (default: the operator)")

    def handle(self, *args: Any, **options: Any) -> None:
        path: Path = options["file"]
        try:
            mapping = parse_mapping(options["mapping"].read_bytes())
            party = party_called(options["party"])
            report = report_on(path, mapping, party, dry_run=options["dry_run"])
            try:
                with tqdm(unit="row", unit_scale=True, file=sys.stderr, disable=None, leave=False) as bar:

                    def progress(done: int, expected: int) -> None:
                        bar.total = max(expected, done)
                        bar.update(done - bar.n)

                    import_file(path, mapping, party=party, now=timezone.now(), report=report, progress=progress)  # noqa: TID251
            finally:
                if options["report"]:
                    text = json.dumps(report.as_dict(), ensure_ascii=False, indent=2)
                    options["report"].write_text(text + "\n", encoding="utf-8")
        except OSError as error:
            raise CommandError(f"{error.filename} cannot be opened: {error.strerror}") from None
        except (ImportRefused, KeyNotHeld, LogMissing, PartyUnknown) as refused:
            raise CommandError(str(refused)) from None
        self._tell(report)

    def _tell(self, report: Report) -> None:
        for note in report.notes:
            self.stdout.write(f"note: {note}")
        if report.unused_columns:
            self.stdout.write(f"columns that the mapping does not use: {', '.join(report.unused_columns)}")
        for refusal in report.refusals[:SHOWN]:
            self.stdout.write(f"refused: {refusal}")
        if len(report.refusals) > SHOWN:
            self.stdout.write(f"refused: {len(report.refusals) - SHOWN:,} more; --report lists them")
        word = "would be imported" if report.dry_run else "imported"
        self.stdout.write(
            f"{report.rows_read:,} rows read: {report.rows_imported:,} {word} ({report.events_captured:,} events),"
            f" {report.rows_repeated:,} were in the log before, {report.rows_refused:,} refused"
        )
