"""What is kept beside the log: bodies, and who may read which scope. For the rooms that make projections of it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

from django.db import connection

from ledger import bulk
from ledger.models import Body, Disclosure, Entry, ScopeReader, Tombstone
from ledger.tlog import envelope
from ledger.tlog.disclosure import has_digests
from ledger.tlog.envelope import Envelope
from ledger.tlog.statement import ZERO, Statement, link, parse_statement


@dataclass(frozen=True, slots=True)
class KeptBody:
    """A body with the salt and chains that came with it."""

    index: int
    body: bytes
    salt: bytes
    tenant: UUID
    chains: tuple[bytes, ...]
    disclosures: tuple[str, ...] = ()
    """What is kept of what the body names by digests alone (tlog.disclosure)."""


@dataclass(frozen=True, slots=True)
class KeptTombstone:
    """What is left of an erased body."""

    index: int
    erased_index: int
    tenant: UUID
    chains: tuple[bytes, ...]
    scopes: tuple[UUID, ...]
    readers: tuple[tuple[UUID, UUID], ...]


@dataclass(frozen=True, slots=True)
class KeptEntry:
    """An entry as it stands, opened; not verified."""

    index: int
    record_time_ms: int
    envelope: Envelope
    statement: Statement
    statement_hash: bytes
    body: KeptBody | None
    tombstone: KeptTombstone | None = None


def entries(first: int, end: int) -> list[KeptEntry]:
    """The entries in [first, end), in order, each with its body where there is one, or what is left of it."""
    rows = Entry.objects.filter(index__gte=first, index__lt=end).order_by("index").values_list("index", "leaf")
    found = _all(Body.objects.filter(index__gte=first, index__lt=end))
    erased = {each.index: each for each in tombstones(index__gte=first, index__lt=end)}
    return [_opened(index, bytes(leaf), found.get(index), erased.get(index)) for index, leaf in rows]


def tombstones(**where: Any) -> list[KeptTombstone]:
    """What is left of erased bodies, in the order of their entries."""
    return [
        KeptTombstone(
            index=row.index,
            erased_index=row.erased_index,
            tenant=row.tenant,
            chains=tuple(bytes(chain) for chain in row.chains),
            scopes=tuple(row.scopes),
            readers=tuple((UUID(scope), UUID(party)) for scope, party in row.readers),
        )
        for row in Tombstone.objects.filter(**where).order_by("index")
    ]


def erase(commitment: bytes) -> int | None:
    """Let a body go that a `body.erased` in the log names; its entry's index, None when it is gone already.

    The database refuses every other (`ledger_erase`).
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT ledger_erase(%s)", [commitment])
        row = cursor.fetchone()
    return None if row is None or row[0] is None else int(row[0])


def head_of(chain: bytes, indices: Iterable[int]) -> bytes:
    """The statement hash that the chain's next statement would link to, after these entries in their order."""
    head = ZERO
    for leaf in Entry.objects.filter(index__in=list(indices)).order_by("index").values_list("leaf", flat=True):
        payload = envelope.parse_leaf(bytes(leaf)).payload
        if link(chain, head) in parse_statement(payload).links:
            head = envelope.statement_hash(payload)
    return head


def _opened(index: int, raw: bytes, body: KeptBody | None, tombstone: KeptTombstone | None) -> KeptEntry:
    leaf = envelope.parse_leaf(raw)
    return KeptEntry(
        index=index,
        record_time_ms=leaf.record_time_ms,
        envelope=Envelope(leaf.payload, envelope.PAYLOAD_TYPE, leaf.key_id, leaf.signature),
        statement=parse_statement(leaf.payload),
        statement_hash=envelope.statement_hash(leaf.payload),
        body=body,
        tombstone=tombstone,
    )


def bodies(indices: Iterable[int]) -> dict[int, KeptBody]:
    """The bodies of these entries, as far as they are kept and visible to whom the database is read for."""
    return _all(Body.objects.filter(index__in=list(indices)))


def _all(rows: Iterable[Body]) -> dict[int, KeptBody]:
    found = {row.index: _kept(row) for row in rows}
    naming = [index for index, body in found.items() if has_digests(body.body)]
    told: dict[int, list[str]] = {}
    if naming:
        kept = Disclosure.objects.filter(index__in=naming).order_by("index", "position")
        for index, text in kept.values_list("index", "text"):
            told.setdefault(index, []).append(text)
    return found | {index: replace(found[index], disclosures=tuple(texts)) for index, texts in told.items()}


def disclosures(indices: Iterable[int]) -> list[str]:
    """What is kept of what the bodies of these entries name by digests alone, as far as it may be seen."""
    found = Disclosure.objects.filter(index__in=list(indices)).order_by("index", "position")
    return list(found.values_list("text", flat=True))


def _kept(body: Body) -> KeptBody:
    chains = tuple(bytes(chain) for chain in body.chains)
    return KeptBody(body.index, bytes(body.body), bytes(body.salt), body.tenant, chains)


def statement_hashes(indices: Iterable[int]) -> dict[int, bytes]:
    """The statement hashes of these entries."""
    rows = Entry.objects.filter(index__in=list(indices)).values_list("index", "statement_hash")
    return {index: bytes(value) for index, value in rows}


def readers(scopes: Iterable[UUID]) -> set[tuple[UUID, UUID]]:
    """Who may read these scopes: pairs of scope and party."""
    return set(ScopeReader.objects.filter(scope__in=list(scopes)).values_list("scope", "party"))


def scopes_of(party: UUID) -> set[UUID]:
    """The scopes that a party may read."""
    return set(ScopeReader.objects.filter(party=party).values_list("scope", flat=True))


def add_readers(pairs: Iterable[tuple[UUID, UUID]]) -> None:
    """Let parties read scopes: pairs of scope and party that are not there yet."""
    bulk.insert(ScopeReader, ("scope", "party"), list(pairs))


def forget_readers() -> None:
    """Remove all readers; a rebuild puts them back."""
    ScopeReader.objects.all().delete()
