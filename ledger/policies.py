"""SQL for migrations: tables that nobody can change, and rows that only their readers see."""

from django.db.migrations import RunSQL

FUNCTIONS = """
CREATE OR REPLACE FUNCTION waylog_is_system() RETURNS boolean LANGUAGE sql STABLE PARALLEL SAFE AS
$$ SELECT coalesce(current_setting('waylog.party', true), '') = '*' $$;
CREATE OR REPLACE FUNCTION waylog_party() RETURNS uuid LANGUAGE sql STABLE PARALLEL SAFE AS
$$ SELECT nullif(nullif(current_setting('waylog.party', true), ''), '*')::uuid $$;
CREATE OR REPLACE FUNCTION ledger_refuse_change() RETURNS trigger LANGUAGE plpgsql AS
$$ BEGIN
  RAISE EXCEPTION 'the log is append-only: % on % refused', TG_OP, TG_TABLE_NAME USING ERRCODE = 'restrict_violation';
END $$;
CREATE OR REPLACE FUNCTION ledger_head_only_grows() RETURNS trigger LANGUAGE plpgsql AS
$$ BEGIN
  IF NEW.origin <> OLD.origin OR NEW.log_key_id <> OLD.log_key_id OR NEW.tree_size < OLD.tree_size
     OR NEW.record_time_ms < OLD.record_time_ms THEN
    RAISE EXCEPTION 'the head of the log only grows' USING ERRCODE = 'restrict_violation';
  END IF;
  RETURN NEW;
END $$;
"""


def append_only(table: str) -> RunSQL:
    """Refuse UPDATE, DELETE and TRUNCATE on `table`, whoever asks."""
    return RunSQL(
        f"""
        CREATE TRIGGER {table}_rows_stay BEFORE UPDATE OR DELETE ON {table}
          FOR EACH ROW EXECUTE FUNCTION ledger_refuse_change();
        CREATE TRIGGER {table}_table_stays BEFORE TRUNCATE ON {table}
          FOR EACH STATEMENT EXECUTE FUNCTION ledger_refuse_change();
        """,
        f"DROP TRIGGER {table}_rows_stay ON {table}; DROP TRIGGER {table}_table_stays ON {table};",
    )


def tenant_rows(table: str, *, scopes: bool = True, tenant: str = "tenant") -> RunSQL:
    """Let a party read a row when it is its tenant, or a reader of one of its scopes; let the system do all."""
    shared = (
        "OR EXISTS (SELECT 1 FROM ledger_scopereader r"
        " WHERE r.party = (SELECT waylog_party()) AND r.scope = ANY(scopes))"
        if scopes
        else ""
    )
    return RunSQL(
        f"""
        ALTER TABLE {table} ENABLE ROW LEVEL SECURITY;
        CREATE POLICY {table}_readers ON {table} FOR SELECT USING (
          (SELECT waylog_is_system()) OR {tenant} = (SELECT waylog_party()) {shared});
        CREATE POLICY {table}_system ON {table} FOR ALL
          USING ((SELECT waylog_is_system())) WITH CHECK ((SELECT waylog_is_system()));
        """,
        f"""
        DROP POLICY {table}_readers ON {table}; DROP POLICY {table}_system ON {table};
        ALTER TABLE {table} DISABLE ROW LEVEL SECURITY;
        """,
    )
