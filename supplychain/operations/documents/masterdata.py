"""What the header of a document says of places, products and parties: kept for its party, and read on its pages."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import transaction

from ledger import tenancy
from supplychain.epcis.identifiers import canonical, is_uri
from supplychain.models import MasterData

MAX_URI = 1_000
MAX_NAME = 160
_NAMES = ("name", "descriptionShort", "productName", "organizationName", "siteName", "tradeItemDescription")
"""The attributes that hold a name, by the last part of their id, the best first (CBV 2.0, 9.2 to 9.4)."""


@transaction.atomic
def keep(header: Mapping[str, Any], *, party: UUID, now: datetime) -> int:
    """Keep the master data of an epcisHeader; later words replace earlier ones. Return how many elements were kept."""
    rows = {(row.type, row.uri): row for row in _rows(header, party, now)}
    if rows:
        with tenancy.system():
            MasterData.objects.bulk_create(
                rows.values(),
                update_conflicts=True,
                unique_fields=["tenant", "type", "uri"],
                update_fields=["name", "attributes", "children", "received_at"],
            )
    return len(rows)


def _rows(header: Mapping[str, Any], party: UUID, now: datetime) -> Iterator[MasterData]:
    data = header.get("epcisMasterData")
    vocabularies = data.get("vocabularyList") if isinstance(data, dict) else None
    for vocabulary in _objects(vocabularies):
        kind = str(vocabulary.get("type") or vocabulary.get("isA") or "")
        for element in _objects(vocabulary.get("vocabularyElementList")):
            uri = element.get("id")
            if not is_uri(uri) or len(str(uri)) > MAX_URI or len(kind) > MAX_URI:
                continue
            attributes = list(_objects(element.get("attributes")))
            children = element.get("children")
            yield MasterData(
                tenant=party,
                type=kind,
                uri=canonical(str(uri)),
                name=_name(attributes),
                attributes=attributes,
                children=children if isinstance(children, list) else [],
                received_at=now,
            )


def _objects(value: Any) -> Iterator[dict[str, Any]]:
    return (item for item in value if isinstance(item, dict)) if isinstance(value, list) else iter(())


def _name(attributes: list[dict[str, Any]]) -> str:
    named: dict[str, str] = {}
    for attribute in attributes:
        last = str(attribute.get("id", "")).replace("#", "/").replace(":", "/").rpartition("/")[2]
        text = attribute.get("attribute")
        if isinstance(text, str) and text.strip():
            named.setdefault(last, text.strip()[:MAX_NAME])
    return next((named[each] for each in _NAMES if each in named), "")
