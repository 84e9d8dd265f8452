"""Rows of events whose bodies were erased, and shipments that lost one."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("supplychain", "0004_key_life"), ("ledger", "0005_erasure")]

    operations = [
        migrations.AddField(
            model_name="event",
            name="erased_by",
            field=models.BigIntegerField(
                help_text="The index of the `body.erased` that took its body; what it said is gone from this row.",
                null=True,
            ),
        ),
        migrations.AlterField(
            model_name="shipment",
            name="status",
            field=models.CharField(
                choices=[
                    ("commissioned", "commissioned"),
                    ("packed", "packed"),
                    ("dispatched", "in transit"),
                    ("accepted", "accepted"),
                    ("unpacked", "unpacked"),
                    ("void", "taken back"),
                    ("erased", "partly erased"),
                ],
                max_length=12,
            ),
        ),
    ]
