"""What takes two people, and reminders of keys that come to their end."""

import uuid

import django.contrib.postgres.fields
import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

from ledger import policies


class Migration(migrations.Migration):
    dependencies = [("supplychain", "0003_shipment_discrepancies")]

    operations = [
        migrations.CreateModel(
            name="Approval",
            fields=[
                ("id", models.UUIDField(default=uuid.uuid4, primary_key=True, serialize=False)),
                ("tenant", models.UUIDField(help_text="The party that asked.")),
                (
                    "act",
                    models.CharField(
                        choices=[("key.revoke", "revoke a key"), ("body.erased", "erase a body")], max_length=11
                    ),
                ),
                ("index", models.BigIntegerField(help_text="Where the request stands in the log.", unique=True)),
                ("statement_hash", models.BinaryField(help_text="What the act names.")),
                ("key_id", models.CharField(blank=True, max_length=43)),
                ("last_valid_index", models.BigIntegerField(null=True)),
                ("event_index", models.BigIntegerField(null=True)),
                ("commitment", models.BinaryField(null=True)),
                (
                    "kind",
                    models.CharField(
                        blank=True, help_text="The act of the event whose body is to go.", max_length=12
                    ),
                ),
                ("ground", models.CharField(blank=True, max_length=200)),
                (
                    "notified",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.UUIDField(),
                        default=list,
                        help_text="The chain's other parties: they are told.",
                        size=None,
                    ),
                ),
                ("asked_at", models.DateTimeField()),
                (
                    "state",
                    models.CharField(
                        choices=[("waiting", "Waiting"), ("done", "Done"), ("refused", "Refused")],
                        default="waiting",
                        max_length=10,
                    ),
                ),
                ("decided_at", models.DateTimeField(null=True)),
                ("done_index", models.BigIntegerField(help_text="Where the act stands in the log.", null=True)),
                (
                    "asked_by",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "decided_by",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "ordering": ["-asked_at"],
                "indexes": [models.Index(fields=["act", "state"], name="supplychain_approval_waiting")],
            },
        ),
        migrations.CreateModel(
            name="KeyReminder",
            fields=[
                ("key_id", models.CharField(max_length=43, primary_key=True, serialize=False)),
                ("sent_at", models.DateTimeField()),
            ],
        ),
        policies.tenant_rows("supplychain_approval", scopes=False),
    ]
