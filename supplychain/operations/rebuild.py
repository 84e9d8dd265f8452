"""Making every projection again from the log and the bodies beside it, by the code that made them first."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from uuid import UUID

from django.db import connection, transaction

from ledger import audit, kept, tenancy
from ledger import queries as log
from ledger.admission import Admitted, AlreadyAppended, Pending, Refused, scope_of
from ledger.operations import key_records
from ledger.operations.opening import lock
from ledger.tlog.keys import KeyRecord
from supplychain.custody import OPENING
from supplychain.epcis.disclosures import parse_whole
from supplychain.operations.rule import CaptureRule, Item
from supplychain.projections import digests, readers
from supplychain.projections import events as event_rows
from supplychain.projections import shipments as shipment_rows

CHUNK = 1_000


class NotRebuilt(RuntimeError):
    """An entry of the log does not lead to what it led to; `index` is its place."""

    def __init__(self, index: int, why: str) -> None:
        super().__init__(f"entry {index} {why}")
        self.index = index


def rebuild(*, progress: Callable[[int], None] = lambda done: None) -> dict[str, str]:
    """Make all projections again and put them in the place of the old ones, in one transaction; return their digests.

    Captures wait meanwhile. Raises NotRebuilt, and then nothing has changed.
    """
    with tenancy.system(), transaction.atomic():
        lock()
        digests.shadow_all()
        project_log(progress)
        digests.replace_all()
        digests.unshadow_all()
        return digests.digest_of_projections()


def differences() -> Iterator[audit.Fault]:
    """Make the projections anew beside the kept ones, and name what differs; nothing is changed."""
    is_outermost = not connection.in_atomic_block
    with tenancy.system(), transaction.atomic():
        if is_outermost:
            with connection.cursor() as cursor:
                cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        digests.shadow_all()
        try:
            project_log()
            found = list(digests.differences())
        except NotRebuilt as broken:
            found = [(broken.index, str(broken))]
        digests.unshadow_all()
    for index, what in found:
        yield audit.Fault(index, what)


def project_log(progress: Callable[[int], None] = lambda done: None) -> None:
    """Project all entries in order, into tables that are empty. Raises NotRebuilt."""
    size, erased = log.tree_size(), kept.tombstones()
    forgotten = {scope_of(chain): chain for each in erased for chain in each.chains}
    for first in range(0, size, CHUNK):
        entries = kept.entries(first, min(first + CHUNK, size))
        _project([entry for entry in entries if entry.body is not None], frozenset(forgotten))
        event_rows.write_erased(erased_rows(entries))
        progress(min(first + CHUNK, size))
    shipment_rows.forget(forgotten.values())
    erasing = {pair: each.erased_index for each in erased for pair in each.readers}
    readers.admit((*pair, index) for pair, index in sorted(erasing.items()))


def erased_rows(entries: Iterable[kept.KeptEntry]) -> Iterator[event_rows.Erased]:
    """Of these entries, those whose bodies were erased, as rows of events."""
    for entry in entries:
        if entry.tombstone is not None:
            yield event_rows.Erased(
                index=entry.index,
                record_time_ms=entry.record_time_ms,
                tenant=entry.tombstone.tenant,
                key_id=entry.statement.key,
                scopes=list(entry.tombstone.scopes),
                kind=str(log.entry(entry.tombstone.erased_index).statement.claims.get("kind", "")),
                erased_by=entry.tombstone.erased_index,
            )


def _project(entries: list[kept.KeptEntry], forgotten: frozenset[UUID]) -> None:
    known = {record.key_id: record for record in key_records({entry.statement.key for entry in entries})}
    told = ("event", "key.register")
    pending = {entry.index: _pending(entry, known) for entry in entries if entry.statement.type in told}
    rule = CaptureRule(now=None, forgotten=forgotten)
    rule.load(list(pending.values()))
    admitted = []
    for entry in entries:
        if entry.index not in pending:
            continue
        try:
            admission = rule.admit(pending[entry.index])
        except (Refused, AlreadyAppended) as refused:
            raise NotRebuilt(entry.index, f"would be refused now: {refused}") from refused
        if entry.body is None or admission.chains != entry.body.chains:
            raise NotRebuilt(entry.index, "belongs to other shipments than are kept beside it")
        admitted.append(Admitted(pending[entry.index], admission, b"", b""))
    rule.project(admitted)


def _pending(entry: kept.KeptEntry, known: dict[str, KeyRecord]) -> Pending:
    assert entry.body is not None
    return Pending(
        position=entry.index,
        envelope=entry.envelope,
        statement=entry.statement,
        statement_hash=entry.statement_hash,
        key=known[entry.statement.key],
        body=entry.body.body,
        salt=entry.body.salt,
        context=_item(entry, entry.body) if entry.statement.type == "event" else None,
        index=entry.index,
        record_time_ms=entry.record_time_ms,
    )


def _item(entry: kept.KeptEntry, body: kept.KeptBody) -> Item:
    """The event as it came: an opening act's chains lie beside its body, in the order of its units."""
    read = event_rows.read(body.body, parse_whole(body.body, body.disclosures))
    opens = read.act in OPENING and len(body.chains) == len(read.units)
    return Item(read, dict(zip(read.units, body.chains, strict=True)) if opens else {}, kept=body.chains)
