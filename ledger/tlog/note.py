"""Signed notes, their keys, and cosignatures (C2SP signed-note, tlog-cosignature v1).

    log.example/0123456789abcdef
    3
    CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=

    — log.example/0123456789abcdef Az3grlgt...AYQ8=

A verifier key reads `<name>+<8 hex: note key id>+<base64(type || public key)>`, a signer key
`PRIVATE+KEY+<name>+<8 hex>+<base64(type || seed)>`.
"""

import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass, field

from nacl.signing import SigningKey

from ledger.tlog.errors import Malformed, SignatureInvalid
from ledger.tlog.keys import check_public_key, verify_signature
from ledger.tlog.text import decode_base64, encode_base64, is_key_name

ED25519 = 0x01
COSIGNATURE = 0x04
"""Signature types: a note's text; a witness's timestamped word about a checkpoint."""
MAX_NOTE_BYTES = 1_000_000
MAX_SIGNATURES = 100
MAX_TIME = 2**63 - 1
_PRIVATE = "PRIVATE+KEY+"
_KEY = re.compile(r"([^+]+)\+([0-9a-f]{8})\+([A-Za-z0-9+/]+=*)")
_CONTROL = re.compile(r"[\x00-\x09\x0b-\x1f]")
_DASH = "\N{EM DASH} "


@dataclass(frozen=True, slots=True)
class VerifierKey:
    """Who may sign notes: a name, a public key, and for what kind of signature."""

    name: str
    public_key: bytes
    type: int = ED25519

    def __post_init__(self) -> None:
        if not is_key_name(self.name):
            raise Malformed("a key's name is not empty and has neither spaces nor plus")
        if self.type not in (ED25519, COSIGNATURE):
            raise Malformed("a note is signed with Ed25519, by a log (type 1) or a witness (type 4)")
        if len(self.public_key) != 32:
            raise Malformed("an Ed25519 public key is 32 bytes")

    @property
    def note_key_id(self) -> bytes:
        """The first 4 bytes of SHA-256(name || 0x0A || type || public key)."""
        named = self.name.encode() + b"\n" + bytes([self.type]) + self.public_key
        return hashlib.sha256(named).digest()[:4]

    def to_text(self) -> str:
        """Write the key as a vkey."""
        return f"{self.name}+{self.note_key_id.hex()}+{encode_base64(bytes([self.type]) + self.public_key)}"


@dataclass(frozen=True, slots=True)
class SignerKey:
    """What signs notes: a name, a signing key, and the kind of signature it makes."""

    name: str
    signing_key: SigningKey = field(repr=False)
    type: int = ED25519

    def verifier_key(self) -> VerifierKey:
        """Return the key that checks what this one signs; raise Malformed for a name or type that is none."""
        return VerifierKey(self.name, bytes(self.signing_key.verify_key), self.type)

    def to_text(self) -> str:
        """Write the secret key as an skey."""
        secret = encode_base64(bytes([self.type]) + bytes(self.signing_key))
        return f"{_PRIVATE}{self.name}+{self.verifier_key().note_key_id.hex()}+{secret}"


@dataclass(frozen=True, slots=True)
class NoteSignature:
    """One signature line: who says to have signed, and the bytes."""

    name: str
    note_key_id: bytes
    signature: bytes


@dataclass(frozen=True, slots=True)
class SignedNote:
    """A text and its signature lines, not yet checked."""

    text: str
    signatures: tuple[NoteSignature, ...]


@dataclass(frozen=True, slots=True)
class VerifiedSignature:
    """A signature that was checked; `time` is the POSIX second a witness named, None for a log."""

    verifier: VerifierKey
    time: int | None


def parse_verifier_key(text: str) -> VerifierKey:
    """Read a vkey strictly; raise Malformed, or KeyRefused for a public key that is not safe."""
    name, key_id, type_, public_key = _parse_key(text)
    verifier = VerifierKey(name, public_key, type_)
    if verifier.note_key_id != key_id:
        raise Malformed("the verifier key's id is not that of its name and public key")
    check_public_key(public_key)
    return verifier


def parse_signer_key(text: str) -> SignerKey:
    """Read an skey strictly; raise Malformed, whose message never holds the secret."""
    if not text.startswith(_PRIVATE):
        raise Malformed("a signer key begins with PRIVATE+KEY+")
    name, key_id, type_, seed = _parse_key(text[len(_PRIVATE) :])
    signer = SignerKey(name, SigningKey(seed), type_)
    if signer.verifier_key().note_key_id != key_id:
        raise Malformed("the signer key's id is not that of its name and key")
    return signer


def parse_note(data: str | bytes) -> SignedNote:
    """Read a signed note by writing it again; raise Malformed. Nothing in it is to be trusted yet."""
    text = _decode(data)
    body, blank, lines = text.rpartition("\n\n")
    if not blank or not lines.endswith("\n"):
        raise Malformed("a note is a text, a blank line and signature lines")
    signatures = [_parse_signature(line) for line in lines[:-1].split("\n")]
    if len(signatures) > MAX_SIGNATURES:
        raise Malformed(f"a note has at most {MAX_SIGNATURES} signatures")
    note = SignedNote(body + "\n", tuple(signatures))
    if format_note(note) != text:
        raise Malformed("this note is not written as notes are")
    return note


def format_note(note: SignedNote) -> str:
    """Write a signed note."""
    return note.text + "\n" + "".join(map(format_signature, note.signatures))


def format_signature(signature: NoteSignature) -> str:
    """Write one signature line, with its newline."""
    return f"{_DASH}{signature.name} {encode_base64(signature.note_key_id + signature.signature)}\n"


def sign_note(text: str, *signers: SignerKey) -> str:
    """Return the signed note of this text; raise Malformed for a text that no note can hold."""
    if not text.endswith("\n") or _CONTROL.search(text):
        raise Malformed("a note's text ends in a newline and has no control characters")
    return format_note(SignedNote(text, tuple(_sign(text, signer) for signer in signers)))


def cosign(text: str, signer: SignerKey, *, time: int) -> NoteSignature:
    """Sign a checkpoint's text as a witness at that POSIX second; raise Malformed for a key or time that is none."""
    if signer.type != COSIGNATURE or not 0 <= time <= MAX_TIME:
        raise Malformed("a cosignature takes a witness's key and a POSIX time")
    signed = signer.signing_key.sign(_cosigned_message(text, time)).signature
    verifier = signer.verifier_key()
    return NoteSignature(verifier.name, verifier.note_key_id, time.to_bytes(8, "big") + signed)


def verify_note(note: SignedNote, verifiers: Iterable[VerifierKey]) -> tuple[VerifiedSignature, ...]:
    """Check every line of a known signer and ignore the others.

    Raises SignatureInvalid when a known signer's line fails, or when no line is by a known signer.
    """
    known = {(verifier.name, verifier.note_key_id): verifier for verifier in verifiers}
    verified = []
    for line in note.signatures:
        verifier = known.get((line.name, line.note_key_id))
        if verifier is not None:
            verified.append(VerifiedSignature(verifier, _verify_line(note.text, line, verifier)))
    if not verified:
        raise SignatureInvalid("no known key has signed this note")
    return tuple(verified)


def _verify_line(text: str, line: NoteSignature, verifier: VerifierKey) -> int | None:
    try:
        if verifier.type == ED25519:
            verify_signature(verifier.public_key, text.encode(), line.signature)
            return None
        time = int.from_bytes(line.signature[:8], "big")
        if time > MAX_TIME:
            raise SignatureInvalid("a cosignature's time is out of range")
        verify_signature(verifier.public_key, _cosigned_message(text, time), line.signature[8:])
        return time
    except SignatureInvalid as invalid:
        raise SignatureInvalid(f"the signature of {verifier.name} under this note does not hold: {invalid}") from None


def _cosigned_message(text: str, time: int) -> bytes:
    return f"cosignature/v1\ntime {time}\n{text}".encode()


def _sign(text: str, signer: SignerKey) -> NoteSignature:
    verifier = signer.verifier_key()
    if verifier.type != ED25519:
        raise Malformed("a witness cosigns; it does not sign notes")
    return NoteSignature(verifier.name, verifier.note_key_id, signer.signing_key.sign(text.encode()).signature)


def _parse_key(text: str) -> tuple[str, bytes, int, bytes]:
    found = _KEY.fullmatch(text)
    if not found:
        raise Malformed("a key is written <name>+<8 hex digits>+<base64>")
    material = decode_base64(found[3], "the key")
    if len(material) != 33:
        raise Malformed("a key is one byte of type and 32 bytes")
    return found[1], bytes.fromhex(found[2]), material[0], material[1:]


def _parse_signature(line: str) -> NoteSignature:
    name, space, encoded = line.removeprefix(_DASH).partition(" ")
    if not line.startswith(_DASH) or not space or not is_key_name(name):
        raise Malformed("a signature line is an em dash, a key's name and base64")
    signature = decode_base64(encoded, "a signature line")
    if len(signature) < 5:
        raise Malformed("a signature line holds a note key id and a signature")
    return NoteSignature(name, signature[:4], signature[4:])


def _decode(data: str | bytes) -> str:
    if len(data) > MAX_NOTE_BYTES:
        raise Malformed(f"a note has at most {MAX_NOTE_BYTES:,} bytes")
    try:
        text = data.decode() if isinstance(data, bytes) else data.encode().decode()
    except UnicodeError:
        raise Malformed("this note is not UTF-8") from None
    if _CONTROL.search(text):
        raise Malformed("a note has no control characters")
    return text
