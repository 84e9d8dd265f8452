"""Reserved: filled by the change that needs it."""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("supplychain", "0006_epcis_capture")]

    operations: list[object] = []
