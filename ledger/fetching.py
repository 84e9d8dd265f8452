"""One HTTP request with an end: to an address that its operator configured, no redirects, a cap and a deadline."""

import http.client
import ssl
import time
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from ledger.tlog.errors import Malformed

_CHUNK = 65_536


class Unreachable(OSError):
    """No answer, none in time, or one that is too large."""


@dataclass(frozen=True, slots=True)
class Response:
    """What came back."""

    status: int
    content_type: str
    body: bytes


def check_url(url: str) -> str:
    """Return an address without its last slash; raise Malformed unless it is http or https with a host."""
    try:
        parts = urlsplit(url)
        is_address = parts.scheme in ("http", "https") and bool(parts.hostname) and (parts.port or 1) > 0
    except ValueError:
        is_address = False
    if not is_address or parts.query or parts.fragment or parts.username or not url.isascii():
        raise Malformed(f"{url!r} is not the address of a service")
    return url.rstrip("/")


def request(
    method: str,
    url: str,
    *,
    body: bytes | None = None,
    headers: Mapping[str, str] | None = None,
    seconds: float,
    max_bytes: int,
) -> Response:
    """Make one request; raise Unreachable unless the whole answer is here after that many seconds."""
    deadline = time.monotonic() + seconds
    parts = urlsplit(check_url(url))
    connection = _connection(parts.scheme, str(parts.hostname), parts.port, seconds)
    try:
        connection.request(method, parts.path or "/", body=body, headers={"User-Agent": "waylog", **(headers or {})})
        answer = connection.getresponse()
        return Response(
            answer.status, answer.headers.get_content_type(), _read(answer, connection, deadline, max_bytes)
        )
    except (OSError, http.client.HTTPException) as fault:
        raise Unreachable(f"{url}: {fault or type(fault).__name__}") from None
    finally:
        connection.close()


def _connection(scheme: str, host: str, port: int | None, seconds: float) -> http.client.HTTPConnection:
    if scheme == "https":
        return http.client.HTTPSConnection(host, port, timeout=seconds, context=ssl.create_default_context())
    return http.client.HTTPConnection(host, port, timeout=seconds)


def _read(
    answer: http.client.HTTPResponse, connection: http.client.HTTPConnection, deadline: float, max_bytes: int
) -> bytes:
    """Read all of it; a server that sends byte by byte does not get more time."""
    data = bytearray()
    while True:
        rest = deadline - time.monotonic()
        if rest <= 0:
            raise TimeoutError("the answer took too long")
        if connection.sock is not None:
            connection.sock.settimeout(rest)
        part = answer.read1(_CHUNK)
        if not part:
            break
        data += part
        if len(data) > max_bytes:
            raise OSError(f"the answer has more than {max_bytes:,} bytes")
    if answer.length:
        raise OSError("the answer was cut")
    return bytes(data)
