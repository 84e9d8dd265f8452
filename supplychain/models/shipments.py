"""Shipments as they stand: what custody's transitions leave behind."""

from django.contrib.postgres.fields import ArrayField
from django.db import models


class Shipment(models.Model):
    """A logistic unit on its way. `id` is the scope that follows from its chain's secret."""

    class Status(models.TextChoices):
        COMMISSIONED = "commissioned", "commissioned"
        PACKED = "packed", "packed"
        DISPATCHED = "dispatched", "in transit"
        ACCEPTED = "accepted", "accepted"
        UNPACKED = "unpacked", "unpacked"
        VOID = "void", "taken back"
        ERASED = "erased", "partly erased"

    class Discrepancy(models.TextChoices):
        NONE = "", "none"
        OPEN = "open", "reported"
        ACKNOWLEDGED = "acknowledged", "acknowledged"
        DISPUTED = "disputed", "disputed"

    id = models.UUIDField(primary_key=True)
    tenant = models.UUIDField(help_text="The party that opened it.")
    scopes = ArrayField(models.UUIDField(), help_text="Its own id.")
    unit = models.TextField(help_text="Canonical identifier of the logistic unit (an SSCC, or a private URI).")
    chain = models.BinaryField(help_text="The chain's secret, 16 bytes.")
    head = models.BinaryField(help_text="Statement hash of the chain's latest linked statement.")
    is_open = models.BooleanField()
    status = models.CharField(max_length=12, choices=Status.choices)
    attested = models.BooleanField(help_text="Whether all of its acts so far are attested history.")
    opened_index = models.BigIntegerField()
    last_index = models.BigIntegerField()
    shipper = models.UUIDField(help_text="The party that opened it and gave it away first.")
    custodian = models.UUIDField(
        null=True, help_text="The party that holds it now (null: someone outside the register)."
    )
    offered_to = models.UUIDField(null=True, help_text="The party that was handed it and has not accepted yet.")
    offered_to_uri = models.TextField(blank=True)
    consignee_uri = models.TextField(blank=True, help_text="Who it is for in the end.")
    from_location = models.TextField(blank=True)
    to_location = models.TextField(blank=True)
    references = ArrayField(models.TextField(), default=list, help_text="Orders, invoices, despatch advices.")
    seal = models.CharField(max_length=8, blank=True)
    temperature_limit = models.FloatField(
        null=True, help_text="Degrees Celsius that its dispatch says may not be exceeded."
    )
    temperature_max = models.FloatField(null=True, help_text="The highest reading so far, degrees Celsius.")
    discrepancy = models.CharField(max_length=12, choices=Discrepancy.choices, blank=True)
    discrepancy_giver = models.UUIDField(null=True, help_text="The party that has to acknowledge or dispute it.")
    discrepancy_event_id = models.TextField(blank=True)
    discrepancies = models.JSONField(
        default=list,
        help_text="All of them, oldest first; the columns speak of the one that waits, else of the latest.",
    )
    packed_at = models.DateTimeField(null=True)
    dispatched_at = models.DateTimeField(null=True, help_text="When it left its first giver.")
    promised_at = models.DateTimeField(null=True)
    accepted_at = models.DateTimeField(null=True, help_text="When it was last accepted.")
    closed_at = models.DateTimeField(null=True)
    last_event_at = models.DateTimeField()

    class Meta:
        ordering = ["-last_index"]
        constraints = [
            models.UniqueConstraint(
                fields=["unit"], condition=models.Q(is_open=True), name="supplychain_one_open_chain_a_unit"
            ),
        ]
        indexes = [
            models.Index(fields=["unit"], name="supplychain_shipment_unit"),
            models.Index(fields=["status", "promised_at"], name="supplychain_shipment_status"),
            models.Index(fields=["custodian"], name="supplychain_shipment_custodian"),
            models.Index(fields=["offered_to"], name="supplychain_shipment_offered"),
        ]


class ShipmentLine(models.Model):
    """One line of a shipment's contents."""

    shipment = models.ForeignKey(Shipment, models.CASCADE, related_name="lines")
    position = models.IntegerField()
    pk = models.CompositePrimaryKey("shipment_id", "position")
    tenant = models.UUIDField()
    scopes = ArrayField(models.UUIDField())
    epc = models.TextField(help_text="Canonical class (with lot) or instance.")
    product = models.TextField(help_text="The class without its lot.")
    quantity = models.DecimalField(max_digits=24, decimal_places=6, help_text="As handed over; 1 for an instance.")
    uom = models.CharField(max_length=3, blank=True)
    counted = models.DecimalField(max_digits=24, decimal_places=6, null=True, help_text="As the last taker counted it.")
    damaged = models.DecimalField(max_digits=24, decimal_places=6, null=True)

    class Meta:
        indexes = [
            models.Index(fields=["product"], name="supplychain_line_product"),
            models.Index(fields=["epc"], name="supplychain_line_epc"),
        ]
