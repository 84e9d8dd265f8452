"""The typed view of an EPCIS 2.0 event that the rest of the product reads (EPCIS 2.0, section 7).

Values are as written, except that words of CBV are bare (`shipping`), times are aware datetimes and lists are tuples.
Identifiers are as written too: `identifiers.canonical` gives the form to compare and to keep.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

import msgspec

WAYLOG_NAMESPACE = "urn:waylog:epcis:"


class Quantity(msgspec.Struct, frozen=True, gc=False):
    """So much of a class: `Quantity("https://id.gs1.org/01/09521141012345/10/A1", 52, "KGM")`; no unit: a count."""

    epc_class: str
    quantity: float | None = None
    uom: str | None = None


class BizTransaction(msgspec.Struct, frozen=True, gc=False):
    """A document to which the event belongs: `BizTransaction("po", "urn:epcglobal:cbv:bt:0614141073467:1152")`."""

    type: str | None
    biz_transaction: str


class Source(msgspec.Struct, frozen=True, gc=False):
    """From whom or where: `Source("possessing_party", "https://id.gs1.org/417/4012345000009")`."""

    type: str
    source: str


class Destination(msgspec.Struct, frozen=True, gc=False):
    """To whom or where."""

    type: str
    destination: str


class SensorMetadata(msgspec.Struct, frozen=True):
    """When, by which device and by what rules the reports of one sensor element were made."""

    time: datetime | None = None
    start_time: datetime | None = None
    end_time: datetime | None = None
    device_id: str | None = None
    device_metadata: str | None = None
    raw_data: str | None = None
    data_processing_method: str | None = None
    biz_rules: str | None = None
    extensions: dict[str, Any] = {}


class SensorReport(msgspec.Struct, frozen=True):
    """One observation: `SensorReport(type="Temperature", value=4.1, uom="CEL")`."""

    type: str | None = None
    exception: str | None = None
    time: datetime | None = None
    device_id: str | None = None
    device_metadata: str | None = None
    raw_data: str | None = None
    data_processing_method: str | None = None
    biz_rules: str | None = None
    microorganism: str | None = None
    chemical_substance: str | None = None
    coordinate_reference_system: str | None = None
    component: str | None = None
    value: float | None = None
    min_value: float | None = None
    max_value: float | None = None
    mean_value: float | None = None
    s_dev: float | None = None
    perc_rank: float | None = None
    perc_value: float | None = None
    string_value: str | None = None
    boolean_value: bool | None = None
    hex_binary_value: str | None = None
    uri_value: str | None = None
    uom: str | None = None
    extensions: dict[str, Any] = {}


class SensorElement(msgspec.Struct, frozen=True):
    """Reports that share their metadata."""

    reports: tuple[SensorReport, ...]
    metadata: SensorMetadata | None = None
    extensions: dict[str, Any] = {}


class ErrorDeclaration(msgspec.Struct, frozen=True):
    """Says that the event which carries it was wrong (EPCIS 2.0, 7.4.1.2)."""

    declaration_time: datetime
    reason: str | None = None
    corrective_event_ids: tuple[str, ...] = ()
    extensions: dict[str, Any] = {}


class PersistentDisposition(msgspec.Struct, frozen=True, gc=False):
    """States that last beyond one event: those that begin with it and those that end with it."""

    set: tuple[str, ...] = ()
    unset: tuple[str, ...] = ()


class WaylogTerms(msgspec.Struct, frozen=True, kw_only=True):
    """The members of our own namespace, `urn:waylog:epcis:`, checked, whatever prefix they were written with."""

    promised_time: datetime | None = None  # of a dispatch: when the goods should be there
    known_at: datetime | None = None  # of attested history: when this was first recorded
    seal: str | None = None  # of an acceptance: intact, broken or none
    damaged: tuple[Quantity, ...] = ()  # of an acceptance: what of it arrived damaged
    discrepancy: str | None = None  # of the giver's answer: acknowledged or disputed
    about: str | None = None  # of the giver's answer: event id of the acceptance
    max_temperature: float | None = None  # of a dispatch: degrees Celsius that may not be exceeded on the way
    note: str | None = None


NO_TERMS = WaylogTerms()
NO_PERSISTENT_DISPOSITION = PersistentDisposition()


class Event(msgspec.Struct, frozen=True, kw_only=True):
    """One event of any of the five types; members that its type has not are empty."""

    event_type: str
    event_time: datetime
    event_time_zone_offset: str
    event_id: str | None = None
    record_time: datetime | None = None
    action: str | None = None
    biz_step: str | None = None
    disposition: str | None = None
    persistent_disposition: PersistentDisposition = NO_PERSISTENT_DISPOSITION
    read_point: str | None = None
    biz_location: str | None = None
    epc_list: tuple[str, ...] = ()
    quantity_list: tuple[Quantity, ...] = ()
    parent_id: str | None = None
    child_epcs: tuple[str, ...] = ()
    child_quantity_list: tuple[Quantity, ...] = ()
    input_epc_list: tuple[str, ...] = ()
    input_quantity_list: tuple[Quantity, ...] = ()
    output_epc_list: tuple[str, ...] = ()
    output_quantity_list: tuple[Quantity, ...] = ()
    transformation_id: str | None = None
    biz_transaction_list: tuple[BizTransaction, ...] = ()
    source_list: tuple[Source, ...] = ()
    destination_list: tuple[Destination, ...] = ()
    sensor_element_list: tuple[SensorElement, ...] = ()
    ilmd: dict[str, Any] = {}
    certification_info: tuple[str, ...] = ()
    error_declaration: ErrorDeclaration | None = None
    waylog: WaylogTerms = NO_TERMS
    extensions: dict[str, Any] = {}  # prefixed names as written
    prefixes: dict[str, str] = {}  # what the prefixes of the @context stand for
    raw: dict[str, Any] = {}  # the event as it came

    def source(self, kind: str) -> str | None:
        """Return the source of this type (`possessing_party`, ...), or None."""
        return next((source.source for source in self.source_list if source.type == kind), None)

    def destination(self, kind: str) -> str | None:
        """Return the destination of this type (`possessing_party`, ...), or None."""
        return next((item.destination for item in self.destination_list if item.type == kind), None)
