"""`manage.py monitor`: what `python -m ledger.mirror.monitor` does, through .venv."""

import sys
from typing import Any

from django.core.management.base import BaseCommand

from ledger.mirror.monitor import main


class Command(BaseCommand):
    help = "Watch a log for what certain keys sign, and for what no honest log does; files only."
    requires_system_checks: list[str] = []

    def run_from_argv(self, argv: list[str]) -> None:
        """Hand the words on as they are: options, output and exit status are the module's own."""
        sys.exit(main(argv[2:]))

    def handle(self, *args: Any, **options: Any) -> None:
        sys.exit(main(list(args)))
