"""What comes in as a body: strict JSON, counted while it is read and while it is unpacked."""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from typing import IO, Any

from rest_framework.parsers import BaseParser

from ledger.tlog import strictjson
from supplychain.api.errors import Problem

MAX_BYTES = 16 * 1024 * 1024
MAX_NODES = 100_000
_CHUNK = 64 * 1024


class StrictJSONParser(BaseParser):
    """Reads `application/json`, plain or gzip, up to 16 MiB; refuses what `ledger.tlog.strictjson` refuses."""

    media_type = "application/json"

    def parse(
        self, stream: IO[Any], media_type: str | None = None, parser_context: Mapping[str, Any] | None = None
    ) -> Any:
        """Return the value; raise Malformed (400), or Problem 413 over the cap and 415 for an unknown coding."""
        request = (parser_context or {}).get("request")
        encoding = request.META.get("HTTP_CONTENT_ENCODING", "") if request is not None else ""
        return strictjson.parse(read(stream, encoding), max_bytes=MAX_BYTES, max_nodes=MAX_NODES)


def read(stream: IO[Any], encoding: str = "", *, max_bytes: int = MAX_BYTES) -> bytes:
    """Read a body whole, unpacked; never hold more than the cap and a chunk."""
    match encoding.strip().lower():
        case "" | "identity":
            return _read_plain(stream, max_bytes)
        case "gzip" | "x-gzip":
            return _read_gzip(stream, max_bytes)
    raise Problem(
        415,
        "A body may be packed with gzip, or not at all.",
        code="unsupported_encoding",
        headers={"Accept-Encoding": "gzip"},
    )


def _read_plain(stream: IO[Any], max_bytes: int) -> bytes:
    parts, total = [], 0
    while chunk := stream.read(_CHUNK):
        total += len(chunk)
        _check_size(total, max_bytes)
        parts.append(chunk)
    return b"".join(parts)


def _read_gzip(stream: IO[Any], max_bytes: int) -> bytes:
    """Unpack one gzip member (RFC 1952), a chunk at a time."""
    parts, total, packed = [], 0, 0
    unpack = zlib.decompressobj(wbits=31)
    try:
        while not unpack.eof:
            chunk = unpack.unconsumed_tail or stream.read(_CHUNK)
            packed += len(chunk)
            _check_size(packed, 2 * max_bytes)  # what is waiting is counted twice
            part = unpack.decompress(chunk, _CHUNK)
            total += len(part)
            _check_size(total, max_bytes)
            parts.append(part)
            if not chunk and not part:
                raise Problem(400, "The gzip data ends too early.", code="malformed")
    except zlib.error:
        raise Problem(400, "The body is not gzip, though its Content-Encoding says so.", code="malformed") from None
    if unpack.unused_data or stream.read(1):
        raise Problem(400, "Something follows the gzip data.", code="malformed")
    return b"".join(parts)


def _check_size(size: int, max_bytes: int) -> None:
    if size > max_bytes:
        raise Problem(413, f"A body may have {max_bytes:,} bytes, counted when it is unpacked.", code="too_large")
