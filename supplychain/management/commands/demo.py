"""`manage.py demo`: make the demo world in an empty database."""

from __future__ import annotations

import time
from argparse import ArgumentParser
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand
from django.utils import timezone

from forecasting.operations import request_forecast
from forecasting.runs import RunSettings
from supplychain.demo.load import DemoRefused, make_demo, write_down
from supplychain.demo.world import DAYS

WEEK = timedelta(days=7)


class Command(BaseCommand):
    help = "Make the demo world: six parties, a year of trade, log-ins in $WAYLOG_DATA/demo.json"

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--days", type=int, default=DAYS, help=f"how many days of trade (default {DAYS})")

    def handle(self, *args: Any, **options: Any) -> None:
        started = time.monotonic()
        terminal = self.stdout.isatty()

        def progress(done: int, total: int) -> None:
            if terminal:
                self.stdout.write(f"\r  demo world    {done:,} of {total:,} events", ending="")
                self.stdout.flush()

        now = timezone.now()  # noqa: TID251
        try:
            made = make_demo(now=now, host=settings.WAYLOG_HOST, progress=progress, days=options["days"])
        except DemoRefused as refused:
            self.stdout.write(f"  demo world    {refused}")
            return
        path = settings.WAYLOG_DATA / "demo.json"
        write_down(made, path, url=settings.WAYLOG_URL)
        first = "the first forecast of the demo world"  # a job: it runs once a worker is up, and holds up nobody
        weeks = RunSettings(cutoff=now - 2 * WEEK, chained=True, step_days=WEEK.days)  # as of then, then, and now
        request_forecast(cause=first, settings=weeks, now=now, ring=False)
        line = f"{len(made.world.acts):,} events in {time.monotonic() - started:.1f} s; log-ins in {path}"
        self.stdout.write(f"\r  demo world    {line}" if terminal else f"  demo world    {line}")
