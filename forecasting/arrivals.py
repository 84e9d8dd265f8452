"""Arrivals: learnt from the verified log once a night, said anew of a shipment with each of its events.

What an event means for a unit's way is not known here; the product registers a decoder at start-up. An estimate names
the checkpoint its events were verified against, and the tree size that the model was learnt from.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import json
import zlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any
from uuid import UUID, uuid4

from django.db import connection, transaction

from forecasting import runs
from forecasting.arrivalrows import Arrival, ArrivalModel
from forecasting.leadtime import arrivals as heart
from forecasting.leadtime.arrivals import Expected, Learnt
from forecasting.leadtime.durations import Duration
from forecasting.leadtime.journeys import LEVELS
from forecasting.leadtime.models import Boosters
from forecasting.leadtime.trips import Movement, Passage, Stage, Trip, passages, stages_seen, trips, under_way
from ledger.verified import VerifiedCheckpoint, VerifiedEntry, verified_entries, verified_few

__all__ = ["Arrival", "ArrivalModel", "Asked", "Expected", "Movement", "Wrong", "expected", "latest", "learn", "say"]

TOO_LITTLE = "Fewer than {least} finished trips are known; nothing is said of arrivals yet."
NO_TRIP = "Its verified events tell of no trip that is under way."
MOST_PASSAGES = 20_000
LIBRARIES = ("scikit-learn",)


@dataclass(frozen=True, slots=True)
class Wrong:
    """The event that is called `source` was wrong."""

    source: str


Decode = Callable[[VerifiedEntry], Iterable[Movement | Wrong]]
_decoder: list[Decode] = []


def register_decoder(decode: Decode) -> None:
    """Let `decode` tell what entries say of units on their way; the last one registered counts."""
    _decoder[:] = [decode]


@dataclass(frozen=True, slots=True)
class Asked:
    """A shipment under way: its scope, who opened it, and the entries of its events."""

    scope: UUID
    tenant: UUID
    unit: str
    indices: tuple[int, ...]


# --- learning --------------------------------------------------------------------------------------------------------


def learn(*, now: datetime) -> ArrivalModel | None:
    """Read the whole verified log, judge the ways and keep the best; None where the log is empty.

    Raises LogBroken: nothing is learnt from what does not hold.
    """
    checkpoint, rows = read_passages()
    if checkpoint is None:
        return None
    learnt = heart.learn(rows, now=now)
    made = ArrivalModel(
        origin=checkpoint.origin,
        tree_size=checkpoint.tree_size,
        root_hash=checkpoint.root_hash,
        method=learnt.method if learnt else "",
        scores={name: asdict(one) for name, one in learnt.scores.items() if one} if learnt else {},
        shift=moves_of(learnt),
        passages=len(rows),
        training=pack(rows),
        made_at=now,
        versions=versions(),
    )
    made.save(force_insert=True)
    older = ArrivalModel.objects.exclude(pk=made.pk).exclude(pk__in=_newest(3))
    older.filter(statement_index__isnull=True).delete()
    older.update(training=b"")  # it can be read from the log again; what was signed of it stays
    return made


def versions() -> dict[str, str]:
    """What the numbers depend on besides the log."""
    return {**runs.versions(), **{name: importlib.metadata.version(name) for name in LIBRARIES}}


def read_passages(tree_size: int | None = None) -> tuple[VerifiedCheckpoint | None, list[Passage]]:
    """The passages that the first `tree_size` verified entries tell of (default: all). Raises LogBroken."""
    checkpoint, entries = None, []
    for entry in verified_entries(tree_size=tree_size):
        checkpoint = entry.checkpoint
        entries.append(entry) if entry.statement.type == "event" and not entry.disputed else None
    return checkpoint, passages(_trips(entries), latest=MOST_PASSAGES)


def moves_of(learnt: Learnt | None) -> dict[str, Any] | None:
    """How far quantiles are moved and spread, as it is kept."""
    return {"shift": learnt.shift, "spread": learnt.spread} if learnt else None


def _newest(count: int) -> list[UUID]:
    return list(ArrivalModel.objects.order_by("-made_at").values_list("pk", flat=True)[:count])


def current() -> ArrivalModel | None:
    """The newest model."""
    return ArrivalModel.objects.order_by("-made_at").first()


def _trips(entries: Iterable[VerifiedEntry]) -> list[Trip]:
    [decode] = _decoder
    told = [each for entry in entries for each in decode(entry)]
    wrong = {each.source for each in told if isinstance(each, Wrong)}
    return trips((each for each in told if isinstance(each, Movement)), wrong=wrong)


# --- saying ----------------------------------------------------------------------------------------------------------


def say(asked: Sequence[Asked], *, model: ArrivalModel, now: datetime) -> list[Arrival]:
    """Say of each shipment when it will be there, from its own verified events; the rows, not stored yet.

    Raises LogBroken when an event of theirs does not hold.
    """
    entries = {entry.index: entry for entry in verified_few(i for each in asked for i in each.indices)}
    if not entries:
        return []
    rows, learnt = _memory(model.pk), _learnt(model)
    fitted = _boosters(model.pk, model.made_at) if learnt is not None and learnt.method == heart.BOOSTED else None
    checkpoint, batch = next(iter(entries.values())).checkpoint, uuid4()
    made = []
    for each, passage, duration in estimates(asked, entries, rows, learnt, fitted=fitted, now=now):
        made.append(
            Arrival(
                scope=each.scope,
                tenant=each.tenant,
                scopes=[each.scope],
                last_index=max(each.indices),
                stage=passage.stage.name if passage else "",
                since=passage.stage.at if passage else now,
                promised_at=passage.trip.promised if passage else None,
                quantiles=duration.quantiles.tolist() if duration else [],
                levels=list(LEVELS) if duration else [],
                reason="" if duration else TOO_LITTLE.format(least=heart.LEAST) if passage else NO_TRIP,
                drivers=_drivers(rows, passage, duration, now) if passage and duration else {},
                method=model.method if duration else "",
                origin=checkpoint.origin,
                tree_size=checkpoint.tree_size,
                root_hash=checkpoint.root_hash,
                learnt_size=model.tree_size,
                made_at=now,
                unit=each.unit,
                entries=list(each.indices),
                model=model.pk,
                batch=batch,
            )
        )
    return made


def estimates(
    asked: Sequence[Asked],
    entries: Mapping[int, VerifiedEntry],
    rows: Sequence[Passage],
    learnt: Learnt | None,
    *,
    fitted: Boosters | None,
    now: datetime,
) -> list[tuple[Asked, Passage | None, Duration | None]]:
    """The passage that each is on by its own entries, and how long it takes, by what was learnt of `rows`."""
    known = stages_seen(rows, least=heart.SEEN)
    open_ones: list[tuple[Asked, Passage | None]] = []
    for each in asked:
        own = [entries[i] for i in each.indices if not entries[i].disputed]
        found = under_way((trip for trip in _trips(own) if trip.unit == each.unit), known=known)
        open_ones.append((each, found[-1] if found else None))
    wanted = [passage for _, passage in open_ones if passage is not None]
    said: dict[int, Duration] = {}
    if learnt is not None and wanted:
        durations = heart.ask(rows, wanted, learnt, now=now, fitted=fitted)
        said = {id(passage): duration for passage, duration in zip(wanted, durations, strict=True)}
    return [(each, passage, said.get(id(passage)) if passage else None) for each, passage in open_ones]


def _drivers(rows: Sequence[Passage], passage: Passage, duration: Duration, now: datetime) -> dict[str, Any]:
    holder = passage.stage.holder
    return asdict(heart.drivers(rows, passage, duration, now=now)) | {"holder": holder}


def store(rows: Sequence[Arrival]) -> int:
    """Keep what was said; how much. What another job has said of the same events meanwhile stays, and whoever was
    spoken of at once with it waits for the next job: what is said at once is signed and computed again at once."""
    with transaction.atomic():
        alone()
        taken = set(Arrival.objects.filter(scope__in=[row.scope for row in rows]).values_list("scope", "last_index"))
        late = {row.batch for row in rows if (row.scope, row.last_index) in taken}
        return len(Arrival.objects.bulk_create([row for row in rows if row.batch not in late]))


def alone() -> None:
    """One at a time stores or signs, until its transaction ends."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtext('forecasting.arrivals'))")


def expected(row: Arrival, *, now: datetime) -> Expected | None:
    """What a row says at `now`, the time since then counted in; None where it says nothing."""
    if not row.quantiles:
        return None
    duration = _duration(tuple(row.quantiles), tuple(row.levels))
    return heart.expect(duration, since=row.since, now=now, promised=row.promised_at)


@lru_cache(maxsize=2_000)
def _duration(quantiles: tuple[float, ...], levels: tuple[float, ...]) -> Duration:
    import numpy as np  # here: pages that show no arrival need none

    return Duration(np.array(quantiles), levels)


def latest(scopes: Iterable[UUID]) -> dict[UUID, Arrival]:
    """The newest row of each shipment."""
    rows = Arrival.objects.filter(scope__in=list(scopes)).order_by("scope", "-last_index").distinct("scope")
    return {row.scope: row for row in rows}


def trips_of(model: ArrivalModel | None) -> list[Trip]:
    """The finished trips that a model was learnt from, in order of their start."""
    if model is None:
        return []
    found = {id(row.trip): row.trip for row in _memory(model.pk)}
    return sorted(found.values(), key=lambda trip: trip.left_at)


# --- the memory of a model -------------------------------------------------------------------------------------------


def pack(rows: Sequence[Passage]) -> bytes:
    """The finished trips behind the passages, compact."""
    return zlib.compress(_text(rows))


def digest_of(packed: bytes) -> str:
    """SHA-256 of what was packed, however it was compressed."""
    return hashlib.sha256(zlib.decompress(packed)).hexdigest()


def _text(rows: Sequence[Passage]) -> bytes:
    seen: dict[int, Trip] = {id(row.trip): row.trip for row in rows}
    told = [
        [
            [trip.unit, trip.giver, trip.consignee, trip.origin, trip.destination],
            [_iso(at) for at in (trip.left_at, trip.promised, trip.arrived_at, trip.known_at)],
            [[stage.name, _iso(stage.at), stage.holder, stage.index] for stage in trip.stages],
        ]
        for trip in seen.values()
    ]
    return json.dumps(told, separators=(",", ":")).encode()


def _unpack(packed: bytes) -> list[Passage]:
    found = []
    for names, times, stages in json.loads(zlib.decompress(packed)):
        left_at, promised, arrived_at, known_at = (datetime.fromisoformat(at) if at else None for at in times)
        assert left_at is not None
        unit, giver, consignee, origin, destination = names
        told = [Stage(name, datetime.fromisoformat(at), holder, index) for name, at, holder, index in stages]
        trip = Trip(unit, giver, consignee, origin, destination, left_at, promised, told, arrived_at, known_at)
        found.append(trip)
    return passages(found, latest=MOST_PASSAGES)


def _iso(at: datetime | None) -> str | None:
    return at.isoformat() if at else None


def _learnt(model: ArrivalModel) -> Learnt | None:
    if not model.method:
        return None
    # A model that was learnt before spreads were has the list of its shifts alone.
    told: dict[str, Any] = model.shift if isinstance(model.shift, dict) else {"shift": model.shift}
    shift, spread = (tuple(told[name]) if told.get(name) else None for name in ("shift", "spread"))
    return Learnt(model.method, {}, shift, model.passages, spread)


@lru_cache(maxsize=1)
def _memory(model: UUID) -> tuple[Passage, ...]:
    return tuple(_unpack(bytes(ArrivalModel.objects.only("training").get(pk=model).training)))


@lru_cache(maxsize=1)
def _boosters(model: UUID, made_at: datetime) -> Boosters:
    """Fitted once a process: the same rows and settings give the same models."""
    return heart.boosters(_memory(model), now=made_at)
