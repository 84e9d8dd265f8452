"""Values of query parameters as they are written in an address, turned into what the same query has in JSON."""

from __future__ import annotations

import re
from typing import Any

from supplychain.epcis.parameters import BOOLEAN, COUNT, FLAG, NUMBER, NUMBERS, SCALAR, SCALARS, TEXTS, TIME

_INTEGER = re.compile(r"-?(?:0|[1-9][0-9]{0,18})").fullmatch
_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]{1,3})?").fullmatch
_LOST_PLUS = re.compile(r"(.*T[0-9:.]+) ([0-9]{2}:[0-9]{2})").fullmatch
_BOOLEANS = {"true": True, "false": False}


def spelled(kind: str, texts: list[str]) -> Any:
    """Return the JSON value that `texts` write; what does not read as its kind stays text, and is refused as that."""
    if kind in (TEXTS, SCALARS):
        return _parts(texts)
    if kind == NUMBERS:
        return [_number(part) for part in _parts(texts)]
    if len(texts) > 1:
        return texts
    text = texts[0]
    if kind in (NUMBER, COUNT):
        return _number(text)
    if kind == FLAG:
        return text.lower() != "false"
    if kind == BOOLEAN:
        return _BOOLEANS.get(text.lower(), text)
    if kind == TIME:
        return _time(text)
    if kind == SCALAR:
        found = _number(text)
        return _time(text) if found is text else found
    return text


def _parts(texts: list[str]) -> list[str]:
    return [part for text in texts for part in text.split("|")]


def _number(text: str) -> Any:
    if len(text) > 64:
        return text
    if _INTEGER(text):
        return int(text)
    return float(text) if _NUMBER(text) else text


def _time(text: str) -> str:
    """A plus sign that was not written as %2B arrives as a space."""
    lost = _LOST_PLUS(text) if len(text) <= 64 else None
    return f"{lost[1]}+{lost[2]}" if lost else text
