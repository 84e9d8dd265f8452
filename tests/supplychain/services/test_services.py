"""The parts behind `manage.py up`: where they refuse, what they say, what they leave."""

import os
import signal
import socket
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from supplychain.services import binaries, databases, identity, processes, world
from supplychain.services.datafolder import SOCKET_LIMIT, DataFolder, Running, socket_folder
from supplychain.services.errors import ServiceError
from supplychain.services.postgres import Postgres
from supplychain.services.web import STREAM_PORTS, Web, keep_logs_small


@pytest.fixture
def folder(tmp_path: Path) -> DataFolder:
    made = DataFolder(tmp_path / "data")
    made.make()
    return made


@pytest.fixture
def postgres(tmp_path: Path, folder: DataFolder) -> Postgres:
    return Postgres(folder.path / "postgres", folder.secrets, tmp_path)


def test_a_folder_of_another_postgresql_is_refused_in_one_line(postgres: Postgres) -> None:
    postgres.folder.mkdir()
    (postgres.folder / "PG_VERSION").write_text("12\n")
    with pytest.raises(ServiceError, match="was made by PostgreSQL 12 and this release brings") as refused:
        postgres.prepare()
    assert "\n" not in str(refused.value)


def test_a_folder_that_holds_something_else_is_not_touched(postgres: Postgres) -> None:
    postgres.folder.mkdir()
    (postgres.folder / "letters").write_text("mine")
    with pytest.raises(ServiceError, match="neither empty nor a PostgreSQL folder"):
        postgres.prepare()
    assert (postgres.folder / "letters").read_text() == "mine"


@pytest.mark.parametrize(
    "left",
    ["", "no number\n", "999999999\n", f"{os.getpid()}\n", "1\n"],
    ids=["empty", "words", "unused", "ours", "init"],
)
def test_a_stale_pid_file_is_removed_and_a_stranger_of_that_id_lives(postgres: Postgres, left: str) -> None:
    postgres.folder.mkdir()
    path = postgres.folder / "postmaster.pid"
    path.write_text(left)
    postgres.clear_stale()
    assert not path.exists()


def test_passwords_stand_in_the_address_and_nowhere_in_the_command(postgres: Postgres) -> None:
    (postgres.secrets / "postgres-waylog_app").write_text("ab" * 24)
    assert postgres.url("waylog_app").startswith(f"postgresql://waylog_app:{'ab' * 24}@%2F")
    assert not any("ab" * 24 in word for word in postgres.command())


@pytest.mark.skipif(os.geteuid() != 0, reason="only root runs PostgreSQL as somebody else")
def test_nobody_is_refused_with_the_folder_that_shuts_it_out_and_the_remedy(tmp_path: Path) -> None:
    shut = tmp_path / "shut"
    shut.mkdir(mode=0o700)
    tmp_path.chmod(0o755)
    first = next(place for place in [*reversed(shut.parents), shut] if not place.stat().st_mode & stat.S_IXOTH)
    with pytest.raises(ServiceError, match=f"may not enter {first}: run `chmod o.x {first}`"):
        identity.nobody(data=shut, programs=Path("/usr/bin"))


@pytest.mark.parametrize(
    ("kept", "asked", "gets"),
    [
        ("", "", "demo"),
        ("", "0", "real"),
        ("demo", "", "demo"),
        ("real", "", "real"),
        ("demo, unfinished", "1", "demo"),
    ],
)
def test_a_folder_keeps_its_world(folder: DataFolder, kept: str, asked: str, gets: str) -> None:
    if kept:
        world.note(folder, kept)
    assert world.wanted(folder, {"WAYLOG_DEMO": asked}) == gets


@pytest.mark.parametrize(("kept", "asked"), [("demo", "0"), ("demo, unfinished", "0"), ("real", "1")])
def test_a_folder_never_changes_its_world(folder: DataFolder, kept: str, asked: str) -> None:
    world.note(folder, kept)
    with pytest.raises(ServiceError, match="set WAYLOG_DATA elsewhere"):
        world.wanted(folder, {"WAYLOG_DEMO": asked})


def test_a_demo_whose_making_was_interrupted_is_cleared_away(folder: DataFolder) -> None:
    (folder.path / "postgres").mkdir()
    (folder.path / "demo.json").touch()
    world.note(folder, world.UNFINISHED)
    assert world.clear_unfinished(folder, {})
    assert {path.name for path in folder.path.iterdir()} == {"logs", "secrets", "static"}
    assert not world.clear_unfinished(folder, {})


def test_a_finished_demo_and_real_data_are_never_cleared_away(folder: DataFolder) -> None:
    for kept in (world.DEMO, world.REAL):
        world.note(folder, kept)
        (folder.path / "postgres").mkdir(exist_ok=True)
        assert not world.clear_unfinished(folder, {})
        assert (folder.path / "postgres").exists()


def test_what_a_killed_holder_announced_is_swept_away(folder: DataFolder) -> None:
    sockets = socket_folder()
    folder.announce(Running(1, "up", "", {}, str(sockets)))
    folder.sweep()
    assert folder.running() is None
    assert not sockets.exists()


def test_sockets_lie_in_a_short_private_folder_even_where_the_temporary_one_is_deep(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    deep = tmp_path / ("d" * 90)
    deep.mkdir()
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(deep))
    made = socket_folder()
    try:
        assert len(str(made)) <= SOCKET_LIMIT
        assert stat.S_IMODE(made.stat().st_mode) == 0o700
    finally:
        made.rmdir()


@pytest.mark.parametrize(
    ("given", "bind", "url"),
    [
        ({}, "127.0.0.1", "http://localhost:8000"),
        ({"WAYLOG_HOST": "0.0.0.0", "WAYLOG_PORT": "9"}, "0.0.0.0", "http://0.0.0.0:9"),
        ({"WAYLOG_HOST": "way.example"}, "0.0.0.0", "http://way.example:8000"),
        ({"WAYLOG_HOST": "way.example", "WAYLOG_BEHIND_PROXY": "1"}, "127.0.0.1", "https://way.example:8000"),
        ({"WAYLOG_TLS_CERT": __file__, "WAYLOG_TLS_KEY": __file__}, "127.0.0.1", "https://localhost:8000"),
    ],
)
def test_the_web_server_listens_where_it_is_told(given: dict[str, str], bind: str, url: str) -> None:
    web = Web.from_environ(given)
    assert (web.bind, web.url) == (bind, url)


@pytest.mark.parametrize("given", [{"WAYLOG_PORT": "eighty"}, {"WAYLOG_PORT": "70000"}, {"WAYLOG_TLS_CERT": "a.pem"}])
def test_settings_that_cannot_work_are_refused(given: dict[str, str]) -> None:
    with pytest.raises(ServiceError, match="WAYLOG_"):
        Web.from_environ(given)


def test_the_guard_ends_the_children_of_children_of_a_killed_process(tmp_path: Path) -> None:
    script = """
import os, signal, subprocess, sys
from supplychain.services import processes
guard = processes.Guard()
child = processes.spawn(["sh", "-c", "sleep 300 & echo $! $$; wait"], log=None, death_signal=signal.SIGTERM)
guard.watch(child.pid)
child.wait(0.5) if False else __import__("time").sleep(0.5)
os.kill(os.getpid(), signal.SIGKILL)
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == -signal.SIGKILL
    started = [int(word) for word in done.stdout.split()]
    assert len(started) == 2
    assert not wait_for_any(started)


def wait_for_any(pids: list[int]) -> list[int]:
    """Those still alive once all are gone, or after ten seconds."""
    for _ in range(100):
        if not (left := [pid for pid in pids if processes.is_alive(pid)]):
            return []
        signal.sigtimedwait([], 0.1)
    return left


def test_logs_that_grew_are_moved_aside(tmp_path: Path) -> None:
    (tmp_path / "web.log").write_text("x" * 200)
    (tmp_path / "beat.log").write_text("x" * 20)
    keep_logs_small(tmp_path, limit=100)
    assert (tmp_path / "web.log").read_text() == ""
    assert (tmp_path / "web.log.1").read_text() == "x" * 200
    assert (tmp_path / "beat.log").read_text() == "x" * 20


def test_no_real_database_is_ever_reset() -> None:
    with pytest.raises(AssertionError, match="is no test's database"):
        databases.make_test_database("waylog")


def test_psql_comes_from_the_wheel(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/usr/bin")
    binaries.add_to_path()
    assert os.environ["PATH"].split(os.pathsep)[0] == str(binaries.postgres_bin())


def test_streams_take_the_first_free_port_and_never_another_than_was_told() -> None:
    with socket.socket() as web_port, socket.socket() as neighbour:
        port = _two_in_a_row(web_port, neighbour)
        web = Web.from_environ({"WAYLOG_PORT": str(port)})
        chosen = web.stream_port({})
        assert port + 1 < chosen <= port + STREAM_PORTS
        with socket.socket() as free:
            free.bind(("127.0.0.1", chosen))
        for told in ({"WAYLOG_STREAM_PORT": str(port + 1)}, {"WAYLOG_STREAM_URL": "wss://log.example"}):
            with pytest.raises(ServiceError, match=f"port {port + 1} of 127.0.0.1 is in use: set WAYLOG_STREAM_PORT"):
                web.stream_port(told)
        behind = Web.from_environ({"WAYLOG_PORT": str(port), "WAYLOG_BEHIND_PROXY": "1"})
        with pytest.raises(ServiceError, match="is in use: set WAYLOG_STREAM_PORT"):
            behind.stream_port({})
    assert web.stream_port({"WAYLOG_STREAM_PORT": str(chosen)}) == chosen
    for wrong in ("x", "0", "65536"):
        with pytest.raises(ServiceError, match="must be a number from 1 to 65535"):
            web.stream_port({"WAYLOG_STREAM_PORT": wrong})


def _two_in_a_row(first: socket.socket, second: socket.socket) -> int:
    """Listen on two ports that follow each other; return the first."""
    for port in range(20_000, 30_000, 7):
        try:
            first.bind(("127.0.0.1", port))
        except OSError:
            continue
        first.listen()
        try:
            second.bind(("127.0.0.1", port + 1))
        except OSError:
            pytest.skip("no two free ports in a row")
        second.listen()
        return port
    pytest.skip("no free port")
