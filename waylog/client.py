"""What a partner's program does with a log: sign, capture, follow, prove."""

from __future__ import annotations

import base64
import json
import time
import urllib.parse
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from nacl.signing import SigningKey

from ledger.tlog.text import encode_base64
from waylog.connection import Answer, Connection, problem_in
from waylog.errors import Refused, WaylogError
from waylog.signing import Item, Signer, hidden, key_request, key_statement

_EARLY = 60
"""A token is asked for anew this many seconds before it ends."""


@dataclass(slots=True)
class _Token:
    text: str
    ends: float


class Client:
    """One party's program at one server; for one thread. Raises WaylogError: Unreachable, Refused."""

    def __init__(self, url: str, *, client_id: str, client_secret: str, timeout: float = 60, attempts: int = 6) -> None:
        self.connection = Connection(url, timeout=timeout, attempts=attempts)
        self._basic = base64.b64encode(f"{client_id}:{client_secret}".encode()).decode()
        self._token: _Token | None = None
        self._origin: str | None = None

    # --- the log ---------------------------------------------------------------------------------------------------

    @property
    def origin(self) -> str:
        """The log's name: a statement for another one never fits."""
        if self._origin is None:
            self._origin = str(self.get("/api/v1/log")["origin"])
        return self._origin

    def whoami(self) -> dict[str, Any]:
        """The party that this client acts for, and what it may do."""
        return self.get("/api/v1/client")

    def register_key(self, key: SigningKey, *, label: str = "") -> dict[str, Any]:
        """Ask for a key's registration; the party's manager approves it."""
        party = str(self.whoami()["party"]).replace("-", "")
        return self.post("/api/v1/keys", key_request(key, origin=self.origin, party=party, label=label))

    def attest(self, indices: str, *, key: SigningKey) -> dict[str, Any]:
        """Stand by disputed entries of your party, such as `3,7-9`, with a key of yours that is valid."""
        envelope = key_statement("key.attest", {"indices": indices}, key=key, origin=self.origin)
        return dict(self.post("/api/v1/keys", {"envelope": envelope})["items"][0])

    # --- capture ---------------------------------------------------------------------------------------------------

    def sign(
        self, bodies: Sequence[bytes], *, key: SigningKey, hide: Sequence[str] = ()
    ) -> list[Item | dict[str, Any]]:
        """Sign up to 1,000 bodies in the order in which they are going to be sent.

        The server says which act each is and what to link to. One that cannot be signed is `{"problem": ...}`. Members
        of events that are named in `hide` are signed apart: a bundle shows them or leaves them out.
        """
        told = [hidden(body, hide) for body in bodies]
        signed = self._sign([body for body, _ in told], key)
        return [
            {**item, "disclosures": texts} if texts and "problem" not in item else item
            for item, (_, texts) in zip(signed, told, strict=True)
        ]

    def _sign(self, bodies: Sequence[bytes], key: SigningKey) -> list[Item | dict[str, Any]]:
        told = self.post("/api/v1/events/prepare", {"bodies": [encode_base64(body) for body in bodies]})["items"]
        signer = Signer(self.origin, key)
        return [_signed(signer, position, body, told[position]) for position, body in enumerate(bodies)]

    def capture(self, items: Sequence[Item]) -> list[dict[str, Any]]:
        """Send signed items; return one result each. The same items again give the same places."""
        answer = self.send("POST", "/api/v1/events", {"items": list(items)})
        found = answer.json()
        if isinstance(found, dict) and "items" in found:
            return list(found["items"])
        if len(items) == 1 and 400 <= answer.status < 500 and answer.status not in (401, 403, 413, 415):
            return [{"status": answer.status, "problem": found}]
        raise Refused(answer.status, problem_in(answer))

    def capture_events(self, bodies: Sequence[bytes], *, key: SigningKey) -> list[dict[str, Any]]:
        """Sign and capture up to 1,000 bodies; return one result each, `status` and `problem` or place and proof."""
        signed = self.sign(bodies, key=key)
        taken = iter(self.capture([each for each in signed if "problem" not in each]) if any_signed(signed) else ())
        return [{"status": 422, **each} if "problem" in each else next(taken) for each in signed]

    # --- reading ---------------------------------------------------------------------------------------------------

    def follow(
        self, *, after: str | int = "0.0", seconds: float = 5, **filters: str
    ) -> Iterator[dict[str, Any] | None]:
        """Yield events in the order in which the party came to read them, for ever, behind the `position` of one.

        What is opened to the party late comes then, with its own older index. None each time there is nothing new,
        after which it waits. An index for `after` means the place of the event that has it.
        """
        place = str(after) if "." in str(after) else ".".join([str(max(int(after), 0))] * 2)
        while True:
            query = urllib.parse.urlencode({**filters, "after": place, "limit": 500})
            items = self.get(f"/api/v1/events?{query}")["items"]
            for each in items:
                place = each["position"]
                yield each
            if not items:
                yield None
                time.sleep(seconds)

    def event(self, index: int) -> dict[str, Any]:
        """One event as it was signed."""
        return self.get(f"/api/v1/events/{index}")

    def bundle(self, shipment: str, *, disclose: Sequence[str] = ()) -> bytes:
        """One file with all that proves a shipment's way, and what was signed apart under the names in `disclose`."""
        query = f"?{urllib.parse.urlencode({'disclose': ','.join(disclose)})}" if disclose else ""
        return self._read(f"/api/v1/shipments/{urllib.parse.quote(shipment, safe='')}/bundle{query}")

    def proof(self, index: int) -> bytes:
        """The tlog-proof file of an entry."""
        return self._read(f"/api/v1/proofs/{index}", accept="text/plain")

    # --- requests --------------------------------------------------------------------------------------------------

    def get(self, path: str) -> dict[str, Any]:
        """Read JSON."""
        return _object(self.send("GET", path))

    def post(self, path: str, data: Any) -> dict[str, Any]:
        """Send JSON and read JSON."""
        return _object(self.send("POST", path, data))

    def send(self, method: str, path: str, data: Any = None, *, accept: str = "application/json") -> Answer:
        """Send a request with a token; one that has ended meanwhile is renewed once."""
        body = None if data is None else json.dumps(data, ensure_ascii=False, separators=(",", ":")).encode()
        kind = {} if body is None else {"Content_Type": "application/json"}
        answer = self._ask(method, path, body, accept, kind)
        if answer.status == 401:
            self._token = None
            answer = self._ask(method, path, body, accept, kind)
        return answer

    def _ask(self, method: str, path: str, body: bytes | None, accept: str, kind: dict[str, str]) -> Answer:
        return self.connection.request(
            method, path, body, Authorization=f"Bearer {self._bearer()}", Accept=accept, **kind
        )

    def _read(self, path: str, *, accept: str = "application/json") -> bytes:
        answer = self.send("GET", path, accept=accept)
        if answer.status != 200:
            raise Refused(answer.status, problem_in(answer))
        return answer.body

    def _bearer(self) -> str:
        if self._token is None or time.monotonic() > self._token.ends:
            form = urllib.parse.urlencode({"grant_type": "client_credentials"}).encode()
            answer = self.connection.request(
                "POST",
                "/oauth/token/",
                form,
                Authorization=f"Basic {self._basic}",
                Content_Type="application/x-www-form-urlencoded",
            )
            if answer.status != 200:
                raise Refused(answer.status, {"detail": "The server knows no such client, or not this secret."})
            found = _object(answer)
            self._token = _Token(found["access_token"], time.monotonic() + max(found["expires_in"] - _EARLY, 1))
        return self._token.text


def any_signed(signed: Sequence[dict[str, Any]]) -> bool:
    """Whether there is anything to send."""
    return any("problem" not in each for each in signed)


def _signed(signer: Signer, position: int, body: bytes, told: dict[str, Any]) -> Item | dict[str, Any]:
    if "problem" in told:
        return {"problem": told["problem"]}
    try:
        return signer.sign(position, body, told["links"])
    except WaylogError as fault:
        return {"problem": {"title": "Not signed", "status": 409, "detail": str(fault)}}


def _object(answer: Answer) -> dict[str, Any]:
    if answer.status >= 300:
        raise Refused(answer.status, problem_in(answer))
    found = answer.json()
    if not isinstance(found, dict):
        raise WaylogError("The server answered with something that is not an object.")
    return found
