"""What became of the items of a capture: one result an item, and the status of the whole."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from ledger import publishing
from ledger import queries as log
from ledger.admission import Appended, BatchRefused, KeyNotValid, Outcome, Refusal, Refused, Repeated
from ledger.queries import Receipt
from supplychain.api import errors, shown
from supplychain.api.errors import Fault, Problem
from supplychain.api.items import Batch, Item
from supplychain.operations import CaptureItem, capture

Result = dict[str, Any]
_HELD_BACK = "Another item of this batch was refused, and the batch was to be taken whole or not at all."


def capture_batch(batch: Batch, *, party: UUID, now: datetime, proof_url: Callable[[int], str]) -> tuple[int, Any]:
    """Capture what could be read; return the status of the answer and its body.

    Raises Problem when the one item there was, or an atomic batch, is refused.
    """
    is_whole = batch.atomic or len(batch.items) == 1
    unreadable = [each for each in batch.items if isinstance(each, Problem)]
    if unreadable and is_whole:
        results = [_refused(each if isinstance(each, Problem) else _held_back()) for each in batch.items]
        raise _whole(batch, unreadable[0], results)
    outcomes = iter(_capture([each for each in batch.items if isinstance(each, Item)], batch, party, now))
    taken = [each if isinstance(each, Problem) else next(outcomes) for each in batch.items]
    state, checkpoint, receipts = _receipts(taken, now)
    _refuse_foreign(taken, party)
    results = [_result(each, place, receipts, proof_url) for each, place in zip(taken, batch.places, strict=True)]
    if is_whole and (at := _first_refused(taken)) is not None:
        raise _whole(batch, _problem(taken[at], batch.places[at]), results)
    is_any_taken = any(each["status"] < 300 for each in results)
    said = {"state": state, "checkpoint": checkpoint} if is_any_taken else {"state": None, "checkpoint": None}
    return _status(results), {**said, "items": results}


def _capture(items: Sequence[Item], batch: Batch, party: UUID, now: datetime) -> list[Outcome]:
    read = [
        CaptureItem(each.envelope, each.body, each.salt, each.chains, disclosures=each.disclosures) for each in items
    ]
    return capture(read, party=party, now=now, atomic=batch.atomic) if read else []


def _receipts(taken: Sequence[Outcome | Problem], now: datetime) -> tuple[str, str, dict[int, Receipt]]:
    """Whether what was taken is published, under which checkpoint, and what proves each item."""
    placed = [each for each in taken if isinstance(each, Appended | Repeated)]
    if not placed:
        return "", "", {}
    state, under = publishing.publish(max(each.index for each in placed) + 1, now=now)
    return state, *log.receipts(placed, under=under)


def _refuse_foreign(taken: list[Outcome | Problem], party: UUID) -> None:
    """A repeated statement was not asked about its key: another party's is refused like any other of theirs."""
    repeated = {position: each for position, each in enumerate(taken) if isinstance(each, Repeated)}
    signers = log.signers(each.index for each in repeated.values()) if repeated else {}
    for position, each in repeated.items():
        if signers[each.index] != party:
            refused = KeyNotValid("the key that signed this belongs to another party than the one you act for")
            taken[position] = Refusal(refused, each.context)


def _result(
    each: Outcome | Problem, place: str, receipts: dict[int, Receipt], proof_url: Callable[[int], str]
) -> Result:
    if isinstance(each, Refusal | Problem):
        return _refused(_problem(each, place))
    status = 201 if isinstance(each, Appended) else 200
    return {"status": status, **shown.receipt(receipts[each.index]), "proof_url": proof_url(each.index)}


def _refused(found: Problem) -> Result:
    return {"status": found.status, "problem": found.document()}


def _problem(each: Any, place: str) -> Problem:
    return each if isinstance(each, Problem) else problem_of(each.error, at=place)


def problem_of(refused: Refused, *, at: str) -> Problem:
    """A refusal, with each fault of its body under the place of its item."""
    found = errors.problem_of_refusal(refused, at=at)
    listed = found.more.pop("faults", None)
    if listed:
        found.faults = tuple(
            Fault(
                str(each["message"]),
                pointer=at + str(each["pointer"]),
                value=each.get("value"),
                allowed=tuple(each.get("allowed", ())),
                did_you_mean=each.get("didYouMean"),
            )
            for each in listed
        )
    return found


def _held_back() -> Problem:
    return Problem(409, _HELD_BACK, code=BatchRefused.code)


def _first_refused(taken: Sequence[Outcome | Problem]) -> int | None:
    """Which item spoils the whole: the first that is refused for itself, not because of another."""
    for position, each in enumerate(taken):
        if isinstance(each, Problem) or (isinstance(each, Refusal) and each.error.code != BatchRefused.code):
            return position
    return None


def _whole(batch: Batch, first: Problem, results: list[Result]) -> Problem:
    """Refuse the request: with the problem of its one item, or of the first that spoils the batch."""
    if len(batch.items) > 1:
        first.more["items"] = results
        first.detail = f"Nothing was taken, for the batch is atomic: {first.detail}"
    return first


def _status(results: Sequence[Result]) -> int:
    """201 or 200 for one item; for several 200 when all are in the log, else 207."""
    if len(results) == 1:
        return int(results[0]["status"])
    return 200 if all(each["status"] < 300 for each in results) else 207
