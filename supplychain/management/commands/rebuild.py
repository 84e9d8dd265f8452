"""`manage.py rebuild`: make every projection again from the log and the bodies beside it."""

from __future__ import annotations

import sys
import time
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from ledger.queries import LogMissing
from supplychain.operations import rebuild


class Command(BaseCommand):
    help = "Remove all tables that follow from the log and make them again; captures wait meanwhile."

    def handle(self, *args: Any, **options: Any) -> None:
        start = time.perf_counter()
        try:
            digests = rebuild.rebuild(progress=self.progress)
        except (LogMissing, rebuild.NotRebuilt) as refused:
            raise CommandError(f"nothing was changed: {refused.args[0]}") from None
        for table, digest in digests.items():
            self.stdout.write(f"{digest}  {table}")
        self.stdout.write(f"rebuilt in {time.perf_counter() - start:.1f} s")

    def progress(self, done: int) -> None:
        if sys.stderr.isatty():
            self.stderr.write(f"\r{done:,} entries", ending="")
