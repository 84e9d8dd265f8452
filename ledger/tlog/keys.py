"""Keys: their ids, which may be registered, what proves possession, and when in the log they are valid."""

import hashlib
import re
from dataclasses import dataclass, replace

import nacl.bindings
from nacl.exceptions import BadSignatureError
from nacl.signing import SigningKey

from ledger.tlog.errors import KeyRefused, Malformed, SignatureInvalid
from ledger.tlog.statement import Statement, is_key_id, is_statement_id
from ledger.tlog.text import decode_base64, decode_base64url, encode_base64, encode_base64url, is_key_name

ROLES = ("root", "admin", "device", "external", "managed", "log", "forecaster")
MAY_SIGN: dict[str, frozenset[str]] = {
    "root": frozenset({"key.register", "key.revoke", "body.erased"}),
    "admin": frozenset({"event", "key.register", "key.revoke", "key.attest", "approval.request", "agreement"}),
    "device": frozenset({"event", "key.attest", "approval.request", "agreement"}),
    "external": frozenset({"event", "key.attest", "approval.request", "agreement"}),
    "managed": frozenset({"event", "key.attest", "approval.request", "agreement"}),
    "log": frozenset({"key.revoke", "agreement.outcome"}),
    "forecaster": frozenset({"forecast"}),
}
"""Which types of statements a key of each role may sign."""
_PARTY = re.compile(r"[0-9a-f]{32}")
_CLAIMS = {"public_key", "party", "role", "pop"}


@dataclass(frozen=True, slots=True)
class KeyRecord:
    """What the log says of a key. Indices are places in the log; no clock decides.

    `last_valid_index` and `revoked_index` are both set once the key is revoked, else both None. `expires_ms` is what
    its registration says of its end: from that record time on the log key may revoke it.
    """

    key_id: str
    public_key: bytes
    party: str
    role: str
    registered_index: int
    last_valid_index: int | None = None
    revoked_index: int | None = None
    expires_ms: int | None = None

    def revoked(self, revoked_index: int, last_valid_index: int) -> "KeyRecord":
        """Return the key as it stands once the entry at `revoked_index` has revoked it."""
        return replace(self, last_valid_index=last_valid_index, revoked_index=revoked_index)

    def is_valid_at(self, index: int) -> bool:
        """Tell whether an entry at `index` may be signed by this key: registered before it, and not revoked for it."""
        if index <= self.registered_index:
            return False
        if self.revoked_index is None and self.last_valid_index is None:
            return True
        return self.last_valid_index is not None and index <= self.last_valid_index


@dataclass(frozen=True, slots=True)
class Registration:
    """What the claims of a `key.register` statement say, once its proof of possession was checked."""

    public_key: bytes
    party: str
    role: str
    key_id: str
    expires_ms: int | None = None

    def registered_at(self, index: int) -> KeyRecord:
        """Return the key as the entry at `index` registers it."""
        return KeyRecord(self.key_id, self.public_key, self.party, self.role, index, expires_ms=self.expires_ms)


def key_id(public_key: bytes) -> str:
    """Return the RFC 7638 thumbprint of an Ed25519 public key (as the JWK of RFC 8037), base64url without padding."""
    jwk = f'{{"crv":"Ed25519","kty":"OKP","x":"{encode_base64url(public_key)}"}}'
    return encode_base64url(hashlib.sha256(jwk.encode()).digest())


def check_public_key(public_key: bytes) -> None:
    """Raise KeyRefused unless the key is a canonical point of the prime-order group."""
    if len(public_key) != 32:
        raise KeyRefused("an Ed25519 public key is 32 bytes")
    if not nacl.bindings.crypto_core_ed25519_is_valid_point(public_key):
        raise KeyRefused("this public key is not a point that is safe to use")


def verify_signature(public_key: bytes, message: bytes, signature: bytes) -> None:
    """Raise SignatureInvalid unless `signature` is this key's Ed25519 signature over `message` (RFC 8032, 5.1.7)."""
    if len(public_key) != 32 or len(signature) != 64:
        raise SignatureInvalid("an Ed25519 public key is 32 bytes and a signature 64")
    try:
        nacl.bindings.crypto_sign_open(signature + message, public_key)
    except BadSignatureError:
        raise SignatureInvalid("the signature does not hold for this key") from None


def pop_message(origin: str, party: str, role: str, key_id: str, statement_id: str) -> bytes:
    """Return what a new key signs to prove that its holder has it; raise Malformed for a part that is none."""
    if not is_key_name(origin):
        raise Malformed("this is not the origin of a log")
    if not _PARTY.fullmatch(party):
        raise Malformed("a party id is 32 lower-case hex digits")
    if role not in ROLES:
        raise Malformed("there is no such role of a key")
    if not is_key_id(key_id) or not is_statement_id(statement_id):
        raise Malformed("a key id or a statement id is not written as one")
    return f"waylog/pop/v1\n{origin}\n{party}\n{role}\n{key_id}\n{statement_id}\n".encode()


def renewal_message(origin: str, old_key_id: str, new_key_id: str, statement_id: str) -> bytes:
    """Return what an old key signs to say that the new one is its holder's too."""
    return f"waylog/renew/v1\n{origin}\n{old_key_id}\n{new_key_id}\n{statement_id}\n".encode()


def registration_claims(
    signing_key: SigningKey, *, origin: str, party: str, role: str, statement_id: str, expires_ms: int | None = None
) -> dict[str, str | int]:
    """Return the claims that register this key: public key, party, role and the proof that its holder has it."""
    public_key = bytes(signing_key.verify_key)
    message = pop_message(origin, party, role, key_id(public_key), statement_id)
    return {
        "public_key": encode_base64url(public_key),
        "party": party,
        "role": role,
        "pop": encode_base64(signing_key.sign(message).signature),
        **({} if expires_ms is None else {"expires": expires_ms}),
    }


def parse_registration(statement: Statement) -> Registration:
    """Read a `key.register` statement and check its proof of possession.

    Raises Malformed, KeyRefused (not a key that is safe to use) or SignatureInvalid (no possession).
    """
    claims = statement.claims
    if statement.type != "key.register" or not claims.keys() >= _CLAIMS:
        raise Malformed("a registration claims public_key, party, role and pop", pointer="/claims")
    texts = {name: value for name, value in claims.items() if isinstance(value, str)}
    if not texts.keys() >= _CLAIMS:
        raise Malformed("a registration's claims are strings", pointer="/claims")
    public_key = decode_base64url(texts["public_key"], "the public key", pointer="/claims/public_key")
    check_public_key(public_key)
    registered = Registration(public_key, texts["party"], texts["role"], key_id(public_key))
    message = pop_message(statement.log, registered.party, registered.role, registered.key_id, statement.id)
    verify_signature(public_key, message, decode_base64(texts["pop"], "the proof", pointer="/claims/pop"))
    return replace(registered, expires_ms=_expiry(statement))


def _expiry(statement: Statement) -> int | None:
    expires = statement.claims.get("expires")
    if expires is not None and (not isinstance(expires, int) or expires < 0):
        raise Malformed("an expiry is a POSIX time in milliseconds", pointer="/claims/expires")
    return expires
