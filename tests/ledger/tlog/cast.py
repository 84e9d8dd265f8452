"""Who appears in these tests: keys from fixed seeds, so that vectors stay what they are."""

import hashlib

from nacl.signing import SigningKey

from ledger.tlog import envelope, statement
from ledger.tlog.keys import key_id

ORIGIN = "log.example/0123456789abcdef"
PARTY = "b7" * 16


def signing_key(name: str) -> SigningKey:
    return SigningKey(hashlib.sha256(f"seed of {name}".encode()).digest())


def public_key(name: str) -> bytes:
    return bytes(signing_key(name).verify_key)


def a_statement(signer: str = "grower", **changes) -> statement.Statement:
    values = {
        "v": 1,
        "log": ORIGIN,
        "type": "event",
        "id": "0f" * 16,
        "key": key_id(public_key(signer)),
        "links": (statement.link(b"c" * 16, statement.ZERO),),
        "body": statement.commitment(b"s" * 32, b"{}"),
        "claims": {},
    }
    return statement.Statement(**{**values, **changes})


def a_leaf(signer: str = "grower", *, record_time_ms: int = 1_767_225_600_123, **changes) -> bytes:
    payload = statement.format_statement(a_statement(signer, **changes))
    signed = envelope.parse_envelope(envelope.sign(payload, signing_key(signer)))
    return envelope.format_leaf(
        record_time_ms=record_time_ms,
        payload=payload,
        key_id=key_id(public_key(signer)),
        signature=signed.signature,
    )
