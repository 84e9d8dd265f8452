"""`GET /healthz`: 200 once all parts are up, else 503 with the part that is not."""

from collections.abc import Callable

import redis
from django.db import DatabaseError, connection
from django.db.migrations.executor import MigrationExecutor
from django.http import HttpRequest, HttpResponse, JsonResponse

from ledger import diskspace, outside, queries, roles, tenancy
from supplychain import heartbeat

OK = "ok"


class Down(Exception):
    """A part does not work; says how."""


class HealthMiddleware:
    """Answer /healthz before anything else does: without https, a session, a known host or a database."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if request.path_info == "/healthz" and request.method in {"GET", "HEAD"}:
            return healthz(request)
        return self.get_response(request)


def healthz(request: HttpRequest) -> JsonResponse:
    """Ask every part, and name those that are not up."""
    parts, failing = {}, []
    for name, ask in PARTS.items():
        try:
            parts[name] = ask()
        except Down as down:
            parts[name] = str(down)
            failing.append(name)
        except DatabaseError:
            parts[name] = "the database does not answer"
            failing.append(name)
        except redis.RedisError:
            parts[name] = "Valkey does not answer"
            failing.append(name)
    status = {"status": "unavailable" if failing else OK, "failing": failing, "parts": parts}
    return JsonResponse(status, status=503 if failing else 200, headers={"Cache-Control": "no-store"})


def _database() -> str:
    try:
        connection.ensure_connection()
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except DatabaseError:
        connection.close()  # the next question opens a new one
        raise
    return OK


_migrated: list[bool] = []
"""Filled once they were seen to be: the tables do not go back while this process lives."""


def _migrations() -> str:
    if not _migrated:
        executor = MigrationExecutor(connection)
        if executor.migration_plan(executor.loader.graph.leaf_nodes()):
            raise Down("migrations are not applied: run `manage.py migrate`")
        _migrated.append(True)
    return OK


def _roles() -> str:
    """Say whether the application could change the log; that is a warning and not a failure."""
    return "split" if roles.are_split() else "roles not split"


def _log() -> str:
    with tenancy.system():
        try:
            size = queries.tree_size()
            outside.check_now()
        except queries.LogMissing:
            return "not made yet"
        except (outside.RolledBack, outside.NotKept) as refused:
            raise Down(str(refused)) from None
        return f"{size} entries"


def _disk() -> str:
    try:
        return diskspace.check()
    except diskspace.DiskLow as low:
        raise Down(str(low)) from None


def _valkey() -> str:
    heartbeat.valkey().ping()
    return OK


def _lives(name: str) -> Callable[[], str]:
    def ask() -> str:
        if not heartbeat.is_alive(name):
            raise Down(f"no sign of life for {heartbeat.LIFE} seconds")
        return OK

    return ask


PARTS: dict[str, Callable[[], str]] = {
    "database": _database,
    "migrations": _migrations,
    "roles": _roles,
    "log": _log,
    "disk": _disk,
    "valkey": _valkey,
    "worker": _lives("worker"),
    "beat": _lives("beat"),
}
