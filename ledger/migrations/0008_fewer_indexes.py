"""An index less where another rule says the same: each costs every append, and random ones the more the log grows.

A leaf holds its statement and a statement its commitment, so these are unique where commitments are; a body is found by
the index of its entry.
"""

from django.db import migrations, models

from ledger import policies

_BODY_BY_INDEX = """
ALTER TABLE ledger_body DROP CONSTRAINT ledger_body_pkey;
ALTER TABLE ledger_body DROP CONSTRAINT ledger_body_index_key;
ALTER TABLE ledger_body ADD CONSTRAINT ledger_body_pkey PRIMARY KEY (index);
"""
_BODY_BY_COMMITMENT = """
ALTER TABLE ledger_body DROP CONSTRAINT ledger_body_pkey;
ALTER TABLE ledger_body ADD CONSTRAINT ledger_body_index_key UNIQUE (index);
ALTER TABLE ledger_body ADD CONSTRAINT ledger_body_pkey PRIMARY KEY (commitment);
"""


class Migration(migrations.Migration):
    dependencies = [("ledger", "0007_no_index_on_scopes")]

    operations = [
        migrations.AlterField(model_name="entry", name="leaf_hash", field=models.BinaryField()),
        migrations.AlterField(model_name="entry", name="statement_hash", field=models.BinaryField()),
        migrations.AddConstraint(
            model_name="entry",
            constraint=models.UniqueConstraint(
                condition=models.Q(("commitment__isnull", True)),
                fields=("statement_hash",),
                name="ledger_entry_without_body_once",
            ),
        ),
        migrations.SeparateDatabaseAndState(
            [migrations.RunSQL(_BODY_BY_INDEX, _BODY_BY_COMMITMENT)],
            [
                migrations.AlterField(
                    model_name="body",
                    name="index",
                    field=models.BigIntegerField(primary_key=True, serialize=False),
                ),
                migrations.AlterField(
                    model_name="body",
                    name="commitment",
                    field=models.BinaryField(
                        help_text="That of the entry with this index, which is unique in the log."
                    ),
                ),
            ],
        ),
        migrations.RunSQL(policies.ERASE_BY_INDEX, migrations.RunSQL.noop),
    ]
