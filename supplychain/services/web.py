"""Where the web server listens, with which certificate, and under which address people reach it."""

import errno
import ipaddress
import os
import socket
import ssl
import sys
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from supplychain.services.connections import WEB_THREADS
from supplychain.services.errors import ServiceError

STREAM_PORTS = 20
"""How many ports above the web's are tried for streams."""
_YES = {"1", "true", "yes", "on"}


@dataclass(frozen=True, slots=True)
class Web:
    """The web server's place."""

    host: str
    port: int
    bind: str
    certificate: str
    key: str
    behind_proxy: bool

    @classmethod
    def from_environ(cls, environ: Mapping[str, str] = os.environ) -> "Web":
        """Read WAYLOG_HOST, _PORT, _BIND, _TLS_CERT, _TLS_KEY and _BEHIND_PROXY; raises ServiceError."""
        host = environ.get("WAYLOG_HOST") or "localhost"
        text = environ.get("WAYLOG_PORT") or "8000"
        if not text.isascii() or not text.isdecimal() or not 0 < int(text) < 65536:
            raise ServiceError(f"WAYLOG_PORT is {text!r} and must be a number from 1 to 65535")
        certificate, key = environ.get("WAYLOG_TLS_CERT", ""), environ.get("WAYLOG_TLS_KEY", "")
        if bool(certificate) != bool(key):
            raise ServiceError("WAYLOG_TLS_CERT and WAYLOG_TLS_KEY belong together: set both, or neither")
        for path in filter(None, (certificate, key)):
            if not os.access(path, os.R_OK):
                raise ServiceError(f"cannot read {path}, which WAYLOG_TLS_CERT or WAYLOG_TLS_KEY names")
        behind_proxy = environ.get("WAYLOG_BEHIND_PROXY", "").strip().lower() in _YES
        bind = environ.get("WAYLOG_BIND") or _bind_address(host, behind_proxy=behind_proxy)
        return cls(host, int(text), bind, certificate, key, behind_proxy)

    @property
    def url(self) -> str:
        """Where people reach it."""
        if given := os.environ.get("WAYLOG_URL"):
            return given.rstrip("/")
        scheme = "https" if self.certificate or self.behind_proxy else "http"
        return f"{scheme}://{self.host}:{self.port}"

    def refuse_taken_port(self) -> None:
        """Raise ServiceError when somebody listens there already."""
        self._refuse_taken(self.port, "WAYLOG_PORT")

    def stream_port(self, environ: Mapping[str, str] = os.environ) -> int:
        """Choose where streams listen: where WAYLOG_STREAM_PORT says, else on the first free port above the web's.

        Where somebody else has been told of the port after the web's (a proxy, or WAYLOG_STREAM_URL) it is that one.
        Raises ServiceError when the one that it must be is taken.
        """
        told = environ.get("WAYLOG_STREAM_PORT") or ""
        if told and (not told.isascii() or not told.isdecimal() or not 0 < int(told) < 65536):
            raise ServiceError(f"WAYLOG_STREAM_PORT is {told!r} and must be a number from 1 to 65535")
        if told or self.behind_proxy or environ.get("WAYLOG_STREAM_URL"):
            port = int(told) if told else self.port + 1
            self._refuse_taken(port, "WAYLOG_STREAM_PORT")
            return port
        above = range(self.port + 1, min(self.port + 1 + STREAM_PORTS, 65536))
        found = next((port for port in above if self._taken(port) is None), None)
        if found is None:
            raise ServiceError(f"no port above {self.port} of {self.bind} is free: set WAYLOG_STREAM_PORT to one")
        return found

    def _refuse_taken(self, port: int, name: str) -> None:
        if (error := self._taken(port)) is not None:
            why = "is in use" if error.errno == errno.EADDRINUSE else f"cannot be opened ({error.strerror})"
            raise ServiceError(f"port {port} of {self.bind} {why}: set {name} to another") from error

    def _taken(self, port: int) -> OSError | None:
        """Why nobody can listen on a port; None where one can."""
        family = socket.AF_INET6 if ":" in self.bind else socket.AF_INET
        with socket.socket(family) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((self.bind, port))
            except OSError as error:
                return error
        return None

    def command(self, cores: int) -> list[str]:
        """Return the command that runs it: a few processes, each with threads enough for captures to go together.

        Each thread holds a connection to the database, so there are fewer a process where there are many processes.
        """
        workers = max(2, min(cores, 8))
        tls = ["--ssl-certificate", self.certificate, "--ssl-keyfile", self.key] if self.certificate else []
        return [
            *(sys.executable, "-m", "granian", "--interface", "wsgi", "--no-ws"),
            *("--host", self.bind, "--port", str(self.port)),
            *("--workers", str(workers), "--blocking-threads", str(min(24, WEB_THREADS // workers))),
            *("--blocking-threads-idle-timeout", "300"),  # with a thread goes its connection, and 25 ms to make one
            *("--respawn-failed-workers", "--workers-kill-timeout", "5", "--log-level", "warning"),
            *tls,
            "supplychain.wsgi:application",
        ]

    def streams_at(self) -> list[str]:
        """Where the process listens that holds WebSockets: beside the web server, with the same certificate."""
        tls = ["--ssl-certificate", self.certificate, "--ssl-keyfile", self.key] if self.certificate else []
        return ["--host", self.bind, *tls]

    def health(self) -> tuple[int, str]:
        """Ask /healthz; return its status (0 for no answer) and text."""
        scheme = "https" if self.certificate else "http"
        bind = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(self.bind, self.bind)
        place = f"[{bind}]" if ":" in bind else bind
        context = ssl._create_unverified_context() if self.certificate else None
        request = urllib.request.Request(f"{scheme}://{place}:{self.port}/healthz", headers={"Host": "localhost"})
        opener = urllib.request.build_opener(
            urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=context)
        )
        try:
            with opener.open(request, timeout=3) as answer:
                return int(answer.status), answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode(errors="replace")
        except OSError as error:
            return 0, str(error)


def _bind_address(host: str, *, behind_proxy: bool) -> str:
    """An address is what it says; a name is one that others reach us by, so listen everywhere; a proxy is beside us."""
    if host == "localhost":
        return "127.0.0.1"
    try:
        return str(ipaddress.ip_address(host.strip("[]")))
    except ValueError:
        return "127.0.0.1" if behind_proxy else "0.0.0.0"


def keep_logs_small(folder: Path, limit: int = 10_000_000) -> None:
    """Move the logs that grew beyond `limit` aside; who writes them appends, so the file itself stays."""
    for log in folder.glob("*.log"):
        if log.stat().st_size > limit:
            log.with_suffix(".log.1").write_bytes(log.read_bytes())
            os.truncate(log, 0)
