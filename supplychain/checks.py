"""What `manage.py check --deploy` adds to Django's own checks (registered in supplychain.apps)."""

from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, Warning
from django.db import DatabaseError, connection

from ledger import quorum, roles
from supplychain.services import connections

REMEDY = "Set DATABASE_URL to the application's role and DATABASE_OWNER_URL to the owner's (docs/operations.md)."


def roles_are_split(**_: Any) -> list[CheckMessage]:
    """Warn where the application's role could change the log's tables."""
    try:
        split = roles.are_split()
    except DatabaseError as error:
        return [Warning(f"the roles cannot be checked: {error}", id="waylog.W002")]
    return [] if split else [Warning("roles not split: the application could change the log", REMEDY, id="waylog.W001")]


def checkpoint_is_apart(**_: Any) -> list[CheckMessage]:
    """Warn where one restored folder would bring back an older database together with its older checkpoint."""
    data, kept = settings.WAYLOG_DATA.resolve(), Path(settings.WAYLOG_CHECKPOINT_FILE).resolve()
    if not ((data / "postgres").is_dir() and kept.is_relative_to(data)):
        return []
    said = "the newest checkpoint is kept beside the database: restoring the folder restores both, and hides a rollback"
    return [Warning(said, "Set WAYLOG_CHECKPOINT_FILE to a file on another disk or machine.", id="waylog.W003")]


def connections_suffice(**_: Any) -> list[CheckMessage]:
    """Warn where the server has room for fewer connections than web, workers and streams may hold."""
    needed = connections.needed(settings.CELERY_WORKER_CONCURRENCY)
    try:
        with connection.cursor() as cursor:
            cursor.execute(_ROOM)
            row = cursor.fetchone()
    except DatabaseError as error:
        return [Warning(f"the number of connections cannot be checked: {error}", id="waylog.W005")]
    if row is None or row[0] >= needed:
        return []
    said = f"the database takes {row[0]} connections, and all processes together may want {needed}"
    remedy = f"Set max_connections to {connections.room(settings.CELERY_WORKER_CONCURRENCY)}, or start fewer threads."
    return [Warning(said, remedy, id="waylog.W004")]


_ROOM = """
SELECT sum(setting::int * CASE name WHEN 'max_connections' THEN 1 ELSE -1 END) FROM pg_settings
WHERE name IN ('max_connections', 'superuser_reserved_connections', 'reserved_connections')
"""


def policy_is_readable(**_: Any) -> list[CheckMessage]:
    """Refuse to start with witnesses or a policy that cannot be read: nothing would ever be published."""
    try:
        quorum.policy()
    except quorum.PolicyUnreadable as fault:
        return [Error(str(fault), "See docs/operations.md, witnesses.", id="waylog.E001")]
    return []
