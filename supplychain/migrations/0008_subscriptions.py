"""Subscriptions of named queries, what was sent for them, and the keys that sign it."""

import uuid

import django.db.models.deletion
from django.db import migrations, models

from ledger import policies


class Migration(migrations.Migration):
    dependencies = [
        ("supplychain", "0007_epcis_query"),
    ]

    operations = [
        migrations.CreateModel(
            name="WebhookKey",
            fields=[
                ("key_id", models.CharField(max_length=43, primary_key=True, serialize=False)),
                ("public_key", models.BinaryField()),
                ("created_at", models.DateTimeField()),
                (
                    "use_from",
                    models.DateTimeField(help_text="Published before, so that receivers know it by then.", unique=True),
                ),
            ],
            options={
                "ordering": ["-use_from"],
            },
        ),
        migrations.CreateModel(
            name="Subscription",
            fields=[
                ("id", models.UUIDField(default=uuid.uuid4, primary_key=True, serialize=False)),
                (
                    "tenant",
                    models.UUIDField(help_text="The party that subscribed; nothing is sent that it may not read."),
                ),
                ("dest", models.TextField(help_text="Where the events go.")),
                (
                    "sealed_token",
                    models.BinaryField(help_text="The signature token, encrypted; it is never shown again.", null=True),
                ),
                ("epc_format", models.CharField(max_length=24)),
                (
                    "stream",
                    models.BooleanField(
                        help_text="Whether events go out soon after they came in; else there is a schedule."
                    ),
                ),
                ("schedule", models.JSONField(null=True)),
                ("report_if_empty", models.BooleanField(default=False)),
                ("initial_record_time", models.DateTimeField(null=True)),
                ("created_at", models.DateTimeField()),
                ("position", models.BigIntegerField(help_text="The first index of the log that is not dealt with.")),
                (
                    "target",
                    models.BigIntegerField(help_text="Up to which index the run goes that is under way.", null=True),
                ),
                ("run_at", models.DateTimeField(help_text="When that run began.", null=True)),
                (
                    "batch",
                    models.PositiveSmallIntegerField(help_text="How many events go out together; fewer after a 413."),
                ),
                ("next_at", models.DateTimeField(help_text="Not before; null: as soon as the log grows.", null=True)),
                ("failures", models.PositiveIntegerField(default=0, help_text="In a row.")),
                ("failing_since", models.DateTimeField(null=True)),
                ("last_notified_at", models.DateTimeField(null=True)),
                (
                    "state",
                    models.CharField(
                        choices=[("active", "Active"), ("paused", "Paused")], default="active", max_length=6
                    ),
                ),
                ("paused_at", models.DateTimeField(null=True)),
                ("paused_because", models.TextField(blank=True, default="")),
                (
                    "stuck_at",
                    models.BigIntegerField(
                        help_text="The index of the one event that is too large to be taken.", null=True
                    ),
                ),
                ("test_asked_at", models.DateTimeField(null=True)),
                (
                    "fence",
                    models.PositiveIntegerField(
                        default=0, help_text="Rises with each claim; progress is noted only with it."
                    ),
                ),
                ("lease_until", models.DateTimeField(null=True)),
                (
                    "rung_at",
                    models.DateTimeField(help_text="When a message was sent that nobody has taken up yet.", null=True),
                ),
                (
                    "query",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="subscriptions",
                        to="supplychain.namedquery",
                    ),
                ),
            ],
            options={
                "ordering": ["created_at", "id"],
            },
        ),
        migrations.CreateModel(
            name="Delivery",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                (
                    "number",
                    models.UUIDField(default=uuid.uuid4, help_text="What the receiver is told of it.", unique=True),
                ),
                ("tenant", models.UUIDField()),
                ("at", models.DateTimeField()),
                (
                    "kind",
                    models.CharField(
                        choices=[("events", "Events"), ("empty", "Empty"), ("test", "Test")], max_length=6
                    ),
                ),
                ("first_index", models.BigIntegerField(null=True)),
                ("last_index", models.BigIntegerField(null=True)),
                ("events", models.PositiveIntegerField(default=0)),
                ("size", models.PositiveIntegerField(help_text="Bytes of the body.")),
                ("attempt", models.PositiveIntegerField(help_text="From 1; more where it is sent again.")),
                ("verdict", models.CharField(help_text="delivered, too_large, gone or failed.", max_length=9)),
                ("status", models.PositiveSmallIntegerField(help_text="The answer's; 0 where there was none.")),
                ("said", models.TextField(blank=True, help_text="The beginning of the answer, or why there was none.")),
                ("latency_ms", models.PositiveIntegerField()),
                ("next_at", models.DateTimeField(help_text="When it is tried again.", null=True)),
                (
                    "subscription",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="deliveries",
                        to="supplychain.subscription",
                    ),
                ),
            ],
            options={
                "ordering": ["-id"],
            },
        ),
        migrations.AddIndex(
            model_name="subscription",
            index=models.Index(fields=["tenant", "query"], name="supplychain_subscription_query"),
        ),
        migrations.AddIndex(
            model_name="subscription",
            index=models.Index(fields=["state", "next_at"], name="supplychain_subscription_due"),
        ),
        migrations.AddConstraint(
            model_name="subscription",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("schedule__isnull", True), ("stream", True)),
                    models.Q(("schedule__isnull", False), ("stream", False)),
                    _connector="OR",
                ),
                name="supplychain_subscription_when",
            ),
        ),
        migrations.AddConstraint(
            model_name="subscription",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("state", "paused"), _negated=True),
                    models.Q(("paused_because", ""), _negated=True),
                    _connector="OR",
                ),
                name="supplychain_subscription_paused_has_reason",
            ),
        ),
        migrations.AddIndex(
            model_name="delivery",
            index=models.Index(fields=["subscription", "-id"], name="supplychain_delivery_log"),
        ),
        *(policies.tenant_rows(f"supplychain_{table}", scopes=False) for table in ("subscription", "delivery")),
    ]
