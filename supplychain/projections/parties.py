"""Parties as rows: the log knows an id, the body of an admin key's registration says the name behind it."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

from ledger import bulk
from ledger.admission import Invalid
from supplychain import custody
from supplychain.epcis.errors import EventInvalid
from supplychain.epcis.identifiers import canonical, is_uri
from supplychain.epcis.parsing import read_json
from supplychain.models import Party, PartyIdentifier
from supplychain.projections.events import EPOCH

MAX_BODY = 16_384
_NAMES = {"name", "uri", "identifiers"}


@dataclass(frozen=True, slots=True)
class Named:
    """What a registration's body says of its party: `{"party":{"name":"...","uri":"...","identifiers":["..."]}}`."""

    id: UUID
    name: str
    uri: str
    identifiers: tuple[str, ...]
    is_operator: bool
    record_time_ms: int

    @property
    def uris(self) -> tuple[str, ...]:
        """All that events may call it."""
        return tuple(dict.fromkeys((self.uri, *self.identifiers)))


def parse_named(body: bytes, *, party: UUID, is_operator: bool, record_time_ms: int) -> Named:
    """Read the body of an admin key's registration; raise Invalid with the place that is wrong."""
    try:
        value = read_json(body, MAX_BODY)
    except EventInvalid as invalid:
        raise Invalid(str(invalid), pointer="/body") from None
    told: Any = value.get("party") if isinstance(value, dict) and set(value) == {"party"} else None
    if not isinstance(told, dict) or not {"name", "uri"} <= set(told) <= _NAMES:
        raise Invalid('the body is {"party":{"name":...,"uri":...}}, with identifiers or not', pointer="/body")
    name, uri, identifiers = told["name"], told["uri"], told.get("identifiers", [])
    if not isinstance(name, str) or not 0 < len(name.strip()) <= 160:
        raise Invalid("a party has a name of 1 to 160 characters", pointer="/body/party/name")
    if not isinstance(identifiers, list):
        raise Invalid("identifiers are a list of URIs", pointer="/body/party/identifiers")
    for each in (uri, *identifiers):
        if not isinstance(each, str) or not is_uri(each) or len(canonical(each)) > 255:
            raise Invalid("a party is named by a URI of at most 255 characters", pointer="/body/party/uri")
    return Named(
        party, name.strip(), canonical(uri), tuple(canonical(each) for each in identifiers), is_operator, record_time_ms
    )


def load(ids: Collection[UUID], uris: Collection[str]) -> custody.Parties:
    """The registered parties with one of these ids or (canonical) identifiers."""
    by_uri, rows = bulk.answers((_CALLED, [list(uris)]), (_PARTIES, [list(ids), list(uris), list(uris)]))
    by_id = {row[0]: custody.Party(*row) for row in rows}
    named = {uri: by_id[party] for uri, party in by_uri}
    return custody.Parties(by_id, named | {party.uri: party for party in by_id.values()})


_CALLED = "SELECT uri, party_id FROM supplychain_partyidentifier WHERE uri = ANY(%s)"
_PARTIES = (
    "SELECT id, name, uri FROM supplychain_party WHERE id = ANY(%s) OR uri = ANY(%s)"
    " OR id IN (SELECT party_id FROM supplychain_partyidentifier WHERE uri = ANY(%s))"
)


def save(named: Iterable[Named]) -> None:
    """Write the parties; a later registration renames its party."""
    for each in named:
        Party.objects.update_or_create(
            id=each.id,
            defaults={"name": each.name, "uri": each.uri},
            create_defaults={
                "name": each.name,
                "uri": each.uri,
                "is_operator": each.is_operator,
                "created_at": EPOCH + timedelta(milliseconds=each.record_time_ms),
            },
        )
        PartyIdentifier.objects.filter(party=each.id).exclude(uri__in=each.uris).delete()
        for uri in each.uris:
            PartyIdentifier.objects.get_or_create(uri=uri, defaults={"party_id": each.id})
