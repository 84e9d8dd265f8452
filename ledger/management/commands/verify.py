"""`manage.py verify FILE`: the offline check of `python -m ledger.tlog verify`, through .venv."""

import sys
from typing import Any

from django.core.management.base import BaseCommand

from ledger.tlog.__main__ import main


class Command(BaseCommand):
    help = "Check a proof file offline; no server or database is asked."
    requires_system_checks: list[str] = []

    def run_from_argv(self, argv: list[str]) -> None:
        """Hand the words on as they are: options, output and exit status are those of `python -m ledger.tlog`."""
        sys.exit(main(["verify", *argv[2:]]))

    def handle(self, *args: Any, **options: Any) -> None:
        sys.exit(main(["verify", *args]))
