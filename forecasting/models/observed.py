"""What the verified log tells of demand, kept so that a night reads only what is new. `rebuild` makes it again."""

from django.db import models


class ObservedSeries(models.Model):
    """One series that the log tells of."""

    kind = models.CharField(max_length=20)
    product = models.CharField(max_length=500)
    site = models.CharField(max_length=500)
    unit = models.CharField(max_length=20, blank=True)
    tenant = models.UUIDField(null=True)
    first_known_at = models.DateTimeField(help_text="Before this nobody could know of it.")
    first_at = models.DateTimeField()
    last_index = models.BigIntegerField(help_text="The newest entry that tells of it or withdraws from it.")

    class Meta:
        db_table = "forecasting_observedseries"
        constraints = [
            models.UniqueConstraint(
                fields=["product", "site", "unit", "tenant", "kind"],
                name="forecasting_observedseries_once",
                nulls_distinct=False,
            )
        ]

    def __str__(self) -> str:
        return f"{self.product} at {self.site}"


class Observed(models.Model):
    """One observation, as `history.Observation` has it."""

    series = models.ForeignKey(ObservedSeries, on_delete=models.CASCADE, related_name="observations")
    index = models.BigIntegerField(db_index=True)
    at = models.DateTimeField()
    known_at = models.DateTimeField()
    quantity = models.FloatField()
    attested = models.BooleanField()
    origin = models.CharField(max_length=500, blank=True, help_text="Where the goods came from, if that was said.")
    source = models.UUIDField(null=True, db_index=True, help_text="What a later entry withdraws it by, hashed.")
    withdrawn_at = models.DateTimeField(null=True)
    withdrawn_index = models.BigIntegerField(null=True, help_text="The entry that withdrew it.")

    class Meta:
        db_table = "forecasting_observed"

    def __str__(self) -> str:
        return f"{self.quantity} at {self.at}"


class ObservedTo(models.Model):
    """How far the log was read, and under which root: one row."""

    id = models.PositiveSmallIntegerField(primary_key=True, default=1)
    tree_size = models.BigIntegerField()
    root_hash = models.BinaryField()

    class Meta:
        db_table = "forecasting_observedto"
        constraints = [models.CheckConstraint(condition=models.Q(id=1), name="forecasting_observedto_one_row")]

    def __str__(self) -> str:
        return f"the first {self.tree_size} entries"
