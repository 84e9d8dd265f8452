"""What a receiver checks: GS1-Signature, a structured field (RFC 8941) over time, destination and body.

    GS1-Signature: t=1772431200, keyid="x5Z...", ed25519=:base64:, hmac-sha256=:base64:

Both are made over the same bytes: the time in decimal, a line feed, the destination as it was registered, a line
feed, and the body. The destination stands in them so that a receiver cannot pass what it got on to another one; the
time, so that nobody can send it again later. `hmac-sha256` is there where the subscriber gave a `signatureToken`.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import math
import re
from datetime import datetime, timedelta
from typing import Final

from nacl.exceptions import BadSignatureError
from nacl.signing import SigningKey, VerifyKey

from supplychain.webhooks.errors import SignatureInvalid, TokenRefused

HEADER: Final = "GS1-Signature"
OLDEST: Final = timedelta(minutes=5)
LONGEST_TOKEN: Final = 256
LEAST_BITS: Final = 64
_MEMBER = re.compile(
    r'\s*([a-z][a-z0-9-]*)=(?:([0-9]{1,12})|"([A-Za-z0-9_-]{1,64})"|:([A-Za-z0-9+/=]{1,128}):)\s*'
).fullmatch


def check_token(token: str) -> bytes:
    """Return the key that a signature token is. Raises TokenRefused for one that could be guessed."""
    if len(token) > LONGEST_TOKEN or not token.isprintable():
        raise TokenRefused(f"signatureToken is a text of at most {LONGEST_TOKEN} printable characters.")
    if len(token) < 16 or len(token) * math.log2(max(len(set(token)), 1)) < LEAST_BITS:
        raise TokenRefused(
            "signatureToken could be guessed: take at least 16 random characters, such as `openssl rand -hex 32` makes."
        )
    return token.encode()


def signed_bytes(*, time: int, destination: str, body: bytes) -> bytes:
    """What is signed."""
    return f"{time}\n{destination}\n".encode() + body


def sign(*, now: datetime, destination: str, body: bytes, key: SigningKey, key_id: str, token: bytes | None) -> str:
    """Return the value of the header."""
    time = int(now.timestamp())
    message = signed_bytes(time=time, destination=destination, body=body)
    members = [f"t={time}", f'keyid="{key_id}"', f"ed25519=:{_text(key.sign(message).signature)}:"]
    if token is not None:
        members.append(f"hmac-sha256=:{_text(hmac.digest(token, message, hashlib.sha256))}:")
    return ", ".join(members)


def verify(
    header: str,
    *,
    now: datetime,
    destination: str,
    body: bytes,
    keys: dict[str, bytes] | None = None,
    token: bytes | None = None,
) -> None:
    """Check a header by the published `keys` (public keys by id), by the token, or by both: what a receiver does.

    Raises SignatureInvalid.
    """
    members = _members(header)
    time = members.get("t")
    if not isinstance(time, int) or abs(now.timestamp() - time) > OLDEST.total_seconds():
        raise SignatureInvalid("the signature is not of this time")
    message = signed_bytes(time=time, destination=destination, body=body)
    if keys is None and token is None:
        raise SignatureInvalid("there is nothing to check it with")
    if keys is not None:
        _verify_ed25519(members, keys, message)
    if token is not None:
        given = members.get("hmac-sha256")
        if not isinstance(given, bytes) or not hmac.compare_digest(given, hmac.digest(token, message, hashlib.sha256)):
            raise SignatureInvalid("hmac-sha256 does not hold")


def _verify_ed25519(members: dict[str, int | str | bytes], keys: dict[str, bytes], message: bytes) -> None:
    key = keys.get(str(members.get("keyid", "")))
    given = members.get("ed25519")
    if key is None or not isinstance(given, bytes):
        raise SignatureInvalid("it is signed by no published key")
    try:
        VerifyKey(key).verify(message, given)
    except (BadSignatureError, ValueError):
        raise SignatureInvalid("ed25519 does not hold") from None


def _members(header: str) -> dict[str, int | str | bytes]:
    found: dict[str, int | str | bytes] = {}
    for item in header.split(","):
        parts = _MEMBER(item)
        if parts is None or parts[1] in found:
            raise SignatureInvalid("the header cannot be read")
        number, text, data = parts[2], parts[3], parts[4]
        try:
            found[parts[1]] = int(number) if number else text if text else base64.b64decode(data, validate=True)
        except binascii.Error:
            raise SignatureInvalid("the header cannot be read") from None
    return found


def _text(data: bytes) -> str:
    return base64.b64encode(data).decode()
