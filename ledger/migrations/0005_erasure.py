"""What is left of erased bodies, and the one way in which a body goes: a function that a logged `body.erased` permits."""

import django.contrib.postgres.fields
import django.contrib.postgres.indexes
from django.db import migrations, models

from ledger import policies


class Migration(migrations.Migration):
    dependencies = [("ledger", "0004_key_life")]

    operations = [
        migrations.CreateModel(
            name="Tombstone",
            fields=[
                ("commitment", models.BinaryField(primary_key=True, serialize=False)),
                ("index", models.BigIntegerField(unique=True)),
                ("erased_index", models.BigIntegerField(help_text="The `body.erased` that names it.")),
                ("tenant", models.UUIDField()),
                (
                    "chains",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.BinaryField(),
                        help_text="The secrets of the chains it is linked into, in link order.",
                        size=None,
                    ),
                ),
                ("scopes", django.contrib.postgres.fields.ArrayField(base_field=models.UUIDField(), size=None)),
                (
                    "readers",
                    models.JSONField(default=list, help_text="Who could read its scopes: pairs of scope and party."),
                ),
            ],
            options={
                "db_table": "ledger_tombstone",
                "indexes": [
                    django.contrib.postgres.indexes.GinIndex(fields=["scopes"], name="ledger_tombstone_scopes")
                ],
            },
        ),
        migrations.CreateModel(
            name="Disclosure",
            fields=[
                (
                    "pk",
                    models.CompositePrimaryKey(
                        "index", "position", blank=True, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("index", models.BigIntegerField(help_text="The entry whose body names its digest.")),
                ("position", models.IntegerField()),
                ("text", models.TextField(help_text="As in RFC 9901: base64url of a salt, a name and a value.")),
                ("tenant", models.UUIDField()),
                ("scopes", django.contrib.postgres.fields.ArrayField(base_field=models.UUIDField(), size=None)),
            ],
            options={"db_table": "ledger_disclosure"},
        ),
        migrations.RunSQL(policies.ERASURE, policies.NO_ERASURE),
        policies.append_only("ledger_tombstone"),
        policies.tenant_rows("ledger_tombstone"),
        policies.erasable("ledger_body"),
        policies.erasable("ledger_disclosure"),
        policies.tenant_rows("ledger_disclosure"),
    ]
