"""Reserved: filled by the change that needs it."""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("forecasting", "0003_methods")]

    operations: list[object] = []
