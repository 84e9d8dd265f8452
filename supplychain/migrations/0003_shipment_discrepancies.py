"""All discrepancies of a shipment, not the latest alone; events found by their id."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("supplychain", "0002_tenants")]

    operations = [
        migrations.AddField(
            model_name="shipment",
            name="discrepancies",
            field=models.JSONField(
                default=list,
                help_text="All of them, oldest first; the columns speak of the one that waits, else of the latest.",
            ),
        ),
        migrations.AddIndex(
            model_name="event",
            index=models.Index(fields=["event_id"], name="supplychain_event_id"),
        ),
    ]
