"""Documents as they were handed in, the jobs that capture them, and what their headers say of places and products."""

import uuid

from django.conf import settings
from django.db import models
from django.db.models.functions import Now

from supplychain.models.parties import Party


class CapturedDocument(models.Model):
    """A document as it was received: its SHA-256 stands in the claims of the statements that came from it.

    The bytes lie in parts. Of a document that was translated (XML) they are kept; where the bodies are cut out of its
    own bytes they go when its job is done. Whoever erases an event erases the parts of its document too.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    tenant = models.UUIDField(help_text="The party that handed it in.")
    digest = models.BinaryField(help_text="SHA-256 of the bytes, unpacked.")
    media_type = models.CharField(max_length=40)
    size = models.BigIntegerField(help_text="Bytes, unpacked.")
    received_at = models.DateTimeField()
    erased_at = models.DateTimeField(null=True)

    class Meta:
        indexes = [models.Index(fields=["tenant", "digest"], name="supplychain_document_digest")]


class DocumentPart(models.Model):
    """A piece of a document, packed by zlib."""

    document = models.ForeignKey(CapturedDocument, models.CASCADE, related_name="parts")
    position = models.IntegerField()
    pk = models.CompositePrimaryKey("document_id", "position")
    tenant = models.UUIDField()
    data = models.BinaryField()


class CaptureJob(models.Model):
    """A capture job of the EPCIS bindings: what it is to do, how far it is, and what went wrong."""

    class Behaviour(models.TextChoices):
        ROLLBACK = "rollback"
        PROCEED = "proceed"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    tenant = models.UUIDField(help_text="The party whose key signs the events.")
    document = models.ForeignKey(CapturedDocument, models.CASCADE, related_name="jobs")
    behaviour = models.CharField(max_length=8, choices=Behaviour.choices)
    created_at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True)
    running = models.BooleanField(default=True)
    success = models.BooleanField(default=True)
    events_total = models.IntegerField(help_text="Events in the document.")
    events_done = models.IntegerField(
        default=0, help_text="Those that were dealt with; a second attempt goes on there."
    )
    events_captured = models.IntegerField(default=0)
    events_repeated = models.IntegerField(default=0, help_text="Those that stood in the log already.")
    events_refused = models.IntegerField(default=0)
    errors = models.JSONField(default=list, help_text="Problem documents, the first 100.")
    work = models.UUIDField(null=True, help_text="The durable job that does it; none where it was done at once.")
    repeated = models.JSONField(default=list, help_text="The first 100 that stood in the log: which, and where.")

    class Meta:
        ordering = ["-created_at", "-id"]
        indexes = [models.Index(fields=["tenant", "-created_at", "-id"], name="supplychain_capturejob_tenant")]


class MasterData(models.Model):
    """What a party's documents say of an identifier, in their headers; seen by that party alone."""

    id = models.BigAutoField(primary_key=True)
    tenant = models.UUIDField()
    type = models.TextField(help_text="The vocabulary, as `urn:epcglobal:epcis:vtype:BusinessLocation`.")
    uri = models.TextField(help_text="Canonical.")
    name = models.TextField(blank=True)
    attributes = models.JSONField(default=list, help_text="All attributes as they were written.")
    children = models.JSONField(default=list)
    received_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["tenant", "type", "uri"], name="supplychain_masterdata_once"),
        ]
        indexes = [models.Index(fields=["tenant", "uri"], name="supplychain_masterdata_uri")]


class CompanyPrefix(models.Model):
    """A GS1 company prefix that is a party's: it says how many digits of a key are the prefix."""

    prefix = models.CharField(max_length=12, primary_key=True)
    party = models.ForeignKey(Party, models.CASCADE, related_name="company_prefixes")
    registered_at = models.DateTimeField(db_default=Now())
    registered_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+")

    class Meta:
        ordering = ["prefix"]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(prefix__regex=r"^[0-9]{6,12}$"), name="supplychain_companyprefix_digits"
            )
        ]
