"""Reserved: filled by the change that needs it."""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("forecasting", "0004_watch")]

    operations: list[object] = []
