"""Answers that are kept for a day, for requests that carry an Idempotency-Key."""

import django.db.models.deletion
from django.db import migrations, models

from ledger import policies


class Migration(migrations.Migration):
    dependencies = [("supplychain", "0008_subscriptions")]

    operations = [
        migrations.CreateModel(
            name="KeptAnswer",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("tenant", models.UUIDField(help_text="The party that the client acted for.")),
                ("key_digest", models.BinaryField(help_text="SHA-256 of the Idempotency-Key.")),
                ("fingerprint", models.BinaryField(help_text="SHA-256 of method, address and body.")),
                ("created_at", models.DateTimeField(db_index=True)),
                (
                    "held_until",
                    models.DateTimeField(help_text="After this time a request in flight counts as lost."),
                ),
                ("status", models.SmallIntegerField(null=True)),
                ("headers", models.JSONField(default=dict)),
                ("body", models.BinaryField(default=b"")),
                (
                    "client",
                    models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, to="supplychain.apiclient"),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(fields=("client", "key_digest"), name="supplychain_keptanswer_once")
                ],
            },
        ),
        policies.tenant_rows("supplychain_keptanswer", scopes=False),
    ]
