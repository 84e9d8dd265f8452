"""The folder of all state: who holds it, what runs in it, and which world it keeps."""

import fcntl
import json
import os
import shutil
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from supplychain.services.errors import ServiceError
from supplychain.services.processes import is_alive

ROOT = Path(__file__).resolve().parent.parent.parent
SOCKET_LIMIT = 107 - len("/.s.PGSQL.5432.lock")


@dataclass(frozen=True, slots=True)
class Running:
    """What the file services.json says: who runs the services, and how to reach them."""

    pid: int
    command: str
    url: str
    env: dict[str, str]
    sockets: str


@dataclass(frozen=True, slots=True)
class DataFolder:
    """`$WAYLOG_DATA`."""

    path: Path

    @classmethod
    def from_environ(cls, environ: Mapping[str, str] = os.environ) -> "DataFolder":
        """Return the folder that WAYLOG_DATA names, `.waylog/` beside manage.py without it."""
        return cls(Path(environ.get("WAYLOG_DATA") or ROOT / ".waylog").resolve())

    @property
    def secrets(self) -> Path:
        """Where keys and passwords lie."""
        return Path(os.environ.get("WAYLOG_SECRETS") or self.path / "secrets").resolve()

    @property
    def logs(self) -> Path:
        """Where the processes' output goes."""
        return self.path / "logs"

    def make(self) -> None:
        """Make the folder, for its owner's eyes; raises ServiceError where that is not possible."""
        try:
            self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
            for folder in (self.secrets, self.logs, self.path / "static"):
                folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise ServiceError(f"cannot make {error.filename}: {error.strerror}; set WAYLOG_DATA") from error
        mode = self.path.stat().st_mode
        if mode & 0o066 and self.path.stat().st_uid == os.geteuid():
            self.path.chmod(mode & 0o711)  # made by a command that only wanted a secret in it
        if not os.access(self.path, os.R_OK | os.W_OK | os.X_OK):
            raise ServiceError(f"{self.path} belongs to another user: start as that user, or set WAYLOG_DATA")

    @contextmanager
    def held(self, *, patience: float) -> Iterator[None]:
        """Hold the folder alone while services run in it; raises ServiceError when somebody else keeps it."""
        self.make()
        with (self.path / "lock").open("a") as lock:
            until = time.monotonic() + patience
            while not _try_lock(lock.fileno(), fcntl.LOCK_EX):
                running = self.running()
                if running and running.command == "up" and is_alive(running.pid):
                    raise ServiceError(f"Waylog is already running at {running.url} (process {running.pid})")
                if time.monotonic() > until:
                    raise ServiceError(f"another command holds {self.path}: wait for it, or set WAYLOG_DATA")
                time.sleep(0.1)
            yield

    @contextmanager
    def joined(self) -> Iterator[None]:
        """Count as a user of services that another command started; it waits for its users before it stops."""
        with (self.path / "users").open("a") as users:
            fcntl.flock(users, fcntl.LOCK_SH)
            yield

    def wait_for_users(self) -> None:
        """Return when no other command uses the services that we started."""
        with (self.path / "users").open("a") as users:
            fcntl.flock(users, fcntl.LOCK_EX)

    def running(self) -> Running | None:
        """Return what services.json says, None where there is none."""
        try:
            return Running(**json.loads((self.path / "services.json").read_text()))
        except (FileNotFoundError, ValueError, TypeError):
            return None

    def running_soon(self, *, within: float = 60.0) -> Running | None:
        """Return the services that another process runs or is about to run; None when it went away."""
        until = time.monotonic() + within
        while time.monotonic() < until:
            found = self.running()
            if found and is_alive(found.pid):
                return found
            with (self.path / "lock").open("a") as lock:
                if _try_lock(lock.fileno(), fcntl.LOCK_SH):
                    return None
            time.sleep(0.1)
        return None

    def announce(self, running: Running) -> None:
        """Write services.json, whole and for its owner alone: the addresses hold passwords."""
        draft = self.path / ".services.json.draft"
        draft.unlink(missing_ok=True)
        draft.touch(mode=0o600)
        draft.write_text(json.dumps(asdict(running), indent=1) + "\n")
        draft.rename(self.path / "services.json")

    def withdraw(self) -> None:
        """Remove services.json."""
        (self.path / "services.json").unlink(missing_ok=True)

    def sweep(self) -> None:
        """Remove what a killed holder left: its socket folder and its announcement. The caller holds the folder."""
        if left := self.running():
            sockets = Path(left.sockets)
            if left.sockets and sockets.name.startswith("waylog-") and sockets.is_dir():
                shutil.rmtree(sockets, ignore_errors=True)
            self.withdraw()


def socket_folder() -> Path:
    """Make a short folder for sockets (their paths may have 107 bytes); raises ServiceError."""
    for place in (os.environ.get("XDG_RUNTIME_DIR"), tempfile.gettempdir(), "/tmp", "/run"):
        if place and len(place) + len("/waylog-12345678") <= SOCKET_LIMIT and os.access(place, os.W_OK | os.X_OK):
            return Path(tempfile.mkdtemp(prefix="waylog-", dir=place))
    raise ServiceError("no short folder for sockets: make /tmp writable, or set TMPDIR to a short path")


def _try_lock(descriptor: int, how: int) -> bool:
    try:
        fcntl.flock(descriptor, how | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
