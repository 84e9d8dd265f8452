"""What `@context` declares: that this is EPCIS, and what the prefixes of extensions stand for. Nothing is fetched."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from supplychain.epcis.errors import Fault
from supplychain.epcis.events import WAYLOG_NAMESPACE
from supplychain.epcis.identifiers import is_uri

EPCIS_CONTEXT = "https://ref.gs1.org/standards/epcis/2.0.0/epcis-context.jsonld"
WAYLOG_CONTEXT: list[Any] = [EPCIS_CONTEXT, {"waylog": WAYLOG_NAMESPACE}]
_EPCIS_CONTEXT_END = "epcis-context.jsonld"

# what the context of EPCIS itself declares
STANDARD_PREFIXES: Mapping[str, str] = {
    "epcis": "https://ref.gs1.org/epcis/",
    "cbv": "https://ref.gs1.org/cbv/",
    "cbvmda": "urn:epcglobal:cbv:mda:",
    "gs1": "https://gs1.org/voc/",
    "rdfs": "http://www.w3.org/2000/01/rdf-schema#",
    "owl": "http://www.w3.org/2002/07/owl#",
    "xsd": "http://www.w3.org/2001/XMLSchema#",
    "dcterms": "http://purl.org/dc/terms/",
}
_PREFIX = re.compile(r"[A-Za-z_][A-Za-z0-9._\-]*").fullmatch


class Context:
    """The prefixes in force for an event, and the faults met on the way to them."""

    __slots__ = ("faults", "is_epcis", "prefixes", "waylog_prefixes")

    def __init__(self, prefixes: dict[str, str], *, is_epcis: bool, faults: tuple[Fault, ...] = ()) -> None:
        self.prefixes = prefixes
        self.is_epcis = is_epcis
        self.faults = faults
        self.waylog_prefixes = {prefix for prefix, uri in prefixes.items() if uri == WAYLOG_NAMESPACE}

    def with_inner(self, value: Any, at: str) -> Context:
        """Return this context with what an event's own `@context` adds."""
        inner = read_context(value, at)
        return Context(
            self.prefixes | inner.prefixes, is_epcis=self.is_epcis or inner.is_epcis, faults=self.faults + inner.faults
        )


def read_context(value: Any, at: str = "/@context") -> Context:
    """Read a `@context`: a URI, an object of prefixes, or a list of those."""
    prefixes: dict[str, str] = {}
    faults: list[Fault] = []
    is_epcis = False
    items = value if isinstance(value, list) else [value]
    for number, item in enumerate(items):
        place = f"{at}/{number}" if isinstance(value, list) else at
        if isinstance(item, str):
            if not is_uri(item):
                faults.append(Fault(place, "A context is named by an absolute URI.", item[:100]))
            is_epcis = is_epcis or item.endswith(_EPCIS_CONTEXT_END)
        elif isinstance(item, dict):
            _read_prefixes(item, place, prefixes, faults)
        else:
            faults.append(Fault(place, "A context is a URI or an object of prefixes."))
    return Context(prefixes, is_epcis=is_epcis, faults=tuple(faults))


def _read_prefixes(terms: dict[str, Any], at: str, prefixes: dict[str, str], faults: list[Fault]) -> None:
    for name, meaning in terms.items():
        if isinstance(meaning, dict):
            meaning = meaning.get("@id")
        if name.startswith("@"):
            continue
        place = f"{at}/{escape(name)}"
        if not _PREFIX(name):
            faults.append(Fault(place, "A prefix is letters and digits, beginning with a letter.", name[:100]))
        elif not is_uri(meaning):
            faults.append(Fault(place, f'The prefix "{name[:60]}" must stand for an absolute URI.'))
        else:
            prefixes[name] = meaning


def escape(name: str) -> str:
    """Escape a member's name for a JSON pointer (RFC 6901, 3)."""
    return name.replace("~", "~0").replace("/", "~1") if "~" in name or "/" in name else name
