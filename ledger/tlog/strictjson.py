"""Strict JSON: what stock parsers let through and then read in two ways is refused, with its place named.

Refused: duplicate names, NaN and Infinity, numbers that overflow, integers beyond 2^53-1, lone surrogates, NUL, too
deep, too many nodes, too many bytes, a byte order mark, bad UTF-8. A node is any value; a member's name is none.

The interpreter's own C scanner reads the text; only a refused text is read again, by `faults`, to name the place.
"""

import json
import math
import re
from typing import Any, NoReturn

from ledger.tlog import faults
from ledger.tlog.errors import Malformed

MAX_INTEGER = 2**53 - 1
_MAX_INTEGER_DIGITS = len(str(MAX_INTEGER)) + 1  # and a sign
_BOM = b"\xef\xbb\xbf"
_SPACE = re.compile(r"[ \t\n\r]*")


class _Refused(Exception):
    """The quick reader met something to refuse; the slow one will name it."""


def parse(data: bytes, *, max_bytes: int, max_depth: int = 32, max_nodes: int = 50_000, floats: bool = True) -> Any:
    """Read one JSON value from `data`, or raise Malformed with the JSON pointer, line and column of the first fault."""
    if len(data) > max_bytes:
        raise Malformed(f"{len(data)} bytes are more than the {max_bytes} allowed")
    limits = faults.Limits(max_depth, max_nodes, floats)
    text = _decode(data)
    try:
        value = (_WITH_FLOATS if floats else _WITHOUT_FLOATS).decode(text)
    except (_Refused, ValueError, RecursionError):
        _refuse(text, limits)
    brackets = text.count("[") + text.count("{")
    if brackets > max_depth and _depth(value) > max_depth:
        _refuse(text, limits)
    if "\\u" in text and not _strings_are_clean(value):
        _refuse(text, limits)
    most_nodes = text.count(",") + brackets + 1
    if most_nodes > max_nodes and _count_nodes(value) > max_nodes:
        _refuse(text, limits)
    return value


def parse_at(text: str, at: int, *, max_depth: int = 32, max_nodes: int = 50_000) -> tuple[Any, int]:
    """Read the JSON value that begins at character `at` of a longer text; return it, and where it ends.

    As strict as `parse`; what follows the value is not looked at. Raises Malformed, with places counted from `at`.
    """
    try:
        value, end = _WITH_FLOATS.raw_decode(text, at)
    except (_Refused, ValueError, RecursionError):
        _refuse(text[at:], faults.Limits(max_depth, max_nodes, True))
    written = text[at:end]
    brackets = written.count("[") + written.count("{")
    is_deep = brackets > max_depth and _depth(value) > max_depth
    is_unclean = "\\u" in written and not _strings_are_clean(value)
    is_large = written.count(",") + brackets + 1 > max_nodes and _count_nodes(value) > max_nodes
    if is_deep or is_unclean or is_large:
        _refuse(written, faults.Limits(max_depth, max_nodes, True))
    return value, end


def member_ranges(data: bytes, start: int = 0) -> dict[str, tuple[int, int]]:
    """Return where each member's value lies in `data`, first and past-last byte, of the object that begins at `start`.

    `data` must have passed `parse`. Cuts values out as they were received:
    `begin, end = member_ranges(body)["event"]; body[begin:end]`. Raises Malformed when no object begins there.
    """
    text = data.decode("latin-1")  # a byte is a character: places in the text are places in the bytes
    at = _open_bracket(text, start, "{")
    ranges: dict[str, tuple[int, int]] = {}
    while text[at : at + 1] != "}":
        after_name = _end_of_value(text, at)
        name: str = json.loads(data[at:after_name])
        begin = _skip_space(text, _skip_space(text, after_name) + 1)
        end = _end_of_value(text, begin)
        ranges[name] = (begin, end)
        at = _next_item(text, end, "}")
    return ranges


def item_ranges(data: bytes, start: int = 0) -> list[tuple[int, int]]:
    """Return where each item lies in `data`, first and past-last byte, of the array that begins at `start`.

    `data` must have passed `parse`. Raises Malformed when no array begins there.
    """
    text = data.decode("latin-1")
    at = _open_bracket(text, start, "[")
    ranges: list[tuple[int, int]] = []
    while text[at : at + 1] != "]":
        end = _end_of_value(text, at)
        ranges.append((at, end))
        at = _next_item(text, end, "]")
    return ranges


def _skip_space(text: str, at: int) -> int:
    found = _SPACE.match(text, at)
    return found.end() if found else at


def _open_bracket(text: str, start: int, bracket: str) -> int:
    at = _skip_space(text, start)
    if text[at : at + 1] != bracket:
        raise Malformed(f"{bracket} is missing at byte {at}")
    return _skip_space(text, at + 1)


def _end_of_value(text: str, at: int) -> int:
    try:
        return _SKIP(text, at)[1]
    except (ValueError, RecursionError):
        raise Malformed(f"no JSON value begins at byte {at}") from None


def _next_item(text: str, at: int, closing: str) -> int:
    at = _skip_space(text, at)
    mark = text[at : at + 1]
    if mark == ",":
        return _skip_space(text, at + 1)
    if mark != closing:
        raise Malformed(f"{closing} is missing at byte {at}")
    return at


def _decode(data: bytes) -> str:
    if data.startswith(_BOM):
        raise Malformed("a byte order mark is not allowed", line=1, column=1)
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as fault:
        before = data[: fault.start].decode("utf-8")
        line, column = faults.place(before, len(before))
        raise Malformed("this is not UTF-8", line=line, column=column) from None


def _depth(value: Any) -> int:
    """How deep lists and objects lie within one another."""
    depth, level = 0, [value] if isinstance(value, (dict, list)) else []
    while level:
        depth += 1
        inner = [each.values() if type(each) is dict else each for each in level]
        level = [each for items in inner for each in items if type(each) is dict or type(each) is list]
    return depth


def _refuse(text: str, limits: faults.Limits) -> NoReturn:
    raise faults.first_fault(text, limits)


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise _Refused
    return members


def _integer(digits: str) -> int:
    if len(digits) > _MAX_INTEGER_DIGITS:
        raise _Refused
    number = int(digits)
    if not -MAX_INTEGER <= number <= MAX_INTEGER:
        raise _Refused
    return number


def _float(digits: str) -> float:
    number = float(digits)
    if math.isinf(number):
        raise _Refused
    return number


def _refused(_text: str) -> NoReturn:
    raise _Refused


def _strings_are_clean(value: Any) -> bool:
    """Tell whether no string of `value`, name or value, holds NUL or half a surrogate pair (RFC 7493, 2.1)."""
    texts: list[str] = []
    waiting = [value]
    while waiting:
        item = waiting.pop()
        if isinstance(item, str):
            texts.append(item)
        elif isinstance(item, dict):
            texts.extend(item)
            waiting.extend(item.values())
        elif isinstance(item, list):
            waiting.extend(item)
    return not any("\0" in text or faults.lone_surrogate(text) for text in texts)


def _count_nodes(value: Any) -> int:
    count = 0
    waiting = [value]
    while waiting:
        item = waiting.pop()
        count += 1
        if isinstance(item, dict):
            waiting.extend(item.values())
        elif isinstance(item, list):
            waiting.extend(item)
    return count


_WITH_FLOATS = json.JSONDecoder(
    object_pairs_hook=_object, parse_float=_float, parse_int=_integer, parse_constant=_refused
)
_WITHOUT_FLOATS = json.JSONDecoder(
    object_pairs_hook=_object, parse_float=_refused, parse_int=_integer, parse_constant=_refused
)
_SKIP = json.JSONDecoder().raw_decode
