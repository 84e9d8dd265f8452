"""Rows of an event: the event itself, what it names, what its sensors read."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from ledger import bulk
from supplychain.custody import Act, act_beneath, exact, units_of
from supplychain.epcis.event_hash import event_digest
from supplychain.epcis.events import Event as EpcisEvent
from supplychain.epcis.events import Quantity, SensorElement, SensorReport
from supplychain.epcis.identifiers import canonical
from supplychain.models import Event, EventObject, EventReader, EventScope, LateEvent, SensorReading
from supplychain.projections import readers, words

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
Object = tuple[str, str, Decimal | None, str]


@dataclass(frozen=True, slots=True)
class Read:
    """An event as it was read from its body, with what custody sees in it."""

    event: EpcisEvent
    act: Act
    beneath: Act
    units: tuple[str, ...]
    digest: bytes
    event_hash: bytes
    objects: list[Object]

    @property
    def known_at(self) -> datetime | None:
        """When attested history says it was first recorded: not before it happened. A correction is never history."""
        known = self.event.waylog.known_at
        return None if known is None or self.act == Act.CORRECT else max(known, self.event.event_time)


def read(body: bytes, event: EpcisEvent) -> Read:
    """What the projections and the custody rule need of an event; `body` are the bytes it was parsed from."""
    beneath = act_beneath(event)
    return Read(
        event,
        beneath if event.error_declaration is None else Act.CORRECT,
        beneath,
        units_of(event),
        hashlib.sha256(body).digest(),
        event_digest(event),
        objects_of(event),
    )


@dataclass(frozen=True, slots=True)
class Placed:
    """An event that got its place in the log."""

    index: int
    record_time_ms: int
    tenant: UUID
    key_id: str
    event_id: str
    scopes: list[UUID]
    read: Read
    body: bytes


def given_id(statement_id: str) -> str:
    """The id beside an event that has none of its own: it follows from its statement."""
    return f"urn:uuid:{UUID(statement_id)}"


def write(placed: list[Placed], declared: dict[int, int]) -> None:
    """Insert the rows of `placed`; `declared` says which events are declared in error, by the entry at which index."""
    bulk.insert(Event, _EVENT_COLUMNS, (_event_row(each, declared.get(each.index)) for each in placed))
    bulk.insert(EventScope, ("scope", "index"), ((scope, each.index) for each in placed for scope in set(each.scopes)))
    readers.show([(each.index, each.scopes) for each in placed])
    words.keep(word for each in placed for word in _words(each))
    bulk.insert(EventObject, _OBJECT_COLUMNS, (row for each in placed for row in _object_rows(each)))
    bulk.insert(SensorReading, _SENSOR_COLUMNS, (row for each in placed for row in _sensor_rows(each)))
    here = {each.index for each in placed}
    bulk.update(Event, ("index", "declared_in_error_by"), [item for item in declared.items() if item[0] not in here])


@dataclass(frozen=True, slots=True)
class Erased:
    """An event whose body is gone: what its entry, its tombstone and the erasure still say."""

    index: int
    record_time_ms: int
    tenant: UUID
    key_id: str
    scopes: list[UUID]
    kind: str
    erased_by: int


def write_erased(erased: Iterable[Erased]) -> None:
    """Put rows that say nothing but where, by whom, with which key and what kind of act in the place of the events'."""
    named = []
    for each in erased:
        named += [found] if (found := words.named_by(each.index)) is not None else []
        Event.objects.filter(index=each.index).delete()
        EventObject.objects.filter(index=each.index).delete()
        SensorReading.objects.filter(index=each.index).delete()
        EventScope.objects.filter(index=each.index).delete()
        EventReader.objects.filter(index=each.index).delete()
        LateEvent.objects.filter(index=each.index).delete()
        moment = EPOCH + timedelta(milliseconds=each.record_time_ms)
        Event.objects.create(
            index=each.index,
            tenant=each.tenant,
            scopes=each.scopes,
            event_id=f"urn:waylog:erased:{each.index}",
            body_digest=b"",
            event_type="",
            act=each.kind,
            event_time=moment,
            event_time_zone_offset="+00:00",
            record_time=moment,
            known_at=moment,
            attested=False,
            key_id=each.key_id,
            is_error_declaration=each.kind == Act.CORRECT,
            erased_by=each.erased_by,
        )
        EventScope.objects.bulk_create(EventScope(scope=scope, index=each.index) for scope in set(each.scopes))
        readers.show([(each.index, each.scopes)])
    words.forget(named)


def under_ids(ids: Iterable[str]) -> list[tuple[Any, ...]]:
    """Every party's events with these ids: tenant, id, whether it is a declaration, index, digest of the body, act,
    scopes, the index of the declaration that it was wrong, hash."""
    [rows] = bulk.answers(
        (
            "SELECT tenant, event_id, is_error_declaration, index, body_digest, act, scopes, declared_in_error_by,"
            " event_hash FROM supplychain_event WHERE event_id = ANY(%s::text[])",
            [bulk.array("text", list(ids))],
        )
    )
    return rows


def same_as(parties: Iterable[UUID], hashes: Iterable[bytes]) -> list[tuple[UUID, bytes, bool, int, str]]:
    """The events of these parties with these hashes, oldest first: party, hash, whether it is a declaration, index, id.

    One array a statement: Django would send, and look at, each hash by itself.
    """
    [rows] = bulk.answers(
        (
            "SELECT tenant, event_hash, is_error_declaration, index, event_id FROM supplychain_event"
            " WHERE tenant = ANY(%s::uuid[]) AND event_hash = ANY(%s::bytea[]) ORDER BY index",
            [bulk.array("uuid", list(parties)), bulk.array("bytea", list(hashes))],
        )
    )
    return rows


_EVENT_COLUMNS = (
    "index",
    "tenant",
    "scopes",
    "event_id",
    "body_digest",
    "event_hash",
    "event_type",
    "action",
    "act",
    "event_time",
    "event_time_zone_offset",
    "record_time",
    "known_at",
    "attested",
    "biz_step",
    "disposition",
    "read_point",
    "biz_location",
    "key_id",
    "is_error_declaration",
    "declared_in_error_by",
)


def _event_row(placed: Placed, declared_by: int | None) -> tuple[object, ...]:
    event, record_time = placed.read.event, EPOCH + timedelta(milliseconds=placed.record_time_ms)
    known_at = placed.read.known_at
    return (
        placed.index,
        placed.tenant,
        placed.scopes,
        placed.event_id,
        placed.read.digest,
        placed.read.event_hash,
        event.event_type,
        event.action or "",
        placed.read.act.value,
        event.event_time,
        event.event_time_zone_offset,
        record_time,
        known_at or record_time,
        known_at is not None,
        event.biz_step or "",
        event.disposition or "",
        canonical(event.read_point or ""),
        canonical(event.biz_location or ""),
        placed.key_id,
        placed.read.act == Act.CORRECT,
        declared_by,
    )


def _words(placed: Placed) -> Iterator[tuple[UUID, str, str]]:
    """What the collections list of it; in the order of `words.COLUMNS`."""
    event = placed.read.event
    places = canonical(event.read_point or ""), canonical(event.biz_location or "")
    values = (event.event_type, event.biz_step or "", event.disposition or "", *places)
    return ((placed.tenant, field, value) for field, value in zip(words.COLUMNS, values, strict=True))


_OBJECT_COLUMNS = ("index", "position", "tenant", "scopes", "place", "epc", "quantity", "uom")


def _object_rows(placed: Placed) -> Iterator[tuple[object, ...]]:
    """What the event names, in the order of its members; an error declaration names what its event named."""
    if placed.read.act == Act.CORRECT:
        return
    for position, (place, epc, quantity, uom) in enumerate(placed.read.objects):
        yield placed.index, position, placed.tenant, placed.scopes, place, epc, quantity, uom


def objects_of(event: EpcisEvent) -> list[Object]:
    """What an event names: (place, canonical identifier, quantity, unit of measure)."""
    found: list[Object] = []
    if event.parent_id:
        found.append(("parent", canonical(event.parent_id), None, ""))
    for place, epcs, quantities in (
        ("epc", event.epc_list, event.quantity_list),
        ("child", event.child_epcs, event.child_quantity_list),
        ("input", event.input_epc_list, event.input_quantity_list),
        ("output", event.output_epc_list, event.output_quantity_list),
    ):
        if epcs:
            found += [(place, canonical(epc), None, "") for epc in epcs]
        if quantities:
            found += [_quantity(place, item) for item in quantities]
    if event.biz_transaction_list:
        found += [("reference", canonical(item.biz_transaction), None, "") for item in event.biz_transaction_list]
    return found


def _quantity(place: str, item: Quantity) -> Object:
    quantity = None if item.quantity is None else exact(item.quantity)
    return place, canonical(item.epc_class), quantity, item.uom or ""


_SENSOR_COLUMNS = (
    "index",
    "position",
    "tenant",
    "scopes",
    "type",
    "time",
    "value",
    "min_value",
    "max_value",
    "uom",
)


def _sensor_rows(placed: Placed) -> Iterator[tuple[object, ...]]:
    if placed.read.act == Act.CORRECT or not placed.read.event.sensor_element_list:
        return
    for position, (element, report) in enumerate(_reports(placed.read.event.sensor_element_list)):
        yield (
            placed.index,
            position,
            placed.tenant,
            placed.scopes,
            report.type or "",
            _time_of(element, report) or placed.read.event.event_time,
            _float(report.value),
            _float(report.min_value),
            _float(report.max_value),
            report.uom or "",
        )


def _reports(elements: Iterable[SensorElement]) -> Iterator[tuple[SensorElement, SensorReport]]:
    for element in elements:
        for report in element.reports:
            yield element, report


def _time_of(element: SensorElement, report: SensorReport) -> datetime | None:
    metadata = element.metadata
    return report.time or (metadata and (metadata.time or metadata.end_time or metadata.start_time)) or None


def _float(value: float | None) -> float | None:
    return None if value is None else float(value)
