"""Indexes of events that serve two ends, or only the events that have what is looked for: each costs every capture."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("supplychain", "0012_late_events")]

    operations = [
        migrations.AddConstraint(
            model_name="event",
            constraint=models.UniqueConstraint(
                fields=("event_id", "tenant", "is_error_declaration"), name="supplychain_event_id_once"
            ),
        ),
        migrations.RemoveConstraint(model_name="event", name="supplychain_event_id_once_a_party"),
        migrations.RemoveIndex(model_name="event", name="supplychain_event_id"),
        migrations.RemoveIndex(model_name="event", name="supplychain_event_hash"),
        migrations.AddIndex(
            model_name="event", index=models.Index(fields=["event_hash"], name="supplychain_event_digest")
        ),
        migrations.RemoveIndex(model_name="event", name="supplychain_event_by_place"),
        migrations.RemoveIndex(model_name="event", name="supplychain_event_by_point"),
        migrations.AddIndex(
            model_name="event",
            index=models.Index(
                condition=models.Q(("biz_location", ""), _negated=True),
                fields=["tenant", "biz_location", "event_time"],
                name="supplychain_event_at_place",
            ),
        ),
        migrations.AddIndex(
            model_name="event",
            index=models.Index(
                condition=models.Q(("read_point", ""), _negated=True),
                fields=["tenant", "read_point", "event_time"],
                name="supplychain_event_at_point",
            ),
        ),
    ]
