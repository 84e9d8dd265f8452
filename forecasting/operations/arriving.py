"""Sign what was learnt and said of arrivals, and make it again from the log."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import groupby
from typing import Any
from uuid import UUID

import numpy as np

from forecasting import arrivalproof, arrivals
from forecasting.arrivalrows import Arrival, ArrivalModel
from forecasting.arrivals import Asked
from forecasting.leadtime import arrivals as heart
from forecasting.leadtime.arrivals import Learnt
from forecasting.leadtime.models import Boosters
from forecasting.leadtime.trips import Passage
from forecasting.manifest import Source
from forecasting.operations.signing import append
from ledger.verified import erased_since, verified_few

TOLERANCE = 1e-3
"""With other versions of the libraries: of an estimate's longest duration."""
ROUNDING = 1e-9
"""With the same ones: boosted trees sum on several threads, in whatever order these come."""


def sign_arrivals(model: ArrivalModel, *, now: datetime) -> int:
    """Sign what a model learnt, and all that was said since the last time; its index. Call it inside a transaction."""
    arrivals.alone()
    rows = Arrival.objects.filter(signed_index__isnull=True, batch__isnull=False)
    signed = arrivalproof.signed_for(model, arrivalproof.leaves_of(rows))
    source = Source(model.origin, model.tree_size, bytes(model.root_hash))
    index = append(model.pk, source, signed, kind=arrivalproof.KIND, now=now)
    rows.update(signed_index=index)
    model.manifest, model.statement_index = signed.body, index
    model.save(update_fields=["manifest", "statement_index"])
    return index


@dataclass(slots=True)
class ArrivalsAgain:
    """What learning and saying it again gave."""

    model: ArrivalModel
    same_versions: bool
    said: int = 0
    largest_difference: float = 0.0
    differences: list[str] = field(default_factory=list)

    @property
    def holds(self) -> bool:
        """Whether it came out as it was signed: but for rounding, or within the tolerance with other versions."""
        return not self.differences


@dataclass(frozen=True, slots=True, eq=False)
class _Again:
    """A model that was learnt again."""

    rows: list[Passage]
    learnt: Learnt | None
    fitted: Boosters | None


def reproduce_arrivals(model: ArrivalModel) -> ArrivalsAgain:
    """Learn again from the log as it stood, say again what was signed with it, and compare. Raises LogBroken."""
    found = ArrivalsAgain(model, same_versions=model.versions == arrivals.versions())
    index = model.statement_index or 0
    found.differences += arrivalproof.verify(model)
    told, again = json.loads(bytes(model.manifest)), _learn_again(model)
    if arrivals.digest_of(arrivals.pack(again.rows)) != told["training"]:
        found.differences.append("the log tells of other trips than those that were signed")
    elif (again.learnt.method if again.learnt else "") != model.method:
        found.differences.append("another way comes out best")
    elif found.same_versions and not _are_same(arrivals.moves_of(again.learnt), told["shift"]):
        found.differences.append("its quantiles are moved or spread otherwise")
    _say_again(found, Arrival.objects.filter(signed_index=index).order_by("batch", "pk"), {model.pk: again})
    if found.differences and (gone := erased_since(model.tree_size)):
        found.differences.append(f"{gone} bodies of its history were erased since")
    return found


def _are_same(one: Mapping[str, Any] | None, other: Mapping[str, Any] | None) -> bool:
    if one is None or other is None:
        return one is other
    pairs = [(one.get(name) or (), other.get(name) or ()) for name in set(one) | set(other)]
    return all(len(a) == len(b) and np.allclose(a, b, rtol=0, atol=ROUNDING) for a, b in pairs)


def _learn_again(model: ArrivalModel) -> _Again:
    _, rows = arrivals.read_passages(model.tree_size)
    learnt = heart.learn(rows, now=model.made_at)
    boosted = learnt is not None and learnt.method == heart.BOOSTED
    return _Again(rows, learnt, heart.boosters(rows, now=model.made_at) if boosted else None)


def _say_again(found: ArrivalsAgain, rows: Any, learnt: dict[UUID, _Again]) -> None:
    """Batch by batch, each by the model that was the newest then."""
    models = {each.pk: each for each in ArrivalModel.objects.filter(pk__in=rows.order_by().values("model"))}
    for _, some in groupby(rows, key=lambda row: row.batch):
        batch: list[Arrival] = list(some)
        found.said += len(batch)
        used = batch[0].model
        if used not in models or used is None:
            found.differences.append(f"{batch[0]}: the model that it was said by is not there any more")
            continue
        if used not in learnt:
            learnt[used] = _learn_again(models[used])
        _compare(found, batch, learnt[used])


def _compare(found: ArrivalsAgain, batch: Sequence[Arrival], model: _Again) -> None:
    asked = [Asked(row.scope, row.tenant, row.unit, tuple(row.entries)) for row in batch]
    entries = {entry.index: entry for entry in verified_few(i for each in asked for i in each.indices)}
    again = arrivals.estimates(asked, entries, model.rows, model.learnt, fitted=model.fitted, now=batch[0].made_at)
    for row, (_, passage, duration) in zip(batch, again, strict=True):
        quantiles = duration.quantiles.tolist() if duration else []
        if (passage.stage.name if passage else "") != row.stage or len(quantiles) != len(row.quantiles):
            found.differences.append(f"{row}: its entries tell of another stage, or something else is said")
            continue
        gap = float(np.max(np.abs(np.subtract(quantiles, row.quantiles)), initial=0.0))
        relative = 0.0 if gap == 0 else gap / max(float(np.max(np.abs(row.quantiles))), 1e-12)
        found.largest_difference = max(found.largest_difference, relative)
        if relative > (ROUNDING if found.same_versions else TOLERANCE):
            found.differences.append(f"{row}: it comes out otherwise, by {relative:.2g} of its longest duration")
