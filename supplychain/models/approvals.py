"""What takes two people: asked for by one, decided by another. The log holds both statements, these rows who it was."""

import uuid

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models


class Approval(models.Model):
    """An `approval.request` in the log, and what became of it."""

    class Act(models.TextChoices):
        REVOKE = "key.revoke", "revoke a key"
        ERASE = "body.erased", "erase a body"

    class State(models.TextChoices):
        WAITING = "waiting"
        DONE = "done"
        REFUSED = "refused"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    tenant = models.UUIDField(help_text="The party that asked.")
    act = models.CharField(max_length=11, choices=Act.choices)
    index = models.BigIntegerField(unique=True, help_text="Where the request stands in the log.")
    statement_hash = models.BinaryField(help_text="What the act names.")
    key_id = models.CharField(max_length=43, blank=True)
    last_valid_index = models.BigIntegerField(null=True)
    event_index = models.BigIntegerField(null=True)
    commitment = models.BinaryField(null=True)
    kind = models.CharField(max_length=12, blank=True, help_text="The act of the event whose body is to go.")
    ground = models.CharField(max_length=200, blank=True)
    notified = ArrayField(models.UUIDField(), default=list, help_text="The chain's other parties: they are told.")
    asked_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+")
    asked_at = models.DateTimeField()
    state = models.CharField(max_length=10, choices=State.choices, default=State.WAITING)
    decided_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+")
    decided_at = models.DateTimeField(null=True)
    done_index = models.BigIntegerField(null=True, help_text="Where the act stands in the log.")

    class Meta:
        ordering = ["-asked_at"]
        indexes = [models.Index(fields=["act", "state"], name="supplychain_approval_waiting")]


class KeyReminder(models.Model):
    """That a key comes to its end was told to its party's managers, once."""

    key_id = models.CharField(max_length=43, primary_key=True)
    sent_at = models.DateTimeField()
