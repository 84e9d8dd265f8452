"""Connections come to lie evenly on the web server's processes: who has clearly more to do closes one."""

import multiprocessing
import os
import threading
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pytest

from supplychain import balance
from supplychain.balance import Board, Evenly, evenly, faded

PLAIN = {"SERVER_PROTOCOL": "HTTP/1.1"}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "web-processes"


def answer(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"so it is"]


def headers_of(application: Callable[..., Iterable[bytes]], environ: dict[str, str]) -> dict[str, str]:
    seen: dict[str, str] = {}
    told = list(application(environ, lambda status, headers: seen.update(headers)))
    assert told == [b"so it is"]
    return seen


def busy(path: Path, count: float) -> Evenly:
    """A process (this one) that has been at so many requests for long, beside another that has nothing to do."""
    Board(path, os.getppid())  # it lives, and has said so
    application = Evenly(answer, Board(path, os.getpid()))
    application._average = application._count = count  # type: ignore[assignment]
    return application


def test_a_process_with_more_to_do_closes_a_connection_and_then_waits(path: Path) -> None:
    application = busy(path, 4)
    assert headers_of(application, PLAIN)["Connection"] == "close"
    assert "Connection" not in headers_of(application, PLAIN)  # the last one is dealt out first
    time.sleep(balance.EVERY)
    assert headers_of(application, PLAIN)["Connection"] == "close"


def test_no_connection_is_closed_for_one_request_more_nor_where_a_protocol_has_no_word_for_it(path: Path) -> None:
    assert "Connection" not in headers_of(busy(path, 0), PLAIN)
    assert "Connection" not in headers_of(busy(path, 4), {"SERVER_PROTOCOL": "HTTP/2.0"})


def test_nothing_is_closed_where_others_have_as_much_to_do(path: Path) -> None:
    application = busy(path, 4)
    Board(path, os.getppid()).write(time.monotonic(), 4.0, 4.0)
    assert "Connection" not in headers_of(application, PLAIN)


def test_a_process_alone_or_beside_dead_ones_closes_nothing(path: Path) -> None:
    gone = multiprocessing.get_context("spawn").Process(target=time.sleep, args=(0,))
    gone.start()
    gone.join()
    Board(path, gone.pid or 0)
    application = Evenly(answer, Board(path, os.getpid()))
    application._average = application._count = 9
    assert "Connection" not in headers_of(application, PLAIN)


def test_requests_at_a_time_are_counted_while_they_last(path: Path) -> None:
    inside, go = threading.Barrier(3), threading.Event()

    def slow(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        inside.wait()
        go.wait()
        raise RuntimeError("the application fails")

    application = Evenly(slow, Board(path, os.getpid()))

    def ask() -> None:
        with pytest.raises(RuntimeError):
            application(PLAIN, lambda *_: None)

    threads = [threading.Thread(target=ask) for _ in range(2)]
    for thread in threads:
        thread.start()
    inside.wait()
    assert application._count == 2
    go.set()
    for thread in threads:
        thread.join()
    assert application._count == 0
    assert faded(4.0, 0, 100.0) < 0.001


def test_where_the_file_cannot_be_had_the_application_stays_as_it_is(tmp_path: Path) -> None:
    assert evenly(answer, tmp_path / "nowhere" / "file") is answer
    (tmp_path / "link").symlink_to(tmp_path / "elsewhere")
    assert evenly(answer, tmp_path / "link") is answer
    assert isinstance(evenly(answer, tmp_path / "file"), Evenly)
