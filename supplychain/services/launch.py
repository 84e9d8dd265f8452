"""What `manage.py` does once it runs in its environment: services first, then Django's command."""

import os
import sys
from collections.abc import Sequence

from supplychain.services import binaries, world
from supplychain.services.datafolder import ROOT, DataFolder
from supplychain.services.embedded import services_for
from supplychain.services.errors import ServiceError

WITHOUT_SERVICES = {
    "help",
    "version",
    "verify",
    "diffsettings",
    "collectstatic",
    "startapp",
    "spectacular",
    "witness",
    "mirror",
    "monitor",
}
"""Commands that touch neither PostgreSQL nor Valkey."""

BY_THEMSELVES = {"up", "test", "restore"}
"""Commands that see to their services themselves, before Django reads its settings."""


def main(argv: Sequence[str]) -> int:
    """Run the command that `argv` names; return its exit status."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "supplychain.settings")
    binaries.add_to_path()
    command = argv[1] if len(argv) > 1 else "help"
    asks_for_help = bool({"-h", "--help", "--version"} & set(argv[1:])) and command != "test"
    try:
        if command in BY_THEMSELVES and not asks_for_help:
            return _by_itself(command, list(argv[2:]))
        if command in WITHOUT_SERVICES or asks_for_help:
            _django(argv)
            return 0
        folder = DataFolder.from_environ()
        os.environ.setdefault("WAYLOG_DEMO", "0" if world.kept(folder) == world.REAL else "1")
        with services_for(command, folder):
            if command not in {"migrate", "prepare"}:
                _migrate_an_empty_database()
            _django(argv)
        return 0
    except ServiceError as error:
        sys.stderr.write(f"waylog: {error}\n")
        return 1
    except KeyboardInterrupt:
        return 130


def _by_itself(command: str, argv: list[str]) -> int:
    if command == "test":
        os.chdir(ROOT)
        words = argv or ["-n", str(min(os.cpu_count() or 1, 4)), "--dist", "loadfile"]  # the whole suite: on all cores
        os.execv(sys.executable, [sys.executable, "-m", "pytest", *words])
    if command == "restore":
        from supplychain.services import restoring

        return restoring.main(argv)
    from supplychain.services import supervisor

    return supervisor.main(argv)


def _django(argv: Sequence[str]) -> None:
    from django.core.management import execute_from_command_line

    execute_from_command_line(list(argv))


def _migrate_an_empty_database() -> None:
    """Make the tables when there are none: the first command in a new folder need not be `up`."""
    import psycopg

    with psycopg.connect(os.environ.get("DATABASE_OWNER_URL") or os.environ["DATABASE_URL"]) as connection:
        row = connection.execute("SELECT to_regclass('public.django_migrations') IS NULL").fetchone()
    if row and row[0]:
        import django
        from django.core.management import call_command

        django.setup()
        call_command("migrate", verbosity=0)
