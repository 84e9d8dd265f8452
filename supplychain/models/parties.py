"""Trading partners, their names in the standards' identifiers, their sites and products."""

import uuid

from django.conf import settings
from django.db import models
from django.db.models.functions import Now


class Party(models.Model):
    """A trading partner. In the log it is only its id; `name` comes from the body of its admin key's registration."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    name = models.CharField(max_length=160)
    uri = models.CharField(
        max_length=255, unique=True, help_text="Its own identifier, canonical (a PGLN, or a private URI)."
    )
    is_operator = models.BooleanField(default=False, help_text="The party that runs this server.")
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        ordering = ["name"]
        verbose_name_plural = "parties"

    def __str__(self) -> str:
        return self.name


class PartyIdentifier(models.Model):
    """Another identifier under which events name a party (canonical form)."""

    uri = models.CharField(max_length=255, primary_key=True)
    party = models.ForeignKey(Party, models.CASCADE, related_name="identifiers")


class Site(models.Model):
    """A place of a party: a read point or business location that events name."""

    uri = models.CharField(
        max_length=255, primary_key=True, help_text="Canonical (an SGLN as Digital Link, or a private URI)."
    )
    party = models.ForeignKey(Party, models.CASCADE, related_name="sites", null=True)
    name = models.CharField(max_length=160)
    country = models.CharField(max_length=2, blank=True, help_text="ISO 3166-1 alpha-2.")
    latitude = models.FloatField(null=True)
    longitude = models.FloatField(null=True)

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name


class Product(models.Model):
    """What an `epc_class` is called. A lot's class leads to its product by the GTIN."""

    uri = models.CharField(
        max_length=255, primary_key=True, help_text="Canonical (a GTIN as Digital Link, or a private URI)."
    )
    party = models.ForeignKey(Party, models.CASCADE, related_name="products", null=True)
    name = models.CharField(max_length=160)
    uom = models.CharField(max_length=3, blank=True, help_text="UN/ECE rec. 20 code; empty: counted in pieces.")
    unit_name = models.CharField(max_length=20, default="case", help_text="What one of them is called on pages.")

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name


class KeyRequest(models.Model):
    """A public key that waits for its party's manager: approving it signs its `key.register` statement."""

    class State(models.TextChoices):
        WAITING = "waiting"
        APPROVED = "approved"
        REFUSED = "refused"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    party = models.ForeignKey(Party, models.CASCADE, related_name="key_requests")
    key_id = models.CharField(max_length=43, unique=True)
    public_key = models.BinaryField()
    role = models.CharField(max_length=10)
    label = models.CharField(max_length=120, blank=True, help_text="Which device or system, in the requester's words.")
    statement_id = models.CharField(max_length=32)
    pop = models.BinaryField(help_text="Proof of possession, over that statement id.")
    requested_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+")
    requested_at = models.DateTimeField(db_default=Now())
    state = models.CharField(max_length=10, choices=State.choices, default=State.WAITING)
    decided_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+")
    decided_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["requested_at"]
