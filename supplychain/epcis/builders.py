"""Writes the events by which goods change hands, one function an act, as our own parser reads them.

Each returns the event as a dict; `body_bytes` writes the bytes that are signed. Arguments are values that already make
sense (URIs, aware datetimes): what is wrong with them, the parser says. Times are written in milliseconds.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, TypedDict, Unpack

from supplychain.epcis.contexts import WAYLOG_CONTEXT
from supplychain.epcis.events import Quantity

JsonObject = dict[str, Any]


class Common(TypedDict, total=False):
    """What every builder takes besides its own arguments."""

    event_id: str | None
    read_point: str | None
    biz_location: str | None
    biz_transactions: Sequence[tuple[str, str]]  # type and URI: ("po", "urn:epcglobal:cbv:bt:0614141073467:1152")
    known_at: datetime | None  # of attested history: when this was first recorded
    note: str | None


def format_time(moment: datetime) -> str:
    """Write an aware datetime as events hold it: `2026-07-22T06:45:00.000+02:00`."""
    assert moment.utcoffset() is not None, "an event's time is aware"
    return moment.isoformat(timespec="milliseconds")


def format_offset(moment: datetime) -> str:
    """Write the offset of an aware datetime as eventTimeZoneOffset holds it: `+02:00`."""
    return format_time(moment)[-6:]


def body_bytes(event: Mapping[str, Any]) -> bytes:
    """Write the body that is signed, `{"@context":[...],"event":{...}}`, compactly and with our context."""
    body = {"@context": WAYLOG_CONTEXT, "event": event}
    return json.dumps(body, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode()


def commission_event(
    *,
    units: Sequence[str] = (),
    quantities: Iterable[Quantity] = (),
    event_time: datetime,
    ilmd: Mapping[str, Any] | None = None,
    **common: Unpack[Common],
) -> JsonObject:
    """Give logistic units, items or lots their identifiers: they exist from now on."""
    event = _event("ObjectEvent", "ADD", "commissioning", "active", event_time, common)
    _put(event, epcList=list(units), quantityList=_quantities(quantities), ilmd=dict(ilmd or {}))
    return event


def pack_event(
    *,
    unit: str,
    contents: Iterable[Quantity] = (),
    children: Sequence[str] = (),
    event_time: datetime,
    **common: Unpack[Common],
) -> JsonObject:
    """Pack lots (`contents`) and single things (`children`) into a logistic unit."""
    event = _event("AggregationEvent", "ADD", "packing", "in_progress", event_time, common)
    _put(event, parentID=unit, childEPCs=list(children), childQuantityList=_quantities(contents))
    return event


def dispatch_event(
    *,
    units: Sequence[str],
    giver: str,
    taker: str,
    event_time: datetime,
    final_party: str | None = None,
    final_location: str | None = None,
    promised_time: datetime | None = None,
    contents: Iterable[Quantity] = (),
    seal: str | None = None,
    max_temperature: float | None = None,
    **common: Unpack[Common],
) -> JsonObject:
    """Hand units over to `taker`, on their way to `final_party` at `final_location`, where they are due.

    `contents` are listed for one unit at a time: what is handed over, where packing did not say it.
    """
    event = _event("ObjectEvent", "OBSERVE", "shipping", "in_transit", event_time, common)
    _put(event, epcList=list(units), quantityList=_quantities(contents))
    _put(event, **_from_to(giver, taker, final_party, final_location))
    if promised_time is not None:
        event["waylog:promisedTime"] = format_time(promised_time)
    _put(event, **{"waylog:seal": seal, "waylog:maxTemperature": max_temperature})
    return event


def observe_event(
    *,
    units: Sequence[str],
    event_time: datetime,
    biz_step: str = "transporting",
    disposition: str | None = "in_transit",
    sensor_elements: Iterable[Mapping[str, Any]] = (),
    **common: Unpack[Common],
) -> JsonObject:
    """See units on the way, with what sensors say (`sensorElementList` as EPCIS writes it)."""
    event = _event("ObjectEvent", "OBSERVE", biz_step, disposition, event_time, common)
    _put(event, epcList=list(units), sensorElementList=[dict(element) for element in sensor_elements])
    return event


def accept_event(
    *,
    units: Sequence[str],
    giver: str,
    taker: str,
    event_time: datetime,
    counted: Iterable[Quantity] = (),
    biz_step: str = "receiving",
    mismatch: bool = False,
    damaged: Iterable[Quantity] = (),
    seal: str | None = None,
    **common: Unpack[Common],
) -> JsonObject:
    """Take units over from `giver`: what was counted, whether that is what was sent, what of it is damaged."""
    event = _event("ObjectEvent", "OBSERVE", biz_step, "in_progress", event_time, common)
    broken = _quantities(damaged)
    _put(event, epcList=list(units), quantityList=_quantities(counted), **_from_to(giver, taker, None, None))
    lasting = [word for word, holds in (("mismatch_quantity", mismatch), ("damaged", broken)) if holds]
    if lasting:
        event["persistentDisposition"] = {"set": lasting}
    _put(event, **{"waylog:damaged": broken, "waylog:seal": seal})
    return event


def discrepancy_event(
    *,
    units: Sequence[str],
    about: str,
    answer: str,
    event_time: datetime,
    **common: Unpack[Common],
) -> JsonObject:
    """Answer, as the giver, the acceptance `about` (its event id): `acknowledged` or `disputed`."""
    event = _event("ObjectEvent", "OBSERVE", "other", None, event_time, common)
    _put(event, epcList=list(units), **{"waylog:discrepancy": answer, "waylog:about": about})
    return event


def unpack_event(
    *,
    unit: str,
    event_time: datetime,
    contents: Iterable[Quantity] = (),
    children: Sequence[str] = (),
    **common: Unpack[Common],
) -> JsonObject:
    """Take things out of a logistic unit; all of them where none are named."""
    event = _event("AggregationEvent", "DELETE", "unpacking", "in_progress", event_time, common)
    _put(event, parentID=unit, childEPCs=list(children), childQuantityList=_quantities(contents))
    return event


def error_declaration(
    event: Mapping[str, Any],
    *,
    declaration_time: datetime,
    reason: str = "incorrect_data",
    corrective_event_ids: Sequence[str] = (),
) -> JsonObject:
    """Repeat `event` and declare it wrong; all but errorDeclaration stays as it was (EPCIS 2.0, 7.4.1.2)."""
    declaration: JsonObject = {"declarationTime": format_time(declaration_time), "reason": reason}
    _put(declaration, correctiveEventIDs=list(corrective_event_ids))
    repeated = {name: value for name, value in event.items() if name != "recordTime"}
    return repeated | {"errorDeclaration": declaration}


def sensor_element(
    *,
    time: datetime,
    measured: str,
    value: float,
    uom: str,
    device_id: str | None = None,
) -> JsonObject:
    """Write one reading as a sensor element: `measured="Temperature"`, `value=4.1`, `uom="CEL"`."""
    metadata: JsonObject = {"time": format_time(time)}
    _put(metadata, deviceID=device_id)
    return {"sensorMetadata": metadata, "sensorReport": [{"type": measured, "value": value, "uom": uom}]}


def _event(
    event_type: str,
    action: str,
    biz_step: str,
    disposition: str | None,
    event_time: datetime,
    common: Common,
) -> JsonObject:
    """Begin an event: type, id, time, action, step, places and what else every act may carry."""
    event: JsonObject = {"type": event_type}
    _put(event, eventID=common.get("event_id"))
    event["eventTime"] = format_time(event_time)
    event["eventTimeZoneOffset"] = format_offset(event_time)
    event["action"] = action
    event["bizStep"] = biz_step
    _put(event, disposition=disposition)
    places = {"readPoint": common.get("read_point"), "bizLocation": common.get("biz_location")}
    event.update({name: {"id": place} for name, place in places.items() if place is not None})
    documents = [{"type": kind, "bizTransaction": uri} for kind, uri in common.get("biz_transactions", ())]
    _put(event, bizTransactionList=documents)
    known_at = common.get("known_at")
    if known_at is not None:
        event["waylog:knownAt"] = format_time(known_at)
    _put(event, **{"waylog:note": common.get("note")})
    return event


def _from_to(giver: str, taker: str, final_party: str | None, final_location: str | None) -> JsonObject:
    destinations = [{"type": "possessing_party", "destination": taker}]
    if final_party is not None:
        destinations.append({"type": "owning_party", "destination": final_party})
    if final_location is not None:
        destinations.append({"type": "location", "destination": final_location})
    return {"sourceList": [{"type": "possessing_party", "source": giver}], "destinationList": destinations}


def _quantities(quantities: Iterable[Quantity]) -> list[JsonObject]:
    return [_quantity(quantity) for quantity in quantities]


def _quantity(quantity: Quantity) -> JsonObject:
    written: JsonObject = {"epcClass": quantity.epc_class}
    _put(written, quantity=quantity.quantity, uom=quantity.uom)
    return written


def _put(into: JsonObject, **members: Any) -> None:
    """Add the members that say something: None, and empty lists and objects, are left out."""
    into.update({name: value for name, value in members.items() if value is not None and value != [] and value != {}})
