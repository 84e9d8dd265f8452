"""Reads sensor elements: what was measured, when, by what (EPCIS 2.0, section 7.3.7)."""

from __future__ import annotations

import re
from typing import Any

from supplychain.epcis.events import SensorElement, SensorMetadata, SensorReport
from supplychain.epcis.units import is_foreign_unit, is_unit_code, suggest_unit, units_of
from supplychain.epcis.values import Reader, shortened
from supplychain.epcis.vocabulary import COMPONENTS, MEASUREMENT_TYPES, SENSOR_ALERTS

_HEX = re.compile(r"[0-9A-Fa-f]+").fullmatch

_METADATA = {
    "time": ("time", Reader.time),
    "startTime": ("start_time", Reader.time),
    "endTime": ("end_time", Reader.time),
    "deviceID": ("device_id", Reader.identifier),
    "deviceMetadata": ("device_metadata", Reader.uri),
    "rawData": ("raw_data", Reader.uri),
    "dataProcessingMethod": ("data_processing_method", Reader.uri),
    "bizRules": ("biz_rules", Reader.uri),
}
_METADATA_NAMES = tuple(_METADATA)


def read_unit(reader: Reader, value: Any, at: str) -> str | None:
    """Read a unit code of UN/ECE Recommendation 20, such as KGM or CEL."""
    if type(value) is not str:
        reader.wrong_kind(value, at, "a unit code")
        return None
    if is_unit_code(value):
        return value
    message = f'"{shortened(value)}" is not a unit code of UN/ECE Recommendation 20, such as KGM or CEL.'
    reader.fault(at, message, value, did_you_mean=suggest_unit(value[:40]))
    return None


def _read_type(reader: Reader, value: Any, at: str) -> str | None:
    return reader.word(MEASUREMENT_TYPES, value, at)


def _read_exception(reader: Reader, value: Any, at: str) -> str | None:
    return reader.word(SENSOR_ALERTS, value, at)


def _read_component(reader: Reader, value: Any, at: str) -> str | None:
    return reader.word(COMPONENTS, value, at)


def _read_hex(reader: Reader, value: Any, at: str) -> str | None:
    text = reader.text(value, at)
    if text is not None and not _HEX(text):
        reader.fault(at, f'"{shortened(text)}" is not hexadecimal.', text)
        return None
    return text


def _read_string(reader: Reader, value: Any, at: str) -> str | None:
    if type(value) is str:
        return value
    reader.wrong_kind(value, at, "text")
    return None


def _read_rank(reader: Reader, value: Any, at: str) -> float | None:
    rank = reader.number(value, at)
    if rank is not None and not 0 <= rank <= 100:
        reader.fault(at, "A percentile rank lies between 0 and 100.", value)
    return rank


_REPORT: dict[str, tuple[str, Any]] = {
    "type": ("type", _read_type),
    "exception": ("exception", _read_exception),
    "time": ("time", Reader.time),
    "deviceID": ("device_id", Reader.identifier),
    "deviceMetadata": ("device_metadata", Reader.uri),
    "rawData": ("raw_data", Reader.uri),
    "dataProcessingMethod": ("data_processing_method", Reader.uri),
    "bizRules": ("biz_rules", Reader.uri),
    "microorganism": ("microorganism", Reader.uri),
    "chemicalSubstance": ("chemical_substance", Reader.uri),
    "coordinateReferenceSystem": ("coordinate_reference_system", Reader.uri),
    "component": ("component", _read_component),
    "value": ("value", Reader.number),
    "minValue": ("min_value", Reader.number),
    "maxValue": ("max_value", Reader.number),
    "meanValue": ("mean_value", Reader.number),
    "sDev": ("s_dev", Reader.number),
    "percRank": ("perc_rank", _read_rank),
    "percValue": ("perc_value", Reader.number),
    "stringValue": ("string_value", _read_string),
    "booleanValue": ("boolean_value", Reader.boolean),
    "hexBinaryValue": ("hex_binary_value", _read_hex),
    "uriValue": ("uri_value", Reader.uri),
    "uom": ("uom", read_unit),
}
_REPORT_NAMES = tuple(_REPORT)
_ELEMENT_NAMES = ("sensorMetadata", "sensorReport")


def read_sensor_elements(reader: Reader, value: Any, at: str) -> tuple[SensorElement, ...]:
    """Read a sensorElementList."""
    items = reader.items(value, at)
    if type(value) is list and not items:
        reader.fault(at, "This list must not be empty.")
    return tuple(e for i, item in enumerate(items) if (e := _read_element(reader, item, f"{at}/{i}")) is not None)


def _read_element(reader: Reader, value: Any, at: str) -> SensorElement | None:
    members = reader.members(value, at)
    if members is None:
        return None
    reader.required(members, ("sensorReport",), at, "A sensor element")
    reports: tuple[SensorReport, ...] = ()
    metadata = None
    extensions: dict[str, Any] = {}
    for name, item in members.items():
        if name == "sensorReport":
            reports = _read_reports(reader, item, f"{at}/sensorReport")
        elif name == "sensorMetadata":
            metadata = _read_metadata(reader, item, f"{at}/sensorMetadata")
        elif reader.extension(name, item, at, "a sensor element", _ELEMENT_NAMES):
            extensions[name] = item
    return SensorElement(reports, metadata, extensions)


def _read_metadata(reader: Reader, value: Any, at: str) -> SensorMetadata | None:
    members = reader.members(value, at)
    if members is None:
        return None
    found = _read_members(reader, members, at, _METADATA, "sensor metadata", _METADATA_NAMES)
    metadata = SensorMetadata(**found)
    if metadata.start_time and metadata.end_time and metadata.end_time < metadata.start_time:
        reader.fault(f"{at}/endTime", "endTime lies before startTime.", members.get("endTime"))
    return metadata


def _read_reports(reader: Reader, value: Any, at: str) -> tuple[SensorReport, ...]:
    items = reader.items(value, at)
    if type(value) is list and not items:
        reader.fault(at, "A sensor element needs at least one report.")
    return tuple(r for i, item in enumerate(items) if (r := _read_report(reader, item, f"{at}/{i}")) is not None)


def _read_report(reader: Reader, value: Any, at: str) -> SensorReport | None:
    members = reader.members(value, at)
    if members is None:
        return None
    if "type" not in members and "exception" not in members:
        reader.fault(f"{at}/type", "A sensor report needs a type or an exception; both are missing.")
    found = _read_members(reader, members, at, _REPORT, "a sensor report", _REPORT_NAMES)
    measured, unit = found.get("type"), found.get("uom")
    if measured is not None and unit is not None and is_foreign_unit(measured, unit):
        allowed = tuple(units_of(measured))
        reader.fault(f"{at}/uom", f"{unit} is not a unit of {measured}.", unit, allowed, allowed[0])
    return SensorReport(**found)


def _read_members(
    reader: Reader, members: dict[str, Any], at: str, table: dict[str, Any], of: str, names: tuple[str, ...]
) -> dict[str, Any]:
    found: dict[str, Any] = {}
    extensions: dict[str, Any] = {}
    for name, item in members.items():
        known = table.get(name)
        if known is not None:
            found[known[0]] = known[1](reader, item, f"{at}/{name}")
        elif reader.extension(name, item, at, of, names):
            extensions[name] = item
    if extensions:
        found["extensions"] = extensions
    return found
