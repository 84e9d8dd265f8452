"""How rows are written in answers: plain members, times in UTC, hashes in hex."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import lru_cache
from typing import Any
from uuid import UUID

from ledger.queries import Receipt
from ledger.tlog.keys import KeyRecord
from ledger.tlog.text import encode_base64, encode_base64url
from supplychain.models import Event, KeyRequest, Shipment, ShipmentLine
from supplychain.queries.arrivals import Said
from supplychain.queries.feeds import Signed

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def time(value: datetime | None) -> str | None:
    """A time in UTC, such as 2026-03-01T08:00:00.123Z."""
    if value is None:
        return None
    return value.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


@lru_cache(maxsize=64)
def milliseconds(value: int) -> str | None:
    """A record time, as it stands in the leaf."""
    return time(_EPOCH + timedelta(milliseconds=value))


def number(value: Decimal | None) -> float | int | None:
    """A quantity as a number."""
    if value is None:
        return None
    return int(value) if value == value.to_integral_value() else float(value)


def event(row: Event, shipments: list[UUID], signed: Signed) -> dict[str, Any]:
    """An event's dimensions, for lists."""
    return {
        "index": row.index,
        "event_id": row.event_id,
        "event_type": row.event_type,
        "action": row.action or None,
        "act": row.act,
        "event_time": time(row.event_time),
        "event_time_zone_offset": row.event_time_zone_offset,
        "record_time": time(row.record_time),
        "known_at": time(row.known_at),
        "attested": row.attested,
        "biz_step": row.biz_step or None,
        "disposition": row.disposition or None,
        "read_point": row.read_point or None,
        "biz_location": row.biz_location or None,
        "party": str(row.tenant),
        "key_id": row.key_id,
        "key_role": signed.roles.get(row.key_id, ""),
        "disputed": row.index in signed.disputed,
        "erased_by": row.erased_by,
        "shipments": [str(each) for each in shipments],
        "is_error_declaration": row.is_error_declaration,
        "declared_in_error_by": row.declared_in_error_by,
    }


def shipment(row: Shipment) -> dict[str, Any]:
    """A shipment as it stands, without its chain's secret."""
    return {
        "id": str(row.id),
        "unit": row.unit,
        "status": row.status,
        "is_open": row.is_open,
        "attested": row.attested,
        "shipper": str(row.shipper),
        "custodian": _maybe(row.custodian),
        "offered_to": _maybe(row.offered_to),
        "consignee": row.consignee_uri or None,
        "from_location": row.from_location or None,
        "to_location": row.to_location or None,
        "references": row.references,
        "seal": row.seal or None,
        "temperature_limit": row.temperature_limit,
        "temperature_max": row.temperature_max,
        "discrepancy": row.discrepancy or None,
        "packed_at": time(row.packed_at),
        "dispatched_at": time(row.dispatched_at),
        "promised_at": time(row.promised_at),
        "accepted_at": time(row.accepted_at),
        "closed_at": time(row.closed_at),
        "last_event_at": time(row.last_event_at),
        "opened_index": row.opened_index,
        "last_index": row.last_index,
    }


def arrival(said: Said, *, at: datetime) -> dict[str, Any]:
    """When a shipment is expected, as of `at`."""
    row, expected = said.row, said.expected
    return {
        "shipment": str(row.scope),
        "as_of": time(at),
        "stage": row.stage or None,
        "since": time(row.since),
        "promised_at": time(row.promised_at),
        "risk": expected.risk if expected else None,
        "quantiles": [{"level": level, "at": time(moment)} for level, moment in expected.quantiles] if expected else [],
        "reason": row.reason or None,
        "method": row.method or None,
        "drivers": row.drivers,
        "last_index": row.last_index,
        "origin": row.origin,
        "tree_size": row.tree_size,
        "root_hash": bytes(row.root_hash).hex(),
        "learnt_size": row.learnt_size,
        "made_at": time(row.made_at),
    }


def line(row: ShipmentLine) -> dict[str, Any]:
    """One line of a shipment's contents."""
    return {
        "epc": row.epc,
        "product": row.product,
        "quantity": number(row.quantity),
        "uom": row.uom or None,
        "counted": number(row.counted),
        "damaged": number(row.damaged),
    }


def key(record: KeyRecord) -> dict[str, Any]:
    """A registered key."""
    return {
        "key_id": record.key_id,
        "public_key": encode_base64url(record.public_key),
        "party": str(UUID(record.party)),
        "role": record.role,
        "registered_index": record.registered_index,
        "last_valid_index": record.last_valid_index,
        "revoked_index": record.revoked_index,
        "expires_at": None if record.expires_ms is None else milliseconds(record.expires_ms),
    }


def key_request(row: KeyRequest) -> dict[str, Any]:
    """A key that waits, or was decided about."""
    return {
        "id": str(row.id),
        "key_id": row.key_id,
        "role": row.role,
        "label": row.label,
        "state": row.state,
        "requested_at": time(row.requested_at),
    }


def receipt(found: Receipt) -> dict[str, Any]:
    """What proves an entry under the checkpoint beside it."""
    return {
        "index": found.index,
        "statement_hash": found.statement_hash.hex(),
        "record_time": milliseconds(found.record_time_ms),
        "inclusion": {
            "tree_size": found.inclusion.tree_size,
            "path": [_hash(each) for each in found.inclusion.path],
        },
    }


_hash = lru_cache(maxsize=2_048)(encode_base64)
"""The paths of one batch share most of their hashes."""


def _maybe(value: UUID | None) -> str | None:
    return None if value is None else str(value)
