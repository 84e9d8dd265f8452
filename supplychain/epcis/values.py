"""Reads single values of an event and says, in one sentence each, what is wrong with those that it refuses."""

from __future__ import annotations

import math
import re
from datetime import datetime
from functools import lru_cache
from typing import Any

from supplychain.epcis.contexts import STANDARD_PREFIXES, Context, escape
from supplychain.epcis.errors import MAX_FAULTS, Fault, IdentifierInvalid
from supplychain.epcis.events import WAYLOG_NAMESPACE
from supplychain.epcis.identifiers import MAX_LENGTH, Identifier, is_uri, parse_identifier
from supplychain.epcis.vocabulary import Vocabulary, nearest

_TIME = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]+)?(Z|[+-][0-9]{2}:[0-9]{2})?"
).fullmatch
_PREFIX = re.compile(r"[A-Za-z_][A-Za-z0-9._\-]*").fullmatch
_KINDS = {str: "text", int: "a number", float: "a number", bool: "true or false", list: "a list", dict: "an object"}
SUGGESTIONS = 20  # an event with more faults than this has other problems than spelling


def kind_of(value: Any) -> str:
    """Name the JSON type of `value` as a person would."""
    return "null" if value is None else _KINDS.get(type(value), "something else")


def shortened(value: Any) -> Any:
    """Return a scalar short enough for an error message; None for lists and objects."""
    if isinstance(value, str):
        return value if len(value) <= 100 else value[:97] + "..."
    return value if isinstance(value, (int, float, bool)) else None


@lru_cache(maxsize=65536)
def _identifier(uri: str) -> Identifier | str:
    """Return the identifier, or the sentence that says why it is none; the same ones come again and again."""
    try:
        return parse_identifier(uri)
    except IdentifierInvalid as error:
        return str(error)


class Reader:
    """Collects the faults of one event while its values are read; a refused value reads as None or is left out."""

    __slots__ = ("context", "faults", "suggestions")

    def __init__(self, context: Context, suggestions: int = SUGGESTIONS) -> None:
        self.context = context
        self.suggestions = suggestions
        self.faults: list[Fault] = []

    def fault(
        self, at: str, message: str, value: Any = None, allowed: tuple[str, ...] = (), did_you_mean: str | None = None
    ) -> None:
        """Note one fault; those beyond the first hundred are dropped."""
        if len(self.faults) < MAX_FAULTS:
            self.faults.append(Fault(at, message, shortened(value), allowed, did_you_mean))

    def nearest(self, value: str, words: tuple[str, ...]) -> str | None:
        """Return the nearest word, while there are not too many faults already."""
        return nearest(value, words) if len(self.faults) < self.suggestions else None

    def wrong_kind(self, value: Any, at: str, wanted: str) -> None:
        """Note that a value has the wrong JSON type; null deserves a hint of its own."""
        if value is None:
            self.fault(at, f"This must be {wanted}, not null; leave the member out where there is nothing to say.")
        else:
            self.fault(at, f"This must be {wanted}, not {kind_of(value)}.", value)

    def text(self, value: Any, at: str) -> str | None:
        if type(value) is str and value:
            return value
        if value == "":
            self.fault(at, "This must not be empty.", value)
        else:
            self.wrong_kind(value, at, "text")
        return None

    def boolean(self, value: Any, at: str) -> bool | None:
        if isinstance(value, bool):
            return value
        self.wrong_kind(value, at, "true or false")
        return None

    def number(self, value: Any, at: str) -> float | None:
        if (type(value) is float and math.isfinite(value)) or type(value) is int:
            return value
        self.wrong_kind(value, at, "a number")
        return None

    def uri(self, value: Any, at: str) -> str | None:
        if is_uri(value):
            return value  # type: ignore[no-any-return]
        if type(value) is str:
            self.fault(at, f'"{shortened(value)}" is not a URI.', value)
        else:
            self.wrong_kind(value, at, "a URI")
        return None

    def identifier(self, value: Any, at: str) -> str | None:
        """Read a URI; one that claims to be a GS1 key must be one."""
        return value if self._identified(value, at) else None

    def instance(self, value: Any, at: str) -> str | None:
        """Read the identifier of one thing, as epcList and parentID hold."""
        found = self._identified(value, at)
        if found is None:
            return None
        if found.is_class:
            self.fault(
                at, f"{found.label} names a class of things, not one thing; classes belong in a quantity list.", value
            )
        return value  # type: ignore[no-any-return]

    def epc_class(self, value: Any, at: str) -> str | None:
        """Read the identifier of a class of things, as a quantity list holds."""
        found = self._identified(value, at)
        if found is None:
            return None
        if not found.is_class and not found.is_private:
            self.fault(at, f"{found.label} names one thing, not a class; things belong in a list of EPCs.", value)
        return value  # type: ignore[no-any-return]

    def _identified(self, value: Any, at: str) -> Identifier | None:
        if type(value) is not str:
            self.wrong_kind(value, at, "a URI")
            return None
        found = _identifier(value) if len(value) <= MAX_LENGTH else "this identifier is too long"
        if isinstance(found, Identifier):
            return found
        self.fault(at, found[:1].upper() + found[1:] + ".", value)
        return None

    def time(self, value: Any, at: str) -> datetime | None:
        """Read a date and time with its zone: `2026-07-22T06:45:00+02:00`."""
        if type(value) is not str:
            self.wrong_kind(value, at, "a date and time")
            return None
        written = _TIME(value)
        if written is None or written[1] is None:
            lacks = "has no time zone" if written else "is not a date and time"
            self.fault(at, f'"{shortened(value)}" {lacks}; write it as 2026-07-22T06:45:00+02:00.', value)
            return None
        try:
            moment = datetime.fromisoformat(value)
        except ValueError:
            moment = None
        if moment is None or not 1900 <= moment.year < 3000:
            self.fault(at, f'"{value[:40]}" is no moment between the years 1900 and 3000.', value)
            return None
        return moment

    def word(self, vocabulary: Vocabulary, value: Any, at: str) -> str | None:
        """Read a word of CBV 2.0 in any of its forms, or somebody's own URI."""
        if type(value) is not str:
            self.wrong_kind(value, at, vocabulary.title)
            return None
        word = vocabulary.resolve(value)
        if word is None:
            near = vocabulary.suggest(value[:100]) if len(self.faults) < self.suggestions else None
            message = f'"{shortened(value)}" is not {vocabulary.title}; a word of your own must be a URI.'
            self.fault(at, message, value, vocabulary.words, near)
        return word

    def choice(self, words: tuple[str, ...], title: str, value: Any, at: str) -> str | None:
        """Read one of a few fixed words."""
        if type(value) is not str:
            self.wrong_kind(value, at, title)
        elif value in words:
            return value
        else:
            self.fault(at, f'"{shortened(value)}" is not {title}.', value, words, self.nearest(value, words))
        return None

    def items(self, value: Any, at: str) -> list[Any]:
        """Read a list; what is none reads as empty."""
        if type(value) is list:
            return value
        self.wrong_kind(value, at, "a list")
        return []

    def members(self, value: Any, at: str) -> dict[str, Any] | None:
        """Read an object."""
        if type(value) is dict:
            return value
        self.wrong_kind(value, at, "an object")
        return None

    def instances(self, value: Any, at: str) -> tuple[str, ...]:
        """Read a list of EPCs, each of which may stand in it once."""
        items = self.items(value, at)
        found = tuple(epc for i, item in enumerate(items) if (epc := self.instance(item, f"{at}/{i}")) is not None)
        if len(set(found)) != len(found):
            self._repeated(items, at)
        return found

    def _repeated(self, items: list[Any], at: str) -> None:
        seen: set[str] = set()
        for i, item in enumerate(items):
            if isinstance(item, str) and item in seen:
                self.fault(f"{at}/{i}", f'"{shortened(item)}" is listed twice.', item)
            elif isinstance(item, str):
                seen.add(item)

    def uris(self, value: Any, at: str) -> tuple[str, ...]:
        return tuple(
            uri for i, item in enumerate(self.items(value, at)) if (uri := self.uri(item, f"{at}/{i}")) is not None
        )

    def required(self, found: dict[str, Any], names: tuple[str, ...], at: str, of: str) -> None:
        """Note each of `names` that is not among the members `found`."""
        for name in names:
            if name not in found:
                self.fault(f"{at}/{name}", f"{of} needs {name}, which is missing.")

    def extension(self, name: str, value: Any, at: str, of: str, known: tuple[str, ...]) -> bool:
        """Tell whether `name` may stand in an object `of` this kind as somebody's extension; note why not."""
        prefix, colon, local = name.partition(":")
        if not colon:
            own = "a member of your own needs a prefix that @context declares"
            self.fault(
                f"{at}/{escape(name)}",
                f'"{shortened(name)}" is not a member of {of}; {own}.',
                name,
                known,
                self.nearest(name, known),
            )
            return False
        if not self._is_declared(prefix, local):
            self.fault(
                f"{at}/{escape(name)}",
                f'The prefix "{shortened(prefix)}" is not declared in @context.',
                name,
                tuple(self.context.prefixes),
                self.nearest(prefix, tuple(self.context.prefixes)),
            )
            return False
        if type(value) in (dict, list):
            self._nested(value, f"{at}/{escape(name)}")
        return True

    def waylog_name(self, name: str) -> str | None:
        """Return the local name of a member of our own namespace, whatever prefix it was written with."""
        prefix, _, local = name.partition(":")
        if prefix in self.context.waylog_prefixes:
            return local
        return name[len(WAYLOG_NAMESPACE) :] if name.startswith(WAYLOG_NAMESPACE) else None

    def _is_declared(self, prefix: str, local: str) -> bool:
        if prefix in self.context.prefixes or prefix in STANDARD_PREFIXES:
            return bool(local)
        return local.startswith("//") or (prefix == "urn" and ":" in local)

    def _nested(self, value: Any, at: str) -> None:
        """Look for undeclared prefixes inside an extension; unprefixed names there are its owner's business."""
        waiting = [(value, at)]
        while waiting:
            item, place = waiting.pop()
            if type(item) is list:
                waiting += [(inner, f"{place}/{i}") for i, inner in enumerate(item) if type(inner) in (dict, list)]
                continue
            for name, inner in item.items():
                prefix, colon, local = name.partition(":")
                if colon and _PREFIX(prefix) and not self._is_declared(prefix, local):
                    message = f'The prefix "{shortened(prefix)}" is not declared in @context.'
                    self.fault(f"{place}/{escape(name)}", message, name)
                if type(inner) in (dict, list):
                    waiting.append((inner, f"{place}/{escape(name)}"))
