"""One PostgreSQL of our own in a data folder: made once, started as a child, reached by a socket in a short folder."""

import os
import re
import shutil
import signal
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote

from supplychain.services import binaries, connections
from supplychain.services.errors import ServiceError
from supplychain.services.identity import Identity
from supplychain.services.passwords import password
from supplychain.services.processes import is_alive

SUPERUSER, OWNER, APPLICATION = "waylog_super", "waylog_owner", "waylog_app"
DATABASE = "waylog"
PORT = 5432
"""Only a part of the socket's name: nothing listens on TCP."""

_WRITING = (
    "max_wal_size=4GB",
    "min_wal_size=256MB",
    "checkpoint_timeout=15min",
    "wal_buffers=16MB",
    "jit=off",
)
"""The first change of a page after a checkpoint writes the page whole, and each entry of a batch changes pages of its
own: the further checkpoints are apart, the less an append writes while it holds the log. All queries are short."""
_UNSAFE = ("fsync=off", "full_page_writes=off", "synchronous_commit=off", "autovacuum=off")


@dataclass(slots=True)
class Postgres:
    """The cluster in `folder`, its passwords in `secrets`, its socket in `sockets`."""

    folder: Path
    secrets: Path
    sockets: Path
    identity: Identity = field(default_factory=Identity)
    durable: bool = True

    def url(self, role: str, database: str = DATABASE) -> str:
        """Return the address of `database` for `role`."""
        return f"postgresql://{role}:{self._password(role)}@{quote(str(self.sockets), safe='')}:{PORT}/{database}"

    def prepare(self) -> None:
        """Make the cluster if there is none, and clear what a kill left behind; raises ServiceError."""
        self.identity.own(self.sockets)
        version = self.folder / "PG_VERSION"
        if not version.exists():
            self._initdb()
        if (found := version.read_text().strip()) != binaries.postgres_major():
            raise ServiceError(
                f"{self.folder} was made by PostgreSQL {found} and this release brings {binaries.postgres_major()}:"
                " make a backup with the release that made it (manage.py backup), then restore it into an empty folder"
            )
        if not os.access(self.folder, os.R_OK | os.W_OK | os.X_OK):
            raise ServiceError(f"{self.folder} belongs to another user: start as that user, or set WAYLOG_DATA")
        self.identity.own(self.folder)
        self.clear_stale()

    def command(self) -> list[str]:
        """Return the command that runs the server in the foreground."""
        options = [
            "listen_addresses=",
            f"unix_socket_directories={self.sockets}",
            "unix_socket_permissions=0700",
            f"port={PORT}",
            f"max_connections={connections.room(connections.concurrency())}",
            f"shared_buffers={_shared_buffers()}MB",
            *_WRITING,
            "log_destination=stderr",
            "logging_collector=off",
            "log_checkpoints=off",
            "timezone=UTC",
            *(() if self.durable else _UNSAFE),
        ]
        words = [str(binaries.postgres_bin() / "postgres"), "-D", str(self.folder)]
        return [*self.identity.prefix, *words, *(word for option in options for word in ("-c", option))]

    def wait_until_ready(self, is_running: Callable[[], bool], *, within: float = 120.0) -> None:
        """Return once the server takes connections; raises ServiceError when it ends or takes too long.

        A recovery after a power loss may take long; it is not interrupted for it.
        """
        until = time.monotonic() + within
        while time.monotonic() < until:
            if not is_running():
                raise ServiceError("PostgreSQL ended while it started")
            if self._status() == "ready":
                return
            time.sleep(0.02)
        raise ServiceError(f"PostgreSQL did not get ready in {within:.0f} seconds")

    def make_roles(self) -> None:
        """Make the two roles and the database, once; running it again changes nothing."""
        made = self.folder / "waylog.made"
        if made.exists():
            return
        import psycopg  # here, for a second start needs it only later
        from psycopg import sql

        with psycopg.connect(self.url(SUPERUSER, "postgres"), autocommit=True) as connection:
            for role, rights in ((OWNER, "CREATEDB"), (APPLICATION, "NOCREATEDB")):
                has = connection.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [role]).fetchone()
                connection.execute(
                    sql.SQL(
                        "{} ROLE {} LOGIN NOSUPERUSER NOBYPASSRLS NOCREATEROLE NOREPLICATION {} PASSWORD {}"
                    ).format(
                        sql.SQL("ALTER" if has else "CREATE"),
                        sql.Identifier(role),
                        sql.SQL(rights),
                        sql.Literal(self._password(role)),
                    )
                )
            if not connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [DATABASE]).fetchone():
                connection.execute(f"CREATE DATABASE {DATABASE} OWNER {OWNER}")
            connection.execute(f"REVOKE ALL ON DATABASE {DATABASE} FROM PUBLIC")
            connection.execute(f"GRANT CONNECT, TEMPORARY ON DATABASE {DATABASE} TO {APPLICATION}")
        made.touch(mode=0o600)

    def clear_stale(self) -> None:
        """Make room after a kill: end a server that nobody owns any more, remove a pid file that names nobody's.

        The caller holds the data folder's lock, so no server in it belongs to anybody else.
        """
        path = self.folder / "postmaster.pid"
        try:
            pid = int(path.read_text().split("\n", 1)[0])
        except (FileNotFoundError, ValueError):
            path.unlink(missing_ok=True)
            return
        for how in (None, signal.SIGINT, signal.SIGQUIT, signal.SIGKILL):
            if how is not None and self._is_ours(pid):
                os.kill(pid, how)
            until = time.monotonic() + 5
            while self._is_ours(pid) and time.monotonic() < until:
                time.sleep(0.05)
        path.unlink(missing_ok=True)

    def _is_ours(self, pid: int) -> bool:
        """Whether this process id is a PostgreSQL in our folder (ids are used again, not least in containers)."""
        if not is_alive(pid):
            return False
        try:
            return Path(f"/proc/{pid}/cwd").resolve() == self.folder.resolve()
        except OSError:
            return Path("/proc/self/cwd").exists() is False

    def _status(self) -> str:
        try:
            lines = (self.folder / "postmaster.pid").read_text().split("\n")
        except OSError:
            return ""
        return lines[7].strip() if len(lines) > 7 else ""

    def _initdb(self) -> None:
        """Make the cluster beside its place and move it there whole, so that a kill leaves none that is half made."""
        draft = self.folder.with_name(self.folder.name + ".draft")
        shutil.rmtree(draft, ignore_errors=True)
        self.folder.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        if self.folder.exists():
            try:
                self.folder.rmdir()
            except OSError as error:
                raise ServiceError(f"{self.folder} is neither empty nor a PostgreSQL folder: remove it") from error
        draft.mkdir(mode=0o700)
        first = self.sockets / "first-password"
        first.touch(mode=0o600)
        first.write_text(self._password(SUPERUSER) + "\n")
        for place in (draft, first):
            self.identity.own(place)
        asked = [
            *self.identity.prefix,
            str(binaries.postgres_bin() / "initdb"),
            *("-D", str(draft), "-U", SUPERUSER, "-A", "scram-sha-256", f"--pwfile={first}"),
            *("-E", "UTF8", "--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"),
            *(() if self.durable else ("--no-sync",)),
        ]
        done = subprocess.run(asked, capture_output=True, check=False, cwd="/", **self.identity.popen())
        first.unlink()
        if done.returncode != 0:
            shutil.rmtree(draft, ignore_errors=True)
            raise ServiceError(f"initdb failed: {_last_line(done.stderr)}")
        draft.rename(self.folder)

    def _password(self, role: str) -> str:
        return password(self.secrets / f"postgres-{role}")


def _shared_buffers() -> int:
    """A sixteenth of the machine's memory in megabytes, from 128 to 1,024."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // (1 << 20)
    return max(128, min(memory // 16, 1024))


def _last_line(text: bytes) -> str:
    lines = [line for line in text.decode(errors="replace").splitlines() if re.search(r"\S", line)]
    errors = [line for line in lines if "error" in line.lower() or "fatal" in line.lower()]
    return (errors or lines or ["no reason given"])[-1].strip()
