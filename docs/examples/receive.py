"""Receive a webhook of Waylog's and check its signature: Python, with PyNaCl for Ed25519 and nothing else.

    python receive.py 8080 https://partner.example/hook https://waylog.example/epcis/webhook-keys [signatureToken]

The second word is the address as it was registered (`dest`): it is part of what is signed. Each event is printed once:
a delivery may come again, and its events keep their ids.
"""

import base64
import hashlib
import hmac
import json
import re
import sys
import time
import urllib.request
from http.server import BaseHTTPRequestHandler, HTTPServer

from nacl.exceptions import BadSignatureError
from nacl.signing import VerifyKey


class Refused(Exception):
    """The signature does not hold."""


def published_keys(address: str) -> dict[str, bytes]:
    """Fetch the keys that sign; keep them for a day, and fetch them again when a key id is not among them."""
    with urllib.request.urlopen(address, timeout=10) as answer:
        found = json.load(answer)["keys"]
    return {key["kid"]: base64.urlsafe_b64decode(key["x"] + "==") for key in found}


def verify(header: str, body: bytes, *, dest: str, keys: dict[str, bytes], token: str = "", now: float) -> None:
    """Check `GS1-Signature: t=..., keyid="...", ed25519=:...:, hmac-sha256=:...:`. Raises Refused."""
    parts = dict(re.findall(r'([a-z0-9-]+)=[":]?([A-Za-z0-9+/=_-]*)[":]?', header))
    if abs(now - int(parts.get("t", "0"))) > 300:
        raise Refused("it is not of this time")
    signed = f"{parts['t']}\n{dest}\n".encode() + body
    if token:
        wanted = hmac.digest(token.encode(), signed, hashlib.sha256)
        if not hmac.compare_digest(base64.b64decode(parts.get("hmac-sha256", "")), wanted):
            raise Refused("hmac-sha256 does not hold")
    try:
        VerifyKey(keys[parts["keyid"]]).verify(signed, base64.b64decode(parts["ed25519"]))
    except (KeyError, BadSignatureError, ValueError):
        raise Refused("ed25519 does not hold") from None


def main(port: int, dest: str, keys_address: str, token: str = "") -> None:
    """Serve, for ever."""
    keys = published_keys(keys_address)
    seen: set[str] = set()

    class Hook(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            try:
                verify(self.headers.get("GS1-Signature", ""), body, dest=dest, keys=keys, token=token, now=time.time())
            except Refused as refused:
                return self.answer(401, str(refused))
            for event in json.loads(body)["epcisBody"]["queryResults"]["resultsBody"]["eventList"]:
                if event["eventID"] not in seen:  # a real receiver keeps these, and its work, in one transaction
                    seen.add(event["eventID"])
                    print(event["eventID"], event.get("bizStep", ""), flush=True)
            return self.answer(204)

        def answer(self, status: int, said: str = "") -> None:
            self.send_response(status)
            self.send_header("Content-Length", str(len(said)))
            self.end_headers()
            self.wfile.write(said.encode())

        def log_message(self, *_: object) -> None:
            pass

    HTTPServer(("127.0.0.1", port), Hook).serve_forever()


if __name__ == "__main__":
    main(int(sys.argv[1]), *sys.argv[2:])
