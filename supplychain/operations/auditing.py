"""The nightly check of the log, a durable job: what came since the last one, and once a week everything.

A worker that dies leaves the run where it stood, and the job's next attempt goes on from there.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from forecasting import jobs
from ledger import queries
from ledger.audit import alarm, runs

NIGHTLY = "nightly-audit"
KIND = "audit"
FULL_EVERY = timedelta(days=6, hours=12)
"""A full run when the last one is as old as this: in the same night of the week."""


def request_nightly_audit(*, now: datetime) -> jobs.Job | None:
    """Ask for tonight's check, once a UTC day; None when it has been asked for, or there is no log yet."""
    try:
        queries.head()
    except queries.LogMissing:
        return None
    full = alarm.standing(now=now).full
    is_due = full is None or full.started_at < now - FULL_EVERY
    kind = runs.Kind.FULL if is_due else runs.Kind.INCREMENTAL
    midnight = now.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    return jobs.strike(NIGHTLY, time=midnight, kind=KIND, args={"kind": str(kind)}, now=now)


def audit(claimed: jobs.Claim, beat: jobs.Beat, clock: jobs.Clock) -> jobs.Complete:
    """Do the check; what was found is in its row. A process that works does not fork."""
    outcome = runs.perform(runs.Kind(claimed.args["kind"]), clock=clock, resume=True, progress=beat)
    run = outcome.run
    return lambda: {
        "run": str(run.pk),
        "holds": run.holds,
        "from_index": run.from_index,
        "tree_size": run.tree_size,
        "first_bad_index": run.first_bad_index,
    }
