"""What this installation carries, hour by hour."""

from django.db import models


class LoadSample(models.Model):
    """How large the log and the database were at the end of an hour, and how long jobs worked in it."""

    hour = models.DateTimeField(unique=True, help_text="Its beginning, UTC.")
    tree_size = models.BigIntegerField()
    database_bytes = models.BigIntegerField()
    free_bytes = models.BigIntegerField()
    job_seconds = models.FloatField()
    jobs_waiting = models.PositiveIntegerField()
    longest_wait_seconds = models.FloatField()

    class Meta:
        db_table = "forecasting_loadsample"
        ordering = ["hour"]

    def __str__(self) -> str:
        return f"{self.tree_size} entries at {self.hour}"
