"""`GET /healthz`: 200 once all parts are up, else 503 with the part that is not."""

from collections.abc import Callable
from datetime import datetime

import redis
from django.db import DatabaseError, connection
from django.db.migrations.executor import MigrationExecutor
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils import timezone

from ledger import cosigning, diskspace, outside, publishing, queries, quorum, roles, tenancy
from ledger.audit import alarm
from supplychain import heartbeat
from supplychain.queries import subscriptions

OK = "ok"


class Down(Exception):
    """A part does not work; says how."""


class Alarm(Exception):
    """A part works, and found something wrong that somebody must look at; says what."""


class HealthMiddleware:
    """Answer /healthz before anything else does: without https, a session, a known host or a database."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if request.path_info == "/healthz" and request.method in {"GET", "HEAD"}:
            return healthz(request)
        return self.get_response(request)


def healthz(request: HttpRequest) -> JsonResponse:
    """Ask every part, and name those that are not up, and those that raise an alarm.

    An alarm is no 503: a log that does not hold must be seen on its pages, and a server taken away shows none.
    """
    parts, failing, alarms = {}, [], []
    for name, ask in PARTS.items():
        try:
            parts[name] = ask()
        except Down as down:
            parts[name] = str(down)
            failing.append(name)
        except Alarm as raised:
            parts[name] = str(raised)
            alarms.append(name)
        except DatabaseError:
            parts[name] = "the database does not answer"
            failing.append(name)
        except redis.RedisError:
            parts[name] = "Valkey does not answer"
            failing.append(name)
    word = "unavailable" if failing else "alarm" if alarms else OK
    status = {"status": word, "failing": failing, "alarms": alarms, "parts": parts}
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


def _audit() -> str:
    with tenancy.system():
        found = alarm.standing(now=timezone.now())  # noqa: TID251
    if found.alarm is not None or found.is_late:
        raise Alarm(found.sentence())
    return found.sentence()


def _witnesses() -> str:
    with tenancy.system():
        try:
            found, size, published = cosigning.standings(), queries.tree_size(), publishing.published_size()
        except queries.LogMissing:
            return "not asked yet"
        except quorum.PolicyUnreadable as fault:
            raise Alarm(str(fault)) from None
    said = [f"{each.name} cosigned {each.cosigned_size} of {size}{_at(each.cosigned_at)}" for each in found]
    if refusing := [f"{each.name} refuses: {each.answer.why}" for each in found if each.answer and each.refuses]:
        raise Alarm("; ".join(refusing))
    if published < size:
        said.append(f"published {published} of {size}: the quorum has not cosigned the rest yet")
    return "; ".join(said) or "none"


def _at(moment: datetime | None) -> str:
    return f" at {moment:%Y-%m-%d %H:%M} UTC" if moment else ""


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


def _helps(name: str, tell: Callable[[], str]) -> Callable[[], str]:
    """Ask a process without which pages and captures go on: that it is gone is an alarm, and no failure."""

    def ask() -> str:
        if not heartbeat.is_alive(name):
            raise Alarm(f"no sign of life for {heartbeat.LIFE} seconds")
        return tell()

    return ask


def _webhooks() -> str:
    """How many receivers do not take their events: their owners are told on their page and by mail."""
    with tenancy.system():
        found = subscriptions.totals()
    return f"{found['all']} subscriptions, {found['failing']} failing, {found['paused']} paused"


PARTS: dict[str, Callable[[], str]] = {
    "database": _database,
    "migrations": _migrations,
    "roles": _roles,
    "log": _log,
    "audit": _audit,
    "witnesses": _witnesses,
    "disk": _disk,
    "valkey": _valkey,
    "worker": _lives("worker"),
    "beat": _lives("beat"),
    "captures": _helps("captures", lambda: OK),
    "webhooks": _helps("webhooks", _webhooks),
    "streams": _helps("streams", lambda: OK),
}
