"""A signing key in a file of its own: a private JWK (RFC 8037), readable by its owner alone."""

from __future__ import annotations

import json
import os
import stat
from pathlib import Path

from nacl.signing import SigningKey

from ledger.tlog.errors import Malformed
from ledger.tlog.text import decode_base64url, encode_base64url
from waylog.errors import WaylogError


def new_key(path: str | Path) -> SigningKey:
    """Make a key and keep it at `path` (0600); raise WaylogError when something is there already."""
    key = SigningKey.generate()
    jwk = {
        "kty": "OKP",
        "crv": "Ed25519",
        "x": encode_base64url(bytes(key.verify_key)),
        "d": encode_base64url(bytes(key)),
    }
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        raise WaylogError(f"{path} is there already; a key is never overwritten.") from None
    with os.fdopen(descriptor, "w") as file:
        file.write(json.dumps(jwk, separators=(",", ":")) + "\n")
        file.flush()
        os.fsync(file.fileno())
    return key


def load_key(path: str | Path) -> SigningKey:
    """Read a key; raise WaylogError for what is none, or for a file that others may read."""
    try:
        with Path(path).open("rb") as file:
            mode = os.fstat(file.fileno()).st_mode
            data = file.read(10_000)
    except OSError as fault:
        raise WaylogError(f"The key {path} cannot be read: {fault.strerror}.") from None
    if stat.S_IMODE(mode) & 0o077:
        raise WaylogError(f"Others may read the key {path}; type: chmod 600 {path}")
    try:
        jwk = json.loads(data)
        key = SigningKey(decode_base64url(jwk["d"], "the private key"))
        public = decode_base64url(jwk["x"], "the public key")
    except (ValueError, KeyError, TypeError, Malformed):
        raise WaylogError(f"{path} is not an Ed25519 key (a private JWK with x and d).") from None
    if jwk.get("crv") != "Ed25519" or bytes(key.verify_key) != public:
        raise WaylogError(f"The two halves of the key {path} do not belong together.")
    return key
