"""Keeps what the verified log tells of demand, so that a night verifies all and decodes only what is new.

The rows are a projection: `rebuild` makes them again from the log, `differences` compares them with it, and
reproducing a run never reads them.
"""

import hashlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import islice
from typing import Any
from uuid import UUID

from django.db import connection, transaction
from django.db.models import QuerySet

from forecasting.history import (
    DEMAND_KINDS,
    Observation,
    SeriesHistory,
    SeriesKey,
    Withdrawal,
    decoder,
)
from forecasting.models import Observed, ObservedSeries, ObservedTo
from forecasting.timeseries.series import Dated
from ledger import tenancy
from ledger.verified import VerifiedCheckpoint, VerifiedEntry, verified_since

CHANGES_THE_PAST = frozenset({"key.revoke", "key.attest", "body.erased"})
"""Statements after which an older entry may count no more, or count again: all is read again."""
AT_ONCE = 5_000
_EMPTY = hashlib.sha256().digest()
"""The root of no entries."""


class _PastChanges(Exception):
    """An entry was reached after which older ones may count no more."""


@dataclass(slots=True)
class _Batch:
    """Observations that wait to be written, and the rows of the series that were met so far."""

    rows: list[tuple[Any, ...]] = field(default_factory=list)
    series: dict[SeriesKey, int] = field(default_factory=dict)


def advance() -> VerifiedCheckpoint:
    """Verify the log and take in what is new since the last time; answer with the checkpoint.

    Raises ledger.verified.LogBroken, and NoDecoder when nobody has said what events mean.
    """
    with tenancy.system(), transaction.atomic():
        _alone()
        at = ObservedTo.objects.first()
        size, root = (at.tree_size, bytes(at.root_hash)) if at is not None else (0, _EMPTY)
        checkpoint, entries = verified_since(size, root)
        if entries is not None and at is not None and size == checkpoint.tree_size:
            return checkpoint
        if at is None or entries is None or not took_in(entries, _take_in):
            Observed.objects.all().delete()
            checkpoint, entries = verified_since(0, _EMPTY) if at is not None else (checkpoint, entries)
            assert entries is not None  # every log begins with no entry
            _take_in(entries)
        ObservedTo.objects.update_or_create(
            id=1, defaults={"tree_size": checkpoint.tree_size, "root_hash": checkpoint.root_hash}
        )
        return checkpoint


def forget_entry(index: int) -> None:
    """Let go at once of what an entry told whose body is being erased; the next `advance` reads the log again."""
    with tenancy.system():
        Observed.objects.filter(index=index).delete()


def rebuild() -> VerifiedCheckpoint:
    """Forget all rows, and read the whole log again. Raises as `advance` does."""
    with tenancy.system(), transaction.atomic():
        _alone()
        ObservedTo.objects.all().delete()
        return advance()


def histories(ids: Sequence[int], *, tree_size: int) -> list[tuple[int, SeriesHistory]]:
    """The series with these ids, as the first `tree_size` entries tell of them; in the order of the ids."""
    keys = {row.pk: key_of(row) for row in ObservedSeries.objects.filter(pk__in=ids)}
    found: dict[int, list[Dated]] = {pk: [] for pk in keys}
    told = Observed.objects.filter(series__in=list(keys), index__lt=tree_size).order_by("index", "id")
    columns = ("series_id", "at", "known_at", "quantity", "attested", "origin", "withdrawn_at", "withdrawn_index")
    for pk, at, known_at, quantity, attested, origin, withdrawn_at, by in told.values_list(*columns).iterator(50_000):
        ended = withdrawn_at if by is not None and by < tree_size else None
        found[pk].append(Dated(at, known_at, quantity, ended, attested, origin))
    return [
        (pk, SeriesHistory(keys[pk], tuple(found[pk]), any(one.attested for one in found[pk])))
        for pk in ids
        if pk in keys
    ]


def rows(ids: Sequence[int]) -> QuerySet[ObservedSeries]:
    """The kept series with these ids."""
    return ObservedSeries.objects.filter(pk__in=ids)


def touched_since(tree_size: int) -> set[int]:
    """The series that entries from index `tree_size` on tell of, or withdraw from."""
    return set(ObservedSeries.objects.filter(last_index__gte=tree_size).values_list("pk", flat=True))


def key_of(row: ObservedSeries) -> SeriesKey:
    """The key of a kept series."""
    return SeriesKey(row.kind, row.product, row.site, row.unit, row.tenant)


def preferred_ids(*, cutoff: datetime, tenant: UUID | None = None) -> list[int]:
    """The series that count as demand at `cutoff`: of each product, site, unit and tenant the best kind known then."""
    found = ObservedSeries.objects.filter(first_known_at__lte=cutoff)
    if tenant is not None:
        found = found.filter(tenant=tenant)
    best: dict[tuple[str, str, str, UUID | None], tuple[int, int]] = {}
    for pk, kind, product, site, unit, owner in found.values_list("pk", "kind", "product", "site", "unit", "tenant"):
        mine = (DEMAND_KINDS.index(kind), pk)
        best[product, site, unit, owner] = min(best.get((product, site, unit, owner), mine), mine)
    return sorted(pk for _, pk in best.values())


def siblings(key: SeriesKey, *, most: int = 24) -> list[int]:
    """Series of the same product, unit, kind and tenant at other sites."""
    found = ObservedSeries.objects.filter(product=key.product, unit=key.unit, kind=key.kind, tenant=key.tenant)
    return list(found.exclude(site=key.site).order_by("pk").values_list("pk", flat=True)[:most])


def _alone() -> None:
    """One at a time takes in: the next one waits until the first has committed."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtext('forecasting.observing'))")


def took_in(entries: Iterator[VerifiedEntry], take_in: Callable[[Iterator[VerifiedEntry]], None]) -> bool:
    """Take in new entries; not when one of them changes what older ones mean."""
    try:
        with transaction.atomic():
            take_in(_unless_past_changes(entries))
    except _PastChanges:
        return False
    return True


def _unless_past_changes(entries: Iterator[VerifiedEntry]) -> Iterator[VerifiedEntry]:
    for entry in entries:
        if entry.statement.type in CHANGES_THE_PAST:
            raise _PastChanges
        yield entry


def _take_in(entries: Iterable[VerifiedEntry]) -> None:
    decode, batch = decoder(), _Batch()
    for entry in entries:
        if entry.disputed or entry.body is None or entry.statement.type != "event":
            continue
        for told in decode(entry):
            if isinstance(told, Withdrawal):
                _write(batch)
                _withdraw(told, entry)
            elif told.series.kind in DEMAND_KINDS:
                _add(batch, told, entry)
        if len(batch.rows) >= AT_ONCE:
            _write(batch)
    _write(batch)


def _add(batch: _Batch, told: Observation, entry: VerifiedEntry) -> None:
    known_at = min(told.known_at, entry.record_time)  # nobody knows a thing after it stands in the log
    source = hashed(told.source) if told.source else None
    key = told.series
    batch.rows.append((key, entry.index, told.at, known_at, told.quantity, told.attested, told.origin, source))


_INSERT = """
    INSERT INTO forecasting_observed (series_id, index, at, known_at, quantity, attested, origin, source)
    SELECT * FROM unnest(%s::bigint[], %s::bigint[], %s::timestamptz[], %s::timestamptz[], %s::float8[],
                         %s::boolean[], %s::text[], %s::uuid[])
"""
_FIRSTS = """
    UPDATE forecasting_observedseries s
    SET first_known_at = LEAST(s.first_known_at, o.known_at), first_at = LEAST(s.first_at, o.at),
        last_index = GREATEST(s.last_index, o.index)
    FROM (SELECT series_id, min(known_at) AS known_at, min(at) AS at, max(index) AS index
          FROM forecasting_observed WHERE index >= %s AND series_id = ANY(%s) GROUP BY series_id) o
    WHERE s.id = o.series_id
"""


_FOUND = """
    SELECT k.place, s.id
    FROM unnest(%s::text[], %s::text[], %s::text[], %s::text[], %s::uuid[]) WITH ORDINALITY
             AS k (kind, product, site, unit, tenant, place)
    JOIN forecasting_observedseries s
      ON s.product = k.product AND s.site = k.site AND s.unit = k.unit AND s.kind = k.kind
     AND s.tenant IS NOT DISTINCT FROM k.tenant
"""


def _write(batch: _Batch) -> None:
    if not batch.rows:
        return
    _ensure_series(batch)
    keys, *columns = ([*column] for column in zip(*batch.rows, strict=True))
    ids = [batch.series[key] for key in keys]
    with connection.cursor() as cursor:
        cursor.execute(_INSERT, [ids, *columns])
        cursor.execute(_FIRSTS, [min(columns[0]), sorted(set(ids))])
    batch.rows.clear()


def _ensure_series(batch: _Batch) -> None:
    """Make the rows of series that are new, and find all that were not met before: two questions, however many."""
    new: dict[SeriesKey, ObservedSeries] = {}
    for key, index, at, known_at, *_ in batch.rows:
        if key not in batch.series and key not in new:
            new[key] = ObservedSeries(
                kind=key.kind, product=key.product, site=key.site, unit=key.unit, tenant=key.tenant,
                first_known_at=known_at, first_at=at, last_index=index,
            )  # fmt: skip
    if not new:
        return
    ObservedSeries.objects.bulk_create(new.values(), ignore_conflicts=True, batch_size=2_000)
    keys = list(new)
    columns = [[getattr(key, name) for key in keys] for name in ("kind", "product", "site", "unit", "tenant")]
    with connection.cursor() as cursor:
        cursor.execute(_FOUND, columns)
        batch.series.update((keys[place - 1], pk) for place, pk in cursor.fetchall())


def _withdraw(told: Withdrawal, entry: VerifiedEntry) -> None:
    """End what a source said so far; what it says later (a corrected event under the same id) stands."""
    rows = Observed.objects.filter(source=hashed(told.source), withdrawn_at__isnull=True)
    touched = list(rows.values_list("series_id", flat=True).distinct())
    rows.update(withdrawn_at=min(told.known_at, entry.record_time), withdrawn_index=entry.index)
    ObservedSeries.objects.filter(pk__in=touched).update(last_index=entry.index)


def hashed(source: str) -> UUID:
    """Sixteen bytes that stand for a source."""
    return UUID(bytes=hashlib.sha256(source.encode()).digest()[:16])


def differences(truth: Iterable[SeriesHistory], *, tree_size: int) -> Iterator[str]:
    """Name the series of which the rows tell otherwise than the log does."""
    known = {key_of(row).text: row.pk for row in ObservedSeries.objects.all()}
    for some in batched(truth, 500):
        ids = {known[one.key.text]: one for one in some if one.key.text in known}
        kept = {ids[pk].key.text: one.observations for pk, one in histories(list(ids), tree_size=tree_size)}
        for real in some:
            told = kept.get(real.key.text, ())
            if sorted(map(_comparable, told)) != sorted(map(_comparable, real.observations)):
                yield f"the kept observations of {real.key.product} at {real.key.site} are not those of the log"


def batched(truth: Iterable[SeriesHistory], size: int) -> Iterator[list[SeriesHistory]]:
    """Some at a time."""
    left = iter(truth)
    while some := list(islice(left, size)):
        yield some


def _comparable(one: Dated) -> tuple[Any, ...]:
    ended = one.withdrawn_at.isoformat() if one.withdrawn_at else ""
    return one.at, one.known_at, one.quantity, ended, one.attested, one.origin
