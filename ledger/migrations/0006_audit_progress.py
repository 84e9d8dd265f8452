"""Reserved: filled by the change that needs it."""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("ledger", "0005_erasure")]

    operations: list[object] = []
