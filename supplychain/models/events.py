"""Events as rows, for finding them. The events themselves are the bodies beside the log.

Every row carries the tenant that signed and the scopes whose readers may see it; row-level security holds both.
"""

from uuid import UUID

from django.contrib.postgres.fields import ArrayField
from django.db import models


class Event(models.Model):
    """One EPCIS event: its entry's index, and the dimensions one searches by."""

    index = models.BigIntegerField(primary_key=True, help_text="The index of its entry in the log.")
    tenant = models.UUIDField(help_text="The party that signed it.")
    scopes = ArrayField(models.UUIDField(), help_text="The shipments it belongs to.")
    event_id = models.TextField()
    body_digest = models.BinaryField(help_text="SHA-256 of the body, to tell the same event from another.")
    event_hash = models.BinaryField(
        null=True, help_text="The digest of its hash id (CBV 2.0, 8.9): the same however the event is written."
    )
    event_type = models.CharField(max_length=20)
    action = models.CharField(max_length=7, blank=True)
    act = models.CharField(max_length=12, help_text="What it does in custody: pack, dispatch, accept, ..., observe.")
    event_time = models.DateTimeField()
    event_time_zone_offset = models.CharField(max_length=6)
    record_time = models.DateTimeField()
    known_at = models.DateTimeField(help_text="Record time, or for attested history the source's own recorded date.")
    attested = models.BooleanField()
    biz_step = models.TextField(blank=True)
    disposition = models.TextField(blank=True)
    read_point = models.TextField(blank=True)
    biz_location = models.TextField(blank=True)
    key_id = models.CharField(max_length=43)
    is_error_declaration = models.BooleanField(default=False)
    declared_in_error_by = models.BigIntegerField(
        null=True, help_text="The index of the declaration that it was wrong."
    )

    erased_by = models.BigIntegerField(
        null=True, help_text="The index of the `body.erased` that took its body; what it said is gone from this row."
    )

    class Meta:
        ordering = ["index"]
        constraints = [
            models.UniqueConstraint(
                fields=["event_id", "tenant", "is_error_declaration"], name="supplychain_event_id_once"
            )
        ]
        indexes = [
            models.Index(fields=["tenant", "event_time"], name="supplychain_event_time"),
            models.Index(fields=["tenant", "biz_step", "event_time"], name="supplychain_event_by_step"),
            models.Index(
                fields=["tenant", "biz_location", "event_time"],
                condition=~models.Q(biz_location=""),
                name="supplychain_event_at_place",
            ),
            models.Index(
                fields=["tenant", "read_point", "event_time"],
                condition=~models.Q(read_point=""),
                name="supplychain_event_at_point",
            ),
            models.Index(fields=["tenant", "-index"], name="supplychain_event_tenant"),
            models.Index(fields=["event_hash"], name="supplychain_event_digest"),
            models.Index(
                fields=["tenant", "event_time"],
                condition=models.Q(is_error_declaration=True),
                name="supplychain_declaration_time",
            ),
            models.Index(
                fields=["declared_in_error_by"],
                condition=models.Q(declared_in_error_by__isnull=False),
                name="supplychain_event_declared",
            ),
        ]


class EventScope(models.Model):
    """One scope of an event: what leads from a shipment to its events.

    Behind row-level security no index on the array of an event's scopes is ever used: only what cannot leak is asked
    before the policy, and the operators of arrays may.
    """

    pk = models.CompositePrimaryKey("scope", "index")
    scope = models.UUIDField()
    index = models.BigIntegerField()


def in_scope(scope: UUID) -> models.Q:
    """What selects the rows of a scope's events, in any table that has their index."""
    return models.Q(index__in=EventScope.objects.filter(scope=scope).values("index"))


class EventReader(models.Model):
    """An event of somebody else's that a party may read, by the time of the event: what leads from a party to these."""

    pk = models.CompositePrimaryKey("party", "index")
    party = models.UUIDField()
    index = models.BigIntegerField()
    event_time = models.DateTimeField()

    class Meta:
        indexes = [models.Index(fields=["party", "event_time", "index"], name="supplychain_eventreader_time")]


class LateEvent(models.Model):
    """An event that a party came to read only after it was in the log, with the entry that opened it to the party."""

    pk = models.CompositePrimaryKey("party", "index")
    party = models.UUIDField()
    index = models.BigIntegerField()
    opened_index = models.BigIntegerField()

    class Meta:
        indexes = [models.Index(fields=["party", "opened_index", "index"], name="supplychain_lateevent_opened")]


class EventWord(models.Model):
    """A value that events name which a party may read: a type, a step, a place or a disposition, each once."""

    pk = models.CompositePrimaryKey("party", "field", "value")
    party = models.UUIDField()
    field = models.CharField(max_length=11)
    value = models.TextField(db_collation="C")


class EventObject(models.Model):
    """One object or class that an event names, by its canonical identifier."""

    class Place(models.TextChoices):
        EPC = "epc"
        PARENT = "parent"
        CHILD = "child"
        INPUT = "input"
        OUTPUT = "output"
        REFERENCE = "reference"

    index = models.BigIntegerField()
    position = models.IntegerField()
    pk = models.CompositePrimaryKey("index", "position")
    tenant = models.UUIDField()
    scopes = ArrayField(models.UUIDField())
    place = models.CharField(max_length=9, choices=Place.choices)
    epc = models.TextField(help_text="Canonical: an instance, a class, or for references a business transaction.")
    quantity = models.DecimalField(max_digits=24, decimal_places=6, null=True)
    uom = models.CharField(max_length=3, blank=True)

    class Meta:
        indexes = [
            models.Index(
                fields=["epc", "index"], name="supplychain_eventobject_epcs", opclasses=["text_pattern_ops", "int8_ops"]
            )
        ]


class SensorReading(models.Model):
    """One value of one sensor report."""

    index = models.BigIntegerField()
    position = models.IntegerField()
    pk = models.CompositePrimaryKey("index", "position")
    tenant = models.UUIDField()
    scopes = ArrayField(models.UUIDField())
    type = models.TextField()
    time = models.DateTimeField()
    value = models.FloatField(null=True)
    min_value = models.FloatField(null=True)
    max_value = models.FloatField(null=True)
    uom = models.CharField(max_length=3, blank=True)
