"""Subscriptions to named queries, what was sent for them, and the keys that sign it."""

import uuid

from django.db import models

from supplychain.models.namedqueries import NamedQuery


class Subscription(models.Model):
    """A webhook, how far it is, and who works on it: the row is the truth, a message is only a doorbell."""

    class State(models.TextChoices):
        ACTIVE = "active"
        PAUSED = "paused"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    tenant = models.UUIDField(help_text="The party that subscribed; nothing is sent that it may not read.")
    query = models.ForeignKey(NamedQuery, models.CASCADE, related_name="subscriptions")
    dest = models.TextField(help_text="Where the events go.")
    sealed_token = models.BinaryField(null=True, help_text="The signature token, encrypted; it is never shown again.")
    epc_format = models.CharField(max_length=24)
    stream = models.BooleanField(help_text="Whether events go out soon after they came in; else there is a schedule.")
    schedule = models.JSONField(null=True)
    report_if_empty = models.BooleanField(default=False)
    initial_record_time = models.DateTimeField(null=True)
    created_at = models.DateTimeField()

    position = models.BigIntegerField(help_text="The first index of the log that is not dealt with.")
    within = models.BigIntegerField(
        default=0, help_text="Of what the entry at the position opened to the party, the first index not dealt with."
    )
    target = models.BigIntegerField(null=True, help_text="Up to which index the run goes that is under way.")
    run_at = models.DateTimeField(null=True, help_text="When that run began.")
    batch = models.PositiveSmallIntegerField(help_text="How many events go out together; fewer after a 413.")
    next_at = models.DateTimeField(null=True, help_text="Not before; null: as soon as the log grows.")
    failures = models.PositiveIntegerField(default=0, help_text="In a row.")
    failing_since = models.DateTimeField(null=True)
    told_at = models.DateTimeField(null=True, help_text="When managers were told that its receiver refuses events.")
    last_notified_at = models.DateTimeField(null=True)
    state = models.CharField(max_length=6, choices=State.choices, default=State.ACTIVE)
    paused_at = models.DateTimeField(null=True)
    paused_because = models.TextField(blank=True, default="")
    stuck_at = models.BigIntegerField(null=True, help_text="The index of the one event that is too large to be taken.")
    test_asked_at = models.DateTimeField(null=True)

    fence = models.PositiveIntegerField(default=0, help_text="Rises with each claim; progress is noted only with it.")
    lease_until = models.DateTimeField(null=True)
    rung_at = models.DateTimeField(null=True, help_text="When a message was sent that nobody has taken up yet.")

    class Meta:
        ordering = ["created_at", "id"]
        indexes = [
            models.Index(fields=["tenant", "query"], name="supplychain_subscription_query"),
            models.Index(fields=["state", "next_at"], name="supplychain_subscription_due"),
        ]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(stream=True, schedule__isnull=True) | models.Q(stream=False, schedule__isnull=False),
                name="supplychain_subscription_when",
            ),
            models.CheckConstraint(
                condition=~models.Q(state="paused") | ~models.Q(paused_because=""),
                name="supplychain_subscription_paused_has_reason",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.query.name} to {self.dest}"

    @property
    def is_paused(self) -> bool:
        """Whether nothing goes out until somebody resumes it."""
        return self.state == self.State.PAUSED


class Delivery(models.Model):
    """One request to a receiver, and what it said."""

    class Kind(models.TextChoices):
        EVENTS = "events"
        EMPTY = "empty"
        TEST = "test"

    id = models.BigAutoField(primary_key=True)
    number = models.UUIDField(unique=True, default=uuid.uuid4, help_text="What the receiver is told of it.")
    subscription = models.ForeignKey(Subscription, models.CASCADE, related_name="deliveries")
    tenant = models.UUIDField()
    at = models.DateTimeField()
    kind = models.CharField(max_length=6, choices=Kind.choices)
    first_index = models.BigIntegerField(null=True)
    last_index = models.BigIntegerField(null=True)
    events = models.PositiveIntegerField(default=0)
    size = models.PositiveIntegerField(help_text="Bytes of the body.")
    attempt = models.PositiveIntegerField(help_text="From 1; more where it is sent again.")
    verdict = models.CharField(max_length=9, help_text="delivered, too_large, gone, refused or failed.")
    status = models.PositiveSmallIntegerField(help_text="The answer's; 0 where there was none.")
    said = models.TextField(blank=True, help_text="The beginning of the answer, or why there was none.")
    latency_ms = models.PositiveIntegerField()
    next_at = models.DateTimeField(null=True, help_text="When it is tried again.")

    class Meta:
        ordering = ["-id"]
        indexes = [models.Index(fields=["subscription", "-id"], name="supplychain_delivery_log")]


class WebhookKey(models.Model):
    """A public key that signs deliveries from a time on, until the next one does."""

    key_id = models.CharField(max_length=43, primary_key=True)
    public_key = models.BinaryField()
    created_at = models.DateTimeField()
    use_from = models.DateTimeField(unique=True, help_text="Published before, so that receivers know it by then.")

    class Meta:
        ordering = ["-use_from"]
