"""A key that lies elsewhere, in a KMS or on a card: a command of yours signs, and only the signature comes here.

    COMMAND public-key      writes the Ed25519 public key, 32 bytes in base64
    COMMAND sign            reads the bytes to sign (at most 4,100), writes the signature, 64 bytes in base64

It is run without a shell and must answer within 30 seconds. Signatures are checked before they are used.
"""

from __future__ import annotations

import shlex
import subprocess

from nacl.encoding import Encoder, RawEncoder
from nacl.exceptions import BadSignatureError
from nacl.signing import SignedMessage, SigningKey, VerifyKey

from ledger.tlog.errors import Malformed
from ledger.tlog.text import decode_base64
from waylog.errors import WaylogError

SECONDS = 30


class CommandKey(SigningKey):
    """Signs by running a command; it stands where a key from a file would."""

    def __init__(self, command: str) -> None:
        self.command = shlex.split(command)
        if not self.command:
            raise WaylogError("The signer command is empty.")
        self.verify_key = VerifyKey(self._run("public-key", b"", 32))

    def __bytes__(self) -> bytes:
        raise WaylogError("This key lies with its signer command and is not to be had.")

    def sign(self, message: bytes, encoder: Encoder = RawEncoder) -> SignedMessage:
        """Let the command sign; raise WaylogError when what it answers is not this key's signature."""
        signature = self._run("sign", message, 64)
        try:
            self.verify_key.verify(message, signature)
        except BadSignatureError:
            raise WaylogError(f"{self.command[0]} answered with something that its key has not signed.") from None
        return SignedMessage._from_parts(signature, message, signature + message)

    def _run(self, verb: str, data: bytes, length: int) -> bytes:
        try:
            done = subprocess.run([*self.command, verb], input=data, capture_output=True, timeout=SECONDS, check=False)
        except (OSError, subprocess.TimeoutExpired) as fault:
            raise WaylogError(f"The signer command {self.command[0]} cannot be run: {fault}") from None
        if done.returncode:
            said = done.stderr.decode(errors="replace").strip()[-300:]
            raise WaylogError(f"The signer command {self.command[0]} {verb} failed ({done.returncode}): {said}")
        try:
            answer = decode_base64(done.stdout.decode("ascii").strip(), f"the answer to {verb}")
        except (UnicodeDecodeError, Malformed):
            answer = b""
        if len(answer) != length:
            raise WaylogError(f"{self.command[0]} {verb} must write {length} bytes in base64.")
        return answer
