"""Documents as they were received, in parts, so that none has to be in memory whole."""

from __future__ import annotations

import tempfile
import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import IO
from uuid import UUID

from django.db import transaction

from ledger import bulk, tenancy
from supplychain.epcis import xml
from supplychain.epcis.documents import DocumentStream
from supplychain.epcis.streaming import Source
from supplychain.models import CapturedDocument, DocumentPart

JSON, XML = "application/json", "application/xml"
PART = 1024 * 1024
_PARTS_AT_ONCE = 8
_PIECE = 256 * 1024


@dataclass(frozen=True, slots=True)
class Received:
    """A document that came in: its bytes (unpacked, as often as asked for), their SHA-256 and their number."""

    source: Source
    media_type: str
    digest: bytes
    size: int

    def stream(self) -> DocumentStream | xml.XmlStream:
        """Read it, event by event."""
        return stream_of(self.source, self.media_type)


def stream_of(source: Source, media_type: str) -> DocumentStream | xml.XmlStream:
    """Read a document of this type, event by event."""
    return xml.XmlStream(source) if media_type == XML else DocumentStream(source)


@transaction.atomic
def keep(received: Received, *, party: UUID, now: datetime, parts: bool) -> CapturedDocument:
    """Remember that a document came; with `parts` its bytes too."""
    with tenancy.system():
        document = CapturedDocument.objects.create(
            tenant=party,
            digest=received.digest,
            media_type=received.media_type,
            size=received.size,
            received_at=now,
        )
        if parts:
            _keep_parts(document, received.source())
    return document


def _keep_parts(document: CapturedDocument, pieces: Iterable[bytes]) -> None:
    rows: list[tuple[object, ...]] = []
    for position, part in enumerate(_even(pieces)):
        rows.append((document.id, position, document.tenant, zlib.compress(part, 1)))
        if len(rows) == _PARTS_AT_ONCE:
            bulk.insert(DocumentPart, _COLUMNS, rows)
            rows.clear()
    bulk.insert(DocumentPart, _COLUMNS, rows)


_COLUMNS = ("document", "position", "tenant", "data")


def _even(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """The same bytes in pieces of PART."""
    waiting = bytearray()
    for piece in pieces:
        waiting += piece
        while len(waiting) >= PART:
            yield bytes(waiting[:PART])
            del waiting[:PART]
    if waiting:
        yield bytes(waiting)


def parts_of(document: CapturedDocument) -> Iterator[bytes]:
    """The bytes of a kept document, part by part."""
    position = 0
    while True:
        rows = DocumentPart.objects.filter(document=document, position=position).values_list("data", flat=True)
        data = rows.first()
        if data is None:
            return
        yield zlib.decompress(data)
        position += 1


@contextmanager
def copied(document: CapturedDocument) -> Iterator[Source]:
    """The bytes of a kept document in a file of our own, so that another thread may read them without the database."""
    with tempfile.TemporaryFile() as file:
        for part in parts_of(document):
            file.write(part)
        yield lambda: pieces_of(file)


def pieces_of(file: IO[bytes]) -> Iterator[bytes]:
    """The bytes of an open file from its beginning, however often it is asked for them."""
    at = 0
    while True:
        file.seek(at)
        piece = file.read(_PIECE)
        if not piece:
            return
        at += len(piece)
        yield piece


def drop_parts(document: CapturedDocument) -> None:
    """Let the bytes go: each event's body holds what it needs of them."""
    with tenancy.system():
        DocumentPart.objects.filter(document=document).delete()


def erase_document(*, party: UUID, digest: bytes, now: datetime) -> int:
    """Erase what is kept of a party's documents with this SHA-256 (`claims.source` of their events); return how many.

    Whoever erases the body of an event that came from one calls this: the original says the same as the body.
    """
    with tenancy.system(), transaction.atomic():
        found = CapturedDocument.objects.filter(tenant=party, digest=digest, erased_at=None)
        DocumentPart.objects.filter(document__in=found).delete()
        return found.update(erased_at=now)
