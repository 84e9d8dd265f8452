"""Cosignatures for our own checkpoints: who is asked, what was answered, and a check of what is kept."""

from __future__ import annotations

import logging
import time
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime

from django.db import connection
from django.db.models import Max

from ledger import operations, queries, quorum
from ledger.audit import Fault
from ledger.models import Checkpoint, Cosignature, WitnessAnswer
from ledger.tlog.errors import Malformed, TlogError
from ledger.tlog.note import COSIGNATURE, SignedNote, VerifierKey, parse_note, parse_verifier_key, verify_note
from ledger.witness.client import Cosigned, NotCosigned, Result, WitnessAt, collect

SECONDS = 10.0
"""How long the witnesses have, all together: they are asked each minute."""
_ASKING = 0x7761796C6F68  # "waylog" + 1
_AGAIN = 0.02
"""Seconds between two looks whether another process still asks."""
log = logging.getLogger("waylog.witness")


def collect_cosignatures(*, now: datetime, seconds: float = SECONDS, only_enough: bool = False) -> list[Result]:
    """Keep the newest checkpoint and ask those witnesses for it that have not cosigned it; keep what they answer.

    Holds no lock of the log's while it waits, and one process asks at a time, so that no witness is shown a smaller
    tree after a larger one; nobody is asked when another takes all the time. With `only_enough` it ends once the
    policy's quorum is there. A refusal is written down as an error: someone has seen another log than this one. Raises
    PolicyUnreadable.
    """
    deadline = time.monotonic() + seconds
    asked = quorum.witnesses()
    with _alone(deadline) as is_ours:
        size = operations.keep_checkpoint() if is_ours else None
        return _collect(size, asked, now, deadline, only_enough=only_enough) if size else []


def _collect(
    size: int, asked: Collection[WitnessAt], now: datetime, deadline: float, *, only_enough: bool
) -> list[Result]:
    done = dict(Cosignature.objects.filter(tree_size=size).values_list("witness", "verifier_key"))
    before = {parse_verifier_key(text) for text in done.values()}

    def is_enough(found: Collection[Result]) -> bool:
        return only_enough and quorum.is_met_by(before | _cosigners(found))

    results = collect(
        Checkpoint.objects.get(tree_size=size).note,
        tree_size=size,
        witnesses=[each for each in asked if each.verifier.name not in done],
        known=dict(Cosignature.objects.values_list("witness").annotate(Max("tree_size"))),
        prove=lambda old, new: queries.consistency_proof(old, new).path,
        seconds=deadline - time.monotonic(),
        enough=is_enough,
    )
    operations.keep_cosignatures(_row(size, each) for each in results if isinstance(each, Cosigned))
    for each in results:
        _keep_answer(each, size, now)
        if isinstance(each, NotCosigned):
            level = logging.ERROR if each.is_refusal else logging.WARNING
            log.log(level, "witness %s did not cosign size %d: %s", each.witness.verifier.name, size, each.why)
    return results


def _cosigners(found: Collection[Result]) -> set[VerifierKey]:
    return {each.witness.verifier for each in found if isinstance(each, Cosigned)}


@contextmanager
def _alone(deadline: float) -> Iterator[bool]:
    """Wait until no other process asks the witnesses; False when that takes until the deadline."""
    is_ours = False
    with connection.cursor() as cursor:
        while not is_ours and time.monotonic() < deadline:
            cursor.execute("SELECT pg_try_advisory_lock(%s)", [_ASKING])
            [is_ours] = cursor.fetchone() or (False,)
            if not is_ours:
                time.sleep(_AGAIN)
    try:
        yield is_ours
    finally:
        if is_ours:
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_advisory_unlock(%s)", [_ASKING])


def _keep_answer(answer: Result, size: int, now: datetime) -> None:
    why, is_refusal = (answer.why, answer.is_refusal) if isinstance(answer, NotCosigned) else ("", False)
    told = {"at": now, "tree_size": size, "why": why, "is_refusal": is_refusal}
    refused = {"refused_at": now} if is_refusal else {}
    WitnessAnswer.objects.update_or_create(witness=answer.witness.verifier.name, defaults=told | refused)


@dataclass(frozen=True, slots=True)
class Standing:
    """A witness as it stands: whether it is still asked, what it cosigned last and when, and what it answered last."""

    name: str
    verifier_key: str
    url: str
    """Where it is asked; empty when the settings name it no more."""
    cosigned_size: int
    cosigned_at: datetime | None
    answer: WitnessAnswer | None

    @property
    def refuses(self) -> bool:
        """Whether its last answer was that it has seen something which it must not cosign."""
        return self.answer is not None and self.answer.is_refusal

    @property
    def evidence_url(self) -> str:
        """Where the witness shows what it keeps as evidence against this log; empty before it ever refused."""
        if not self.url or self.answer is None or self.answer.refused_at is None:
            return ""
        return f"{self.url}/evidence/{queries.origin()}"


def standings() -> list[Standing]:
    """Every witness that is asked or ever cosigned, by name. Raises PolicyUnreadable."""
    asked = {each.verifier.name: each for each in quorum.witnesses()}
    cosigned = {each.name: each for each in queries.cosigners()}
    answers = {each.witness: each for each in WitnessAnswer.objects.all()}
    found = []
    for name in sorted(asked.keys() | cosigned.keys()):
        at, signed = asked.get(name), cosigned.get(name)
        found.append(
            Standing(
                name=name,
                verifier_key=at.verifier.to_text() if at else signed.verifier_key if signed else "",
                url=at.url if at else "",
                cosigned_size=signed.tree_size if signed else 0,
                cosigned_at=signed.at if signed else None,
                answer=answers.get(name),
            )
        )
    return found


def audit_cosignatures() -> Iterator[Fault]:
    """Check that every kept cosignature holds over the kept checkpoint of its size; yield a Fault for each other."""
    rows = list(
        Cosignature.objects.order_by("tree_size", "witness")
    )  # first: a checkpoint is kept before it is cosigned
    notes = dict(Checkpoint.objects.values_list("tree_size", "note"))
    for row in rows:
        try:
            time = _time_of(row, notes.get(row.tree_size, ""))
        except TlogError as fault:
            yield Fault(row.tree_size, f"the cosignature of {row.witness} does not hold: {fault}")
            continue
        if _moment(time) != row.at:
            yield Fault(row.tree_size, f"the cosignature of {row.witness} is filed with another time than it names")


def _time_of(row: Cosignature, note: str) -> int:
    verifier = parse_verifier_key(row.verifier_key)
    under = parse_note(parse_note(note).text + "\n" + row.line)
    if verifier.name != row.witness or verifier.type != COSIGNATURE or len(under.signatures) != 1:
        raise Malformed("its line and its witness do not belong together")
    [verified] = verify_note(SignedNote(under.text, under.signatures), [verifier])
    return verified.time or 0


def _row(size: int, found: Cosigned) -> Cosignature:
    verifier = found.witness.verifier
    return Cosignature(
        tree_size=size,
        witness=verifier.name,
        verifier_key=verifier.to_text(),
        line=found.line,
        at=_moment(found.time),
    )


def _moment(time: int) -> datetime:
    return datetime.fromtimestamp(time, UTC)
