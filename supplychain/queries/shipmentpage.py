"""What the page of one shipment shows. Row-level security leaves only what the acting party may read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from ledger import kept, tenancy
from ledger import queries as log
from ledger.tlog import envelope
from ledger.tlog.disclosure import parse_disclosure
from ledger.tlog.keys import KeyRecord
from ledger.tlog.text import encode_base64
from supplychain.custody import Act
from supplychain.epcis.disclosures import parse_whole
from supplychain.epcis.events import Event as EpcisEvent
from supplychain.epcis.units import convert
from supplychain.models import Event, SensorReading, Shipment, in_scope


class ShipmentMissing(LookupError):
    """There is no such shipment, or the acting party may not see it: the same answer."""


@dataclass(frozen=True, slots=True)
class Step:
    """One event of a shipment's way: its row, what its body says (None once erased), and the key that signed it."""

    row: Event
    event: EpcisEvent | None
    key: KeyRecord | None
    disputed: bool


@dataclass(frozen=True, slots=True)
class Reading:
    """A temperature, in degrees Celsius."""

    time: datetime
    value: float


def shipment(pk: UUID, *, party: UUID) -> Shipment:
    """The shipment with its lines, if `party` may see it. Raises ShipmentMissing."""
    found = tenancy.readable_by(Shipment.objects.filter(pk=pk), party).prefetch_related("lines").first()
    if found is None:
        raise ShipmentMissing(str(pk))
    return found


def way(pk: UUID) -> list[Step]:
    """All events of a shipment, the latest first."""
    rows = list(Event.objects.filter(in_scope(pk)).order_by("-index"))
    bodies = kept.bodies([row.index for row in rows])
    keys = {key_id: log.key(key_id) for key_id in {row.key_id for row in rows}}
    return [
        Step(
            row=row,
            event=_event(bodies.get(row.index)),
            key=(key := keys[row.key_id]),
            disputed=key is not None and key.revoked_index is not None and log.is_disputed(row.index, row.key_id),
        )
        for row in rows
    ]


def _event(body: kept.KeptBody | None) -> EpcisEvent | None:
    return None if body is None else parse_whole(body.body, body.disclosures)


def temperatures(pk: UUID) -> list[Reading]:
    """The temperatures that sensors reported on the way, in order of time."""
    rows = SensorReading.objects.filter(in_scope(pk), type="Temperature").order_by("time", "index", "position")
    found = []
    for row in rows:
        value = row.value if row.value is not None else row.max_value
        celsius = value if value is None or row.uom in ("", "CEL") else convert(value, row.uom, "CEL")
        if celsius is not None:
            found.append(Reading(row.time, celsius))
    return found


def latest_act(steps: Sequence[Step]) -> Step | None:
    """The act that a correction would undo: the latest that moved the chain and still stands."""
    acts = [step for step in steps if step.row.act not in (Act.OBSERVE, Act.CORRECT)]
    return next((step for step in acts if step.row.declared_in_error_by is None), None)


def hidden_in(index: int) -> tuple[str, ...]:
    """The names of the members of an event that were signed apart."""
    return tuple(sorted({parse_disclosure(text).name for text in kept.disclosures([index])}))


def chain(found: Shipment) -> dict[str, Any]:
    """The chain as a signer checks it: secret, head, and each linked statement with its signature and public key."""
    indices = Event.objects.filter(in_scope(found.pk)).exclude(act=Act.OBSERVE).order_by("index")
    entries = []
    for index in indices.values_list("index", flat=True):
        leaf = envelope.parse_leaf(log.entry(index).leaf)
        key = log.key(leaf.key_id)
        assert key is not None, "an entry's key is registered"
        entries.append(
            {
                "index": index,
                "payload": encode_base64(leaf.payload),
                "signature": encode_base64(leaf.signature),
                "public_key": encode_base64(key.public_key),
            }
        )
    return {
        "unit": found.unit,
        "chain": encode_base64(bytes(found.chain)),
        "head": bytes(found.head).hex(),
        "entries": entries,
    }


def has_open(unit: str, *, party: UUID) -> Shipment | None:
    """The open shipment of a unit, as far as `party` may see it."""
    return tenancy.readable_by(Shipment.objects.filter(unit=unit, is_open=True), party).first()
