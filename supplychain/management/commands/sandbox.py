"""`manage.py sandbox`: two parties for integrators to try things with, and a program for each."""

from __future__ import annotations

import json
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand
from django.utils import timezone

from supplychain.operations.sandbox import open_sandbox


class Command(BaseCommand):
    help = "Register the sandbox's two parties where they are not yet; print a client id and a new secret for each"

    def handle(self, *args: Any, **options: Any) -> None:
        found = {each.name: each.told() for each in open_sandbox(now=timezone.now())}  # noqa: TID251
        self.stdout.write(json.dumps({"url": settings.WAYLOG_URL, **found}, indent=2, ensure_ascii=False))
