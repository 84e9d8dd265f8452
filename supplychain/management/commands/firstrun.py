"""`manage.py firstrun`: print the link that sets up a server without a demo world."""

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from supplychain.operations import firstrun


class Command(BaseCommand):
    help = "Print a one-time link that sets this server up: company, first manager, products, sites."

    def handle(self, *args: Any, **options: Any) -> None:
        """Make the link; an older one stops working."""
        try:
            token = firstrun.make_token()
        except firstrun.FirstRunRefused as refused:
            raise CommandError(str(refused)) from None
        self.stdout.write(f"{settings.WAYLOG_URL}/first-run/{token}/")
