"""Sign and capture events with PyNaCl and the standard library.

    WAYLOG_URL=http://localhost:8000 CLIENT_ID=... CLIENT_SECRET=... SIGNING_KEY=<base64, 32 bytes> \
      python docs/examples/capture.py https://id.gs1.org/00/095211410000000014

It commissions a logistic unit, which opens its shipment, reads the shipment's chain, links the packing to it, and keeps
the proof. The key must be registered for the client's party (docs/api.md, Keys). The demo's values are in
.waylog/demo.json.
"""

import base64
import hashlib
import hmac
import json
import os
import secrets
import sys
import urllib.error
import urllib.parse
import urllib.request
import uuid
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from nacl.signing import SigningKey

CONTEXT = ["https://ref.gs1.org/standards/epcis/2.0.0/epcis-context.jsonld"]
PAYLOAD_TYPE = "application/vnd.waylog.statement+json"
ZERO = bytes(32)


class Waylog:
    """One party's program: gets a token, signs, captures, reads."""

    def __init__(self, url: str, client_id: str, client_secret: str, key: SigningKey) -> None:
        self.url = url
        self.key = key
        basic = base64.b64encode(f"{client_id}:{client_secret}".encode()).decode()
        form = urllib.parse.urlencode({"grant_type": "client_credentials"}).encode()
        answer = self.send("/oauth/token/", form, Authorization=f"Basic {basic}")
        self.token = json.loads(answer)["access_token"]
        self.origin = self.get("/api/v1/log")["origin"]

    def send(self, path: str, data: bytes | None = None, **headers: str) -> bytes:
        """Send a request; a refusal ends in the problem's own words."""
        url = path if "://" in path else self.url + path
        request = urllib.request.Request(url, data, {k.replace("_", "-"): v for k, v in headers.items()})
        try:
            with urllib.request.urlopen(request) as answer:
                return bytes(answer.read())
        except urllib.error.HTTPError as error:
            sys.exit(f"{error.code} {error.read().decode()}")

    def get(self, path: str) -> Any:
        """Read JSON."""
        return json.loads(self.send(path, Authorization=f"Bearer {self.token}", Accept="application/json"))

    def capture(self, event: dict[str, Any], *links: bytes, chains: dict[str, bytes] | None = None) -> dict[str, Any]:
        """Sign an event, linked into its shipments' chains, and capture it; return its result."""
        item: dict[str, Any] = self.sign(event, *links)
        if chains:
            item["chains"] = {unit: base64.b64encode(secret).decode() for unit, secret in chains.items()}
        data = json.dumps([item]).encode()
        headers = {"Authorization": f"Bearer {self.token}", "Content_Type": "application/json"}
        [result] = json.loads(self.send("/api/v1/events", data, **headers))["items"]
        return dict(result)

    def sign(self, event: dict[str, Any], *links: bytes) -> dict[str, Any]:
        """Make the body, its salted commitment, the statement that says both, and the signature over it."""
        body = json.dumps({"@context": CONTEXT, "event": event}).encode()
        salt = secrets.token_bytes(32)
        statement = {
            "v": 1,
            "log": self.origin,
            "type": "event",
            "id": secrets.token_hex(16),
            "key": self.key_id(),
            "links": [link.hex() for link in links],
            "body": hashlib.sha256(b"waylog/body/v1\n" + salt + body).hexdigest(),
            "claims": {},
        }
        payload = json.dumps(statement).encode()
        kind = PAYLOAD_TYPE.encode()
        signed = b"DSSEv1 %d %s %d %s" % (len(kind), kind, len(payload), payload)  # DSSE v1
        signature = self.key.sign(signed).signature
        envelope = {
            "payload": base64.b64encode(payload).decode(),
            "payloadType": PAYLOAD_TYPE,
            "signatures": [{"keyid": self.key_id(), "sig": base64.b64encode(signature).decode()}],
        }
        return {
            "envelope": envelope,
            "body": base64.b64encode(body).decode(),
            "salt": base64.b64encode(salt).decode(),
        }

    def key_id(self) -> str:
        """The RFC 7638 thumbprint of the public key."""
        jwk = f'{{"crv":"Ed25519","kty":"OKP","x":"{base64url(bytes(self.key.verify_key))}"}}'
        return base64url(hashlib.sha256(jwk.encode()).digest())


def base64url(data: bytes) -> str:
    """Without padding."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def link(chain: bytes, prev: bytes) -> bytes:
    """Say which statement of the chain came before, to those who know its secret and to nobody else."""
    return hmac.digest(chain, prev, "sha256")


def happening(kind: str, action: str, step: str, **members: Any) -> dict[str, Any]:
    """An EPCIS 2.0 event that happens now."""
    now = datetime.now(UTC).isoformat(timespec="milliseconds")
    head = {"type": kind, "eventID": f"urn:uuid:{uuid.uuid4()}", "eventTime": now, "eventTimeZoneOffset": "+00:00"}
    return {**head, "action": action, "bizStep": step, **members}


def main(unit: str) -> None:
    env = os.environ
    key = SigningKey(base64.b64decode(env["SIGNING_KEY"]))
    url = env.get("WAYLOG_URL", "http://localhost:8000")
    waylog = Waylog(url, env["CLIENT_ID"], env["CLIENT_SECRET"], key)

    chain = secrets.token_bytes(16)  # the shipment's secret: its maker makes it, its parties are given it
    made = happening("ObjectEvent", "ADD", "commissioning", epcList=[unit])
    result = waylog.capture(made, link(chain, ZERO), chains={unit: chain})
    print("commissioned:", result["proof_url"])

    query = urllib.parse.urlencode({"q": unit, "status": "open"})
    [shipment] = waylog.get(f"/api/v1/shipments?{query}")["items"]
    found = waylog.get(f"/api/v1/shipments/{shipment['id']}/chain")
    contents = [{"epcClass": "https://id.gs1.org/01/09521141001011/10/A1", "quantity": 50}]
    packed = happening("AggregationEvent", "ADD", "packing", parentID=unit, childQuantityList=contents)
    result = waylog.capture(packed, link(base64.b64decode(found["chain"]), bytes.fromhex(found["head"])))
    print("packed:      ", result["proof_url"])

    proof = waylog.send(result["proof_url"], Authorization=f"Bearer {waylog.token}", Accept="text/plain")
    Path("event.tlog-proof").write_bytes(proof)
    print("proof:        event.tlog-proof")


if __name__ == "__main__":
    main(sys.argv[1])
