"""What a log sends to a witness (C2SP tlog-witness, add-checkpoint).

old 7
Zg9uLcRW4mVp0Skdl8P0Y1ZTLH3Dd0mVj3RLdMDRtVo=

log.example/0123456789abcdef
8
sFodV/vSp5O8n9a8QpW6PRY97tfOSW5bsc2Xl/EQi08=

— log.example/0123456789abcdef hI2DJw...
"""

import re
from dataclasses import dataclass

from ledger.tlog.errors import Malformed
from ledger.tlog.merkle import HASH_BYTES, MAX_TREE_SIZE
from ledger.tlog.note import MAX_NOTE_BYTES
from ledger.tlog.text import decode_base64, encode_base64

MAX_PATH = 63
MAX_REQUEST_BYTES = MAX_NOTE_BYTES + 4_000
SIZE_TYPE = "text/x.tlog.size"
_HEAD = re.compile(rb"old (0|[1-9][0-9]{0,18})\n((?:[A-Za-z0-9+/=]{44}\n){0,63})\n")
_SIZE = re.compile(rb"(0|[1-9][0-9]{0,18})\n")


@dataclass(frozen=True, slots=True)
class Request:
    """A checkpoint to be cosigned, and how its tree grew from the one cosigned last."""

    old_size: int
    path: tuple[bytes, ...]
    note: str


def format_request(request: Request) -> bytes:
    """Write a request."""
    path = "".join(encode_base64(each) + "\n" for each in request.path)
    return f"old {request.old_size}\n{path}\n{request.note}".encode()


def parse_request(data: bytes) -> Request:
    """Read a request strictly; raise Malformed. The note in it is not read yet."""
    found = _HEAD.match(data)
    if not found or len(data) > MAX_REQUEST_BYTES:
        raise Malformed("a request is `old` and a size, up to 63 hashes, a blank line and a checkpoint")
    path = tuple(decode_base64(line.decode(), "a hash of the proof") for line in found[2].split())
    old_size = int(found[1])
    if any(len(each) != HASH_BYTES for each in path) or old_size > MAX_TREE_SIZE:
        raise Malformed("a hash is 32 bytes and a size is below 2^63")
    try:
        return Request(old_size, path, data[found.end() :].decode())
    except UnicodeDecodeError:
        raise Malformed("a checkpoint is UTF-8") from None


def parse_size(data: bytes) -> int:
    """Read the body of a 409, the size that the witness cosigned last; raise Malformed."""
    found = _SIZE.fullmatch(data)
    if not found or int(found[1]) > MAX_TREE_SIZE:
        raise Malformed("the witness did not answer with a tree size")
    return int(found[1])
