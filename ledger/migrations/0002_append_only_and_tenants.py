"""Triggers that refuse every change to the log, and row-level security on what belongs to a party."""

from django.db import migrations

from ledger import policies

APPEND_ONLY = (
    "ledger_entry",
    "ledger_tile",
    "ledger_checkpoint",
    "ledger_key",
    "ledger_keyrevocation",
    "ledger_attestation",
    "ledger_body",
)


class Migration(migrations.Migration):
    dependencies = [("ledger", "0001_initial")]

    operations = [
        migrations.RunSQL(policies.FUNCTIONS, migrations.RunSQL.noop),
        *[policies.append_only(table) for table in APPEND_ONLY],
        migrations.RunSQL(
            """
            CREATE TRIGGER ledger_head_only_grows BEFORE UPDATE ON ledger_head
              FOR EACH ROW EXECUTE FUNCTION ledger_head_only_grows();
            CREATE TRIGGER ledger_head_row_stays BEFORE DELETE ON ledger_head
              FOR EACH ROW EXECUTE FUNCTION ledger_refuse_change();
            CREATE TRIGGER ledger_head_table_stays BEFORE TRUNCATE ON ledger_head
              FOR EACH STATEMENT EXECUTE FUNCTION ledger_refuse_change();
            """,
            """
            DROP TRIGGER ledger_head_only_grows ON ledger_head; DROP TRIGGER ledger_head_row_stays ON ledger_head;
            DROP TRIGGER ledger_head_table_stays ON ledger_head;
            """,
        ),
        policies.tenant_rows("ledger_body"),
        policies.tenant_rows("ledger_scopereader", scopes=False, tenant="party"),
    ]
