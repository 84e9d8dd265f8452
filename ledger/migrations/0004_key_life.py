"""Expiry of keys, and change of the log's own: its id in the head may become that of another registered log key."""

from django.db import migrations, models

from ledger import policies


class Migration(migrations.Migration):
    dependencies = [("ledger", "0003_cosignatures")]

    operations = [
        migrations.AddField(
            model_name="key",
            name="expires_ms",
            field=models.BigIntegerField(
                help_text="The POSIX time in milliseconds from which on the log key may revoke it.", null=True
            ),
        ),
        migrations.AddField(
            model_name="loghead",
            name="next_log_key_id",
            field=models.CharField(
                help_text="While the log key is changed: the new one, which signs beside the old.",
                max_length=43,
                null=True,
            ),
        ),
        migrations.RunSQL(policies.LOG_KEY_CHANGES, policies.FUNCTIONS),
    ]
