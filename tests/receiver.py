"""A real HTTP receiver on the loopback address, that answers as it is told and keeps what it got."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from supplychain.models import Subscription
from supplychain.operations import namedqueries
from supplychain.operations.subscriptions import manage
from supplychain.webhooks.subscribing import Wanted
from tests.cast import Hand


@dataclass
class Request:
    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def document(self) -> dict[str, Any]:
        return json.loads(self.body)

    @property
    def events(self) -> list[dict[str, Any]]:
        return self.document["epcisBody"]["queryResults"]["resultsBody"]["eventList"]


@dataclass
class Receiver:
    """Answers 204, or what `answers` holds next: (status, headers, body), or a function of the request."""

    port: int = 0
    got: list[Request] = field(default_factory=list)
    answers: list[Any] = field(default_factory=list)

    @property
    def origin(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def url(self) -> str:
        return f"{self.origin}/hook"

    @property
    def taken(self) -> list[str]:
        """The ids of all events that came, in order."""
        return [event["eventID"] for request in self.got for event in request.events]

    def answer(self, request: Request) -> tuple[int, dict[str, str], bytes]:
        self.got.append(request)
        told = self.answers.pop(0) if self.answers else 204
        if isinstance(told, Callable):
            told = told(request)
        if isinstance(told, int):
            told = (told, {}, b"")
        return told


@contextmanager
def listening() -> Iterator[Receiver]:
    receiver = Receiver()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            status, headers, said = receiver.answer(Request(self.path, dict(self.headers), body))
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(said)))
            self.end_headers()
            self.wfile.write(said)

        do_GET = do_POST

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    receiver.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield receiver
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def make_webhook(hand: Hand, *, now: datetime, name: str = "all", **more: Any) -> Subscription:
    """A subscription of a party's to all that it may read, to somewhere that is never asked."""
    wanted = {"dest": "https://partner.example/hook", "token": None, "schedule": None}
    wanted |= {"report_if_empty": False, "initial_record_time": None} | more
    query = namedqueries.keep_query(name, {}, party=hand.id, now=now)
    return manage.subscribe(query=query, wanted=Wanted(**wanted), epc_format="Always_GS1_Digital_Link", now=now)
