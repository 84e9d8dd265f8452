"""How good forecasts are: from past origins, and from what came after they were made."""

from django.db import models


class Tested(models.Model):
    """One series at past origins, as a choice run saw it: every method's scores, and the champion's forecasts."""

    run = models.ForeignKey("forecasting.ForecastRun", on_delete=models.CASCADE, related_name="tested")
    observed = models.ForeignKey("forecasting.ObservedSeries", on_delete=models.CASCADE, related_name="tested")
    tenant = models.UUIDField(null=True)
    method = models.CharField(max_length=40, help_text="The champion of its pool.")
    scores = models.JSONField(default=dict, help_text="By method.")
    backtest = models.JSONField(default=dict, help_text="What the champion forecast at each origin, and what came.")

    class Meta:
        db_table = "forecasting_tested"
        constraints = [models.UniqueConstraint(fields=["observed", "run"], name="forecasting_tested_once")]

    def __str__(self) -> str:
        return f"{self.observed_id} at past origins"


class Outcome(models.Model):
    """What was forecast of a period, and what came: written once, by the first run that knows the period whole."""

    observed = models.ForeignKey("forecasting.ObservedSeries", on_delete=models.CASCADE, related_name="outcomes")
    tenant = models.UUIDField(null=True)
    site = models.CharField(max_length=500)
    frequency = models.CharField(max_length=2)
    demand_class = models.CharField(max_length=12)
    period = models.DateField()
    step = models.PositiveSmallIntegerField(help_text="How many periods ahead it was forecast.")
    forecast_by = models.ForeignKey("forecasting.ForecastRun", on_delete=models.CASCADE, related_name="+")
    point = models.FloatField()
    lower_80 = models.FloatField()
    upper_80 = models.FloatField()
    lower_95 = models.FloatField()
    upper_95 = models.FloatField()
    naive = models.FloatField(help_text="The last season repeated, from what was known when the forecast was made.")
    actual = models.FloatField()
    attested = models.BooleanField(help_text="Whether any of what came was told after the fact.")
    seen_at = models.DateTimeField()

    class Meta:
        db_table = "forecasting_outcome"
        ordering = ["period"]
        constraints = [
            models.UniqueConstraint(fields=["observed", "frequency", "period"], name="forecasting_outcome_once")
        ]
        indexes = [models.Index(fields=["tenant", "period"], name="forecasting_outcome_find")]

    def __str__(self) -> str:
        return f"{self.actual} of {self.point} in {self.period}"
