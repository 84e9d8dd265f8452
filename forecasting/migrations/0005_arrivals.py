"""What arrivals are learnt from, and what was said of each shipment, for the readers of the shipment."""

import uuid

import django.contrib.postgres.fields
from django.db import migrations, models

from ledger import policies


class Migration(migrations.Migration):
    dependencies = [("forecasting", "0004_watch"), ("ledger", "0002_append_only_and_tenants")]

    operations = [
        migrations.CreateModel(
            name="ArrivalModel",
            fields=[
                ("id", models.UUIDField(default=uuid.uuid4, primary_key=True, serialize=False)),
                ("tenant", models.UUIDField(null=True)),
                ("origin", models.CharField(max_length=255)),
                ("tree_size", models.BigIntegerField()),
                ("root_hash", models.BinaryField()),
                ("method", models.CharField(max_length=20)),
                ("scores", models.JSONField(default=dict, help_text="Of each way: pinball loss, coverage and number of passages.")),
                ("shift", models.JSONField(help_text="How far the logarithm of each quantile is moved.", null=True)),
                ("passages", models.PositiveIntegerField()),
                ("training", models.BinaryField(help_text="The finished trips, as compressed JSON.")),
                ("made_at", models.DateTimeField()),
            ],
            options={"db_table": "forecasting_arrivalmodel", "ordering": ["-made_at"]},
        ),
        migrations.CreateModel(
            name="Arrival",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("scope", models.UUIDField(help_text="The shipment.")),
                ("tenant", models.UUIDField()),
                ("scopes", django.contrib.postgres.fields.ArrayField(base_field=models.UUIDField(), size=None)),
                ("last_index", models.BigIntegerField(help_text="Its latest event that was looked at.")),
                ("stage", models.CharField(max_length=20)),
                ("since", models.DateTimeField(help_text="From when the duration counts.")),
                ("promised_at", models.DateTimeField(null=True)),
                ("quantiles", models.JSONField(default=list, help_text="Days from `since`, by level; empty when nothing is said.")),
                ("levels", models.JSONField(default=list)),
                ("reason", models.TextField(blank=True, help_text="Why nothing is said.")),
                ("drivers", models.JSONField(default=dict)),
                ("method", models.CharField(blank=True, max_length=20)),
                ("origin", models.CharField(max_length=255)),
                ("tree_size", models.BigIntegerField()),
                ("root_hash", models.BinaryField()),
                ("learnt_size", models.BigIntegerField(default=0, help_text="The tree size that the model was learnt from.")),
                ("made_at", models.DateTimeField()),
            ],
            options={
                "db_table": "forecasting_arrival",
                "ordering": ["-last_index"],
                "constraints": [
                    models.UniqueConstraint(fields=("scope", "last_index"), name="forecasting_arrival_once"),
                    models.CheckConstraint(
                        condition=models.Q(quantiles=[]) & ~models.Q(reason="")
                        | ~models.Q(quantiles=[]) & models.Q(reason=""),
                        name="forecasting_arrival_said_or_reason",
                    ),
                ],
            },
        ),
        policies.tenant_rows("forecasting_arrivalmodel", scopes=False),
        policies.tenant_rows("forecasting_arrival"),
    ]
