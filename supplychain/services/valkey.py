"""One Valkey of our own: cache and doorbell. What it holds may be lost; jobs and sessions lie in PostgreSQL."""

import secrets
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from supplychain.services import binaries
from supplychain.services.errors import ServiceError
from supplychain.services.passwords import password


def free_port() -> int:
    """Return a port of the loopback address that nobody listens on, below those given to outgoing connections.

    So a restart finds it free again. Raises ServiceError.
    """
    for _attempt in range(100):
        port = 16000 + secrets.randbelow(16000)
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise ServiceError("no free port on 127.0.0.1 for Valkey: set REDIS_URL")


@dataclass(slots=True)
class Valkey:
    """A server on the loopback address with a password, its configuration in `folder`."""

    folder: Path
    secrets: Path
    port: int

    def url(self) -> str:
        """Return its address."""
        return f"redis://:{self._password()}@127.0.0.1:{self.port}/0"

    def prepare(self) -> None:
        """Write the configuration: a file, so that the password is in no list of processes."""
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        lines = [
            "bind 127.0.0.1",
            f"port {self.port}",
            "protected-mode yes",
            f"requirepass {self._password()}",
            f'dir "{self.folder}"',
            'save ""',
            "appendonly no",
            "daemonize no",
            "maxmemory 256mb",
            "maxmemory-policy volatile-lru",
        ]
        draft = self._configuration().with_suffix(".draft")
        draft.unlink(missing_ok=True)
        draft.touch(mode=0o600)
        draft.write_text("\n".join(lines) + "\n")
        draft.rename(self._configuration())

    def command(self) -> list[str]:
        """Return the command that runs the server in the foreground."""
        return [str(binaries.valkey_server()), str(self._configuration())]

    def wait_until_ready(self, is_running: Callable[[], bool], *, within: float = 20.0) -> None:
        """Return once the server answers; raises ServiceError when it ends or takes too long."""
        until = time.monotonic() + within
        while time.monotonic() < until:
            if not is_running():
                raise ServiceError("Valkey ended while it started")
            if self._answers():
                return
            time.sleep(0.02)
        raise ServiceError(f"Valkey did not get ready in {within:.0f} seconds")

    def _answers(self) -> bool:
        """Ask with the password, so that a stranger on this port is not taken for ours."""
        try:
            with socket.create_connection(("127.0.0.1", self.port), timeout=1) as connection:
                connection.sendall(f"AUTH {self._password()}\r\nPING\r\n".encode())
                told = b""
                while piece := connection.recv(64):
                    told += piece
                    if b"+PONG" in told or b"-" in told:
                        break
                return b"+PONG" in told
        except OSError:
            return False

    def _configuration(self) -> Path:
        return self.folder / "valkey.conf"

    def _password(self) -> str:
        return password(self.secrets / "valkey")
