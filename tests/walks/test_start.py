"""`manage.py up`: a stranger starts it, things die, it goes on, it stops and leaves nothing behind."""

import json
import os
import re
import signal
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from campaigns import kills
from supplychain.services.processes import is_alive
from supplychain.services.valkey import free_port
from tests.up import Up


@pytest.fixture(scope="module")
def up(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Up]:
    started = Up(tmp_path_factory.mktemp("up"))
    try:
        started.start()
        yield started
    finally:
        if started.process is not None:
            started.process.terminate()
            started.process.wait(60)


def test_a_first_start_brings_all_parts_up_and_keeps_its_state_private(up: Up) -> None:
    parts = up.health()[1]["parts"]
    assert set(parts) >= {
        "database",
        "migrations",
        "roles",
        "log",
        "disk",
        "audit",
        "witnesses",
        "valkey",
        "worker",
        "beat",
        "captures",
        "webhooks",
        "streams",
    }
    assert parts["roles"] == "split"
    assert f"http://localhost:{up.port}/first-run/" in up.output.read_text()
    assert stat.S_IMODE(up.data.stat().st_mode) == stat.S_IMODE((up.data / "secrets").stat().st_mode) == 0o700
    for secret in [*(up.data / "secrets").iterdir(), up.data / "services.json"]:
        assert stat.S_IMODE(secret.stat().st_mode) == 0o600, secret


def test_a_second_start_on_the_same_folder_is_refused_in_one_line(up: Up) -> None:
    refused = up.manage("up", WAYLOG_PORT=str(free_port()))
    assert refused.returncode == 1
    assert refused.stderr.startswith(f"waylog: Waylog is already running at http://localhost:{up.port}")
    assert refused.stderr.count("\n") == 1


def test_other_commands_find_the_running_services(up: Up) -> None:
    for database, role in (("owner", "waylog_owner"), ("default", "waylog_app")):
        asked = up.manage("dbshell", "--database", database, "--", "-Atc", "SELECT current_user")
        assert asked.stdout.strip() == role, asked.stderr


@pytest.mark.parametrize("words", ["postgres -D", "valkey-server", "celery .*worker", "celery .*beat", "granian"])
def test_a_killed_child_is_started_again(up: Up, words: str) -> None:
    before = up.child(words)
    os.kill(before, signal.SIGKILL)
    up.until(lambda: any(re.search(words, line) and pid != before for pid, line in up.family().items()))
    up.until(lambda: up.health()[0] == 200)


def test_kills_under_load_lose_move_and_double_nothing_that_was_acknowledged(up: Up) -> None:
    report = kills.campaign(up, count=2, seed=7, between=20)
    assert report.wrong == []
    assert report.kills == 2 and report.replayed > 0 and len(report.acknowledged) >= 60


def test_a_kill_of_the_supervisor_leaves_no_orphan_and_a_start_afterwards_works(up: Up) -> None:
    assert up.process is not None
    family = up.family()
    up.process.kill()
    up.process.wait()
    up.until(lambda: not any(map(is_alive, family)), seconds=20)
    up.start()


def test_a_stop_ends_everything_in_order_and_cleans_up(up: Up) -> None:
    assert up.process is not None
    family, sockets = up.family(), json.loads((up.data / "services.json").read_text())["sockets"]
    up.process.send_signal(signal.SIGINT)
    assert up.process.wait(60) == 0
    assert not any(map(is_alive, family))
    assert not Path(sockets).exists()
    assert not (up.data / "services.json").exists()
    assert up.output.read_text().endswith("Stopping\nStopped\n")


def test_a_stopped_folder_serves_single_commands_and_refuses_to_become_a_demo(up: Up) -> None:
    asked = up.manage("dbshell", "--database", "owner", "--", "-Atc", "SELECT count(*) > 10 FROM django_migrations")
    assert asked.stdout.strip() == "t", asked.stderr
    refused = up.manage("up", WAYLOG_DEMO="1")
    assert refused.returncode == 1
    assert (
        refused.stderr == f"waylog: {up.data} keeps real data: start with WAYLOG_DEMO=0, or set WAYLOG_DATA elsewhere\n"
    )
