"""GS1 EPCIS 2.0 and CBV 2.0: events, their words and identifiers; knows no framework, no clock, no database."""

from supplychain.epcis.errors import EpcisError, EventInvalid, Fault, IdentifierInvalid
from supplychain.epcis.events import Event, Quantity
from supplychain.epcis.parsing import parse_body, parse_body_value, parse_event

__all__ = [
    "EpcisError",
    "Event",
    "EventInvalid",
    "Fault",
    "IdentifierInvalid",
    "Quantity",
    "parse_body",
    "parse_body_value",
    "parse_event",
]
