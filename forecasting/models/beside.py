"""What people know beside the log: promotions and holidays ahead, stockouts; and what they would order instead.

Rows are never changed: what was wrong is withdrawn, and a run of an earlier cutoff still sees what was known then.
"""

from django.db import models


class Known(models.Model):
    """Something that is known of some days at some sites: a promotion, a holiday of one's own, a stockout."""

    class Kind(models.TextChoices):
        PROMOTION = "promotion"
        HOLIDAY = "holiday"
        STOCKOUT = "stockout"

    kind = models.CharField(max_length=10, choices=Kind.choices)
    tenant = models.UUIDField()
    name = models.CharField(max_length=60)
    product = models.CharField(max_length=500, blank=True, help_text="Empty: every product.")
    site = models.CharField(max_length=500, blank=True, help_text="Empty: every site of the party.")
    start = models.DateField()
    end = models.DateField(help_text="Its last day.")
    entered_by = models.CharField(max_length=160)
    entered_at = models.DateTimeField(help_text="From when on it was known.")
    withdrawn_at = models.DateTimeField(null=True)
    withdrawn_by = models.CharField(max_length=160, blank=True)

    class Meta:
        db_table = "forecasting_known"
        ordering = ["start", "id"]
        constraints = [
            models.CheckConstraint(condition=models.Q(end__gte=models.F("start")), name="forecasting_known_ends_later")
        ]
        indexes = [models.Index(fields=["tenant", "start"], name="forecasting_known_find")]

    def __str__(self) -> str:
        return f"{self.kind} {self.name}"


class Override(models.Model):
    """What somebody expects instead of the model, for one period of one series: kept, and shown beside it."""

    tenant = models.UUIDField()
    product = models.CharField(max_length=500)
    site = models.CharField(max_length=500)
    unit = models.CharField(max_length=20, blank=True)
    frequency = models.CharField(max_length=2)
    period = models.DateField()
    quantity = models.FloatField()
    model_quantity = models.FloatField(help_text="What the model said when it was made.")
    reason = models.CharField(max_length=500)
    author = models.CharField(max_length=160)
    made_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True, help_text="When it was withdrawn, or another took its place.")

    class Meta:
        db_table = "forecasting_override"
        ordering = ["period", "-made_at"]
        constraints = [
            models.UniqueConstraint(
                fields=["tenant", "product", "site", "unit", "frequency", "period"],
                condition=models.Q(ended_at__isnull=True),
                name="forecasting_override_one_counts",
            ),
            models.CheckConstraint(
                condition=models.Q(quantity__gte=0, quantity__lte=1e12) & ~models.Q(reason="") & ~models.Q(author=""),
                name="forecasting_override_says_why",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.quantity} in {self.period} by {self.author}"
