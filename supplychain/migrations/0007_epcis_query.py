"""Named queries, deleted page tokens, scopes of events as rows, and the indexes that queries in EPCIS need."""

import uuid

from django.db import migrations, models

from ledger import policies

_SCOPES = """
INSERT INTO supplychain_eventscope (scope, index)
  SELECT DISTINCT s.scope, e.index FROM supplychain_event e CROSS JOIN LATERAL unnest(e.scopes) AS s(scope);
INSERT INTO supplychain_eventreader (party, index, event_time)
  SELECT DISTINCT r.party, e.index, e.event_time FROM supplychain_eventscope s
    JOIN supplychain_event e ON e.index = s.index
    JOIN ledger_scopereader r ON r.scope = s.scope AND r.party <> e.tenant;
ALTER TABLE supplychain_eventscope ENABLE ROW LEVEL SECURITY;
CREATE POLICY supplychain_eventscope_readers ON supplychain_eventscope FOR SELECT USING (
  (SELECT waylog_is_system()) OR EXISTS (SELECT 1 FROM ledger_scopereader r
    WHERE r.party = (SELECT waylog_party()) AND r.scope = supplychain_eventscope.scope));
CREATE POLICY supplychain_eventscope_system ON supplychain_eventscope FOR ALL
  USING ((SELECT waylog_is_system())) WITH CHECK ((SELECT waylog_is_system()));
"""
_SCOPES_BACK = """
DROP POLICY supplychain_eventscope_readers ON supplychain_eventscope;
DROP POLICY supplychain_eventscope_system ON supplychain_eventscope;
ALTER TABLE supplychain_eventscope DISABLE ROW LEVEL SECURITY;
"""


class Migration(migrations.Migration):
    dependencies = [("supplychain", "0006_epcis_capture")]

    operations = [
        migrations.CreateModel(
            name="EventScope",
            fields=[
                ("scope", models.UUIDField()),
                ("index", models.BigIntegerField()),
                (
                    "pk",
                    models.CompositePrimaryKey(
                        "scope", "index", blank=True, editable=False, primary_key=True, serialize=False
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="EventReader",
            fields=[
                ("party", models.UUIDField()),
                ("index", models.BigIntegerField()),
                (
                    "pk",
                    models.CompositePrimaryKey(
                        "party", "index", blank=True, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("event_time", models.DateTimeField()),
            ],
            options={
                "indexes": [
                    models.Index(fields=["party", "event_time", "index"], name="supplychain_eventreader_time")
                ],
            },
        ),
        migrations.CreateModel(
            name="NamedQuery",
            fields=[
                ("id", models.UUIDField(default=uuid.uuid4, primary_key=True, serialize=False)),
                ("tenant", models.UUIDField()),
                ("name", models.TextField()),
                ("query", models.JSONField(help_text="As it was given, `@context` included.")),
                ("created_at", models.DateTimeField()),
            ],
            options={
                "ordering": ["name"],
                "constraints": [
                    models.UniqueConstraint(fields=["tenant", "name"], name="supplychain_namedquery_once")
                ],
            },
        ),
        migrations.CreateModel(
            name="DeletedPageToken",
            fields=[
                ("digest", models.BinaryField(primary_key=True, serialize=False)),
                ("tenant", models.UUIDField()),
                ("expires_at", models.DateTimeField(db_index=True)),
            ],
        ),
        migrations.RunSQL(_SCOPES, _SCOPES_BACK),
        policies.tenant_rows("supplychain_eventreader", scopes=False, tenant="party"),
        policies.tenant_rows("supplychain_namedquery", scopes=False),
        policies.tenant_rows("supplychain_deletedpagetoken", scopes=False),
        migrations.RemoveIndex(model_name="event", name="supplychain_event_step_time"),
        migrations.RemoveIndex(model_name="event", name="supplychain_event_place_time"),
        migrations.RemoveIndex(model_name="eventobject", name="supplychain_eventobject_epc"),
        migrations.AddIndex(
            model_name="event", index=models.Index(fields=["tenant", "event_time"], name="supplychain_event_time")
        ),
        migrations.AddIndex(
            model_name="event",
            index=models.Index(fields=["tenant", "biz_step", "event_time"], name="supplychain_event_by_step"),
        ),
        migrations.AddIndex(
            model_name="event",
            index=models.Index(fields=["tenant", "biz_location", "event_time"], name="supplychain_event_by_place"),
        ),
        migrations.AddIndex(
            model_name="event",
            index=models.Index(fields=["tenant", "read_point", "event_time"], name="supplychain_event_by_point"),
        ),
        migrations.AddIndex(
            model_name="event",
            index=models.Index(
                condition=models.Q(("is_error_declaration", True)),
                fields=["tenant", "event_time"],
                name="supplychain_declaration_time",
            ),
        ),
        migrations.AddIndex(
            model_name="event",
            index=models.Index(
                condition=models.Q(("declared_in_error_by__isnull", False)),
                fields=["declared_in_error_by"],
                name="supplychain_event_declared",
            ),
        ),
        migrations.AddIndex(
            model_name="eventobject",
            index=models.Index(
                fields=["epc", "index"],
                name="supplychain_eventobject_epcs",
                opclasses=["text_pattern_ops", "int8_ops"],
            ),
        ),
    ]
