"""GS1 EPCIS 2.0 and CBV 2.0: events, their words and identifiers; knows no framework, no clock, no database."""

from supplychain.epcis.documents import Document, parse_document, read_document
from supplychain.epcis.errors import DocumentInvalid, EpcisError, EventInvalid, Fault, IdentifierInvalid, QueryInvalid
from supplychain.epcis.events import Event, Quantity
from supplychain.epcis.parsing import parse_body, parse_body_value, parse_event
from supplychain.epcis.query import parse_query

__all__ = [
    "Document",
    "DocumentInvalid",
    "EpcisError",
    "Event",
    "EventInvalid",
    "Fault",
    "IdentifierInvalid",
    "Quantity",
    "QueryInvalid",
    "parse_body",
    "parse_body_value",
    "parse_document",
    "parse_event",
    "parse_query",
    "read_document",
]
