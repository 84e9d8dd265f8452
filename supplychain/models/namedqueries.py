"""Queries that parties keep under a name, and the pages that they said they will not ask for."""

from __future__ import annotations

import uuid

from django.db import models


class NamedQuery(models.Model):
    """A query of a party's, kept until it is deleted; subscriptions belong to one."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    tenant = models.UUIDField()
    name = models.TextField()
    query = models.JSONField(help_text="As it was given, `@context` included.")
    created_at = models.DateTimeField()

    class Meta:
        ordering = ["name"]
        constraints = [models.UniqueConstraint(fields=["tenant", "name"], name="supplychain_namedquery_once")]


class DeletedPageToken(models.Model):
    """A nextPageToken that its party deleted before it ran out."""

    digest = models.BinaryField(primary_key=True)
    tenant = models.UUIDField()
    expires_at = models.DateTimeField(db_index=True)
