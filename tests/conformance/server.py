"""The server that is examined, as its checks speak to it."""

from __future__ import annotations

import http.client
import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

JSON = "application/json"
WAITED = 60.0


@dataclass(frozen=True)
class Answer:
    """What came back."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> Any:
        """The body as JSON; raises ValueError when it is none."""
        return json.loads(self.body)

    @property
    def exception(self) -> str:
        """The type of EPCIS exception that a problem names, without its namespace; empty when it is no problem."""
        try:
            told = self.json()
        except ValueError:
            return ""
        return str(told.get("type", "")).rpartition(":")[2] if isinstance(told, dict) else ""

    def link(self, relation: str) -> str:
        """The target of the Link header with this relation; empty when there is none (RFC 8288)."""
        for part in self.headers.get("link", "").split(","):
            target, _, rest = part.partition(">")
            if f'rel="{relation}"' in rest or f"rel={relation}" in rest:
                return target.strip().removeprefix("<")
        return ""


class Server:
    """A server at its base address, spoken to with a token."""

    def __init__(self, url: str, token: str, *, timeout: float = 60) -> None:
        self.base = urlsplit(url.rstrip("/"))
        self.token = token
        self._timeout = timeout

    def __call__(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        query: Mapping[str, Any] | None = None,
        token: str | None = None,
        **headers: str,
    ) -> Answer:
        """Send a request. `body` is bytes, or is written as JSON; headers are named with underscores."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        credentials = self.token if token is None else token
        if credentials:
            named.setdefault("Authorization", f"Bearer {credentials}")
        data = body if isinstance(body, bytes) or body is None else json.dumps(body).encode()
        if data is not None:
            named.setdefault("Content-Type", JSON)
        target = self._target(path) + (f"?{urlencode(query)}" if query else "")
        kind = http.client.HTTPSConnection if self.base.scheme == "https" else http.client.HTTPConnection
        connection = kind(self.base.netloc, timeout=self._timeout)
        try:
            connection.request(method, target, body=data, headers=named)
            came = connection.getresponse()
            found = {name.lower(): value for name, value in came.getheaders()}
            return Answer(came.status, found, came.read())
        finally:
            connection.close()

    def get(self, path: str, query: Mapping[str, Any] | None = None, **headers: str) -> Answer:
        """Read."""
        return self("GET", path, query=query, **headers)

    def _target(self, path: str) -> str:
        """A path below the base, or the address of a Link or Location header, as this server's own path."""
        if "://" in path:
            found = urlsplit(path)
            return found.path + (f"?{found.query}" if found.query else "")
        return path if path.startswith(self.base.path + "/") and self.base.path else self.base.path + path

    def finished(self, location: str) -> dict[str, Any]:
        """A capture job once it is done."""
        until = time.monotonic() + WAITED
        while True:
            found = self.get(location)
            assert found.status == 200, f"GET {location} is answered with {found.status}"
            job: dict[str, Any] = found.json()
            if not job.get("running"):
                return job
            assert time.monotonic() < until, f"the job is still running after {WAITED:.0f} s"
            time.sleep(0.2)

    def events(self, query: Mapping[str, Any], path: str = "/events") -> list[dict[str, Any]]:
        """All events that a query finds, page by page."""
        answer = self.get(path, {"perPage": 100, **query})
        found: list[dict[str, Any]] = []
        for _ in range(100):
            assert answer.status == 200, f"{answer.status}: {answer.body[:300].decode(errors='replace')}"
            found += event_list(answer)
            following = answer.link("next")
            if not following:
                return found
            answer = self.get(following)
        raise AssertionError("there is always a next page")


def event_list(answer: Answer) -> list[dict[str, Any]]:
    """The events of an EPCISQueryDocument."""
    told = answer.json()
    assert told.get("type") == "EPCISQueryDocument", f"the answer is no EPCISQueryDocument but {told.get('type')!r}"
    found = told["epcisBody"]["queryResults"]["resultsBody"]["eventList"]
    assert isinstance(found, list), "eventList is a list"
    return found


def members(answer: Answer) -> list[Any]:
    """What a Collection lists: how the bindings answer what resources there are."""
    told = answer.json()
    assert isinstance(told, dict) and told.get("type") == "Collection", f"no Collection: {str(told)[:200]}"
    assert told.get("@context"), "a Collection without @context"
    found = told.get("member")
    assert isinstance(found, list), "member is a list"
    return found


def in_path(uri: str) -> str:
    """A URI as one step of a path."""
    return quote(uri, safe="")
