"""`manage.py prepare`: what `up` does before it serves: migrate, and make the demo world where there is no log yet."""

import time
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand

from ledger import queries, tenancy
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
                link = f"{settings.WAYLOG_URL}/first-run/{world.first_run_token(folder)}/"
                self.stdout.write(f"  first run     open {link} once to name your company")

    def _demo(self, folder: DataFolder) -> None:
        if not _is_empty():
            world.note(folder, world.DEMO)
            return
        began = time.monotonic()
        world.note(folder, world.UNFINISHED)
        call_command("demo")
        world.note(folder, world.DEMO)
        self.stdout.write(f"  demo world    made in {time.monotonic() - began:.1f} s")


def _is_empty() -> bool:
    with tenancy.system():
        try:
            return queries.tree_size() == 0
        except queries.LogMissing:
            return True
