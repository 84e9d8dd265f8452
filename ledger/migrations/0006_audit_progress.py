"""What was verified, when, and where the next check goes on; what each witness answered last."""

import uuid

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("ledger", "0005_erasure")]

    operations = [
        migrations.CreateModel(
            name="AuditRun",
            fields=[
                ("id", models.UUIDField(default=uuid.uuid4, primary_key=True, serialize=False)),
                (
                    "kind",
                    models.CharField(
                        choices=[
                            ("full", "all entries, and what other rooms derive from them"),
                            ("log", "all entries, without what other rooms derive from them"),
                            ("incremental", "the entries since the last run"),
                        ],
                        max_length=11,
                    ),
                ),
                ("started_at", models.DateTimeField()),
                ("finished_at", models.DateTimeField(null=True)),
                ("from_index", models.BigIntegerField(default=0, help_text="Entries below were checked by an earlier run.")),
                ("checked_to", models.BigIntegerField(default=0, help_text="How far it is.")),
                ("tree_size", models.BigIntegerField(default=0)),
                ("root_hash", models.BinaryField(default=bytes)),
                ("parts", models.JSONField(default=dict, help_text="By part, how much was checked and how many faults lie in it.")),
                ("holds", models.BooleanField(help_text="Null until it is finished.", null=True)),
                ("first_bad_index", models.BigIntegerField(null=True)),
                ("fault_count", models.PositiveIntegerField(default=0)),
                ("faults", models.JSONField(default=list, help_text="The first of them.")),
                ("acknowledged_by", models.CharField(blank=True, default="", max_length=200)),
                ("acknowledged_at", models.DateTimeField(null=True)),
                ("comment", models.TextField(blank=True, default="")),
            ],
            options={
                "db_table": "ledger_auditrun",
                "indexes": [models.Index(fields=["-started_at"], name="ledger_auditrun_newest")],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("holds__isnull", True), ("finished_at__isnull", False), _connector="OR"),
                        name="ledger_auditrun_verdict_when_finished",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("acknowledged_at__isnull", True),
                            models.Q(
                                models.Q(("acknowledged_by", ""), _negated=True),
                                models.Q(("comment", ""), _negated=True),
                            ),
                            _connector="OR",
                        ),
                        name="ledger_auditrun_acknowledged_by_a_name",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="AuditPosition",
            fields=[
                (
                    "name",
                    models.CharField(
                        choices=[
                            ("verified", "everything below held; the next incremental run goes on from here"),
                            ("unfinished", "a run that was interrupted here"),
                        ],
                        max_length=10,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                ("run", models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, to="ledger.auditrun")),
                ("tree_size", models.BigIntegerField()),
                ("state", models.BinaryField()),
                ("mac", models.BinaryField(help_text="HMAC-SHA-256 of the state.")),
                ("saved_at", models.DateTimeField()),
            ],
            options={"db_table": "ledger_auditposition"},
        ),
        migrations.CreateModel(
            name="WitnessAnswer",
            fields=[
                ("witness", models.CharField(max_length=255, primary_key=True, serialize=False)),
                ("at", models.DateTimeField()),
                ("tree_size", models.BigIntegerField()),
                ("why", models.TextField(blank=True, default="")),
                ("is_refusal", models.BooleanField(default=False, help_text="It has seen something that it must not cosign.")),
                ("refused_at", models.DateTimeField(help_text="When it last refused; kept when it cosigns again.", null=True)),
            ],
            options={"db_table": "ledger_witnessanswer"},
        ),
    ]
