"""Keeps what the verified log tells of stock and orders, so that a plan reads its party's rows and not the whole log.

The rows are a projection, as kept observations are: the log is verified before anything new is taken in, `rebuild`
makes them again from it, `differences` compares them with it. What is erased goes at once; after a revoked key or an
erased body everything is read again, for older entries may count no more.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator
from itertools import zip_longest
from typing import Any, cast
from uuid import UUID

from django.db import connection, transaction

from forecasting.observing import took_in
from forecasting.planning.stock import Change, Key, Kind, Wrong
from forecasting.planrows import StockChange, StockTo
from ledger import tenancy
from ledger.verified import VerifiedCheckpoint, VerifiedEntry, verified_entries, verified_since

AT_ONCE = 2_000
_EMPTY = hashlib.sha256().digest()
"""The root of no entries."""
_COLUMNS = ("tenant", "index", "kind", "site", "product", "unit", "quantity", "at", "source")

Decode = Callable[[VerifiedEntry], Iterable[Change | Wrong]]
_decoder: list[Decode] = []


def register_decoder(decode: Decode) -> None:
    """Let `decode` tell what entries say of stock; the last one registered counts."""
    _decoder[:] = [decode]


def advance() -> VerifiedCheckpoint:
    """Verify the log and take in what is new since the last time; answer with the checkpoint. Raises LogBroken."""
    with tenancy.system(), transaction.atomic():
        _alone()
        at = StockTo.objects.first()
        size, root = (at.tree_size, bytes(at.root_hash)) if at is not None else (0, _EMPTY)
        checkpoint, entries = verified_since(size, root)
        if at is None or entries is None or not took_in(entries, _take_in):
            StockChange.objects.all().delete()
            _, entries = verified_since(0, _EMPTY)
            assert entries is not None  # every log begins with no entry
            _take_in(entries)
        StockTo.objects.update_or_create(
            id=1, defaults={"tree_size": checkpoint.tree_size, "root_hash": checkpoint.root_hash}
        )
        return checkpoint


def rebuild() -> VerifiedCheckpoint:
    """Forget all rows, and read the whole log again. Raises LogBroken."""
    with tenancy.system(), transaction.atomic():
        _alone()
        StockTo.objects.all().delete()
        return advance()


def forget_entry(index: int) -> None:
    """Let go at once of what an entry told whose body is being erased; the next `advance` reads the log again."""
    with tenancy.system():
        StockChange.objects.filter(index=index).delete()


def told_of(party: UUID) -> tuple[list[Change], set[str]]:
    """What a party's entries told of its stock, and which of its events were declared wrong."""
    changes, wrong = [], set()
    rows = StockChange.objects.filter(tenant=party).order_by("index", "id").values_list(*_COLUMNS)
    for tenant, index, kind, site, product, unit, quantity, at, source in rows.iterator(10_000):
        if kind == StockChange.WRONG:
            wrong.add(source)
        else:
            key = Key(tenant, site, product, unit)
            changes.append(Change(key, cast(Kind, kind), quantity, at, source, index))
    return changes, wrong


def differences() -> Iterator[tuple[int, str]]:
    """Name by index the first row that tells otherwise than the log, as far as it was taken in. Raises LogBroken."""
    with tenancy.system():
        at = StockTo.objects.first()
        if at is None or not at.tree_size:
            return
        kept = StockChange.objects.order_by("index", "id").values_list(*_COLUMNS).iterator(10_000)
        for real, mine in zip_longest(_rows_of(verified_entries(tree_size=at.tree_size)), kept):
            if real != mine:
                told = real or mine
                yield told[1], "what is kept of stock and orders is not what the entry tells"
                return


def _rows_of(entries: Iterable[VerifiedEntry]) -> Iterator[tuple[Any, ...]]:
    """What entries tell, as the columns of rows."""
    [decode] = _decoder
    for entry in entries:
        if entry.statement.type != "event" or entry.disputed or entry.body is None:
            continue
        party = UUID(hex=entry.key.party)
        for told in decode(entry):
            if isinstance(told, Wrong):
                yield party, entry.index, StockChange.WRONG, "", "", "", 0.0, entry.record_time, _name(told.source)
            elif told.key.tenant == party:
                key = told.key
                where = (key.site, key.product, key.unit)
                yield party, entry.index, told.kind, *where, told.quantity, told.at, _name(told.source)


def _name(source: str) -> str:
    """What stands for a source, however long its event's name is."""
    return hashlib.sha256(source.encode()).hexdigest()[:32]


def _take_in(entries: Iterable[VerifiedEntry]) -> None:
    rows = (StockChange(**dict(zip(_COLUMNS, row, strict=True))) for row in _rows_of(entries))
    StockChange.objects.bulk_create(rows, batch_size=AT_ONCE)


def _alone() -> None:
    """One at a time takes in: the next one waits until the first has committed."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtext('forecasting.stocking'))")
