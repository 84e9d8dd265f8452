"""Sign a run: the statement in the log, over the manifest and the root of all its series."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db.models import F, Q, QuerySet

from forecasting import jobs, manifest, queries
from forecasting.history import SeriesKey
from forecasting.manifest import SignedFor, Source
from forecasting.models import ForecastRun, Job, Manifest, SeriesForecast
from forecasting.operations.asking import FORECAST, SIGN, end_jobs
from ledger import keystore
from ledger.admission import Admission, Admitted, Pending, Refusal, Refused
from ledger.operations import append_many, submission


class ForecastsOnly:
    """The admission rule of this room: `forecast` statements by the forecaster's key, which the ledger checks."""

    def load(self, pending: Sequence[Pending]) -> None:
        """Nothing to read."""

    def admit(self, pending: Pending) -> Admission:
        if pending.statement.type != "forecast":
            raise Refused(f"a statement of the type {pending.statement.type} is not taken here")
        return Admission()

    def project(self, admitted: Sequence[Admitted]) -> None:
        """Nothing to write: the run is stored by whoever appends."""


def append(run_id: UUID, source: Source, signed: SignedFor, *, kind: str, now: datetime, choice: str = "") -> int:
    """Append the run's `forecast` statement; its index."""
    claims: dict[str, str | int] = {
        "run": run_id.hex,
        "kind": kind,
        "tree_size": source.tree_size,
        "root_hash": source.root_hash.hex(),
        "manifest": signed.digest.hex(),
        "series_root": signed.series_root.hex(),
    }
    if choice:
        claims["choice"] = choice
    signer = keystore.signer_in_role("forecaster")
    made = submission("forecast", claims, origin=source.origin, by=signer, body=signed.body)
    [outcome] = append_many([made], rule=ForecastsOnly(), now=now, atomic=True)
    if isinstance(outcome, Refusal):
        raise outcome.error
    return outcome.index


def source_of(run: ForecastRun) -> Source:
    """The part of the log that a run was made from."""
    return Source(run.origin, run.tree_size, bytes(run.root_hash))


def members(run: ForecastRun) -> QuerySet[SeriesForecast]:
    """The series of a run: those it computed, and for a nightly one those it shares with nights before."""
    if run.number is None:
        return SeriesForecast.objects.filter(run=run)
    still = Q(last__isnull=True) | Q(last__gte=run.number)
    return SeriesForecast.objects.filter(still, first__lte=run.number)


def leaves_of(rows: QuerySet[SeriesForecast]) -> list[bytes]:
    """The hashes of the records, in the order of the series' keys."""
    columns = ("kind", "product", "site", "unit", "tenant", "leaf_hash")
    return [
        leaf for _, leaf in sorted((SeriesKey(*key).text, bytes(leaf)) for *key, leaf in rows.values_list(*columns))
    ]


def choice_digest(run: ForecastRun) -> str:
    """The digest of the manifest whose champions a run uses."""
    return bytes(run.choice.manifest_digest or b"").hex() if run.choice is not None else ""


def signed_for(run: ForecastRun, versions: dict[str, str], *, with_overrides: bool = True) -> SignedFor:
    """The manifest of a run whose shards are all done; those of earlier versions said nothing of overrides."""
    rows = members_at_signing(run)
    leaves = leaves_of(rows)
    records: list[tuple[str, dict[str, Any]]] = []
    if len(leaves) <= manifest.MOST_RECORDS:
        told = rows.values_list("record", flat=True)
        records = sorted((manifest.parse(record) for record in told), key=lambda one: one[0])
    return manifest.make(
        run.id,
        source_of(run),
        manifest.parse_settings(run.settings),
        leaves,
        versions,
        choice=choice_digest(run),
        records=[record for _, record in records],
        carried=run.carried_count,
        overrides=queries.override_leaves(run) if with_overrides else None,
    )


def members_at_signing(run: ForecastRun) -> QuerySet[SeriesForecast]:
    """As `members`, while the rows that this run replaces still count."""
    if run.number is None:
        return members(run)
    replaced = SeriesForecast.objects.filter(run=run).values("observed")

    return members(run).exclude(~Q(run=run), Q(observed__in=replaced) | Q(observed__in=run.gone))


def sign(claimed: jobs.Claim, beat: jobs.Beat, clock: jobs.Clock) -> jobs.Complete:
    """Sign a run whose shards are all done. Raises jobs.GiveUp when it was called off."""
    run = ForecastRun.every.select_related("choice").get(pk=UUID(hex=claimed.args["run"]))
    if run.error or run.shards_left:
        raise jobs.GiveUp(run.error or f"{run.shards_left} shards of the run are not done")
    signed = signed_for(run, run.versions)

    def complete() -> dict[str, Any]:
        now = clock()
        index = append(run.id, source_of(run), signed, kind="forecast", now=now, choice=choice_digest(run))
        Manifest.objects.create(run=run, body=signed.body)
        supersede(run)
        run.series_count = members(run).count()
        run.forecast_count = members(run).exclude(method="").count()
        run.manifest_digest, run.series_root = signed.digest, signed.series_root
        run.statement_index, run.finished_at = index, now
        run.save()
        _ask_for_next(run, now)
        return {"run": run.id.hex, "series": run.series_count, "forecast": run.forecast_count, "entry": index}

    return complete


def _ask_for_next(run: ForecastRun, now: datetime) -> None:
    settings = manifest.parse_settings(run.settings)
    if settings.step_days and settings.chained and settings.cutoff < now:
        cutoff = settings.cutoff + timedelta(days=settings.step_days)
        if cutoff <= now:
            args = manifest.format_settings(replace(settings, cutoff=cutoff))
            jobs.enqueue(FORECAST, cause=f"after {run.id.hex}", args=args, now=now)


def supersede(run: ForecastRun) -> None:
    """End what the run computed anew, and what is no demand any more."""
    if run.number is None:
        return
    replaced = SeriesForecast.objects.filter(run=run).values("observed")
    old = SeriesForecast.objects.filter(last__isnull=True, first__lt=run.number)
    old.filter(Q(observed__in=replaced) | Q(observed__in=run.gone)).update(last=run.number - 1)


def take_one(run_id: UUID, *, now: datetime) -> None:
    """One shard is done; whoever does the last one asks for the signature."""
    ForecastRun.every.filter(pk=run_id).update(shards_left=F("shards_left") - 1)
    if ForecastRun.every.get(pk=run_id).shards_left == 0:  # our own update holds the row until the commit
        jobs.enqueue(SIGN, cause=f"sign {run_id.hex}", args={"run": run_id.hex}, now=now)


def sign_failed(job: Job, *, now: datetime) -> None:
    """A run that could not be signed has failed, and leaves nothing behind."""
    run_id = UUID(hex=job.args["run"])
    ForecastRun.every.filter(pk=run_id, statement_index__isnull=True, error="").update(error=job.error, finished_at=now)
    end_jobs(run_id, now=now)
