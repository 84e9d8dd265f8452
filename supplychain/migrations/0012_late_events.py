"""Events that a party came to read late, and subscriptions that know how far they are with them.

What was opened before this migration counts as read at once: subscriptions have gone past it, and nobody is sent it
unasked. `manage.py rebuild` finds these rows too.
"""

from django.db import migrations, models

from ledger import policies


class Migration(migrations.Migration):
    dependencies = [("supplychain", "0011_no_index_on_scopes")]

    operations = [
        migrations.AddField(
            model_name="subscription",
            name="within",
            field=models.BigIntegerField(
                default=0,
                help_text="Of what the entry at the position opened to the party, the first index not dealt with.",
            ),
        ),
        migrations.AddField(
            model_name="subscription",
            name="told_at",
            field=models.DateTimeField(help_text="When managers were told that its receiver refuses events.", null=True),
        ),
        migrations.AlterField(
            model_name="delivery",
            name="verdict",
            field=models.CharField(help_text="delivered, too_large, gone, refused or failed.", max_length=9),
        ),
        migrations.CreateModel(
            name="LateEvent",
            fields=[
                (
                    "pk",
                    models.CompositePrimaryKey(
                        "party", "index", blank=True, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("party", models.UUIDField()),
                ("index", models.BigIntegerField()),
                ("opened_index", models.BigIntegerField()),
            ],
            options={
                "indexes": [
                    models.Index(fields=["party", "opened_index", "index"], name="supplychain_lateevent_opened")
                ],
            },
        ),
        policies.tenant_rows("supplychain_lateevent", scopes=False, tenant="party"),
    ]
