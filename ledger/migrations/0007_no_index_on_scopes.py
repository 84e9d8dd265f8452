"""Behind row-level security no index on an array is ever used: it only cost an insert's time."""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("ledger", "0006_audit_progress")]

    operations = [
        migrations.RemoveIndex(model_name="body", name="ledger_body_scopes"),
        migrations.RemoveIndex(model_name="tombstone", name="ledger_tombstone_scopes"),
    ]
