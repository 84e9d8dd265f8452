"""Runs of the audit, each a row: begun, interrupted, resumed, finished."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cache

from ledger import queries, sharing
from ledger.audit import checking, position
from ledger.audit.entries import Check, Position
from ledger.audit.found import Derived, Fault, Found, Part
from ledger.models import AuditPosition, AuditRun

SAVE_EVERY = timedelta(seconds=20)
"""How much of a long run is done again when it was interrupted."""
RESUMABLE_FOR = timedelta(days=2)
KEPT_FAULTS = 20
"""How many faults a row holds; their number is told besides."""
Kind = AuditRun.Kind
Clock = Callable[[], datetime]
_VERIFIED, _UNFINISHED = AuditPosition.Name.VERIFIED, AuditPosition.Name.UNFINISHED


@dataclass(slots=True)
class Outcome:
    """A finished run: its row, what was found in the log, and in what other rooms derive from it."""

    run: AuditRun
    found: Found
    log_seconds: float
    derived: list[Derived] = field(default_factory=list)

    @property
    def faults(self) -> list[Fault]:
        """All faults, those of the log first."""
        return [*self.found.faults, *(fault for each in self.derived for fault in each.faults)]

    @property
    def first_bad_index(self) -> int | None:
        """The first index at fault: of the log itself, and only where that holds, of what is derived from it."""
        if self.found.faults:
            return self.found.first_bad_index()
        return min((fault.index for fault in self.faults), default=None)

    def parts(self) -> dict[str, dict[str, float]]:
        """What was checked, part by part, and how long what is derived took."""
        derived = {each.name: {"faults": len(each.faults), "seconds": round(each.seconds, 3)} for each in self.derived}
        return {**self.found.parts(), **derived}


def perform(
    kind: AuditRun.Kind,
    *,
    clock: Clock,
    processes: int = 1,
    trusted_size: int = 0,
    resume: bool = False,
    outside: Callable[[Found], Iterator[Fault]] = lambda found: iter(()),
    progress: Callable[[int, int], None] = lambda done, of: None,
) -> Outcome:
    """Check the log as `kind` says, and keep a row of it, by which the alarm is raised or ends.

    With `resume` a run of that kind goes on that was interrupted lately. `outside` holds what was found against what
    somebody else kept. `progress` may raise to stop the run; it can be resumed then. Raises LogMissing.
    """
    began, size = clock(), queries.tree_size()
    verified = cache(lambda: position.kept(_VERIFIED, queries.origin()))
    start, run = _begin(kind, verified, size, resume=resume, now=began)
    pen = _Pen(run, size, clock, progress, verified, last=began)
    names = checking.auditors() if kind == Kind.FULL else []
    with sharing.apart(checking.run_auditor, names, processes=processes) as derived:
        found = checking.check_log(
            tree_size=size,
            trusted_size=trusted_size,
            start=start,
            progress=pen.note,
            processes=processes,
            reached=pen.end,
        )
        outcome = Outcome(run, found, (clock() - began).total_seconds())
        found.faults = sorted([*found.faults, *outside(found)])
        if not found.faults:  # what would follow from a broken log says nothing
            outcome.derived = derived()
    _finish(outcome, pen.position, now=clock())
    return outcome


_Verified = Callable[[], tuple[Position, AuditRun] | None]
"""Reads where the last run stood that held, once."""


def _begin(
    kind: AuditRun.Kind, verified: _Verified, size: int, *, resume: bool, now: datetime
) -> tuple[Position | None, AuditRun]:
    """Where the run begins, and its row: a new one, or that of the run that goes on."""
    left = position.kept(_UNFINISHED, queries.origin()) if resume else None
    if left is not None:
        start, run = left
        is_fresh = run.finished_at is None and now - run.started_at < RESUMABLE_FOR
        if run.kind == kind and is_fresh and start.range.size <= size:
            return start, run
    last = verified() if kind == Kind.INCREMENTAL else None
    start_at = last[0] if last and last[0].range.size <= size else None
    first = start_at.range.size if start_at else 0
    run = AuditRun.objects.create(kind=kind, started_at=now, from_index=first, checked_to=first, tree_size=size)
    return start_at, run


@dataclass(slots=True)
class _Pen:
    """Writes down how far a run is, so that it can be seen and resumed."""

    run: AuditRun
    size: int
    clock: Clock
    progress: Callable[[int, int], None]
    verified: _Verified
    last: datetime
    position: Position | None = None

    def note(self, check: Check) -> None:
        done, now = check.range.size, self.clock()
        self.verified()  # read while others examine
        if now - self.last >= SAVE_EVERY and done < self.size:
            position.save(_UNFINISHED, self.run, check.position(), now=now)
            AuditRun.objects.filter(pk=self.run.pk).update(checked_to=done)
            self.last = now
        self.progress(done, self.size)

    def end(self, check: Check) -> None:
        """Hold the tree against the one that was verified before: a log that was rewritten and signed again is told."""
        self.position = check.position()
        found = self.verified()
        if found is None:
            return
        before = found[0].range
        if before.size > self.size:
            if before.size <= queries.tree_size():
                return  # another run was done with what came since this one began
            what = f"{before.size:,} entries were verified here before: those from here on are missing"
            check.fault(Part.ENTRIES, self.size, what)
        elif check.root_at(before.size) != before.root():
            what = "the entries below here are not those that were verified before"
            check.fault(Part.ENTRIES, before.size, what)


def _finish(outcome: Outcome, reached: Position | None, *, now: datetime) -> None:
    """Write the verdict; where everything held, the next incremental run goes on from here."""
    run, found, faults = outcome.run, outcome.found, outcome.faults
    run.finished_at, run.holds = now, not faults
    run.checked_to = run.tree_size = found.tree_size
    run.root_hash, run.parts = found.root_hash, outcome.parts()
    run.first_bad_index, run.fault_count = outcome.first_bad_index, len(faults)
    run.faults = [{"index": each.index, "what": each.what, "part": each.part} for each in faults[:KEPT_FAULTS]]
    run.save()
    position.forget(_UNFINISHED)
    if found.holds and reached is not None:
        position.save(_VERIFIED, run, reached, now=now)
