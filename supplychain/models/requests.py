"""Requests that carried an Idempotency-Key, with their answers, for a day."""

from django.db import models

from supplychain.models.clients import ApiClient


class KeptAnswer(models.Model):
    """The answer to a request, so that the same request again gets the same answer; without a status: in flight."""

    client = models.ForeignKey(ApiClient, models.CASCADE)
    tenant = models.UUIDField(help_text="The party that the client acted for.")
    key_digest = models.BinaryField(help_text="SHA-256 of the Idempotency-Key.")
    fingerprint = models.BinaryField(help_text="SHA-256 of method, address and body.")
    created_at = models.DateTimeField(db_index=True)
    held_until = models.DateTimeField(help_text="After this time a request in flight counts as lost.")
    status = models.SmallIntegerField(null=True)
    headers = models.JSONField(default=dict)
    body = models.BinaryField(default=b"")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["client", "key_digest"], name="supplychain_keptanswer_once")]
