"""Plans: how a party orders each product, what was proposed, what came of it, and the day's routes."""

import uuid

from django.db import models


class OrderPolicy(models.Model):
    """How one product is ordered at one site; an empty product or site is the party's default."""

    tenant = models.UUIDField()
    product = models.CharField(max_length=500, blank=True)
    site = models.CharField(max_length=500, blank=True)
    target = models.FloatField(default=0.95)
    review_days = models.FloatField(default=1.0)
    handling_days = models.FloatField(default=1.0, help_text="From the order until it leaves the supplier.")
    pack = models.FloatField(default=1.0)
    minimum = models.FloatField(default=0.0)

    class Meta:
        db_table = "forecasting_orderpolicy"
        constraints = [
            models.UniqueConstraint(fields=["tenant", "product", "site"], name="forecasting_orderpolicy_once"),
            models.CheckConstraint(
                condition=models.Q(target__gte=0.5, target__lt=1, review_days__gt=0, pack__gt=0, minimum__gte=0),
                name="forecasting_orderpolicy_sense",
            ),
        ]

    def __str__(self) -> str:
        return f"orders of {self.product or 'all'} at {self.site or 'all'}"


class Plan(models.Model):
    """What one reading of the verified log proposed for one party."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    tenant = models.UUIDField()
    run = models.UUIDField(null=True, help_text="The forecast run whose quantiles were used.")
    origin = models.CharField(max_length=255)
    tree_size = models.BigIntegerField()
    root_hash = models.BinaryField()
    made_at = models.DateTimeField()
    routes = models.JSONField(default=dict, help_text="The day's routes, or the reason why there are none.")

    class Meta:
        db_table = "forecasting_plan"
        ordering = ["-made_at"]

    def __str__(self) -> str:
        return f"plan {self.id}"


class PlanLine(models.Model):
    """One product at one site: what to order and why, and what was decided."""

    plan = models.ForeignKey(Plan, related_name="lines", on_delete=models.CASCADE)
    tenant = models.UUIDField()
    product = models.CharField(max_length=500)
    site = models.CharField(max_length=500)
    unit = models.CharField(max_length=20, blank=True)
    series = models.BigIntegerField(null=True, help_text="The forecast series used.")
    on_hand = models.FloatField(default=0)
    counted_at = models.DateTimeField(null=True)
    on_order = models.FloatField(default=0)
    expected = models.FloatField(default=0, help_text="Demand over the protection interval.")
    reorder_point = models.FloatField(default=0)
    order_up_to = models.FloatField(default=0)
    quantity = models.FloatField(default=0, help_text="What is proposed.")
    risk = models.FloatField(default=0, help_text="Of running out before an order of now could arrive.")
    risk_if_ordered = models.FloatField(default=0)
    lead_days = models.FloatField(default=0, help_text="The middle of the lead time.")
    lead_trips = models.PositiveIntegerField(default=0)
    policy = models.JSONField(default=dict)
    reason = models.TextField(blank=True, help_text="Why nothing can be proposed.")
    ordered = models.FloatField(null=True, help_text="What was ordered upon it.")
    order_number = models.CharField(max_length=200, blank=True)
    order_index = models.BigIntegerField(null=True, help_text="The entry of the signed order.")
    change_reason = models.TextField(blank=True)
    decided_by = models.CharField(max_length=200, blank=True)
    decided_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "forecasting_planline"
        ordering = ["plan", "-risk", "product", "site"]
        constraints = [
            models.UniqueConstraint(fields=["plan", "product", "site", "unit"], name="forecasting_planline_once"),
        ]

    def __str__(self) -> str:
        return f"{self.product} at {self.site}"


class StockChange(models.Model):
    """What one entry tells of one product of its signer's, as `planning.stock.Change` has it; or that one was wrong."""

    WRONG = "wrong"

    tenant = models.UUIDField()
    index = models.BigIntegerField(db_index=True)
    kind = models.CharField(max_length=5)
    site = models.CharField(max_length=500, blank=True)
    product = models.CharField(max_length=500, blank=True)
    unit = models.CharField(max_length=20, blank=True)
    quantity = models.FloatField()
    at = models.DateTimeField()
    source = models.CharField(max_length=32, help_text="The event, hashed: what a later entry declares wrong.")

    class Meta:
        db_table = "forecasting_stockchange"
        indexes = [models.Index(fields=["tenant", "index"], name="forecasting_stockchange_find")]

    def __str__(self) -> str:
        return f"{self.kind} {self.quantity} of {self.product}"


class StockTo(models.Model):
    """How far the log was read for it, and under which root: one row."""

    id = models.PositiveSmallIntegerField(primary_key=True, default=1)
    tree_size = models.BigIntegerField()
    root_hash = models.BinaryField()

    class Meta:
        db_table = "forecasting_stockto"
        constraints = [models.CheckConstraint(condition=models.Q(id=1), name="forecasting_stockto_one_row")]

    def __str__(self) -> str:
        return f"the first {self.tree_size} entries"
