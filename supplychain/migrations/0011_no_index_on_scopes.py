"""Behind row-level security no index on an array is ever used: events are found by the rows of their scopes."""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("supplychain", "0010_planning")]

    operations = [
        migrations.RemoveIndex(model_name="event", name="supplychain_event_scopes"),
        migrations.RemoveIndex(model_name="sensorreading", name="supplychain_sensor_scopes"),
    ]
