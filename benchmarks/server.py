"""A Waylog of its own for a benchmark: started as a user would, in a folder that is thrown away."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent


@dataclass
class Server:
    """Where it listens, where its state lies, who may sign in, and how long it took to be ready."""

    url: str
    data: Path
    demo: dict[str, Any]
    ready_seconds: float
    environment: dict[str, str]

    def manage(self, *words: str) -> str:
        """Run a management command beside the running server; return what it printed."""
        command = [sys.executable, str(ROOT / "manage.py"), *words]
        done = subprocess.run(command, env=self.environment, capture_output=True, text=True, check=False)
        if done.returncode:
            raise RuntimeError(f"{' '.join(words)}: exit {done.returncode}\n{done.stdout}\n{done.stderr}")
        return done.stdout

    def settle(self, *, limit: float = 180) -> None:
        """Wait until the demo's first forecast is done: a worker at work beside a measurement is part of none."""
        until = time.monotonic() + limit
        while time.monotonic() < until and not self.manage("forecast", "list").strip():
            time.sleep(2)


def free_port() -> int:
    """A port nobody listens on now."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


@contextmanager
def running(*, limit: float = 180) -> Iterator[Server]:
    """Start `manage.py up` with the demo world, wait for /healthz, stop it at the end."""
    with tempfile.TemporaryDirectory(prefix="waylog-bench-") as folder:
        port, data = free_port(), Path(folder) / "data"
        environment = {**os.environ, "WAYLOG_DATA": str(data), "WAYLOG_PORT": str(port), "WAYLOG_DEMO": "1"}
        log = (Path(folder) / "up.log").open("w+")
        start = time.monotonic()
        process = subprocess.Popen(
            [sys.executable, str(ROOT / "manage.py"), "up"], env=environment, stdout=log, stderr=subprocess.STDOUT
        )
        try:
            url = f"http://localhost:{port}"
            _wait(process, f"{url}/healthz", start + limit, log.name)
            seconds = time.monotonic() - start
            demo = json.loads((data / "demo.json").read_text())
            server = Server(url, data, demo, seconds, environment)
            server.settle()
            yield server
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(60)
            log.close()


def _wait(process: subprocess.Popen[bytes], url: str, until: float, log: str) -> None:
    while time.monotonic() < until:
        if process.poll() is not None:
            raise RuntimeError(f"the server ended with {process.returncode}:\n{Path(log).read_text()[-4000:]}")
        try:
            with urllib.request.urlopen(url, timeout=5) as answer:
                if answer.status == 200:
                    return
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            time.sleep(0.1)
    raise RuntimeError(f"not ready in time:\n{Path(log).read_text()[-4000:]}")
