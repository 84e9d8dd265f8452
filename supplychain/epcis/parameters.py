"""The parameters of SimpleEventQuery: what each is called, what values it takes (EPCIS 2.0, 8.2.7.1).

Most names are made of parts: `GE_value_CEL`, `EQ_bizTransaction_po`, `EXISTS_INNER_ILMD_ex:grade`.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from supplychain.epcis.identifiers import canonical
from supplychain.epcis.patterns import parse_pattern
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

TEXTS, NUMBERS, NUMBER, TIME, SCALAR, SCALARS, COUNT, FLAG, BOOLEAN, TEXT = (
    "texts",
    "numbers",
    "number",
    "time",
    "scalar",
    "scalars",
    "count",
    "flag",
    "boolean",
    "text",
)
"""Kinds of values, for those who read them from the text of an address."""

COUNTS = ("eventCountLimit", "maxEventCount")
MOST = 2**53 - 1


@dataclass(frozen=True, slots=True)
class Condition:
    """One condition: `Condition("GE_value_KEL", "GE", "value", (275.15,), unit="KEL")`.

    Words of CBV in `values` are bare, identifiers canonical, times aware. `scope` says where a field of somebody's own
    stands (`ILMD`, `SENSORREPORT`, `readPoint`, ...; empty: in the event), `is_inner` that it stands deeper in there,
    `qualifier` which type of business transaction, or which attribute of master data.
    """

    name: str
    operator: str
    field: str
    values: tuple[Any, ...] = ()
    scope: str = ""
    is_inner: bool = False
    unit: str = ""
    qualifier: str = ""


Read = Callable[[Reader, Any, str], Any]


@dataclass(frozen=True, slots=True)
class Parameter:
    """A parameter: how its value is read, and the condition that it is, values left out."""

    read: Read
    kind: str
    condition: Condition
    is_condition: bool = True


# --- values ---------------------------------------------------------------------------------------------------------


def _each(read: Read) -> Read:
    def read_list(reader: Reader, value: Any, at: str) -> tuple[Any, ...]:
        items = reader.items(value, at)
        if type(value) is list and not items:
            reader.fault(at, "This list must not be empty; leave the parameter out where it says nothing.")
        return tuple(found for i, item in enumerate(items) if (found := read(reader, item, f"{at}/{i}")) is not None)

    return read_list


def _words(vocabulary: Vocabulary) -> Read:
    return _each(lambda reader, value, at: reader.word(vocabulary, value, at))


def _choice(words: tuple[str, ...], title: str) -> Read:
    return lambda reader, value, at: reader.choice(words, title, value, at)


def _string(reader: Reader, value: Any, at: str) -> str | None:
    if type(value) is str:
        return value
    reader.wrong_kind(value, at, "text")
    return None


def _identifier(reader: Reader, value: Any, at: str) -> str | None:
    uri = reader.uri(value, at)
    return None if uri is None else canonical(uri)


def _epc(reader: Reader, value: Any, at: str) -> str | None:
    """A pattern stays as it is, for it would else read as the class that its URN names, too."""
    uri = reader.uri(value, at)
    return uri if uri is None or parse_pattern(uri) is not None else canonical(uri)


def _anything(reader: Reader, value: Any, at: str) -> None:
    """Read nothing: that the parameter is there is all it says."""


def _order_by(reader: Reader, value: Any, at: str) -> str | None:
    text = reader.text(value, at)
    if text is None or text in ("eventTime", "recordTime") or _PREFIXED(text) or _MEASURE(text):
        return text
    reader.fault(at, f'Events cannot be ordered by "{shortened(text)}".', text, ("eventTime", "recordTime"))
    return None


def _count(reader: Reader, value: Any, at: str) -> int | None:
    if type(value) is int and 1 <= value <= MOST:
        return value
    reader.fault(at, "This must be a whole number from 1.", value)
    return None


def _number_or_time(reader: Reader, value: Any, at: str) -> Any:
    return reader.time(value, at) if type(value) is str else reader.number(value, at)


def _scalar(reader: Reader, value: Any, at: str) -> Any:
    if type(value) in (str, int, float, bool):
        return value
    reader.wrong_kind(value, at, "a text, a number or a time")
    return None


def _scalars(reader: Reader, value: Any, at: str) -> Any:
    return _each(_scalar)(reader, value, at) if type(value) is list else _scalar(reader, value, at)


# --- names ----------------------------------------------------------------------------------------------------------

_FIXED: dict[str, Parameter] = {}


def _set(name: str, kind: str, read: Read) -> None:
    _FIXED[name] = Parameter(read, kind, Condition(name, "", ""), is_condition=False)


def _is(operator: str, fields: str, kind: str, read: Read) -> None:
    for each in fields.split():
        _FIXED[f"{operator}_{each}"] = Parameter(read, kind, Condition(f"{operator}_{each}", operator, each))


_FIXED["eventType"] = Parameter(
    _each(_choice(EVENT_TYPES, "a type of event")), TEXTS, Condition("eventType", "EQ", "eventType")
)
_is("EQ", "action", TEXTS, _each(_choice(ACTIONS, "an action")))
for _names, _vocabulary in (
    ("bizStep", BUSINESS_STEPS),
    ("disposition persistentDisposition_set persistentDisposition_unset", DISPOSITIONS),
    ("errorReason", ERROR_REASONS),
    ("type", MEASUREMENT_TYPES),
    ("exception", SENSOR_ALERTS),
    ("component", COMPONENTS),
):
    _is("EQ", _names, TEXTS, _words(_vocabulary))
_is("EQ", "readPoint bizLocation transformationID bizTransaction source destination", TEXTS, _each(_identifier))
_is("WD", "readPoint bizLocation", TEXTS, _each(_identifier))
_is(
    "MATCH",
    "epc parentID inputEPC outputEPC anyEPC epcClass inputEPCClass outputEPCClass anyEPCClass",
    TEXTS,
    _each(_epc),
)
_is("EQ", "eventID correctiveEventID", TEXTS, _each(Reader.uri))
_is(
    "EQ",
    """deviceID deviceMetadata rawData dataProcessingMethod microorganism chemicalSubstance coordinateReferenceSystem
    bizRules uriValue""",
    TEXTS,
    _each(_identifier),
)
_is("EQ", "stringValue hexBinaryValue", TEXTS, _each(_string))
_is("EQ", "booleanValue", BOOLEAN, Reader.boolean)
for _operator in ("GE", "LT"):
    _is(
        _operator,
        "eventTime recordTime errorDeclarationTime errorDeclaration_Time time startTime endTime",
        TIME,
        Reader.time,
    )
_is(
    "EXISTS",
    """action bizLocation bizStep certificationInfo disposition errorDeclaration eventID ilmd parentID
    persistentDisposition readPoint sensorElementList transformationID""",
    FLAG,
    _anything,
)
_set("orderBy", TEXT, _order_by)
_set("orderDirection", TEXT, _choice(("ASC", "DESC"), "a direction"))
for _name in COUNTS:
    _set(_name, COUNT, _count)
NAMES = (*_FIXED, *(f"{operator}_quantity" for operator in ("EQ", "GT", "GE", "LT", "LE")), "EQ_bizTransaction_po")
"""Those that do not depend on anything; an unknown name may be meant to be one of them."""

_PREFIXED = re.compile(r"[^\s:]+:\S+").fullmatch
_NAME = re.compile(r"(EQ_ATTR|EQATTR|HASATTR|EQ|GT|GE|LT|LE|EXISTS)_(.+)", re.DOTALL).fullmatch
_MEASURE = re.compile(
    r"(?P<field>quantity|value|minValue|maxValue|meanValue|sDev|percValue|percRank)(?:_(?P<unit>[A-Z0-9]{2,3}))?"
).fullmatch
_TYPED = re.compile(r"(bizTransaction|source|destination)_(.+)").fullmatch
_OWN = re.compile(
    r"(?P<inner>INNER_)?"
    r"(?P<scope>(?:ILMD|ERROR_DECLARATION|SENSORELEMENT|SENSORMETADATA|SENSORREPORT|readPoint|bizLocation)_)?"
    r"(?P<field>[^\s:]+:\S+)"
).fullmatch
_ATTRIBUTE = re.compile(r"([^_\s]+)_(\S+)").fullmatch
_TYPES = {
    "bizTransaction": BUSINESS_TRANSACTION_TYPES,
    "source": SOURCE_DESTINATION_TYPES,
    "destination": SOURCE_DESTINATION_TYPES,
}


@lru_cache(maxsize=4096)
def parameter(name: str) -> Parameter | None:
    """Find a parameter by its name; None where there is none such."""
    fixed = _FIXED.get(name)
    if fixed is not None:
        return fixed
    read = _NAME(name) if len(name) <= 1_000 else None
    if read is None:
        return None
    operator, rest = read[1], read[2]
    if operator in ("HASATTR", "EQATTR", "EQ_ATTR"):
        return _attribute(name, "EQATTR" if operator == "EQ_ATTR" else operator, rest)
    return _measure(name, operator, rest) or _typed(name, operator, rest) or _own(name, operator, rest)


def _attribute(name: str, operator: str, rest: str) -> Parameter | None:
    """`HASATTR_bizLocation`, and `EQATTR_bizLocation_cbvmda:countryCode`."""
    if operator == "HASATTR":
        return Parameter(_each(_string), TEXTS, Condition(name, operator, rest))
    read = _ATTRIBUTE(rest)
    if read is None:
        return None
    return Parameter(_each(_string), TEXTS, Condition(name, operator, read[1], qualifier=read[2]))


def _measure(name: str, operator: str, rest: str) -> Parameter | None:
    read = _MEASURE(rest)
    if read is None or operator == "EXISTS" or (read["field"] == "percRank" and read["unit"]):
        return None
    condition = Condition(name, operator, read["field"], unit=read["unit"] or "")
    return (
        Parameter(_each(Reader.number), NUMBERS, condition)
        if operator == "EQ"
        else Parameter(Reader.number, NUMBER, condition)
    )


def _typed(name: str, operator: str, rest: str) -> Parameter | None:
    """`EQ_bizTransaction_po`, and `EQ_source_urn:x:own`."""
    read = _TYPED(rest)
    if read is None or operator != "EQ":
        return None
    word = _TYPES[read[1]].resolve(read[2])
    if word is None:
        return None
    return Parameter(_each(_identifier), TEXTS, Condition(name, "EQ", read[1], qualifier=word))


def _own(name: str, operator: str, rest: str) -> Parameter | None:
    """A field of somebody's own: `EQ_ex:grade`, `GT_INNER_ILMD_ex:weight`, `EXISTS_readPoint_ex:dock`."""
    read = _OWN(rest)
    if read is None:
        return None
    scope = (read["scope"] or "").removesuffix("_")
    condition = Condition(name, operator, read["field"], scope=scope or "own", is_inner=bool(read["inner"]))
    if operator == "EXISTS":
        return Parameter(_anything, FLAG, condition)
    if operator == "EQ":
        return Parameter(_scalars, SCALARS, condition)
    return Parameter(_number_or_time, SCALAR, condition)
