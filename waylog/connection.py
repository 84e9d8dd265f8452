"""HTTP with an end: one kept connection, a deadline, no redirects, a cap on answers, and attempts that wait longer."""

from __future__ import annotations

import contextlib
import http.client
import json
import random
import ssl
import time
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from waylog.errors import Refused, Unreachable, WaylogError

MAX_ANSWER = 256 * 1024 * 1024
_PASSING = frozenset({429, 502, 503, 504})
"""What may be gone when the request is sent again. Sending again is safe: what was kept is found, not doubled."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> object:
        """The body as JSON; raise WaylogError when it is none."""
        try:
            return json.loads(self.body)
        except ValueError:
            raise WaylogError(f"The server answered {self.status} with something that is not JSON.") from None


class Connection:
    """One server. Not for several threads at once."""

    def __init__(self, url: str, *, timeout: float = 60, attempts: int = 6, wait: float = 0.5) -> None:
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment:
            raise WaylogError(f"{url!r} is not the address of a server.")
        if parts.username or parts.password:
            raise WaylogError("Do not put a password into the address; use the client's id and secret.")
        self.url = url.rstrip("/")
        self._parts = parts
        self._timeout = timeout
        self._attempts = attempts
        self._wait = wait
        self._kept: http.client.HTTPConnection | None = None

    def request(self, method: str, path: str, body: bytes | None = None, **headers: str) -> Answer:
        """Send a request until it is answered; raise Unreachable, or Refused when the last answer was passing."""
        trouble: Exception | None = None
        for attempt in range(self._attempts):
            if attempt:
                self._sleep(attempt, trouble)
            try:
                answer = self._once(method, path, body, headers)
            except (OSError, http.client.HTTPException) as fault:
                self.close()
                trouble = Unreachable(f"{self.url} does not answer: {fault or type(fault).__name__}.")
                continue
            if answer.status not in _PASSING:
                return answer
            trouble = _Passing(answer)
        assert trouble is not None
        raise trouble

    def close(self) -> None:
        """Give the connection up."""
        if self._kept is not None:
            with contextlib.suppress(OSError):
                self._kept.close()
            self._kept = None

    def _once(self, method: str, path: str, body: bytes | None, headers: Mapping[str, str]) -> Answer:
        connection = self._kept = self._kept or self._open()
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        connection.request(
            method, self._path(path), body, {"User-Agent": "waylog", "Accept": "application/json", **named}
        )
        found = connection.getresponse()
        data = found.read(MAX_ANSWER + 1)
        if len(data) > MAX_ANSWER:
            self.close()
            raise WaylogError(f"The answer has more than {MAX_ANSWER:,} bytes.")
        return Answer(found.status, {name.title(): value for name, value in found.getheaders()}, data)

    def _path(self, path: str) -> str:
        """A path of this server; its own absolute addresses are taken too, another server's never."""
        if path.startswith(self.url + "/"):
            path = path[len(self.url) :]
        if "://" in path:
            raise WaylogError(f"The server points to another one, {path}; that is not followed.")
        return self._parts.path.rstrip("/") + path

    def _open(self) -> http.client.HTTPConnection:
        host, port = str(self._parts.hostname), self._parts.port
        if self._parts.scheme == "https":
            return http.client.HTTPSConnection(host, port, timeout=self._timeout, context=ssl.create_default_context())
        return http.client.HTTPConnection(host, port, timeout=self._timeout)

    def _sleep(self, attempt: int, trouble: Exception | None) -> None:
        told = trouble.retry_after if isinstance(trouble, _Passing) else None
        longest = self._wait * 2 ** (attempt - 1)
        time.sleep(min(told, 60.0) if told is not None else random.uniform(longest / 2, longest))


class _Passing(Refused):
    """An answer that another attempt may change."""

    def __init__(self, answer: Answer) -> None:
        super().__init__(answer.status, problem_in(answer))
        after = answer.headers.get("Retry-After", "")
        self.retry_after = float(after) if after.isdigit() else None


def problem_in(answer: Answer) -> dict[str, object]:
    """The problem document of an answer; one of our own where it carries none."""
    try:
        found = json.loads(answer.body)
    except ValueError:
        found = None
    return found if isinstance(found, dict) else {"detail": answer.body[:200].decode("utf-8", "replace")}
