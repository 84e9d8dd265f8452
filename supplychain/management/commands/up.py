"""`manage.py up`: all of Waylog under one supervisor, in the foreground."""

import sys

from django.core.management.base import BaseCommand


class Command(BaseCommand):
    """Listed here for `manage.py help`; manage.py itself starts the supervisor before Django reads its settings."""

    help = (
        "Start PostgreSQL, Valkey, web server, worker and beat; make the demo world in a new folder. Environment: "
        "WAYLOG_DATA, WAYLOG_PORT, WAYLOG_HOST, WAYLOG_DEMO, WAYLOG_TLS_CERT, WAYLOG_TLS_KEY, WAYLOG_BEHIND_PROXY, "
        "DATABASE_URL, DATABASE_OWNER_URL, REDIS_URL (docs/operations.md)"
    )

    def run_from_argv(self, argv: list[str]) -> None:
        """Run the supervisor."""
        from supplychain.services import supervisor

        sys.exit(supervisor.main(argv[2:]))
