"""The words that several formats share: base64 that is written one way only, and names of keys and logs."""

import base64
import binascii
import re
from functools import lru_cache

from ledger.tlog.errors import Malformed

MAX_NAME_BYTES = 255
_BAD_IN_NAME = re.compile(r"[\s+\x00-\x1f\x7f-\x9f\ud800-\udfff]")  # \s in a str pattern: every Unicode space


@lru_cache(maxsize=256)
def is_key_name(text: str) -> bool:
    """Tell whether `text` may name a key or a log: not empty, no Unicode space, no plus (C2SP signed-note)."""
    if not text or _BAD_IN_NAME.search(text):
        return False
    return len(text.encode()) <= MAX_NAME_BYTES


def decode_base64(text: str, what: str = "this", *, pointer: str = "") -> bytes:
    """Decode standard base64 and encode it again: raise Malformed unless that gives `text` (RFC 4648, 3.5 and 4)."""
    try:
        data = binascii.a2b_base64(text)
    except ValueError:  # binascii.Error, and text that is not ASCII
        raise Malformed(f"{what} is not base64", pointer=pointer) from None
    if binascii.b2a_base64(data, newline=False).decode() != text:
        raise Malformed(f"{what} is not base64 as it is written", pointer=pointer)
    return data


def encode_base64(data: bytes) -> str:
    """Encode as standard base64 with padding."""
    return binascii.b2a_base64(data, newline=False).decode()


def decode_base64url(text: str, what: str = "this", *, pointer: str = "") -> bytes:
    """Decode base64url without padding, strictly (RFC 4648, 5); raise Malformed."""
    if "+" in text or "/" in text or "=" in text:
        raise Malformed(f"{what} is not base64url without padding", pointer=pointer)
    standard = text.replace("-", "+").replace("_", "/")
    return decode_base64(standard + "=" * (-len(text) % 4), what, pointer=pointer)


def encode_base64url(data: bytes) -> str:
    """Encode as base64url without padding."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
