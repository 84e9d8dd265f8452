"""How the log stands by its audits: when it was last verified and up to where, and the alarm that stays until answered.

A run that found faults raises the alarm. It ends when a full run that began later finds nothing, or when somebody
answers for it by name, with a comment.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import QuerySet

from ledger.models import AuditRun

Run = AuditRun
NIGHTLY_WITHIN = timedelta(hours=30)
FULL_WITHIN = timedelta(days=8)
WORKING_WITHIN = timedelta(days=2)


class NotAcknowledged(ValueError):
    """There is no alarm to answer for, or no name or reason is given."""


@dataclass(frozen=True, slots=True)
class Standing:
    """What the audits say of the log now."""

    latest: AuditRun | None
    """The newest finished run."""
    full: AuditRun | None
    """The newest finished run of all entries and projections."""
    alarm: AuditRun | None
    """The newest run that found faults which nobody has answered for."""
    acknowledged: AuditRun | None
    """The newest run whose faults were answered for and that no clean full run has followed."""
    running: AuditRun | None
    is_late: bool
    """No run, or no full one, has finished for longer than the schedule allows."""

    def sentence(self) -> str:
        """The standing in words."""
        if self.alarm is not None:
            return words(self.alarm)
        if self.latest is None or self.latest.finished_at is None:
            return "not verified yet"
        at = f"{self.latest.finished_at:%Y-%m-%d %H:%M} UTC"
        said = f"verified up to {self.latest.tree_size} entries at {at}"
        if self.acknowledged is not None:
            said = f"faults answered for by {self.acknowledged.acknowledged_by}; last check at {at}"
        return f"{said}; the next check is late" if self.is_late else said


def words(run: AuditRun) -> str:
    """What a run found wrong, first of all where."""
    first = run.faults[0]["what"] if run.faults else "what is wrong was not kept"
    where = "the log as a whole" if (run.first_bad_index or 0) < 0 else f"entry {run.first_bad_index}"
    rest = run.fault_count - 1
    more = f", and {rest:,} more fault{'s' if rest > 1 else ''}" if rest > 0 else ""
    return f"THE LOG DOES NOT HOLD at {where}: {first}{more}"


def bad_from() -> int | None:
    """The first entry that unanswered faults leave in doubt: 0 where they are of the whole log, None without any."""
    found = _failed().filter(acknowledged_at__isnull=True).values_list("first_bad_index", flat=True)
    return min((max(each or 0, 0) for each in found), default=None)


def standing(*, now: datetime) -> Standing:
    """How the log stands."""
    finished = AuditRun.objects.filter(finished_at__isnull=False).order_by("-finished_at")
    latest, full = finished.first(), finished.filter(kind=AuditRun.Kind.FULL).first()
    failed = _failed()
    working = AuditRun.objects.filter(finished_at__isnull=True, started_at__gt=now - WORKING_WITHIN)
    return Standing(
        latest=latest,
        full=full,
        alarm=failed.filter(acknowledged_at__isnull=True).first(),
        acknowledged=failed.filter(acknowledged_at__isnull=False).first(),
        running=working.order_by("-started_at").first(),
        is_late=_is_before(latest, now - NIGHTLY_WITHIN) or _is_before(full, now - FULL_WITHIN),
    )


def acknowledge(*, by: str, comment: str, now: datetime) -> AuditRun:
    """Answer for what was found so far; return the newest run that it concerns. Raises NotAcknowledged."""
    if not by.strip() or not comment.strip():
        raise NotAcknowledged("who answers for it, and why, must be said")
    open_runs = _failed().filter(acknowledged_at__isnull=True)
    newest = open_runs.first()
    if newest is None:
        raise NotAcknowledged("there is no alarm to answer for")
    AuditRun.objects.filter(pk__in=[run.pk for run in open_runs]).update(
        acknowledged_by=by.strip()[:200], acknowledged_at=now, comment=comment.strip()[:2000]
    )
    newest.refresh_from_db()
    return newest


def recent(limit: int = 10) -> list[AuditRun]:
    """The runs begun last, newest first."""
    return list(AuditRun.objects.order_by("-started_at")[:limit])


def _failed() -> QuerySet[AuditRun]:
    """The runs that found faults and that no clean full run has followed, newest first."""
    clean = AuditRun.objects.filter(kind=AuditRun.Kind.FULL, holds=True).order_by("-started_at").first()
    failed = AuditRun.objects.filter(holds=False).order_by("-started_at")
    return failed if clean is None else failed.filter(started_at__gt=clean.started_at)


def _is_before(run: AuditRun | None, moment: datetime) -> bool:
    return run is not None and (run.finished_at or run.started_at) < moment
