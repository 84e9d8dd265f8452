"""Reserved: filled by the change that needs it."""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("ledger", "0003_cosignatures")]

    operations: list[object] = []
