"""Documents and capture jobs of the EPCIS bindings, master data, company prefixes, and the hash of each event.

Events that were captured before have no hash until `manage.py rebuild` has run.
"""

import uuid

import django.db.models.deletion
import django.db.models.functions.datetime
from django.conf import settings
from django.db import migrations, models

from ledger import policies


class Migration(migrations.Migration):
    dependencies = [("supplychain", "0005_erasure")]

    operations = [
        migrations.CreateModel(
            name="CapturedDocument",
            fields=[
                ("id", models.UUIDField(default=uuid.uuid4, primary_key=True, serialize=False)),
                ("tenant", models.UUIDField(help_text="The party that handed it in.")),
                ("digest", models.BinaryField(help_text="SHA-256 of the bytes, unpacked.")),
                ("media_type", models.CharField(max_length=40)),
                ("size", models.BigIntegerField(help_text="Bytes, unpacked.")),
                ("received_at", models.DateTimeField()),
                ("erased_at", models.DateTimeField(null=True)),
            ],
            options={
                "indexes": [models.Index(fields=["tenant", "digest"], name="supplychain_document_digest")],
            },
        ),
        migrations.CreateModel(
            name="DocumentPart",
            fields=[
                (
                    "document",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="parts",
                        to="supplychain.captureddocument",
                    ),
                ),
                ("position", models.IntegerField()),
                (
                    "pk",
                    models.CompositePrimaryKey(
                        "document_id", "position", blank=True, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("tenant", models.UUIDField()),
                ("data", models.BinaryField()),
            ],
        ),
        migrations.CreateModel(
            name="CaptureJob",
            fields=[
                ("id", models.UUIDField(default=uuid.uuid4, primary_key=True, serialize=False)),
                ("tenant", models.UUIDField(help_text="The party whose key signs the events.")),
                (
                    "document",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="jobs",
                        to="supplychain.captureddocument",
                    ),
                ),
                (
                    "behaviour",
                    models.CharField(choices=[("rollback", "Rollback"), ("proceed", "Proceed")], max_length=8),
                ),
                ("created_at", models.DateTimeField()),
                ("finished_at", models.DateTimeField(null=True)),
                ("running", models.BooleanField(default=True)),
                ("success", models.BooleanField(default=True)),
                ("events_total", models.IntegerField(help_text="Events in the document.")),
                (
                    "events_done",
                    models.IntegerField(
                        default=0, help_text="Those that were dealt with; a second attempt goes on there."
                    ),
                ),
                ("events_captured", models.IntegerField(default=0)),
                (
                    "events_repeated",
                    models.IntegerField(default=0, help_text="Those that stood in the log already."),
                ),
                ("events_refused", models.IntegerField(default=0)),
                ("errors", models.JSONField(default=list, help_text="Problem documents, the first 100.")),
                (
                    "work",
                    models.UUIDField(
                        help_text="The durable job that does it; none where it was done at once.", null=True
                    ),
                ),
                (
                    "repeated",
                    models.JSONField(default=list, help_text="The first 100 that stood in the log: which, and where."),
                ),
            ],
            options={
                "ordering": ["-created_at", "-id"],
                "indexes": [
                    models.Index(fields=["tenant", "-created_at", "-id"], name="supplychain_capturejob_tenant")
                ],
            },
        ),
        migrations.CreateModel(
            name="MasterData",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("tenant", models.UUIDField()),
                (
                    "type",
                    models.TextField(help_text="The vocabulary, as `urn:epcglobal:epcis:vtype:BusinessLocation`."),
                ),
                ("uri", models.TextField(help_text="Canonical.")),
                ("name", models.TextField(blank=True)),
                ("attributes", models.JSONField(default=list, help_text="All attributes as they were written.")),
                ("children", models.JSONField(default=list)),
                ("received_at", models.DateTimeField()),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(fields=["tenant", "type", "uri"], name="supplychain_masterdata_once")
                ],
                "indexes": [models.Index(fields=["tenant", "uri"], name="supplychain_masterdata_uri")],
            },
        ),
        migrations.CreateModel(
            name="CompanyPrefix",
            fields=[
                ("prefix", models.CharField(max_length=12, primary_key=True, serialize=False)),
                (
                    "party",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="company_prefixes",
                        to="supplychain.party",
                    ),
                ),
                ("registered_at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                (
                    "registered_by",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "ordering": ["prefix"],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("prefix__regex", "^[0-9]{6,12}$")), name="supplychain_companyprefix_digits"
                    )
                ],
            },
        ),
        migrations.AddField(
            model_name="event",
            name="event_hash",
            field=models.BinaryField(
                help_text="The digest of its hash id (CBV 2.0, 8.9): the same however the event is written.", null=True
            ),
        ),
        migrations.AddIndex(
            model_name="event",
            index=models.Index(fields=["tenant", "event_hash"], name="supplychain_event_hash"),
        ),
        *(
            policies.tenant_rows(f"supplychain_{table}", scopes=False)
            for table in ("captureddocument", "documentpart", "capturejob", "masterdata")
        ),
    ]
