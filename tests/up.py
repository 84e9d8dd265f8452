"""One `manage.py up` on a folder and a port of its own, whose children can be found and killed."""

import json
import os
import re
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from supplychain.services.valkey import free_port
from tests.conftest import ROOT


class Up:
    """One `manage.py up` on a folder and a port of its own."""

    def __init__(self, folder: Path, command: Sequence[str] = (str(ROOT / "manage.py"), "up")) -> None:
        self.command = [sys.executable, *command]
        self.data, self.port = folder / "data", free_port()
        self.env = {name: value for name, value in os.environ.items() if not name.startswith(("WAYLOG_", "DATABASE_"))}
        self.env.pop("REDIS_URL", None)
        self.env.update(WAYLOG_DATA=str(self.data), WAYLOG_PORT=str(self.port), WAYLOG_DEMO="0", WAYLOG_NO_VENV="1")
        self.output = folder / "output"
        self.process: subprocess.Popen[bytes] | None = None

    def start(self, *, seconds: float = 120) -> None:
        with self.output.open("wb") as output:
            self.process = subprocess.Popen(
                self.command, env=self.env, stdout=output, stderr=output, cwd=ROOT, preexec_fn=_heed_ctrl_c
            )
        self.until(lambda: self.health()[0] == 200, seconds=seconds)

    def until(self, holds: Callable[[], bool], seconds: float = 90) -> None:
        end = time.monotonic() + seconds
        while not holds():
            assert time.monotonic() < end, f"{self.health()}\n{self.output.read_text()}"
            time.sleep(0.1)

    def health(self) -> tuple[int, dict[str, Any]]:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/healthz", timeout=5) as answer:
                return answer.status, json.load(answer)
        except urllib.error.HTTPError as error:
            return error.code, json.load(error)
        except OSError:
            return 0, {}

    def manage(self, *words: str, **env: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, str(ROOT / "manage.py"), *words]
        return subprocess.run(command, env={**self.env, **env}, capture_output=True, text=True, timeout=120)

    def family(self) -> dict[int, str]:
        """The supervisor and all that descends from it, with their command lines."""
        assert self.process is not None
        parents, commands = {}, {}
        for place in Path("/proc").iterdir():
            if place.name.isdigit():
                try:
                    parents[int(place.name)] = int((place / "stat").read_text().rpartition(")")[2].split()[1])
                    commands[int(place.name)] = (place / "cmdline").read_text().replace("\0", " ")
                except OSError:
                    continue
        found = [self.process.pid]
        for pid in found:
            found += [child for child, parent in parents.items() if parent == pid]
        return {pid: commands[pid] for pid in found if pid in commands}

    def child(self, words: str) -> int:
        assert self.process is not None
        return next(pid for pid, command in self.family().items() if re.search(words, command))


def _heed_ctrl_c() -> None:
    """A shell's background jobs ignore SIGINT, these tests' own run too, and what they start would inherit it."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)
