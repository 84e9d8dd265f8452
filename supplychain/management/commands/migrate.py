"""`manage.py migrate`: Django's, as the tables' owner, followed by what the application's role may do with them."""

from typing import Any

from django.conf import settings
from django.core.management.base import CommandParser
from django.core.management.commands import migrate
from django.db import connections

from ledger.roles import apply_grants


class Command(migrate.Command):
    """Migrate as the owner unless told otherwise."""

    def add_arguments(self, parser: CommandParser) -> None:
        """Let --database be the owner's where the roles are split."""
        super().add_arguments(parser)
        if "owner" in settings.DATABASES:
            parser.set_defaults(database="owner")

    def handle(self, *args: Any, **options: Any) -> None:
        """Migrate, then apply the grants."""
        super().handle(*args, **options)
        alias = options["database"]
        if alias == "owner" and not options["plan"] and not options["check_unapplied"]:
            apply_grants(connections[alias], application_role=settings.DATABASES["default"]["USER"])
