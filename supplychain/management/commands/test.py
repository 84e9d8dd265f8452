"""`manage.py test [pytest's arguments]`: the tests, on servers of their own."""

import os
import sys

from django.core.management.base import BaseCommand


class Command(BaseCommand):
    """Listed here for `manage.py help`; manage.py itself starts pytest before Django reads its settings."""

    help = "Run pytest with these arguments, on a PostgreSQL and a Valkey of its own (docs/operations.md)"

    def run_from_argv(self, argv: list[str]) -> None:
        """Become pytest."""
        os.execv(sys.executable, [sys.executable, "-m", "pytest", *argv[2:]])
