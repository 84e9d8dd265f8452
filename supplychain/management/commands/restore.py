"""`manage.py restore FOLDER`: a backup into an empty data folder."""

import sys

from django.core.management.base import BaseCommand

from supplychain.services import restoring


class Command(BaseCommand):
    """Listed here for `manage.py help`; manage.py itself starts it before Django reads its settings."""

    help = restoring.parser().description or ""

    def run_from_argv(self, argv: list[str]) -> None:
        """Run it."""
        sys.exit(restoring.main(argv[2:]))
