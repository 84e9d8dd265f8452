"""What an event holds under the names that queries use for it (EPCIS 2.0, 8.2.7.1): all values of each."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from supplychain.epcis.contexts import STANDARD_PREFIXES
from supplychain.epcis.events import Event, Quantity, SensorMetadata, SensorReport
from supplychain.epcis.identifiers import canonical

_MDA = re.compile(r"(?:urn:epcglobal:cbv:mda[:#]|cbvmda:)(.+)").fullmatch
_MOMENT = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T.+(?:Z|[+-][0-9]{2}:[0-9]{2})").fullmatch
_DEPTH = 40


@dataclass(frozen=True, slots=True)
class Measured:
    """A number with its unit; differences (a standard deviation) convert without the zero point of their scale."""

    value: float
    unit: str
    is_difference: bool = False


def _one(value: str | None) -> tuple[str, ...]:
    return (value,) if value is not None else ()


def _canonical(value: str | None) -> tuple[str, ...]:
    return (canonical(value),) if value is not None else ()


def _reports(event: Event) -> Iterator[SensorReport]:
    for element in event.sensor_element_list:
        yield from element.reports


def _metadata(event: Event) -> Iterator[SensorMetadata]:
    return (element.metadata for element in event.sensor_element_list if element.metadata is not None)


def _of_reports(name: str) -> Callable[[Event], Iterable[str]]:
    return lambda event: (text for each in _reports(event) if (text := getattr(each, name)) is not None)


def _of_sensors(name: str) -> Callable[[Event], Iterable[str]]:
    """A member that metadata and reports have both, an identifier."""

    def found(event: Event) -> Iterator[str]:
        for each in (*_metadata(event), *_reports(event)):
            uri = getattr(each, name, None)
            if uri is not None:
                yield canonical(uri)

    return found


TEXTS: Mapping[str, Callable[[Event], Iterable[str]]] = {
    "eventType": lambda event: (event.event_type,),
    "action": lambda event: _one(event.action),
    "bizStep": lambda event: _one(event.biz_step),
    "disposition": lambda event: _one(event.disposition),
    "persistentDisposition_set": lambda event: event.persistent_disposition.set,
    "persistentDisposition_unset": lambda event: event.persistent_disposition.unset,
    "readPoint": lambda event: _canonical(event.read_point),
    "bizLocation": lambda event: _canonical(event.biz_location),
    "transformationID": lambda event: _canonical(event.transformation_id),
    "errorReason": lambda event: _one(event.error_declaration.reason if event.error_declaration else None),
    "correctiveEventID": lambda event: event.error_declaration.corrective_event_ids if event.error_declaration else (),
    **{name: _of_reports(name) for name in ("type", "exception", "component")},
    "stringValue": _of_reports("string_value"),
    "hexBinaryValue": _of_reports("hex_binary_value"),
    "deviceID": _of_sensors("device_id"),
    "deviceMetadata": _of_sensors("device_metadata"),
    "rawData": _of_sensors("raw_data"),
    "dataProcessingMethod": _of_sensors("data_processing_method"),
    "bizRules": _of_sensors("biz_rules"),
    "microorganism": _of_sensors("microorganism"),
    "chemicalSubstance": _of_sensors("chemical_substance"),
    "coordinateReferenceSystem": _of_sensors("coordinate_reference_system"),
    "uriValue": _of_sensors("uri_value"),
}
"""Identifiers are canonical, words of CBV bare."""

TYPED: Mapping[str, Callable[[Event], Iterable[tuple[str | None, str]]]] = {
    "bizTransaction": lambda event: (
        (each.type, canonical(each.biz_transaction)) for each in event.biz_transaction_list
    ),
    "source": lambda event: ((each.type, canonical(each.source)) for each in event.source_list),
    "destination": lambda event: ((each.type, canonical(each.destination)) for each in event.destination_list),
}
"""Identifiers with the type that each is of."""


def _classes(quantities: Iterable[Quantity]) -> Iterator[str]:
    return (each.epc_class for each in quantities)


def _any_epc(event: Event) -> Iterator[str]:
    yield from event.epc_list
    yield from event.child_epcs
    yield from _one(event.parent_id)
    yield from event.input_epc_list
    yield from event.output_epc_list


def _quantities(event: Event) -> Iterator[Quantity]:
    yield from event.quantity_list
    yield from event.child_quantity_list
    yield from event.input_quantity_list
    yield from event.output_quantity_list


def _any(event: Event) -> Iterator[str]:
    yield from _any_epc(event)
    yield from _classes(_quantities(event))


EPCS: Mapping[str, Callable[[Event], Iterable[str]]] = {
    "any": _any,  # ours: things and classes alike
    "epc": lambda event: event.epc_list + event.child_epcs,
    "parentID": lambda event: _one(event.parent_id),
    "inputEPC": lambda event: event.input_epc_list,
    "outputEPC": lambda event: event.output_epc_list,
    "anyEPC": _any_epc,
    "epcClass": lambda event: _classes(event.quantity_list + event.child_quantity_list),
    "inputEPCClass": lambda event: _classes(event.input_quantity_list),
    "outputEPCClass": lambda event: _classes(event.output_quantity_list),
    "anyEPCClass": lambda event: _classes(_quantities(event)),
}


def _measured(name: str, *, is_difference: bool = False) -> Callable[[Event], Iterator[Measured]]:
    def found(event: Event) -> Iterator[Measured]:
        for report in _reports(event):
            value = getattr(report, name)
            if value is not None:
                yield Measured(value, report.uom or "", is_difference)

    return found


def _amounts(event: Event) -> Iterator[Measured]:
    return (Measured(each.quantity, each.uom or "") for each in _quantities(event) if each.quantity is not None)


MEASURES: Mapping[str, Callable[[Event], Iterator[Measured]]] = {
    "quantity": _amounts,
    "value": _measured("value"),
    "minValue": _measured("min_value"),
    "maxValue": _measured("max_value"),
    "meanValue": _measured("mean_value"),
    "sDev": _measured("s_dev", is_difference=True),
    "percValue": _measured("perc_value"),
    "percRank": _measured("perc_rank"),
}


def _declared_at(event: Event, record_time: datetime | None) -> Iterable[datetime]:
    return (event.error_declaration.declaration_time,) if event.error_declaration else ()


def _sensed(name: str) -> Callable[[Event, datetime | None], Iterator[datetime]]:
    def found(event: Event, record_time: datetime | None) -> Iterator[datetime]:
        for each in (*_metadata(event), *_reports(event)):
            at = getattr(each, name, None)
            if at is not None:
                yield at

    return found


TIMES: Mapping[str, Callable[[Event, datetime | None], Iterable[datetime]]] = {
    "eventTime": lambda event, _: (event.event_time,),
    "recordTime": lambda _, record_time: (record_time,) if record_time is not None else (),
    "errorDeclarationTime": _declared_at,
    "errorDeclaration_Time": _declared_at,
    "time": _sensed("time"),
    "startTime": _sensed("start_time"),
    "endTime": _sensed("end_time"),
}


def booleans(event: Event) -> Iterator[bool]:
    """The boolean values of sensor reports."""
    return (each.boolean_value for each in _reports(event) if each.boolean_value is not None)


def exists(name: str, event: Event, event_id: str | None) -> bool:
    """Tell whether an event has a member of the standard, and something in it."""
    return event_id is not None if name == "eventID" else event.raw.get(name) not in (None, [], {})


# --- fields of somebody's own ---------------------------------------------------------------------------------------


def own(event: Event, scope: str, name: str, prefixes: Mapping[str, str], *, is_inner: bool) -> Iterator[Any]:
    """The values of a field that a prefix makes somebody's own, in the parts of the event that `scope` names; with
    `is_inner` those that stand deeper, inside another field of somebody's own.
    """
    wanted = meaning(name, prefixes)
    for part in _parts(event.raw, scope):
        if is_inner:
            for key, value in part.items():
                if ":" in key:
                    yield from _inside(value, wanted, event.prefixes)
        else:
            yield from (value for key, value in part.items() if _is(key, wanted, event.prefixes))


def _is(key: str, wanted: str, prefixes: Mapping[str, str]) -> bool:
    """A query that declares no prefix means the one that the event is written with."""
    return ":" in key and wanted in (key, meaning(key, prefixes))


def _inside(value: Any, wanted: str, prefixes: Mapping[str, str], depth: int = 0) -> Iterator[Any]:
    if depth > _DEPTH:
        return
    if type(value) is list:
        for item in value:
            yield from _inside(item, wanted, prefixes, depth + 1)
    elif type(value) is dict:
        for key, inner in value.items():
            if _is(key, wanted, prefixes):
                yield inner
            yield from _inside(inner, wanted, prefixes, depth + 1)


def _parts(event: dict[str, Any], scope: str) -> Iterator[dict[str, Any]]:
    if scope == "own":
        yield event
    elif scope in _MEMBERS:
        part = event.get(_MEMBERS[scope])
        if type(part) is dict:
            yield part
    else:
        for element in event.get("sensorElementList") or ():
            if scope == "SENSORELEMENT":
                yield element
            elif scope == "SENSORMETADATA" and "sensorMetadata" in element:
                yield element["sensorMetadata"]
            elif scope == "SENSORREPORT":
                yield from element.get("sensorReport") or ()


_MEMBERS = {
    "ILMD": "ilmd",
    "ERROR_DECLARATION": "errorDeclaration",
    "readPoint": "readPoint",
    "bizLocation": "bizLocation",
}


def meaning(name: str, prefixes: Mapping[str, str]) -> str:
    """The URI that a name's prefix makes of it, whether or not a `#` joins the two; else itself."""
    prefix, _, local = name.partition(":")
    base = None if local.startswith("//") else prefixes.get(prefix) or STANDARD_PREFIXES.get(prefix)
    return (name if base is None else base + local).replace("#", "")


def attribute_name(name: str, prefixes: Mapping[str, str]) -> str:
    """The one form of the name of an attribute of master data, which is written in four."""
    standard = _MDA(name)
    return f"cbvmda:{standard[1]}" if standard else meaning(name, prefixes)


def leaves(value: Any) -> Iterator[Any]:
    """The simple values of a field: itself, or those of its list."""
    for item in value if type(value) is list else (value,):
        found = item.get("@value", item.get("id")) if type(item) is dict else item
        if type(found) in (str, int, float, bool):
            yield found


def number(value: Any) -> float | None:
    """A number, also one that stands there as text."""
    if type(value) in (int, float):
        return float(value)
    try:
        return float(value) if type(value) is str and len(value) <= 64 else None
    except ValueError:
        return None


def moment(value: Any) -> datetime | None:
    """A moment with its zone that stands there as text."""
    if type(value) is not str or len(value) > 64 or not _MOMENT(value):
        return None
    try:
        return datetime.fromisoformat(value).astimezone(UTC)
    except (ValueError, OverflowError):
        return None
