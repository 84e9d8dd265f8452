"""`/healthz` and `check --deploy`: what is up, what is not, and which wall is missing."""

import json
from pathlib import Path
from typing import Any

import pytest
import redis
from django.db import OperationalError, connection
from django.test import Client

from ledger import outside, queries
from supplychain import checks, heartbeat
from supplychain.api.errors import problem
from supplychain.services import connections
from supplychain.web import health
from tests.cast import World, sscc

pytestmark = pytest.mark.django_db


@pytest.fixture
def alive(services: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(heartbeat, "_client", None)
    names = ("worker", "beat", "captures", "webhooks", "streams")
    for name in names:
        heartbeat.give_sign(name)
    yield
    heartbeat.valkey().delete(*(f"waylog:alive:{name}" for name in names))


def ask() -> tuple[int, dict[str, Any]]:
    answer = Client().get("/healthz", headers={"host": "never.heard.of.example"})
    return answer.status_code, answer.json()


def test_all_parts_up_is_200(alive: None) -> None:
    status, told = ask()
    assert (status, told["status"], told["failing"]) == (200, "ok", [])
    assert told["parts"]["roles"] == "split"
    assert checks.roles_are_split() == []


@pytest.mark.parametrize("gone", ["worker", "beat"])
def test_a_process_without_a_sign_of_life_is_named(alive: None, gone: str) -> None:
    heartbeat.valkey().delete(f"waylog:alive:{gone}")
    status, told = ask()
    assert (status, told["failing"]) == (503, [gone])
    assert told["parts"][gone] == "no sign of life for 30 seconds"


@pytest.mark.parametrize("gone", ["captures", "webhooks", "streams"])
def test_what_sends_events_is_an_alarm_when_it_is_gone_and_no_failure(alive: None, gone: str) -> None:
    heartbeat.valkey().delete(f"waylog:alive:{gone}")
    status, told = ask()
    assert (status, told["failing"], told["alarms"]) == (200, [], [gone])


def test_webhooks_are_counted(alive: None) -> None:
    assert ask()[1]["parts"]["webhooks"] == "0 subscriptions, 0 failing, 0 paused"


@pytest.mark.parametrize("name", ["captures", "webhooks"])
def test_a_worker_of_one_kind_of_work_gives_a_sign_of_its_own(alive: None, name: str) -> None:
    class Heart:
        class eventer:
            hostname = f"{name}@there"

    heartbeat.valkey().delete("waylog:alive:worker", f"waylog:alive:{name}")
    heartbeat._worker_lives(sender=Heart)
    assert (heartbeat.is_alive(name), heartbeat.is_alive("worker")) == (True, False)
    heartbeat._worker_lives(sender=None)
    assert heartbeat.is_alive("worker")


def test_a_lost_valkey_is_named_and_the_rest_still_asked(alive: None, monkeypatch: pytest.MonkeyPatch) -> None:
    lost = redis.Redis.from_url("redis://127.0.0.1:1/0")
    with monkeypatch.context() as patch:
        patch.setattr(heartbeat, "_client", lost)
        status, told = ask()
    assert (status, told["failing"]) == (503, ["valkey", "worker", "beat", "captures", "webhooks", "streams"])
    assert told["parts"]["database"] == "ok"


def test_a_lost_database_is_named_and_no_page_of_an_error(alive: None, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse() -> None:
        raise OperationalError("gone: secret-host")

    with monkeypatch.context() as patch:
        patch.setattr(health.connection, "ensure_connection", refuse)
        status, told = ask()
    assert status == 503
    assert "database" in told["failing"]
    assert "secret-host" not in str(told)


def test_a_missing_migration_is_named(alive: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(health, "_migrated", [])
    monkeypatch.setattr(health.MigrationExecutor, "migration_plan", lambda *_: ["one"])
    status, told = ask()
    assert (status, told["failing"]) == (503, ["migrations"])


def test_roles_that_are_not_split_are_said_and_do_not_stop_the_service(
    alive: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(health.roles, "are_split", lambda: False)
    status, told = ask()
    assert (status, told["parts"]["roles"]) == (200, "roles not split")
    assert [warning.id for warning in checks.roles_are_split()] == ["waylog.W001"]


def test_a_database_behind_its_checkpoint_fails_in_the_words_of_the_refusal(
    alive: None, world: World, settings: Any, tmp_path: Path
) -> None:
    settings.WAYLOG_CHECKPOINT_FILE = tmp_path / "elsewhere" / "checkpoint"
    note, size = queries.checkpoint(), queries.tree_size()
    outside.keep(note.replace(f"\n{size}\n", f"\n{size + 9}\n"))
    status, told = ask()
    assert (status, told["failing"]) == (503, ["log"])
    with pytest.raises(outside.RolledBack) as refused:
        world.shop.commission(sscc(900))
    assert told["parts"]["log"] == str(refused.value)
    assert f"at {size + 9} entries with the root" in told["parts"]["log"]
    answer = problem(refused.value, {})
    assert answer is not None and answer.status_code == 503
    assert json.loads(answer.content)["code"] == "rolled_back"


def test_a_disk_that_is_nearly_full_fails_and_says_so(alive: None, settings: Any) -> None:
    settings.WAYLOG_MIN_FREE_PERCENT = 101
    status, told = ask()
    assert (status, told["failing"]) == (503, ["disk"])
    assert "of the disk is free" in told["parts"]["disk"]


def test_a_checkpoint_beside_the_database_is_warned_of(settings: Any, tmp_path: Path) -> None:
    settings.WAYLOG_DATA, settings.WAYLOG_CHECKPOINT_FILE = tmp_path / "data", tmp_path / "data" / "checkpoint"
    assert checks.checkpoint_is_apart() == []  # the database is elsewhere
    (tmp_path / "data" / "postgres").mkdir(parents=True)
    assert [warning.id for warning in checks.checkpoint_is_apart()] == ["waylog.W003"]
    settings.WAYLOG_CHECKPOINT_FILE = tmp_path / "checkpoint"
    assert checks.checkpoint_is_apart() == []


def test_the_database_has_room_for_all_processes_and_too_little_is_warned_of(settings: Any) -> None:
    assert connections.room(1) >= connections.needed(1) + connections.RESERVED
    assert checks.connections_suffice() == []
    settings.CELERY_WORKER_CONCURRENCY = 500
    assert [warning.id for warning in checks.connections_suffice()] == ["waylog.W004"]


def test_tests_run_as_the_application() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_user, current_database()")
        assert cursor.fetchone()[0] == "waylog_app"
