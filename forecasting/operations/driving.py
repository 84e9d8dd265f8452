"""Do a whole run here and now, beside whatever workers there are: for commands."""

import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from uuid import UUID

from forecasting import jobs
from forecasting.models import ForecastRun, Job
from forecasting.operations.asking import SHARD, SIGN

PATIENCE_SECONDS = 0.2


class RunEnded(RuntimeError):
    """A run ended without a signature; says why."""


def drive(
    run_id: UUID, *, clock: jobs.Clock, heart: Callable[[jobs.Claim], AbstractContextManager[object]]
) -> ForecastRun:
    """Do the shards of a run that nobody else does, wait for the others, and have it signed. Raises RunEnded."""
    while True:
        run = ForecastRun.every.get(pk=run_id)
        if run.statement_index is not None:
            return run
        if run.error:
            raise RunEnded(run.error)
        waiting = Job.objects.filter(kind__in=(SHARD, SIGN), args__run=run_id.hex, status__in=_OPEN)
        worked = [jobs.perform(pk, clock=clock, heart=heart) for pk in waiting.values_list("pk", flat=True)]
        if not any(worked):
            time.sleep(PATIENCE_SECONDS)


_OPEN = (Job.Status.QUEUED, Job.Status.RUNNING)
