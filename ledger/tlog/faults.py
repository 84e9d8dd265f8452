"""The slow, careful reader of JSON: says what is wrong with a text that was refused, and where.

It is the definition of what `strictjson` refuses; `strictjson` reads the same language faster.
"""

import math
import re
from typing import NamedTuple

from ledger.tlog.errors import Malformed

_SPACE = re.compile(r"[ \t\n\r]*")
_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?")
_PLAIN = re.compile(r'[^"\\\x00-\x1f]+')
_ESCAPE = re.compile(r'\\(?:(["\\/bfnrt])|u([0-9a-fA-F]{4}))')
_SURROGATE = re.compile("[\ud800-\udfff]")
_ESCAPED = {"b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t"}
_CONSTANTS = ("NaN", "Infinity", "-Infinity")
_MAX_INTEGER = 2**53 - 1
_SHOWN = 40


class Limits(NamedTuple):
    """How deep and how large a text may be, and whether it may hold floats."""

    max_depth: int
    max_nodes: int
    floats: bool


def place(text: str, at: int) -> tuple[int, int]:
    """Return line and column, both from 1, of character `at`."""
    return text.count("\n", 0, at) + 1, at - text.rfind("\n", 0, at)


def lone_surrogate(text: str) -> bool:
    """Tell whether `text` holds half of a surrogate pair, which no UTF-8 can carry."""
    return _SURROGATE.search(text) is not None


def first_fault(text: str, limits: Limits) -> Malformed:
    """Return the first fault of `text`."""
    try:
        _Reader(text, limits).document()
    except Malformed as fault:
        return fault
    return Malformed("this is not strict JSON")


def _shown(text: str) -> str:
    cut = text if len(text) <= _SHOWN else text[:_SHOWN] + "..."
    return ascii(cut)


class _Reader:
    """Walks the text once, from left to right, and raises Malformed at the first fault."""

    def __init__(self, text: str, limits: Limits) -> None:
        self.text = text
        self.limits = limits
        self.at = 0
        self.nodes = 0
        self.steps: list[str] = []

    def fail(self, reason: str, at: int | None = None) -> Malformed:
        line, column = place(self.text, self.at if at is None else at)
        pointer = "".join("/" + step.replace("~", "~0").replace("/", "~1") for step in self.steps)
        return Malformed(reason, pointer=pointer, line=line, column=column)

    def document(self) -> None:
        self.value()
        self.space()
        if self.at < len(self.text):
            raise self.fail("something follows the JSON value")

    def space(self) -> None:
        found = _SPACE.match(self.text, self.at)
        self.at = found.end() if found else self.at

    def value(self) -> None:
        self.space()
        self.nodes += 1
        if self.nodes > self.limits.max_nodes:
            raise self.fail(f"there are more than {self.limits.max_nodes} values")
        mark = self.text[self.at : self.at + 1]
        if mark in ("{", "["):
            if len(self.steps) >= self.limits.max_depth:
                raise self.fail(f"it is nested deeper than {self.limits.max_depth}")
            if mark == "{":
                self.object()
            else:
                self.array()
        elif mark == '"':
            self.string()
        else:
            self.literal()

    def object(self) -> None:
        names: set[str] = set()
        self.at += 1
        self.space()
        if self.take("}"):
            return
        while True:
            self.space()
            if self.text[self.at : self.at + 1] != '"':
                raise self.fail("a member's name is missing")
            start = self.at
            name = self.string()
            self.steps.append(name)
            if name in names:
                raise self.fail(f"the name {_shown(name)} appears twice", start)
            names.add(name)
            self.space()
            if not self.take(":"):
                raise self.fail("a colon is missing")
            self.value()
            self.steps.pop()
            if self.ends("}"):
                return

    def array(self) -> None:
        self.at += 1
        self.space()
        if self.take("]"):
            return
        index = 0
        while True:
            self.steps.append(str(index))
            self.value()
            self.steps.pop()
            index += 1
            if self.ends("]"):
                return

    def take(self, mark: str) -> bool:
        if self.text.startswith(mark, self.at):
            self.at += len(mark)
            return True
        return False

    def ends(self, closing: str) -> bool:
        self.space()
        if self.take(","):
            return False
        if not self.take(closing):
            raise self.fail(f"a comma or {closing} is missing")
        return True

    def string(self) -> str:
        start = self.at
        self.at += 1
        parts: list[str] = []
        while not self.take('"'):
            if found := _PLAIN.match(self.text, self.at):
                parts.append(found[0])
            elif found := _ESCAPE.match(self.text, self.at):
                parts.append(_ESCAPED.get(found[1], found[1]) if found[1] else chr(int(found[2], 16)))
            else:
                raise self.bad_character(start)
            self.at = found.end()
        joined = "".join(parts).encode("utf-16", "surrogatepass").decode("utf-16", "surrogatepass")
        if "\0" in joined:
            raise self.fail("a string holds NUL", start)
        if lone_surrogate(joined):
            raise self.fail("a string holds half of a surrogate pair", start)
        return joined

    def bad_character(self, start: int) -> Malformed:
        mark = self.text[self.at : self.at + 1]
        if not mark:
            return self.fail("a string does not end", start)
        if mark == "\\":
            return self.fail("a string holds an escape that JSON does not know")
        return self.fail("a string holds NUL" if mark == "\0" else "a string holds a bare control character")

    def literal(self) -> None:
        for constant in _CONSTANTS:
            if self.text.startswith(constant, self.at):
                raise self.fail(f"{constant} is not a JSON number")
        if self.take("true") or self.take("false") or self.take("null"):
            return
        found = _NUMBER.match(self.text, self.at)
        if not found:
            raise self.fail("a JSON value is missing" if self.at < len(self.text) else "the text ends too early")
        if found[1] or found[2]:
            self.check_float(found[0])
        elif len(found[0]) > len(str(_MAX_INTEGER)) + 1 or abs(int(found[0])) > _MAX_INTEGER:
            raise self.fail(f"the integer {_shown(found[0])} is beyond 2^53-1")
        self.at = found.end()

    def check_float(self, digits: str) -> None:
        if not self.limits.floats:
            raise self.fail(f"{_shown(digits)} is not an integer, and no other numbers are allowed here")
        if math.isinf(float(digits)):
            raise self.fail(f"the number {_shown(digits)} overflows")
