"""Documents on their way in: counted while they are read and while they are unpacked, and never in memory whole."""

from __future__ import annotations

import hashlib
import tempfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO, Any, Protocol, cast

from django.http import HttpRequest

from supplychain.epcis_api import headers
from supplychain.epcis_api.base import FORMS, JSON, XML
from supplychain.epcis_api.problems import EpcisProblem, implementation
from supplychain.operations.documents import Received, pieces_of

_PIECE = 256 * 1024
_IN_MEMORY = 4 * 1024 * 1024


class _Stream(Protocol):
    def read(self, size: int, /) -> bytes: ...


@contextmanager
def received(request: HttpRequest, *, max_bytes: int = headers.MAX_CAPTURE_BYTES) -> Iterator[Received]:
    """Read the body of a request and hold it until the end of the block.

    Raises EpcisProblem: 415 for a form that is not read here, 413 over the cap, 411 for a body of unknown length, 400
    for what is not packed as it says.
    """
    media_type = _media_type(request)
    with tempfile.SpooledTemporaryFile(max_size=_IN_MEMORY) as file:
        digest, size = hashlib.sha256(), 0
        for piece in _unpacked(_stream(request, max_bytes), request.headers.get("Content-Encoding", ""), max_bytes):
            size += len(piece)
            _check_size(size, max_bytes)
            digest.update(piece)
            file.write(piece)
        yield Received(lambda: pieces_of(cast(IO[bytes], file)), media_type, digest.digest(), size)


def _media_type(request: HttpRequest) -> str:
    given = request.content_type or ""
    form = FORMS.get(given.lower())
    if form is None:
        said = f"Documents are read here as {', '.join(FORMS)}; this is {given[:60] or 'nothing that was named'}."
        raise implementation(415, said, headers={"Accept": ", ".join(FORMS)})
    charset = (request.content_params or {}).get("charset", "utf-8").strip('"').lower()
    if form != XML and charset not in ("utf-8", "utf8"):
        raise implementation(415, f"JSON is UTF-8 (RFC 8259, 8.1); this says {charset[:20]}.")
    return XML if form == XML else JSON


def _stream(request: HttpRequest, max_bytes: int) -> _Stream:
    """The body as it comes. Behind a server that ends a body of unknown length itself, it may have one."""
    length = request.META.get("CONTENT_LENGTH", "")
    if length:
        if not request.headers.get("Content-Encoding") and length.isdecimal():
            _check_size(int(length), max_bytes)
        return cast(_Stream, request)
    environ: dict[str, Any] = getattr(request, "environ", {})
    if "HTTP_TRANSFER_ENCODING" in request.META and environ.get("wsgi.input_terminated"):
        return cast(_Stream, environ["wsgi.input"])
    if "HTTP_TRANSFER_ENCODING" in request.META:
        raise implementation(411, "Say how long the body is: Content-Length.")
    return cast(_Stream, request)


def _unpacked(stream: _Stream, coding: str, max_bytes: int) -> Iterator[bytes]:
    match coding.strip().lower():
        case "" | "identity":
            while piece := stream.read(_PIECE):
                yield piece
        case "gzip" | "x-gzip":
            yield from _unzipped(stream, max_bytes)
        case _:
            said = "A body may be packed with gzip, or not at all."
            raise implementation(415, said, headers={"Accept-Encoding": "gzip"})


def _unzipped(stream: _Stream, max_bytes: int) -> Iterator[bytes]:
    """Unpack one gzip member (RFC 1952), a piece at a time: what is asked for is made, and no more."""
    unpack = zlib.decompressobj(wbits=31)
    packed = 0
    try:
        while not unpack.eof:
            chunk = unpack.unconsumed_tail
            if not chunk:
                chunk = stream.read(_PIECE)
                packed += len(chunk)
                _check_size(packed, max_bytes)
            piece = unpack.decompress(chunk, _PIECE)
            if not chunk and not piece:
                raise EpcisProblem("ValidationException", "The gzip data ends too early.")
            yield piece
    except zlib.error:
        said = "The body is not gzip, though its Content-Encoding says so."
        raise EpcisProblem("ValidationException", said) from None
    if unpack.unused_data or stream.read(1):
        raise EpcisProblem("ValidationException", "Something follows the gzip data.")


def _check_size(size: int, max_bytes: int) -> None:
    if size > max_bytes:
        said = f"A document has at most {max_bytes:,} bytes, counted when it is unpacked."
        raise EpcisProblem("CaptureLimitExceededException", said, headers=dict(headers.CAPTURE))
