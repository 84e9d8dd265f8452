"""EPCIS documents of clients that do not sign: each event is signed by its party's managed key and captured."""

from supplychain.operations.documents.batches import SigningRefused
from supplychain.operations.documents.jobs import (
    AT_ONCE,
    KIND,
    QUEUE,
    capture_at_once,
    capture_event,
    capture_later,
    perform,
    run,
)
from supplychain.operations.documents.keeping import Received, erase_document, pieces_of

__all__ = [
    "AT_ONCE",
    "KIND",
    "QUEUE",
    "Received",
    "SigningRefused",
    "capture_at_once",
    "capture_event",
    "capture_later",
    "erase_document",
    "perform",
    "pieces_of",
    "run",
]
