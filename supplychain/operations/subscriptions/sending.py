"""One POST to one address that was checked: no redirects, no proxy, no name looked up twice, little time, little read.

`http.client` speaks HTTP; what it connects to is decided here. The certificate is verified for the name, and the name
stands in SNI and Host, while the bytes go to the address that `addresses.resolved` let through.
"""

from __future__ import annotations

import http.client
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Final

from supplychain.webhooks import addresses
from supplychain.webhooks.addresses import Destination, Resolve
from supplychain.webhooks.errors import DestinationRefused
from supplychain.webhooks.retrying import Answer

CONNECT_SECONDS: Final = 5.0
ALL_SECONDS: Final = 25.0
"""From the first packet to the end of the answer, however slowly it drips."""
_ADDRESSES: Final = 3
_READ: Final = 16 * 1024
_SHOWN: Final = 500


def resolve(host: str, port: int) -> list[str]:
    """Ask the system for the addresses of a name. Raises OSError."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, proto=socket.IPPROTO_TCP)
    return [str(item[4][0]) for item in found]


def post(
    url: str,
    body: bytes,
    *,
    headers: Callable[[], Mapping[str, str]],
    allow: Iterable[str] = (),
    resolve: Resolve = resolve,
    before: Callable[[], None] = lambda: None,
    seconds: float = ALL_SECONDS,
) -> Answer:
    """POST `body`; return what was answered, or why nothing was (status 0).

    `before` runs when the address is known and nothing was sent yet; then `headers` says what goes with the body, the
    signature's time among it. What `before` raises goes through.
    """
    allow = tuple(allow)
    try:
        destination = addresses.parse_destination(url, allow=allow)
        reachable = addresses.resolved(destination, resolve=resolve, allow=allow)
    except DestinationRefused as refused:
        return Answer(0, str(refused))
    before()
    with _Deadline(seconds) as deadline:
        connection = _Connection(destination, reachable, deadline)
        try:
            connection.request("POST", destination.target, body, _complete(destination, headers()))
            with connection.getresponse() as answer:
                found = _read(answer)
            return found if not deadline.is_over else Answer(0, _too_late(deadline))
        except (OSError, http.client.HTTPException, ValueError) as trouble:
            return Answer(0, _said(trouble, deadline))
        finally:
            connection.close()


def _complete(destination: Destination, headers: Mapping[str, str]) -> dict[str, str]:
    return {**headers, "Host": destination.authority, "Connection": "close"}


def _read(answer: http.client.HTTPResponse) -> Answer:
    """Read as much of the answer as is shown; a redirect is an answer like any other, and is not followed."""
    text = answer.read(_READ).decode("utf-8", "replace")
    said = "".join(letter if letter.isprintable() else " " for letter in text)[:_SHOWN].strip()
    return Answer(answer.status, said, (answer.headers.get("Retry-After") or "")[:100].strip())


def _said(trouble: Exception, deadline: _Deadline) -> str:
    if deadline.is_over:
        return _too_late(deadline)
    match trouble:
        case ssl.SSLCertVerificationError():
            return f"The certificate does not hold: {trouble.verify_message}."
        case ssl.SSLError():
            return f"There is no TLS: {trouble.reason or 'the handshake failed'}."
        case TimeoutError():
            return "Nothing answers at this address."
        case ConnectionRefusedError():
            return "The connection was refused."
        case OSError():
            return f"The connection failed: {trouble.strerror or 'it ended too early'}."
        case _:
            return f"What came back is no HTTP answer ({type(trouble).__name__})."


def _too_late(deadline: _Deadline) -> str:
    return f"There was no whole answer within {deadline.seconds:.0f} seconds."


class _Deadline:
    """Ends a connection when the time is over, from a thread of its own: a socket's timeout begins anew each time."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self.is_over = False
        self._until = time.monotonic() + seconds
        self._socket: socket.socket | None = None
        self._lock = threading.Lock()
        self._timer = threading.Timer(seconds, self._end)
        self._timer.daemon = True

    def __enter__(self) -> _Deadline:
        self._timer.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._timer.cancel()

    def watch(self, watched: socket.socket) -> None:
        """Watch a socket; TimeoutError when it is too late already."""
        with self._lock:
            self._socket = watched
            if self.is_over:
                raise TimeoutError

    def left(self) -> float:
        """The seconds that are left; TimeoutError when there are none."""
        left = self._until - time.monotonic()
        if left <= 0:
            self.is_over = True
            raise TimeoutError
        return left

    def _end(self) -> None:
        with self._lock:
            self.is_over = True
            if self._socket is not None:
                try:
                    self._socket.shutdown(socket.SHUT_RDWR)
                except OSError:
                    return


class _Connection(http.client.HTTPConnection):
    """Connects to the checked addresses, whatever the name means by now."""

    def __init__(self, destination: Destination, found: Sequence[str], deadline: _Deadline) -> None:
        super().__init__(destination.host, destination.port)
        self._destination, self._found, self._deadline = destination, found[:_ADDRESSES], deadline

    def connect(self) -> None:
        """Connect to the first that answers, by TLS where the scheme says so."""
        self.sock = self._first()
        self.sock.settimeout(self._deadline.left() + 1)  # the deadline itself comes first, and says so
        if self._destination.scheme == "https":
            name = self._destination.host
            self.sock = _context().wrap_socket(self.sock, server_hostname=name, do_handshake_on_connect=False)
        self._deadline.watch(self.sock)
        if isinstance(self.sock, ssl.SSLSocket):
            self.sock.do_handshake()

    def _first(self) -> socket.socket:
        trouble: OSError = TimeoutError()
        for address in self._found:
            family = socket.AF_INET6 if ":" in address else socket.AF_INET
            opened = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
            opened.settimeout(min(CONNECT_SECONDS, self._deadline.left()))
            try:
                opened.connect((address, self._destination.port))
            except OSError as failed:
                opened.close()
                trouble = failed
            else:
                return opened
        raise trouble


@lru_cache(maxsize=1)
def _context() -> ssl.SSLContext:
    """The system's authorities, names checked, TLS 1.2 at least."""
    context = ssl.create_default_context()
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context
