"""What is signed of arrivals: what was learnt, and a Merkle root over what was said of shipments since the last time.

One `forecast` statement of the kind `arrivals` a night. Its manifest names the part of the log that the model was
learnt from, what it learnt and the libraries; its series root is over the records of all estimates that no earlier one
signed. A record names the entries that an estimate was made from, so that it can be made again from them.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

from forecasting import arrivals, manifest
from forecasting.arrivalrows import Arrival, ArrivalModel
from forecasting.history import signed_forecasts
from forecasting.leadtime.arrivals import BOOSTED_SETTINGS
from forecasting.manifest import SignedFor
from ledger import tenancy
from ledger.tlog import merkle
from ledger.verified import LogBroken, VerifiedEntry, checked_once, roots_at

FORMAT = "waylog-arrivals-manifest/1"
KIND = "arrivals"


def record_of(row: Arrival) -> dict[str, Any]:
    """What is signed of one estimate."""
    return {
        "scope": row.scope.hex,
        "unit": row.unit,
        "entries": list(row.entries),
        "tree_size": row.tree_size,
        "root_hash": bytes(row.root_hash).hex(),
        "model": row.model.hex if row.model else None,
        "batch": row.batch.hex if row.batch else None,
        "stage": row.stage,
        "since": _iso(row.since),
        "promised": _iso(row.promised_at),
        "said": manifest.digest_of([list(row.levels), list(row.quantiles)]),
        "drivers": manifest.digest_of(dict(row.drivers)),
        "method": row.method,
        "reason": row.reason,
        "made_at": _iso(row.made_at),
    }


def leaves_of(rows: Iterable[Arrival]) -> list[bytes]:
    """The hashes of the records, in order."""
    return [merkle.leaf_hash(leaf) for leaf in sorted(manifest.encode(record_of(row)) for row in rows)]


def signed_for(model: ArrivalModel, leaves: Sequence[bytes]) -> SignedFor:
    """The manifest of a model, and of the estimates that are signed with it."""
    root = merkle.root_of(leaves)
    told = {
        "format": FORMAT,
        "run": model.pk.hex,
        "kind": KIND,
        **learnt_of(model, training=arrivals.digest_of(bytes(model.training))),
        "versions": dict(model.versions),
        "settings": manifest.as_floats(json.loads(json.dumps(asdict(BOOSTED_SETTINGS)))),
        "said": len(leaves),
        "series_root": root.hex(),
    }
    return SignedFor(manifest.encode(told), root)


def learnt_of(model: ArrivalModel, *, training: str) -> dict[str, Any]:
    """What a manifest says of a model."""
    return {
        "log": {"origin": model.origin, "tree_size": model.tree_size, "root_hash": bytes(model.root_hash).hex()},
        "made_at": _iso(model.made_at),
        "method": model.method,
        "scores": manifest.as_floats(model.scores),
        "shift": manifest.as_floats(model.shift),
        "passages": model.passages,
        "training": training,
    }


def newest() -> ArrivalModel | None:
    """The model that was signed last."""
    return ArrivalModel.objects.filter(statement_index__isnull=False).order_by("-statement_index").first()


def faults() -> Iterator[tuple[int, str]]:
    """Tell the audit, by index, where what is stored of arrivals is not what was signed, or lies above nothing."""
    with tenancy.system(), checked_once():
        models = list(ArrivalModel.objects.filter(statement_index__isnull=False).order_by("statement_index"))
        indices = [index for each in models if (index := each.statement_index) is not None]
        try:
            signed, roots = signed_forecasts(indices), _roots_for(models)
        except LogBroken as broken:
            yield -1, str(broken)
            return
        for each in models:
            index = each.statement_index or 0
            for what in _faults_of(each, signed.get(index), roots):
                yield index, what


def verify(model: ArrivalModel) -> list[str]:
    """What is wrong with what was signed of arrivals in one night. Nothing is fitted. Raises LogBroken."""
    index = model.statement_index or 0
    return _faults_of(model, signed_forecasts([index]).get(index), _roots_for([model]))


def _roots_for(models: Sequence[ArrivalModel]) -> dict[int, bytes]:
    """The roots that the log had where these and their estimates were made: all from one reading."""
    said = Arrival.objects.filter(signed_index__in=[each.statement_index for each in models])
    return roots_at({each.tree_size for each in models} | set(said.values_list("tree_size", flat=True).distinct()))


def _faults_of(model: ArrivalModel, signed: VerifiedEntry | None, roots: Mapping[int, bytes]) -> list[str]:
    """What is stored of a model and of what was signed with it otherwise than its entry says."""
    name = f"arrivals {model.pk.hex}"
    if signed is None:
        return [f"{name}: no forecast statement stands at its index"]
    body, claims = bytes(model.manifest), signed.statement.claims
    told = json.loads(body if signed.body is None else signed.body)
    rows = list(Arrival.objects.filter(signed_index=signed.index))
    root = merkle.root_of(leaves_of(rows)).hex()
    wrong = []
    if signed.body is not None and signed.body != body:
        wrong.append(f"{name}: its manifest is not the one that was signed")
    mine = learnt_of(model, training=told["training"])
    if any(told.get(part) != value for part, value in mine.items()):
        wrong.append(f"{name}: what it learnt is not what was signed")
    if model.training and arrivals.digest_of(bytes(model.training)) != told["training"]:
        wrong.append(f"{name}: the trips that it is kept with are not those that were signed")
    if root != claims.get("series_root") or claims.get("run") != model.pk.hex:
        wrong.append(f"{name}: what was said of shipments is not what was signed ({len(rows)} of {told['said']})")
    return wrong + _misplaced(name, model, rows, signed.index, roots)


def _misplaced(
    name: str, model: ArrivalModel, rows: Sequence[Arrival], index: int, roots: Mapping[int, bytes]
) -> list[str]:
    """Whether it all lies above what it was made from, under the roots that the log had there."""
    sizes = {model.tree_size: bytes(model.root_hash)} | {row.tree_size: bytes(row.root_hash) for row in rows}
    wrong = []
    if any(roots.get(size) != root for size, root in sizes.items()):
        wrong.append(f"{name}: the log had another root than it names")
    if model.tree_size > index or any(row.tree_size > index for row in rows):
        wrong.append(f"{name}: it stands below the entries that it says it was made from")
    if any(entry >= row.tree_size for row in rows for entry in row.entries):
        wrong.append(f"{name}: an estimate names an entry above the part of the log that it was made from")
    return wrong


def _iso(at: datetime | None) -> str | None:
    return at.astimezone(UTC).isoformat() if at else None
