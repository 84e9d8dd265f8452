"""What the application's database role may do: on the log's tables, add and read, and nothing else."""

from django.db import connections
from django.db.backends.base.base import BaseDatabaseWrapper

ADD_AND_READ = (
    "ledger_entry",
    "ledger_tile",
    "ledger_checkpoint",
    "ledger_cosignature",
    "ledger_key",
    "ledger_keyrevocation",
    "ledger_attestation",
    "ledger_body",
    "ledger_disclosure",
)
READ_ALONE = ("ledger_tombstone",)
"""Written by `ledger_erase` alone, which belongs to the owner."""
HEAD_COLUMNS = (
    "tree_size",
    "root_hash",
    "frontier",
    "record_time_ms",
    "checkpoint",
    "log_key_id",
    "next_log_key_id",
)


def apply_grants(owner: BaseDatabaseWrapper, *, application_role: str) -> None:
    """Give `application_role` what it needs, as the tables' owner: all on ordinary tables, little on the log's.

    Run after every migration; running it again changes nothing.
    """
    role = owner.ops.quote_name(application_role)
    log = ", ".join((*ADD_AND_READ, "ledger_head"))
    read_alone = ", ".join(READ_ALONE)
    with owner.cursor() as cursor:
        cursor.execute(f"GRANT USAGE ON SCHEMA public TO {role}")
        cursor.execute(f"GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO {role}")
        cursor.execute(f"GRANT USAGE, SELECT ON ALL SEQUENCES IN SCHEMA public TO {role}")
        cursor.execute(f"REVOKE ALL ON {log} FROM {role}")
        cursor.execute(f"REVOKE INSERT, UPDATE, DELETE ON django_migrations FROM {role}")
        cursor.execute(f"GRANT SELECT, INSERT ON {log} TO {role}")
        cursor.execute(f"REVOKE ALL ON {read_alone} FROM {role}")
        cursor.execute(f"GRANT SELECT ON {read_alone} TO {role}")
        cursor.execute("REVOKE ALL ON FUNCTION ledger_erase(bytea) FROM PUBLIC")
        cursor.execute(f"GRANT EXECUTE ON FUNCTION ledger_erase(bytea) TO {role}")
        cursor.execute(f"GRANT UPDATE ({', '.join(HEAD_COLUMNS)}) ON ledger_head TO {role}")


def are_split() -> bool:
    """Whether the application's role could not change the log's tables even if its code wanted to."""
    with connections["default"].cursor() as cursor:
        cursor.execute(
            "SELECT has_table_privilege(current_user, 'ledger_entry', 'UPDATE')"
            " OR has_table_privilege(current_user, 'ledger_entry', 'TRIGGER')"
            " OR (SELECT rolsuper FROM pg_roles WHERE rolname = current_user)"
        )
        row = cursor.fetchone()
    return row is not None and not row[0]
