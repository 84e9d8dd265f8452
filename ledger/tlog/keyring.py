"""Public keys that a reader brings along: raw, as a JWK, or as the proof file of the key's registration."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ledger.tlog import strictjson
from ledger.tlog.errors import Malformed, ProofInvalid, SignatureInvalid
from ledger.tlog.keys import Registration, check_public_key, key_id, parse_registration, verify_signature
from ledger.tlog.note import format_note
from ledger.tlog.policy import Policy, verify_checkpoint
from ledger.tlog.proof import HEADER, MAX_PROOF_BYTES, ProvenEntry, parse_proof, verify_in_itself
from ledger.tlog.text import decode_base64url

_RAW = re.compile(rb"[A-Za-z0-9_-]{43}")


@dataclass(frozen=True, slots=True)
class GivenKey:
    """One public key, and the entry that registers it where it came as that."""

    public_key: bytes
    registration: ProvenEntry | None = None

    def verify(self, message: bytes, signature: bytes) -> None:
        """Raise SignatureInvalid unless this key signed `message`."""
        try:
            verify_signature(self.public_key, message, signature)
        except SignatureInvalid:
            raise SignatureInvalid("the party's signature in the entry does not hold for its key") from None

    def check_registration(self, entry: ProvenEntry, policy: Policy | None) -> Registration:
        """Check that the key was registered in the log of `entry`, before it; raise a TlogError."""
        registration = self.registration
        if registration is None:
            raise ProofInvalid("the key came without its registration")
        if registration.checkpoint.origin != entry.checkpoint.origin:
            raise ProofInvalid("the key was registered in another log")
        if policy is not None:
            verify_checkpoint(policy, format_note(registration.note))
        if registration.index > entry.index or (registration.index == entry.index and entry.index != 0):
            raise ProofInvalid("the key was registered after the entry that it signed")
        return parse_registration(registration.statement)


def is_key_text(text: str) -> bool:
    """Tell whether `text` is a key itself, raw or as a JWK, and not the name of a file that holds one."""
    return text.startswith("{") or _RAW.fullmatch(text.encode("utf-8", "surrogateescape")) is not None


def parse_given_keys(data: bytes) -> tuple[GivenKey, ...]:
    """Read public keys: 43 characters of base64url, a JWK (RFC 8037) or set of them, or a registration's proof file.

    Raises a TlogError.
    """
    if data.startswith(HEADER.encode()):
        return (_from_registration(data),)
    text = data.strip()
    if _RAW.fullmatch(text):
        return (GivenKey(_checked(text.decode())),)
    if not text.startswith(b"{"):
        raise Malformed("a public key is 43 characters of base64url, a JWK, or the proof file of its registration")
    value = strictjson.parse(text, max_bytes=MAX_PROOF_BYTES)
    listed = value.get("keys", [value])
    if not isinstance(listed, list) or not listed:
        raise Malformed("a JWK set has keys", pointer="/keys")
    return tuple(GivenKey(_from_jwk(each)) for each in listed)


def find_key(entry: ProvenEntry, keys: Sequence[GivenKey]) -> GivenKey | None:
    """Return the key that the entry names: among those given, or in the entry itself when it registers itself."""
    for given in keys:
        if key_id(given.public_key) == entry.statement.key:
            return given
    return _registers_itself(entry)


def _registers_itself(entry: ProvenEntry) -> GivenKey | None:
    """Entry 0 of a log is its root's own registration, signed by itself."""
    if entry.index != 0 or entry.statement.type != "key.register":
        return None
    registered = parse_registration(entry.statement)
    return GivenKey(registered.public_key, entry) if registered.key_id == entry.statement.key else None


def _from_registration(data: bytes) -> GivenKey:
    entry = verify_in_itself(parse_proof(data))
    registered = parse_registration(entry.statement)
    return GivenKey(registered.public_key, entry)


def _from_jwk(value: Any) -> bytes:
    if not isinstance(value, dict) or value.get("kty") != "OKP" or value.get("crv") != "Ed25519":
        raise Malformed("a JWK of an Ed25519 key has kty OKP and crv Ed25519")
    if "d" in value:
        raise Malformed("this JWK holds a private key; give the public one")
    if not isinstance(value.get("x"), str):
        raise Malformed("a JWK of an Ed25519 key has x, its public key", pointer="/x")
    return _checked(value["x"])


def _checked(text: str) -> bytes:
    public_key = decode_base64url(text, "the public key")
    check_public_key(public_key)
    return public_key
