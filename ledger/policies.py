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

LOG_KEY_CHANGES = """
CREATE OR REPLACE FUNCTION ledger_head_only_grows() RETURNS trigger LANGUAGE plpgsql AS
$$ BEGIN
  IF NEW.origin <> OLD.origin OR NEW.tree_size < OLD.tree_size OR NEW.record_time_ms < OLD.record_time_ms THEN
    RAISE EXCEPTION 'the head of the log only grows' USING ERRCODE = 'restrict_violation';
  END IF;
  IF (NEW.log_key_id <> OLD.log_key_id OR NEW.next_log_key_id IS DISTINCT FROM OLD.next_log_key_id) AND EXISTS (
    SELECT 1 FROM unnest(ARRAY[NEW.log_key_id, NEW.next_log_key_id]) AS named(id) WHERE id IS NOT NULL AND NOT EXISTS (
      SELECT 1 FROM ledger_key k WHERE k.key_id = named.id AND k.role = 'log'
        AND NOT EXISTS (SELECT 1 FROM ledger_keyrevocation r WHERE r.key_id = k.key_id)))
  THEN
    RAISE EXCEPTION 'the log signs with keys that are registered as its own' USING ERRCODE = 'restrict_violation';
  END IF;
  RETURN NEW;
END $$;
"""
"""The log key may change, and only to a key that the log itself registers in that role and has not revoked."""

ERASURE = """
CREATE FUNCTION ledger_erased_by(wanted bytea) RETURNS bigint LANGUAGE sql STABLE
SET search_path = public, pg_temp AS
$$ SELECT min(index) FROM ledger_entry WHERE type = 'body.erased'
   AND convert_from(decode(convert_from(leaf, 'UTF8')::jsonb ->> 'payload', 'base64'), 'UTF8')::jsonb
     -> 'claims' ->> 'commitment' = encode(wanted, 'hex') $$;
CREATE FUNCTION ledger_refuse_unless_erased() RETURNS trigger LANGUAGE plpgsql SET search_path = public, pg_temp AS
$$ BEGIN
  IF ledger_erased_by((SELECT commitment FROM ledger_entry WHERE index = OLD.index)) IS NULL THEN
    RAISE EXCEPTION 'no body.erased in the log names this body: DELETE on % refused', TG_TABLE_NAME
      USING ERRCODE = 'restrict_violation';
  END IF;
  RETURN OLD;
END $$;
CREATE FUNCTION ledger_erase(wanted bytea) RETURNS bigint LANGUAGE plpgsql SECURITY DEFINER
SET search_path = public, pg_temp AS
$$ DECLARE
  gone ledger_body%ROWTYPE;
  act bigint := ledger_erased_by(wanted);
BEGIN
  IF act IS NULL THEN
    RAISE EXCEPTION 'no body.erased in the log names this commitment' USING ERRCODE = 'restrict_violation';
  END IF;
  SELECT * INTO gone FROM ledger_body WHERE commitment = wanted;
  IF NOT FOUND THEN
    RETURN NULL;
  END IF;
  INSERT INTO ledger_tombstone (commitment, index, erased_index, tenant, chains, scopes, readers)
    VALUES (wanted, gone.index, act, gone.tenant, gone.chains, gone.scopes,
      (SELECT coalesce(jsonb_agg(jsonb_build_array(r.scope, r.party) ORDER BY r.scope, r.party), '[]')
       FROM ledger_scopereader r WHERE r.scope = ANY(gone.scopes)));
  DELETE FROM ledger_disclosure WHERE index = gone.index;
  DELETE FROM ledger_body WHERE commitment = wanted;
  RETURN gone.index;
END $$;
REVOKE ALL ON FUNCTION ledger_erase(bytea) FROM PUBLIC;
"""
"""A body goes by `ledger_erase` alone, whoever asks, and only when an entry of the log says that it goes."""
NO_ERASURE = """
DROP FUNCTION ledger_erase(bytea); DROP FUNCTION ledger_refuse_unless_erased(); DROP FUNCTION ledger_erased_by(bytea);
"""

ERASE_BY_INDEX = """
CREATE OR REPLACE FUNCTION ledger_erase(wanted bytea) RETURNS bigint LANGUAGE plpgsql SECURITY DEFINER
SET search_path = public, pg_temp AS
$$ DECLARE
  gone ledger_body%ROWTYPE;
  act bigint := ledger_erased_by(wanted);
BEGIN
  IF act IS NULL THEN
    RAISE EXCEPTION 'no body.erased in the log names this commitment' USING ERRCODE = 'restrict_violation';
  END IF;
  SELECT b.* INTO gone FROM ledger_body b
    WHERE b.index = (SELECT e.index FROM ledger_entry e WHERE e.commitment = wanted) AND b.commitment = wanted;
  IF NOT FOUND THEN
    RETURN NULL;
  END IF;
  INSERT INTO ledger_tombstone (commitment, index, erased_index, tenant, chains, scopes, readers)
    VALUES (wanted, gone.index, act, gone.tenant, gone.chains, gone.scopes,
      (SELECT coalesce(jsonb_agg(jsonb_build_array(r.scope, r.party) ORDER BY r.scope, r.party), '[]')
       FROM ledger_scopereader r WHERE r.scope = ANY(gone.scopes)));
  DELETE FROM ledger_disclosure WHERE index = gone.index;
  DELETE FROM ledger_body WHERE index = gone.index;
  RETURN gone.index;
END $$;
"""
"""The same `ledger_erase`: the body of a commitment is found by the entry that has it."""


def erasable(table: str) -> RunSQL:
    """Refuse UPDATE and TRUNCATE on `table`, and DELETE of everything that the log does not say is erased."""
    return RunSQL(
        f"""
        DROP TRIGGER IF EXISTS {table}_rows_stay ON {table}; DROP TRIGGER IF EXISTS {table}_table_stays ON {table};
        CREATE TRIGGER {table}_rows_stay BEFORE UPDATE ON {table}
          FOR EACH ROW EXECUTE FUNCTION ledger_refuse_change();
        CREATE TRIGGER {table}_rows_go_when_erased BEFORE DELETE ON {table}
          FOR EACH ROW EXECUTE FUNCTION ledger_refuse_unless_erased();
        CREATE TRIGGER {table}_table_stays BEFORE TRUNCATE ON {table}
          FOR EACH STATEMENT EXECUTE FUNCTION ledger_refuse_change();
        """,
        f"DROP TRIGGER {table}_rows_go_when_erased ON {table};",
    )


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
