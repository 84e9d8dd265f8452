"""`manage.py streams`: the process that holds the WebSockets; `manage.py up` and the compose file start it."""

import asyncio
import ssl
from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand
from django.utils import timezone

from supplychain.streams.server import Streams, run


class Command(BaseCommand):
    help = "Serve named queries as streams over WebSocket, at /epcis/queries/{name}/events"
    requires_system_checks = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Where to listen, and with which certificate."""
        parser.add_argument("--host", default="127.0.0.1")
        parser.add_argument("--port", type=int, default=settings.WAYLOG_STREAM_PORT)
        parser.add_argument("--ssl-certificate", default="")
        parser.add_argument("--ssl-keyfile", default="")

    def handle(self, *args: Any, **options: Any) -> None:
        """Serve until a signal comes."""
        tls = None
        if options["ssl_certificate"]:
            tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
            tls.load_cert_chain(options["ssl_certificate"], options["ssl_keyfile"])
        asyncio.run(run(Streams(timezone.now), host=options["host"], port=options["port"], tls=tls))  # noqa: TID251
