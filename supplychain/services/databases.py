"""Databases for tests: made, copied, emptied and dropped by the owner."""

from typing import Any

import psycopg
from psycopg import sql

TEMPLATE = "test_waylog_template"
SEED = "waylog_seed"
"""The schema that keeps what migrations wrote, to be put back after a test that committed."""


def make_test_database(name: str) -> None:
    """Make the database `name` as a copy of the migrated template, which is made first where it is missing."""
    _refuse_real(name)
    with _owner("postgres") as connection:
        if not _exists(connection, TEMPLATE):
            _make_template(connection)
        connection.execute(sql.SQL("DROP DATABASE IF EXISTS {}").format(sql.Identifier(name)))
        connection.execute(
            sql.SQL("CREATE DATABASE {} TEMPLATE {} STRATEGY FILE_COPY").format(
                sql.Identifier(name), sql.Identifier(TEMPLATE)
            )
        )


def drop_test_database(name: str) -> None:
    """Drop the database `name`; one that something still uses is left to the server's end."""
    _refuse_real(name)
    with _owner("postgres") as connection:
        try:
            connection.execute(sql.SQL("DROP DATABASE IF EXISTS {}").format(sql.Identifier(name)))
        except psycopg.errors.ObjectInUse:
            return


def reset_test_database() -> None:
    """Empty every table that holds rows and put back what migrations wrote, in one transaction of the owner's."""
    name = _settings("owner")["NAME"]
    _refuse_real(name)
    with _owner(name) as connection, connection.transaction():
        connection.execute("SET LOCAL lock_timeout = '10s'")
        seeded = _tables(connection, SEED)
        filled = [table for table in _filled(connection) if table != "django_migrations"]
        if not filled:
            return
        tables = sql.SQL(", ").join(map(sql.Identifier, filled))
        guarded = _guarded(connection)
        for table in guarded:
            connection.execute(sql.SQL("ALTER TABLE {} DISABLE TRIGGER USER").format(sql.Identifier(table)))
        connection.execute(sql.SQL("TRUNCATE {} CASCADE").format(tables))
        connection.execute("SELECT set_config('waylog.party', '*', true)")
        for table in seeded:
            _put_back(connection, table)
        connection.execute("SET CONSTRAINTS ALL IMMEDIATE")
        for table in guarded:
            connection.execute(sql.SQL("ALTER TABLE {} ENABLE TRIGGER USER").format(sql.Identifier(table)))


def _make_template(connection: psycopg.Connection[Any]) -> None:
    """Migrate under a draft's name and rename: a template that exists is whole."""
    from django.core.management import call_command
    from django.db import connections

    draft = TEMPLATE + "_draft"
    connection.execute(sql.SQL("DROP DATABASE IF EXISTS {}").format(sql.Identifier(draft)))
    connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(draft)))
    names = {alias: connections[alias].settings_dict["NAME"] for alias in ("default", "owner")}
    connections.close_all()
    for alias in names:
        connections[alias].settings_dict["NAME"] = draft
    try:
        call_command("migrate", verbosity=0)
    finally:
        connections.close_all()
        for alias, before in names.items():
            connections[alias].settings_dict["NAME"] = before
    with _owner(draft) as migrated:
        migrated.execute("SELECT set_config('waylog.party', '*', false)")
        migrated.execute(f"CREATE SCHEMA {SEED}")
        for table in _filled(migrated):
            if table != "django_migrations":
                target, source = sql.Identifier(SEED, table), sql.Identifier("public", table)
                migrated.execute(sql.SQL("CREATE TABLE {} AS TABLE {}").format(target, source))
    connection.execute(
        sql.SQL("ALTER DATABASE {} RENAME TO {}").format(sql.Identifier(draft), sql.Identifier(TEMPLATE))
    )


def _put_back(connection: psycopg.Connection[Any], table: str) -> None:
    columns = connection.execute(
        "SELECT column_name FROM information_schema.columns WHERE table_schema = 'public' AND table_name = %s"
        " AND is_generated = 'NEVER' ORDER BY ordinal_position",
        [table],
    ).fetchall()
    names = sql.SQL(", ").join(sql.Identifier(column) for (column,) in columns)
    connection.execute(
        sql.SQL("INSERT INTO {} ({}) OVERRIDING SYSTEM VALUE SELECT {} FROM {}").format(
            sql.Identifier("public", table), names, names, sql.Identifier(SEED, table)
        )
    )


def _tables(connection: psycopg.Connection[Any], schema: str) -> list[str]:
    rows = connection.execute("SELECT tablename FROM pg_tables WHERE schemaname = %s ORDER BY 1", [schema]).fetchall()
    return [table for (table,) in rows]


def _guarded(connection: psycopg.Connection[Any]) -> list[str]:
    """Return the tables with triggers of ours."""
    rows = connection.execute(
        "SELECT DISTINCT relname FROM pg_trigger t JOIN pg_class c ON c.oid = tgrelid"
        " JOIN pg_namespace n ON n.oid = relnamespace WHERE NOT tgisinternal AND nspname = 'public'"
    ).fetchall()
    return [table for (table,) in rows]


def _filled(connection: psycopg.Connection[Any]) -> list[str]:
    """Return the tables that hold a row; the owner sees all of them where row-level security is forced, too."""
    tables = _tables(connection, "public")
    if not tables:
        return []
    connection.execute("SELECT set_config('waylog.party', '*', false)")
    asked = sql.SQL(" UNION ALL ").join(
        sql.SQL("SELECT {} WHERE EXISTS (SELECT 1 FROM {})").format(sql.Literal(table), sql.Identifier("public", table))
        for table in tables
    )
    return [table for (table,) in connection.execute(asked).fetchall()]


def _owner(database: str) -> psycopg.Connection[Any]:
    given = _settings("owner")
    return psycopg.connect(
        host=given["HOST"] or None,
        port=given["PORT"] or None,
        user=given["USER"] or None,
        password=given["PASSWORD"] or None,
        dbname=database,
        autocommit=True,
    )


def _settings(alias: str) -> dict[str, Any]:
    from django.conf import settings
    from django.core.exceptions import ImproperlyConfigured
    from django.db import connections

    if alias not in settings.DATABASES:
        raise ImproperlyConfigured("tests need DATABASE_OWNER_URL beside DATABASE_URL: the owner makes their database")
    return connections[alias].settings_dict


def _exists(connection: psycopg.Connection[Any], name: str) -> bool:
    return connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [name]).fetchone() is not None


def _refuse_real(name: str) -> None:
    assert name.startswith("test_"), f"{name} is no test's database"
