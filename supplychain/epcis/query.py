"""The parameters of SimpleEventQuery and what values they take (EPCIS 2.0, section 8.2.7.1).

A query is an object such as `{"eventType": ["ObjectEvent"], "GE_eventTime": "2026-01-01T00:00:00Z"}`. Identifiers in it
need only be URIs: a query for a key that cannot exist finds nothing, which is an answer.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import Any

from supplychain.epcis.contexts import Context, escape, read_context
from supplychain.epcis.errors import QueryInvalid
from supplychain.epcis.values import Reader, shortened
from supplychain.epcis.vocabulary import (
    ACTIONS,
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

ReadValue = Callable[[Reader, Any, str], Any]

_PREFIXED = re.compile(r"[^\s:]+:\S+").fullmatch
_COMPARED = re.compile(r"(EQ|GT|GE|LT|LE)_(.+)", re.DOTALL).fullmatch
_SCOPE = re.compile(r"(?:INNER_)?(?:ILMD_|ERROR_DECLARATION_|SENSORELEMENT_|SENSORMETADATA_|SENSORREPORT_)?")
_MEASURE = re.compile(r"(quantity|value|minValue|maxValue|meanValue|sDev|percValue)(?:_[A-Z0-9]{2,3})?").fullmatch
_ATTRIBUTE = re.compile(r"(?:HASATTR|EQATTR|EQ_ATTR)_.+", re.DOTALL).fullmatch
_PLACED = re.compile(r"(?:EQ|EXISTS)_(?:INNER_)?(?:readPoint|bizLocation)_\S+:\S+").fullmatch
_MAY_EXIST = (
    "action",
    "bizLocation",
    "bizStep",
    "certificationInfo",
    "disposition",
    "errorDeclaration",
    "eventID",
    "ilmd",
    "parentID",
    "persistentDisposition",
    "readPoint",
    "sensorElementList",
    "transformationID",
)
_EXISTS = frozenset(f"EXISTS_{name}" for name in _MAY_EXIST)


def parse_query(query: Any) -> dict[str, Any]:
    """Return the parameters of a query, `@context` left out; raise QueryInvalid with every fault."""
    reader = Reader(Context({}, is_epcis=False))
    members = reader.members(query, "") or {}
    if "@context" in members:
        reader.context = read_context(members["@context"])
        reader.faults += reader.context.faults
    for name, value in members.items():
        if name != "@context":
            _read_parameter(reader, name, value)
    if reader.faults:
        raise QueryInvalid(reader.faults)
    return {name: value for name, value in members.items() if name != "@context"}


def _read_parameter(reader: Reader, name: str, value: Any) -> None:
    at = f"/{escape(name)}"
    read = _PARAMETERS.get(name) or _family(name)
    if read is None:
        message = f'"{shortened(name)}" is not a parameter of SimpleEventQuery.'
        reader.fault(at, message, name, did_you_mean=reader.nearest(name, _NAMES))
    else:
        read(reader, value, at)


def _family(name: str) -> ReadValue | None:
    """Find the reader of a parameter whose name is made of parts: `GE_value_CEL`, `EQ_ILMD_ex:grade`, `EXISTS_ex:a`."""
    if _ATTRIBUTE(name) or _PLACED(name):
        return _texts if not name.startswith("EXISTS_") else _anything
    if name in _EXISTS:
        return _anything
    if name.startswith("EXISTS_"):
        return _anything if _PREFIXED(_in_scope(name[7:])) else None
    compared = _COMPARED(name)
    if compared is None:
        return None
    operator, field = compared[1], _in_scope(compared[2])
    if _MEASURE(field) or field == "percRank":
        return _numbers if operator == "EQ" else Reader.number
    if not _PREFIXED(field):
        return None
    return _texts_or_scalar if operator == "EQ" else _number_or_time


def _in_scope(field: str) -> str:
    scope = _SCOPE.match(field)
    return field[scope.end() :] if scope else field


# --- values ---------------------------------------------------------------------------------------------------------


def _each(read: ReadValue) -> ReadValue:
    def read_list(reader: Reader, value: Any, at: str) -> None:
        for i, item in enumerate(reader.items(value, at)):
            read(reader, item, f"{at}/{i}")

    return read_list


def _words(vocabulary: Vocabulary) -> ReadValue:
    return _each(lambda reader, value, at: reader.word(vocabulary, value, at))


def _choice(words: tuple[str, ...], title: str) -> ReadValue:
    return lambda reader, value, at: reader.choice(words, title, value, at)


def _string(reader: Reader, value: Any, at: str) -> None:
    if type(value) is not str:
        reader.wrong_kind(value, at, "text")


def _anything(reader: Reader, value: Any, at: str) -> None:
    """Read nothing: that the parameter is there is all it says."""


def _order_by(reader: Reader, value: Any, at: str) -> None:
    text = reader.text(value, at)
    if text is not None and text not in ("eventTime", "recordTime") and not _PREFIXED(text) and not _MEASURE(text):
        reader.fault(at, f'Events cannot be ordered by "{shortened(text)}".', text, ("eventTime", "recordTime"))


def _count(reader: Reader, value: Any, at: str) -> None:
    if type(value) is not int or value < 1:
        reader.fault(at, "This must be a whole number from 1.", value)


def _number_or_time(reader: Reader, value: Any, at: str) -> None:
    if type(value) is str:
        reader.time(value, at)
    else:
        reader.number(value, at)


_numbers = _each(Reader.number)
_texts = _each(_string)
_uris = _each(Reader.uri)


def _texts_or_scalar(reader: Reader, value: Any, at: str) -> None:
    if type(value) is list:
        _texts(reader, value, at)
    elif type(value) not in (str, int, float):
        reader.wrong_kind(value, at, "a list of texts, a number or a time")


def _named(names: str, read: ReadValue) -> dict[str, ReadValue]:
    return dict.fromkeys(names.split(), read)


def _times(names: Iterable[str]) -> dict[str, ReadValue]:
    return {f"{operator}_{name}": Reader.time for name in names for operator in ("GE", "LT")}


_PARAMETERS: dict[str, ReadValue] = {
    "eventType": _each(_choice(EVENT_TYPES, "a type of event")),
    "EQ_action": _each(_choice(ACTIONS, "an action")),
    "EQ_bizStep": _words(BUSINESS_STEPS),
    "EQ_disposition": _words(DISPOSITIONS),
    "EQ_persistentDisposition_set": _words(DISPOSITIONS),
    "EQ_persistentDisposition_unset": _words(DISPOSITIONS),
    "EQ_errorReason": _words(ERROR_REASONS),
    "EQ_type": _words(MEASUREMENT_TYPES),
    "EQ_exception": _words(SENSOR_ALERTS),
    "EQ_component": _words(COMPONENTS),
    **{f"EQ_bizTransaction_{word}": _uris for word in BUSINESS_TRANSACTION_TYPES.words},
    **{f"EQ_{end}_{word}": _uris for end in ("source", "destination") for word in SOURCE_DESTINATION_TYPES.words},
    **_named("EQ_readPoint WD_readPoint EQ_bizLocation WD_bizLocation", _uris),
    **_named("EQ_eventID EQ_correctiveEventID EQ_transformationID EQ_bizTransaction", _uris),
    **_named(
        """MATCH_epc MATCH_parentID MATCH_inputEPC MATCH_outputEPC MATCH_anyEPC MATCH_epcClass MATCH_inputEPCClass
        MATCH_outputEPCClass MATCH_anyEPCClass""",
        _uris,
    ),
    **_named(
        """EQ_deviceID EQ_deviceMetadata EQ_rawData EQ_dataProcessingMethod EQ_microorganism EQ_chemicalSubstance
        EQ_coordinateReferenceSystem EQ_bizRules EQ_uriValue""",
        _uris,
    ),
    **_named("EQ_stringValue EQ_hexBinaryValue", _texts),
    "EQ_booleanValue": Reader.boolean,
    **_times(
        ("eventTime", "recordTime", "errorDeclarationTime", "errorDeclaration_Time", "time", "startTime", "endTime")
    ),
    "orderBy": _order_by,
    "orderDirection": _choice(("ASC", "DESC"), "a direction"),
    **_named("eventCountLimit maxEventCount perPage", _count),
    "nextPageToken": Reader.text,
}
_NAMES = (*_PARAMETERS, "GE_quantity", "LT_quantity", "EQ_quantity", *sorted(_EXISTS))
