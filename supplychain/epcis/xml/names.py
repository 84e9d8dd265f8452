"""What both directions know: namespaces, the order of members in XML, and which words belong to which vocabulary."""

from __future__ import annotations

from collections.abc import Mapping

from supplychain.epcis.contexts import STANDARD_PREFIXES
from supplychain.epcis.vocabulary import (
    BUSINESS_STEPS,
    BUSINESS_TRANSACTION_TYPES,
    COMPONENTS,
    DISPOSITIONS,
    ERROR_REASONS,
    EVENT_TYPES,
    MEASUREMENT_TYPES,
    SENSOR_ALERTS,
    SOURCE_DESTINATION_TYPES,
    Vocabulary,
)

EPCIS_2 = "urn:epcglobal:epcis:xsd:2"
QUERY_2 = "urn:epcglobal:epcis-query:xsd:2"
XSI = "http://www.w3.org/2001/XMLSchema-instance"
DOCUMENT_NAMESPACES = ("urn:epcglobal:epcis:xsd:1", EPCIS_2)
QUERY_NAMESPACES = ("urn:epcglobal:epcis-query:xsd:1", QUERY_2)
VERSIONS = ("1", "1.0", "1.1", "1.2", "2", "2.0", "2.0.0", "2.0.1")

EVENTS = frozenset(EVENT_TYPES)
WRAPPERS = frozenset({"extension", "baseExtension"})
"""Members that 1.x puts around what came later; what is inside belongs to the event itself."""

EPC_LISTS = frozenset({"epcList", "childEPCs", "inputEPCList", "outputEPCList"})
QUANTITY_LISTS = frozenset({"quantityList", "childQuantityList", "inputQuantityList", "outputQuantityList"})
PAIR_LISTS: Mapping[str, tuple[str, Vocabulary]] = {
    "bizTransactionList": ("bizTransaction", BUSINESS_TRANSACTION_TYPES),
    "sourceList": ("source", SOURCE_DESTINATION_TYPES),
    "destinationList": ("destination", SOURCE_DESTINATION_TYPES),
}
PLACES = frozenset({"readPoint", "bizLocation"})
WORDS: Mapping[str, Vocabulary] = {"bizStep": BUSINESS_STEPS, "disposition": DISPOSITIONS}
REASONS, SET_DISPOSITIONS = ERROR_REASONS, DISPOSITIONS
REPORT_WORDS: Mapping[str, Vocabulary] = {
    "type": MEASUREMENT_TYPES,
    "exception": SENSOR_ALERTS,
    "component": COMPONENTS,
}
NUMBERS = frozenset({"value", "minValue", "maxValue", "meanValue", "sDev", "percRank", "percValue"})
BOOLEANS = frozenset({"booleanValue"})

MEMBERS = (
    "eventTime recordTime eventTimeZoneOffset eventID certificationInfo errorDeclaration"
    " {own} bizStep disposition readPoint bizLocation {transactions} {quantities}"
    " sourceList destinationList sensorElementList persistentDisposition {ilmd}"
)


def _order(own: str, *, quantities: str = "", transactions: str = "bizTransactionList", ilmd: str = "") -> list[str]:
    return MEMBERS.format(own=own, quantities=quantities, transactions=transactions, ilmd=ilmd).split()


ORDER: Mapping[str, list[str]] = {
    "ObjectEvent": _order("epcList action", quantities="quantityList", ilmd="ilmd"),
    "AggregationEvent": _order("parentID childEPCs action", quantities="childQuantityList"),
    "TransactionEvent": _order(
        "bizTransactionList parentID epcList action", quantities="quantityList", transactions=""
    ),
    "TransformationEvent": _order(
        "inputEPCList inputQuantityList outputEPCList outputQuantityList transformationID", ilmd="ilmd"
    ),
    "AssociationEvent": _order("parentID childEPCs childQuantityList action"),
}
"""In which order XML wants the members of each type of event (EPCIS 2.0, 9.5)."""

REQUIRED_LISTS = {"ObjectEvent": "epcList", "AggregationEvent": "childEPCs", "TransactionEvent": "epcList"}
"""Lists that XML wants even when they are empty."""

XML_NAMESPACES = {"urn:epcglobal:cbv:mda": "cbvmda"}
"""Namespaces of XML that the context of EPCIS knows under a prefix, though with another ending."""
STANDARD = {uri: prefix for prefix, uri in STANDARD_PREFIXES.items()} | XML_NAMESPACES
