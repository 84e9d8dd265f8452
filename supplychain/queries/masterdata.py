"""Master data as queries ask for it: attributes of an identifier, and the places within a place; each party's own."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any
from uuid import UUID

from supplychain.epcis.identifiers import canonical
from supplychain.models import MasterData

MOST_PLACES = 10_000


class PartyMasterData:
    """What the documents of one party say; each identifier is looked up once."""

    def __init__(self, party: UUID) -> None:
        self.party = party
        self._known: dict[str, dict[str, tuple[str, ...]]] = {}

    def attributes(self, uri: str) -> Mapping[str, tuple[str, ...]]:
        """The attributes of a vocabulary element, by name, with their values as text."""
        if uri not in self._known:
            rows = MasterData.objects.filter(tenant=self.party, uri=uri).values_list("attributes", flat=True)
            found: dict[str, tuple[str, ...]] = {}
            for name, text in _attributes(rows):
                found[name] = (*found.get(name, ()), text)
            self._known[uri] = found
        return self._known[uri]

    def descendants(self, uri: str) -> set[str]:
        """The places that lie in this one, directly or within others (EPCIS 2.0, 6.5); at most MOST_PLACES."""
        found: set[str] = set()
        waiting = {uri}
        while waiting and len(found) < MOST_PLACES:
            rows = MasterData.objects.filter(tenant=self.party, uri__in=waiting).values_list("children", flat=True)
            children = {canonical(child) for row in rows for child in row if isinstance(child, str)}
            waiting = children - found - {uri}
            found |= waiting
        return found


def _attributes(rows: Iterable[Any]) -> Iterable[tuple[str, str]]:
    for attributes in rows:
        for each in attributes:
            if isinstance(each.get("id"), str) and each.get("attribute") is not None:
                value = each["attribute"]
                yield each["id"], value if isinstance(value, str) else str(value)
