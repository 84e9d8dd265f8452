"""Jobs, ticks, what is observed and what forecast runs left: written by the operations of this room alone."""

import uuid

from django.db import models


class Job(models.Model):
    """Work that must be done once, whatever dies: the row is the truth, a message is only a doorbell."""

    class Status(models.TextChoices):
        QUEUED = "queued"
        RUNNING = "running"
        DONE = "done"
        FAILED = "failed"
        CANCELLED = "cancelled"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    kind = models.CharField(max_length=40)
    cause = models.CharField(
        max_length=200, unique=True, help_text="Why it exists; the same cause makes no second job."
    )
    args = models.JSONField(default=dict)
    status = models.CharField(max_length=10, choices=Status.choices, default=Status.QUEUED)
    attempts = models.PositiveSmallIntegerField(default=0)
    fence = models.PositiveIntegerField(default=0, help_text="Rises with each claim; a result is taken only with it.")
    lease_until = models.DateTimeField(null=True)
    heartbeat_at = models.DateTimeField(null=True)
    started_at = models.DateTimeField(null=True, help_text="When the latest attempt began.")
    sent_at = models.DateTimeField(null=True, help_text="When the doorbell was last rung.")
    steps_done = models.PositiveIntegerField(default=0)
    steps_total = models.PositiveIntegerField(default=0)
    result = models.JSONField(null=True)
    error = models.TextField(blank=True, default="")
    requested_by = models.UUIDField(null=True, help_text="The party whose member asked for it; null for the schedule.")
    created_at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "forecasting_job"
        ordering = ["-created_at"]
        indexes = [
            models.Index(
                fields=["status", "lease_until"],
                condition=models.Q(status__in=["queued", "running"]),
                name="forecasting_job_open",
            )
        ]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(status__in=["queued", "running", "done", "failed", "cancelled"]),
                name="forecasting_job_status",
            ),
            models.CheckConstraint(
                condition=~models.Q(status="running") | models.Q(lease_until__isnull=False),
                name="forecasting_job_running_has_lease",
            ),
            models.CheckConstraint(
                condition=~models.Q(status="failed") | ~models.Q(error=""), name="forecasting_job_failed_has_reason"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.id} ({self.status})"

    @property
    def is_open(self) -> bool:
        """Whether it still waits or runs."""
        return self.status in (self.Status.QUEUED, self.Status.RUNNING)


class Tick(models.Model):
    """One stroke of the schedule: two beats that strike at the same time write one row."""

    name = models.CharField(max_length=60)
    time = models.DateTimeField()
    job = models.ForeignKey(Job, null=True, on_delete=models.SET_NULL)

    class Meta:
        db_table = "forecasting_tick"
        constraints = [models.UniqueConstraint(fields=["name", "time"], name="forecasting_tick_once")]

    def __str__(self) -> str:
        return f"{self.name} at {self.time.isoformat()}"


class SignedRuns(models.Manager["ForecastRun"]):
    """Those that are finished and signed: the only ones that a page or a reader sees."""

    def get_queryset(self) -> models.QuerySet["ForecastRun"]:
        return super().get_queryset().filter(statement_index__isnull=False)


class ForecastRun(models.Model):
    """One run: from which checkpoint, by which settings, and the entry that signs it once all its shards are done."""

    class Kind(models.TextChoices):
        FORECAST = "forecast"
        CHOICE = "choice"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    job = models.OneToOneField(Job, null=True, on_delete=models.SET_NULL)
    kind = models.CharField(max_length=10, choices=Kind.choices, default=Kind.FORECAST)
    tenant = models.UUIDField(null=True, help_text="The party whose series alone it forecasts; null for everybody's.")
    label = models.CharField(max_length=80, blank=True, help_text="What the party calls it, such as a meeting's name.")
    number = models.PositiveIntegerField(
        null=True, unique=True, help_text="Its place among the nightly runs, which share unchanged series."
    )
    choice = models.ForeignKey(
        "self", null=True, on_delete=models.PROTECT, related_name="uses", help_text="Whose champions it uses, frozen."
    )
    shards = models.PositiveIntegerField(default=0)
    shards_left = models.PositiveIntegerField(default=0, help_text="Counts down; who takes the last one signs the run.")
    gone = models.JSONField(default=list, help_text="Series of the night before that are no demand any more.")
    error = models.TextField(blank=True, default="", help_text="Why it ended without a signature.")
    cutoff = models.DateTimeField(help_text="The last instant the methods could see.")
    origin = models.CharField(max_length=255)
    tree_size = models.BigIntegerField()
    root_hash = models.BinaryField()
    settings = models.JSONField()
    versions = models.JSONField()
    seed = models.BigIntegerField()
    manifest_digest = models.BinaryField(unique=True, null=True)
    series_root = models.BinaryField(null=True)
    statement_index = models.BigIntegerField(unique=True, null=True)
    series_count = models.PositiveIntegerField(default=0)
    forecast_count = models.PositiveIntegerField(default=0)
    carried_count = models.PositiveIntegerField(default=0, help_text="Series taken over unchanged from earlier nights.")
    started_at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True)

    every = models.Manager()
    objects = SignedRuns()

    class Meta:
        db_table = "forecasting_run"
        ordering = ["-finished_at"]
        default_manager_name = "every"
        constraints = [
            models.CheckConstraint(
                condition=models.Q(statement_index__isnull=True)
                | models.Q(manifest_digest__isnull=False, series_root__isnull=False, finished_at__isnull=False),
                name="forecasting_run_signed_is_whole",
            )
        ]

    def __str__(self) -> str:
        return f"run {self.id}"

    @property
    def done_shards(self) -> int:
        """How many shards are done."""
        return self.shards - self.shards_left


class Choice(models.Model):
    """What a choice run settled: champions, calibrations and pooled scores, and what it did not reach."""

    run = models.OneToOneField(ForecastRun, primary_key=True, on_delete=models.CASCADE, related_name="chosen")
    told = models.JSONField(help_text="By frequency, as `timeseries.engine.format_choice` writes it.")
    reached = models.PositiveIntegerField(help_text="Series whose past was looked at.")
    not_reached = models.PositiveIntegerField(help_text="Series that the budget left out.")

    class Meta:
        db_table = "forecasting_choice"

    def __str__(self) -> str:
        return f"choice of {self.run_id}"


class Manifest(models.Model):
    """The exact bytes that a run's statement commits to. They name everybody's series: for the system's eyes."""

    run = models.OneToOneField(ForecastRun, primary_key=True, on_delete=models.CASCADE)
    body = models.BinaryField()
    tenant = models.UUIDField(null=True)

    class Meta:
        db_table = "forecasting_manifest"

    def __str__(self) -> str:
        return f"manifest of {self.run_id}"


class SeriesForecast(models.Model):
    """One series of a run: its forecast, or the reason why there is none."""

    run = models.ForeignKey(
        ForecastRun, related_name="computed", on_delete=models.CASCADE, help_text="The run that computed it."
    )
    observed = models.ForeignKey(
        "forecasting.ObservedSeries", null=True, on_delete=models.SET_NULL, related_name="forecasts", db_index=False
    )
    first = models.PositiveIntegerField(null=True, help_text="The nightly run that computed it.")
    last = models.PositiveIntegerField(null=True, help_text="The last nightly run it counts in; null: still does.")
    tenant = models.UUIDField(null=True, help_text="The party at whose site the demand is.")
    kind = models.CharField(max_length=20)
    product = models.CharField(max_length=500)
    site = models.CharField(max_length=500)
    unit = models.CharField(max_length=20, blank=True)
    frequency = models.CharField(max_length=2)
    season_length = models.PositiveSmallIntegerField(null=True)
    demand_class = models.CharField(max_length=12, blank=True)
    method = models.CharField(max_length=40, blank=True, help_text="Empty when there is no forecast.")
    reason = models.TextField(blank=True, help_text="Why there is no forecast.")
    attested = models.BooleanField(
        help_text="Whether any of its history was told after the fact, and is only attested."
    )
    history_start = models.DateField(null=True, help_text="The first day of its first period.")
    history_end = models.DateField(null=True, help_text="The first day after its last period.")
    history = models.JSONField(default=list, help_text="One number a period, null where it is not known.")
    steps = models.JSONField(default=list, help_text='[{"period", "point", "quantiles": [...]}, ...]')
    levels = models.JSONField(default=list)
    components = models.JSONField(default=dict)
    scores = models.JSONField(default=dict, help_text="By method, pooled over the origins.")
    backtest = models.JSONField(
        default=dict, help_text="What the chosen method forecast at each origin, and what came."
    )
    flags = models.JSONField(default=list, help_text="What was capped before a method saw it, and why.")
    shares = models.JSONField(default=dict, help_text="By place of origin, of what was known lately: its lanes.")
    leaf_hash = models.BinaryField(default=bytes)
    record = models.TextField(help_text="Its leaf, the exact bytes: what the manifest says of it, as compact JSON.")

    class Meta:
        db_table = "forecasting_series"
        ordering = ["run", "id"]
        constraints = [
            models.UniqueConstraint(
                fields=["run", "kind", "product", "site", "unit", "tenant"],
                name="forecasting_series_once",
                nulls_distinct=False,
            ),
            models.CheckConstraint(
                condition=models.Q(method="", steps=[]) & ~models.Q(reason="")
                | ~models.Q(method="") & models.Q(reason=""),
                name="forecasting_series_forecast_or_reason",
            ),
        ]
        indexes = [
            models.Index(fields=["tenant", "product", "site"], name="forecasting_series_find"),
            models.Index(fields=["observed", "first"], name="forecasting_series_observed"),
            models.Index(fields=["last"], name="forecasting_series_last"),
        ]

    def __str__(self) -> str:
        return f"{self.product} at {self.site}"

    @property
    def is_thinned(self) -> bool:
        """Whether its numbers were let go, as of a row that counts no more or stands in no night they may be."""
        may_be = self.last is not None or self.first is None
        return may_be and not self.history and not self.steps and bool(self.record)


from forecasting.models.beside import Known as Known  # noqa: E402 - they point at the rows above
from forecasting.models.beside import Override as Override  # noqa: E402
from forecasting.models.load import LoadSample as LoadSample  # noqa: E402
from forecasting.models.observed import Observed as Observed  # noqa: E402
from forecasting.models.observed import ObservedSeries as ObservedSeries  # noqa: E402
from forecasting.models.observed import ObservedTo as ObservedTo  # noqa: E402
from forecasting.models.tested import Outcome as Outcome  # noqa: E402
from forecasting.models.tested import Tested as Tested  # noqa: E402
