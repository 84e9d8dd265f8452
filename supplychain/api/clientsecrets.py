"""Secrets of API clients: random, so that one fast hash keeps them."""

from __future__ import annotations

import hashlib
import secrets
from typing import Any

from django.contrib.auth.hashers import BasePasswordHasher
from django.utils.crypto import constant_time_compare


class SecretGenerator:
    """Makes client secrets of 256 random bits."""

    def hash(self) -> str:
        """Return a new secret (the toolkit calls this `hash`)."""
        return secrets.token_urlsafe(32)


class SecretHasher(BasePasswordHasher):
    """SHA-256 for secrets that nobody could guess anyway: a slow hash protects weak passwords, these are none."""

    algorithm = "sha256_random"

    def encode(self, password: str, salt: str) -> str:
        """Return what is stored."""
        return f"{self.algorithm}${salt}${hashlib.sha256((salt + password).encode()).hexdigest()}"

    def decode(self, encoded: str) -> dict[str, str]:
        """Take apart what is stored."""
        algorithm, salt, digest = encoded.split("$", 2)
        return {"algorithm": algorithm, "salt": salt, "hash": digest}

    def verify(self, password: str, encoded: str) -> bool:
        """Tell whether the secret is the one stored."""
        return constant_time_compare(encoded, self.encode(password, self.decode(encoded)["salt"]))

    def safe_summary(self, encoded: str) -> dict[Any, Any]:
        """Nothing of it is shown."""
        return {"algorithm": self.algorithm}

    def must_update(self, encoded: str) -> bool:
        """It is as strong as the secret; there is nothing to renew."""
        return False

    def harden_runtime(self, password: str, encoded: str) -> None:
        """There is no work factor."""
