"""Child processes that do not outlive us: own process group, death signal, and a guard for their children."""

import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import IO, Any

_PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None) if sys.platform.startswith("linux") else None


def spawn(
    command: Sequence[str | Path],
    *,
    log: IO[bytes] | None,
    death_signal: signal.Signals,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    stdin: int = subprocess.DEVNULL,
    **popen: Any,
) -> subprocess.Popen[bytes]:
    """Start `command` as the leader of its own session, told `death_signal` when this process dies.

    Call from the main thread: the signal follows the thread that started the child.
    """
    return subprocess.Popen(
        [str(word) for word in command],
        stdin=stdin,
        stdout=log,
        stderr=log,
        env=env,
        cwd=cwd,
        start_new_session=True,
        preexec_fn=_die_with_parent(death_signal, os.getpid()),
        **popen,
    )


def _die_with_parent(death_signal: signal.Signals, parent: int) -> Callable[[], None] | None:
    if _libc is None:
        return None
    libc = _libc

    def in_the_child() -> None:
        libc.prctl(_PR_SET_PDEATHSIG, int(death_signal))
        if os.getppid() != parent:  # it died before we could ask
            os.kill(os.getpid(), signal.SIGKILL)

    return in_the_child


def stop(process: subprocess.Popen[bytes], how: signal.Signals, *, within: float) -> bool:
    """Signal `process`, wait, and kill its whole group when it takes too long; return whether it went by itself."""
    if process.poll() is None:
        process.send_signal(how)
    try:
        process.wait(within)
    except subprocess.TimeoutExpired:
        kill_group(process.pid)
        process.wait()
        return False
    kill_group(process.pid)
    return True


def kill_group(pgid: int) -> None:
    """Kill what is left of a process group."""
    try:
        os.killpg(pgid, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        return


def is_alive(pid: int) -> bool:
    """Whether a process of this id runs (one that only waits to be collected does not)."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in {"Z", "X"}
    except OSError:
        return not Path("/proc/self/stat").exists()


class Guard:
    """A small process that outlives a killed supervisor just long enough to end the groups of its children.

    The death signal reaches direct children only; what they started themselves (workers of the web server, a
    forecast's compiled model) is found by the process group, whose ids the supervisor writes into a pipe.
    """

    PATIENCE = 10.0

    def __init__(self) -> None:
        reader, self._writer = os.pipe()
        self.pid = os.fork()
        if self.pid == 0:
            os.close(self._writer)
            nothing = os.open(os.devnull, os.O_RDWR)
            for stream in (0, 1, 2):
                os.dup2(nothing, stream)
            try:
                self._watch(reader)
            finally:
                os._exit(0)
        os.close(reader)

    def watch(self, pgid: int) -> None:
        """Add a group."""
        os.write(self._writer, f"{pgid}\n".encode())

    def dismiss(self) -> None:
        """End the guard after an orderly stop, when no group is left."""
        os.close(self._writer)
        os.waitpid(self.pid, 0)

    def _watch(self, reader: int) -> None:
        os.setsid()
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, signal.SIG_IGN)
        told = b""
        while piece := os.read(reader, 4096):
            told += piece
        groups = {int(line) for line in told.split()}
        until = time.monotonic() + self.PATIENCE
        while groups and time.monotonic() < until:
            groups = {group for group in groups if self._is_left(group)}
            time.sleep(0.1)
        for group in groups:
            kill_group(group)

    @staticmethod
    def _is_left(group: int) -> bool:
        """Whether a group has members; where the leader is gone, the rest is told to end."""
        try:
            os.killpg(group, 0)
            if not is_alive(group):
                os.killpg(group, signal.SIGKILL)
        except (ProcessLookupError, PermissionError):
            return False
        return True
