"""`manage.py witness`: what `python -m ledger.witness` does, through .venv."""

import sys
from typing import Any

from django.core.management.base import BaseCommand

from ledger.witness.__main__ import main


class Command(BaseCommand):
    help = "Cosign the checkpoints of logs as long as they only grow; files only, no database."
    requires_system_checks: list[str] = []

    def run_from_argv(self, argv: list[str]) -> None:
        """Hand the words on as they are: options, output and exit status are the module's own."""
        sys.exit(main(argv[2:]))

    def handle(self, *args: Any, **options: Any) -> None:
        sys.exit(main(list(args)))
