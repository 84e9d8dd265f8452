"""DSSE v1: the bytes that are signed, the envelope that arrives, and the one way in which a leaf is written.

In:   {"payload":"<base64>","payloadType":"application/vnd.waylog.statement+json","signatures":[{"sig":"<base64>"}]}
Leaf: {"recordTime":"2026-01-31T08:15:00.123Z","payload":"<base64>","payloadType":"application/vnd...",
       "signatures":[{"keyid":"<key id>","sig":"<base64>"}]}
"""

import binascii
import hashlib
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

from nacl.signing import SigningKey

from ledger.tlog import strictjson
from ledger.tlog.errors import Malformed
from ledger.tlog.keys import key_id as key_id_of
from ledger.tlog.statement import MAX_BYTES, Statement, is_key_id, parse_statement
from ledger.tlog.text import decode_base64, encode_base64

PAYLOAD_TYPE = "application/vnd.waylog.statement+json"
MAX_ENVELOPE_BYTES = 16_384
_PAE_HEAD = b"DSSEv1 %d %s " % (len(PAYLOAD_TYPE), PAYLOAD_TYPE.encode())
_LAST_SECOND = 253_402_300_799  # 9999-12-31T23:59:59Z
_LEAF = re.compile(
    rb'\{"recordTime":"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)\.(\d{3})Z","payload":"([^"]*+)","payloadType":"'
    + re.escape(PAYLOAD_TYPE.encode())
    + rb'","signatures":\[\{"keyid":"([^"]*+)","sig":"([^"]*+)"\}\]\}'
)
LEAF_FORM = (
    b'{"recordTime":"%b","payload":"%b","payloadType":"'
    + PAYLOAD_TYPE.encode()
    + b'","signatures":[{"keyid":"%b","sig":"%b"}]}'
)
"""The one way in which a leaf is written: record time, payload, key id, signature."""
_RECORD_TIME = re.compile(rb"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)\.(\d{3})Z")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Envelope:
    """A signed statement as it arrived; `key_id` is what the envelope itself said, or None."""

    payload: bytes
    payload_type: str
    key_id: str | None
    signature: bytes


@dataclass(frozen=True, slots=True)
class Leaf:
    """One entry of the log, read back."""

    record_time_ms: int
    payload: bytes
    key_id: str
    signature: bytes


def pae(payload_type: str, payload: bytes) -> bytes:
    """Return the pre-authentication encoding, the bytes that are signed (DSSE v1, protocol)."""
    kind = payload_type.encode()
    return b"DSSEv1 %d %s %d %s" % (len(kind), kind, len(payload), payload)


def signed_bytes(payload: bytes) -> bytes:
    """Return what is signed for a statement: its pre-authentication encoding under PAYLOAD_TYPE."""
    return b"%b%d %b" % (_PAE_HEAD, len(payload), payload)


def statement_hash(payload: bytes) -> bytes:
    """Return SHA-256 of what is signed: it names a statement, however often that is signed."""
    return hash_of_signed(signed_bytes(payload))


def hash_of_signed(signed: bytes) -> bytes:
    """Return the statement hash of what is signed."""
    return hashlib.sha256(signed).digest()


def parse_envelope(data: bytes | dict[str, Any]) -> Envelope:
    """Read an envelope strictly, from its bytes or from a value that `strictjson.parse` gave; or raise Malformed."""
    value = strictjson.parse(data, max_bytes=MAX_ENVELOPE_BYTES, max_nodes=50) if isinstance(data, bytes) else data
    if not isinstance(value, dict) or value.keys() != {"payload", "payloadType", "signatures"}:
        raise Malformed("an envelope has exactly payload, payloadType and signatures")
    if value["payloadType"] != PAYLOAD_TYPE:
        raise Malformed(f"the payload type is not {PAYLOAD_TYPE}", pointer="/payloadType")
    signatures = value["signatures"]
    if not isinstance(signatures, list) or len(signatures) != 1:
        raise Malformed("an envelope has exactly one signature", pointer="/signatures")
    key_id, signature = _signature(signatures[0])
    return Envelope(_payload(value["payload"]), PAYLOAD_TYPE, key_id, signature)


def statement_of(envelope: Envelope) -> Statement:
    """Read the statement inside; raise Malformed also when the envelope's `keyid` is not the statement's key."""
    statement = parse_statement(envelope.payload)
    if envelope.key_id is not None and envelope.key_id != statement.key:
        raise Malformed("the envelope names another key than the statement", pointer="/signatures/0/keyid")
    return statement


def sign(payload: bytes, signing_key: SigningKey) -> dict[str, Any]:
    """Sign a statement's bytes: return its envelope, ready to be written as JSON or given to `parse_envelope`."""
    signature = signing_key.sign(signed_bytes(payload)).signature
    return {
        "payload": encode_base64(payload),
        "payloadType": PAYLOAD_TYPE,
        "signatures": [{"keyid": key_id_of(bytes(signing_key.verify_key)), "sig": encode_base64(signature)}],
    }


def format_leaf(*, record_time_ms: int, payload: bytes, key_id: str, signature: bytes) -> bytes:
    """Write a leaf in the one way there is; raise Malformed when the parts are not such that it can be read back."""
    record_time = format_time(record_time_ms)
    if not is_key_id(key_id) or len(signature) != 64 or not 0 < len(payload) <= MAX_BYTES:
        raise Malformed("a leaf holds a statement, a key id and a signature of 64 bytes")
    sig = binascii.b2a_base64(signature, newline=False)
    return LEAF_FORM % (record_time.encode(), binascii.b2a_base64(payload, newline=False), key_id.encode(), sig)


def format_time(milliseconds: int) -> str:
    """Write a time since 1970 as `2026-01-31T08:15:00.123Z`; raise Malformed outside the years 1970 to 9999."""
    seconds, rest = divmod(milliseconds, 1000)
    if not 0 <= seconds <= _LAST_SECOND:
        raise Malformed("a record time lies between the years 1970 and 9999")
    return f"{_format_second(seconds)}.{rest:03d}Z"


def parse_time(text: bytes) -> int:
    """Read a time as `format_time` writes it, in milliseconds since 1970; raise Malformed."""
    found = _RECORD_TIME.fullmatch(text)
    if found is None:
        raise Malformed("the record time is not a time", pointer="/recordTime")
    return _parse_second(found[1]) * 1000 + int(found[2])


def parse_leaf(leaf: bytes) -> Leaf:
    """Read a leaf by writing it again: raise Malformed unless `format_leaf` would have written exactly these bytes."""
    found = _LEAF.fullmatch(leaf)
    if not found or not leaf.isascii():
        raise Malformed("this is not a leaf of a Waylog log")
    second, milliseconds, payload64, key_id, signature64 = found.groups()
    payload = _from_base64(payload64, "the payload", "/payload")
    signature = _from_base64(signature64, "the signature", "/signatures/0/sig")
    # What lies between these parts is fixed by the pattern, and each part has been written again and compared.
    if not 0 < len(payload) <= MAX_BYTES or len(signature) != 64 or not is_key_id(name := key_id.decode()):
        raise Malformed("a leaf holds a statement, a key id and a signature of 64 bytes")
    return Leaf(_parse_second(second) * 1000 + int(milliseconds), payload, name, signature)


def _from_base64(text: bytes, what: str, pointer: str) -> bytes:
    """Decode base64 that is written as we write it: it is encoded again and compared."""
    try:
        data = binascii.a2b_base64(text)
    except binascii.Error:
        raise Malformed(f"{what} is not base64", pointer=pointer) from None
    if binascii.b2a_base64(data, newline=False) != text:
        raise Malformed(f"{what} is not base64 as it is written", pointer=pointer)
    return data


@lru_cache(maxsize=64)
def _format_second(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S")


@lru_cache(maxsize=64)
def _parse_second(text: bytes) -> int:
    """Read a second of a record time, write it again, and compare."""
    try:
        moment = datetime.strptime(text.decode(), "%Y-%m-%dT%H:%M:%S").replace(tzinfo=UTC)
    except ValueError:
        raise Malformed("the record time is not a time", pointer="/recordTime") from None
    second = int((moment - _EPOCH).total_seconds())
    if second < 0:
        raise Malformed("a record time lies between the years 1970 and 9999")
    if _format_second(second).encode() != text:
        raise Malformed("this leaf is not written as we write it")
    return second


def _payload(value: Any) -> bytes:
    payload = _either_base64(value, "the payload", "/payload")
    if not 0 < len(payload) <= MAX_BYTES:
        raise Malformed(f"a statement has 1 to {MAX_BYTES} bytes", pointer="/payload")
    return payload


def _signature(value: Any) -> tuple[str | None, bytes]:
    if not isinstance(value, dict) or not value.keys() <= {"keyid", "sig"} or "sig" not in value:
        raise Malformed("a signature has sig, and keyid or not", pointer="/signatures/0")
    key_id = value.get("keyid")
    if "keyid" in value and not is_key_id(key_id):
        raise Malformed("a key id is an RFC 7638 thumbprint", pointer="/signatures/0/keyid")
    signature = _either_base64(value["sig"], "the signature", "/signatures/0/sig")
    if len(signature) != 64:
        raise Malformed("an Ed25519 signature is 64 bytes", pointer="/signatures/0/sig")
    return key_id, signature


def _either_base64(value: Any, what: str, pointer: str) -> bytes:
    """Decode standard or URL-safe base64, not a mixture (DSSE v1 allows either)."""
    if not isinstance(value, str):
        raise Malformed(f"{what} is not base64", pointer=pointer)
    if "-" in value or "_" in value:
        if "+" in value or "/" in value:
            raise Malformed(f"{what} mixes two alphabets of base64", pointer=pointer)
        value = value.replace("-", "+").replace("_", "/")
    return decode_base64(value, what, pointer=pointer)
