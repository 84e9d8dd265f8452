"""Reserved: filled by the change that needs it."""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("supplychain", "0004_key_life")]

    operations: list[object] = []
