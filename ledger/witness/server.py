"""The witness on HTTP: POST add-checkpoint; GET says who it is and what it cosigned last. Standard library alone."""

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from socket import AF_INET6, socket
from typing import Any
from urllib.parse import unquote

from ledger.tlog.checkpoint import parse_checkpoint
from ledger.tlog.note import parse_note
from ledger.witness.deciding import TEXT, Answer, Witness
from ledger.witness.protocol import MAX_REQUEST_BYTES

PREFIX = "/witness"
"""Served with and without this prefix; logs are given the address with it."""
MAX_CONNECTIONS = 64


class WitnessServer(ThreadingHTTPServer):
    """Serves one witness; further connections than it can serve wait in the kernel's queue."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, witness: Witness, address: tuple[str, int]) -> None:
        self.witness = witness
        if ":" in address[0]:
            self.address_family = AF_INET6
        self._slots = threading.BoundedSemaphore(MAX_CONNECTIONS)
        super().__init__(address, _Handler)

    @property
    def url(self) -> str:
        """The submission prefix to give to a log."""
        host, port = self.server_address[:2]
        name = f"[{host!s}]" if self.address_family == AF_INET6 else str(host)
        return f"http://{name}:{port}{PREFIX}"

    def process_request(self, request: Any, client_address: Any) -> None:
        self._slots.acquire()
        super().process_request(request, client_address)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._slots.release()

    def handle_error(self, request: socket | tuple[bytes, socket], client_address: Any) -> None:
        """A client that hung up is no event."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_version = "waylog-witness"
    sys_version = ""
    timeout = 10
    server: WitnessServer

    def do_POST(self) -> None:
        self._answer(self._add_checkpoint())

    def do_GET(self) -> None:
        self._answer(self._look_up(unquote(self.path.partition("?")[0]).removeprefix(PREFIX)))

    def _add_checkpoint(self) -> Answer:
        closes, self.close_connection = self.close_connection, True  # until the whole body is read
        length = self.headers.get("Content-Length", "")
        if self.path.removeprefix(PREFIX) != "/add-checkpoint":
            return Answer(404, "not found\n")
        if not (length.isascii() and length.isdigit()) or "Transfer-Encoding" in self.headers:
            return Answer(411, "say how long the request is\n")
        if len(length) > 12 or int(length) > MAX_REQUEST_BYTES:
            return Answer(413, "the request is too large\n")
        data = self.rfile.read(int(length))
        if len(data) != int(length):
            return Answer(400, "the request is cut\n")
        self.close_connection = closes
        return self.server.witness.add_checkpoint(data)

    def _look_up(self, path: str) -> Answer:
        witness = self.server.witness
        if path in ("", "/"):
            lines = [f"witness {witness.signer.verifier_key().to_text()}"]
            for origin in witness.logs:
                latest = witness.latest(origin)
                size = 0 if latest is None else parse_checkpoint(parse_note(latest).text).tree_size
                lines.append(f"log {origin} {size}")
            return Answer(200, "\n".join(lines) + "\n")
        if path.startswith("/evidence/"):
            return self._evidence(path.removeprefix("/evidence/"))
        latest = witness.latest(path.removeprefix("/checkpoint/")) if path.startswith("/checkpoint/") else None
        return Answer(404, "not found\n") if latest is None else Answer(200, latest)

    def _evidence(self, path: str) -> Answer:
        """The names of the evidence files of a log, one a line, or one of the files: for anybody to check."""
        witness = self.server.witness
        names = witness.evidence(path)
        if names is not None:
            return Answer(200, "".join(f"{name}\n" for name in names))
        origin, _, name = path.rpartition("/")
        found = witness.read_evidence(origin, name)
        return Answer(404, "not found\n") if found is None else Answer(200, found, "application/json")

    def _answer(self, answer: Answer) -> None:
        body = answer.body.encode()
        self.send_response(answer.status)
        self.send_header("Content-Type", answer.content_type or TEXT)
        self.send_header("Content-Length", str(len(body)))
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        """Requests are not written down: the files say what was cosigned and what was refused."""
