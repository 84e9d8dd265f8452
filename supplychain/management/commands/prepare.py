"""`manage.py prepare`: what `up` does before it serves: migrate, and make the demo world where there is no log yet."""

import time
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError

from ledger import diskspace, queries, tenancy
from supplychain.services import world
from supplychain.services.datafolder import DataFolder


class Command(BaseCommand):
    """Bring the database to where this release needs it."""

    help = "Migrate, and make the demo world where there is no log yet (WAYLOG_DEMO=0: a link for the first run)"
    requires_system_checks = []

    def handle(self, *args: Any, **options: Any) -> None:
        """Do both, saying so."""
        began = time.monotonic()
        call_command("migrate", verbosity=0)
        self.stdout.write(f"  migrations    done in {time.monotonic() - began:.1f} s")
        folder = DataFolder.from_environ()
        if settings.WAYLOG_DEMO:
            self._demo(folder)
        else:
            world.note(folder, world.REAL)
            if _is_empty():
                self.stdout.write("  first run     open this link to name your company:")
                call_command("firstrun", stdout=self.stdout)

    def _demo(self, folder: DataFolder) -> None:
        if not _is_empty():
            world.note(folder, world.DEMO)
            return
        world.note(folder, world.UNFINISHED)
        try:
            call_command("demo", stdout=self.stdout)
        except diskspace.DiskLow as low:
            raise CommandError(f"{low} (or set WAYLOG_MIN_FREE_PERCENT)") from None
        world.note(folder, world.DEMO)


def _is_empty() -> bool:
    with tenancy.system():
        try:
            return queries.tree_size() == 0
        except queries.LogMissing:
            return True
