"""What arrivals are learnt from and what was said of each shipment: written by `forecasting.arrivals` alone."""

import uuid

from django.contrib.postgres.fields import ArrayField
from django.db import models


class ArrivalModel(models.Model):
    """What one reading of the verified log taught of trips: for the system's eyes, it names everybody's lanes."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    tenant = models.UUIDField(null=True)
    origin = models.CharField(max_length=255)
    tree_size = models.BigIntegerField()
    root_hash = models.BinaryField()
    method = models.CharField(max_length=20)
    scores = models.JSONField(default=dict, help_text="Of each way: pinball loss, coverage and number of passages.")
    shift = models.JSONField(null=True, help_text="How far the logarithm of each quantile is moved.")
    passages = models.PositiveIntegerField()
    training = models.BinaryField(help_text="The finished trips, as compressed JSON; empty once others are newer.")
    made_at = models.DateTimeField()
    versions = models.JSONField(default=dict, help_text="Of everything that the numbers depend on.")
    manifest = models.BinaryField(default=bytes, help_text="The exact bytes that its statement commits to.")
    statement_index = models.BigIntegerField(null=True, help_text="The entry that signs it.")

    class Meta:
        db_table = "forecasting_arrivalmodel"
        ordering = ["-made_at"]

    def __str__(self) -> str:
        return f"arrivals learnt from {self.tree_size} entries"


class Arrival(models.Model):
    """When one shipment will be there, as its latest event has it; readers take in the time that passed since."""

    scope = models.UUIDField(help_text="The shipment.")
    tenant = models.UUIDField()
    scopes = ArrayField(models.UUIDField())
    last_index = models.BigIntegerField(help_text="Its latest event that was looked at.")
    stage = models.CharField(max_length=20)
    since = models.DateTimeField(help_text="From when the duration counts.")
    promised_at = models.DateTimeField(null=True)
    quantiles = models.JSONField(default=list, help_text="Days from `since`, by level; empty when nothing is said.")
    levels = models.JSONField(default=list)
    reason = models.TextField(blank=True, help_text="Why nothing is said.")
    drivers = models.JSONField(default=dict)
    method = models.CharField(max_length=20, blank=True)
    origin = models.CharField(max_length=255)
    tree_size = models.BigIntegerField()
    root_hash = models.BinaryField()
    learnt_size = models.BigIntegerField(default=0, help_text="The tree size that the model was learnt from.")
    made_at = models.DateTimeField()
    unit = models.CharField(max_length=500, blank=True, help_text="What is on its way.")
    entries = ArrayField(models.BigIntegerField(), default=list, help_text="The entries of its events.")
    model = models.UUIDField(null=True, help_text="What was learnt before it was said.")
    batch = models.UUIDField(null=True, help_text="What was said at once: shipments on their way tell of each other.")
    signed_index = models.BigIntegerField(null=True, help_text="The entry whose root it is under.")

    class Meta:
        db_table = "forecasting_arrival"
        ordering = ["-last_index"]
        constraints = [
            models.UniqueConstraint(fields=["scope", "last_index"], name="forecasting_arrival_once"),
            models.CheckConstraint(
                condition=models.Q(quantiles=[]) & ~models.Q(reason="") | ~models.Q(quantiles=[]) & models.Q(reason=""),
                name="forecasting_arrival_said_or_reason",
            ),
        ]
        indexes = [models.Index(fields=["signed_index"], name="forecasting_arrival_signed")]

    def __str__(self) -> str:
        return f"arrival of {self.scope}"
