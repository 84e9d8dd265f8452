"""Jobs, ticks, and what forecast runs left: written by `forecasting.jobs` and `forecasting.operations` alone."""

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


class ForecastRun(models.Model):
    """One finished run: from which checkpoint, by which settings, and the entry that signs it."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    job = models.OneToOneField(Job, null=True, on_delete=models.SET_NULL)
    cutoff = models.DateTimeField(help_text="The last instant the methods could see.")
    origin = models.CharField(max_length=255)
    tree_size = models.BigIntegerField()
    root_hash = models.BinaryField()
    settings = models.JSONField()
    versions = models.JSONField()
    seed = models.BigIntegerField()
    manifest_digest = models.BinaryField(unique=True)
    series_root = models.BinaryField()
    statement_index = models.BigIntegerField(unique=True)
    series_count = models.PositiveIntegerField()
    forecast_count = models.PositiveIntegerField()
    started_at = models.DateTimeField()
    finished_at = models.DateTimeField()

    class Meta:
        db_table = "forecasting_run"
        ordering = ["-finished_at"]

    def __str__(self) -> str:
        return f"run {self.id}"


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

    run = models.ForeignKey(ForecastRun, related_name="series", on_delete=models.CASCADE)
    position = models.PositiveIntegerField(help_text="Its leaf in the tree over the run's series.")
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
    history = models.JSONField(default=list, help_text="One number a period, null where it is not known.")
    steps = models.JSONField(default=list, help_text='[{"period", "point", "quantiles": [...]}, ...]')
    levels = models.JSONField(default=list)
    components = models.JSONField(default=dict)
    scores = models.JSONField(default=dict, help_text="By method, pooled over the origins.")
    backtest = models.JSONField(
        default=dict, help_text="What the chosen method forecast at each origin, and what came."
    )
    record = models.TextField(help_text="Its leaf, the exact bytes: what the manifest says of it, as compact JSON.")

    class Meta:
        db_table = "forecasting_series"
        ordering = ["run", "position"]
        constraints = [
            models.UniqueConstraint(fields=["run", "position"], name="forecasting_series_place"),
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
        indexes = [models.Index(fields=["tenant", "product", "site"], name="forecasting_series_find")]

    def __str__(self) -> str:
        return f"{self.product} at {self.site}"
