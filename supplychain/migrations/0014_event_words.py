"""What the collections of EPCIS list, a row for each value and party, filled from the events that there are."""

from django.db import migrations, models

from ledger import policies

_FILLED = """
INSERT INTO supplychain_eventword (party, field, value)
SELECT DISTINCT r.party, w.field, w.value FROM (
    SELECT tenant AS party, index FROM supplychain_event UNION ALL SELECT party, index FROM supplychain_eventreader
  ) r JOIN supplychain_event e ON e.index = r.index
  CROSS JOIN LATERAL (VALUES ('eventType', e.event_type), ('bizStep', e.biz_step), ('disposition', e.disposition),
    ('readPoint', e.read_point), ('bizLocation', e.biz_location)) w (field, value)
WHERE w.value <> '';
"""


class Migration(migrations.Migration):
    dependencies = [("supplychain", "0013_fewer_indexes")]

    operations = [
        migrations.CreateModel(
            name="EventWord",
            fields=[
                (
                    "pk",
                    models.CompositePrimaryKey(
                        "party", "field", "value", blank=True, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("party", models.UUIDField()),
                ("field", models.CharField(max_length=11)),
                ("value", models.TextField(db_collation="C")),
            ],
        ),
        migrations.RunSQL(_FILLED, migrations.RunSQL.noop),
        policies.tenant_rows("supplychain_eventword", scopes=False, tenant="party"),
    ]
