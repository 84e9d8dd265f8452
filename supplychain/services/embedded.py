"""The servers that run when no address is given: for one command, for the tests, or under the supervisor."""

import os
import shutil
import signal
import subprocess
from collections.abc import Iterator, MutableMapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from supplychain.services import binaries, identity, processes
from supplychain.services.datafolder import DataFolder, Running, socket_folder
from supplychain.services.errors import ServiceError
from supplychain.services.postgres import APPLICATION, OWNER, SUPERUSER, Postgres
from supplychain.services.valkey import Valkey, free_port


@dataclass(slots=True)
class Servers:
    """What is ours to run: either may be None, where its address is given."""

    postgres: Postgres | None
    valkey: Valkey | None
    sockets: Path | None = None
    env: dict[str, str] = field(default_factory=dict)


def plan(folder: DataFolder, *, durable: bool = True) -> Servers:
    """Return the servers that are to run in `folder` and the addresses that Django is to be given.

    The caller holds the folder. Raises ServiceError.
    """
    given = os.environ
    if given.get("DATABASE_OWNER_URL") and not given.get("DATABASE_URL"):
        raise ServiceError("DATABASE_OWNER_URL is set and DATABASE_URL is not: set both, or neither")
    servers = Servers(None, None)
    if not given.get("DATABASE_URL"):
        data = folder.path / "postgres"
        whom = identity.choose(data=folder.path.parent, programs=binaries.postgres_bin())
        if whom.uid is not None:
            folder.path.chmod(0o711)
        servers.sockets = socket_folder()
        servers.postgres = Postgres(data, folder.secrets, servers.sockets, whom, durable)
        servers.env["DATABASE_URL"] = servers.postgres.url(APPLICATION)
        servers.env["DATABASE_OWNER_URL"] = servers.postgres.url(OWNER)
    if not given.get("REDIS_URL"):
        servers.valkey = Valkey(folder.path / "valkey", folder.secrets, free_port())
        servers.env["REDIS_URL"] = servers.valkey.url()
    return servers


def superuser_url(servers: Servers) -> str:
    """Return the address for the embedded PostgreSQL's superuser (tests only)."""
    assert servers.postgres is not None
    return servers.postgres.url(SUPERUSER)


@contextmanager
def started(folder: DataFolder, servers: Servers) -> Iterator[None]:
    """Run the servers as children of this process, stop them at the end."""
    with ExitStack() as stack:
        if servers.sockets is not None:
            stack.callback(shutil.rmtree, servers.sockets, ignore_errors=True)
        if servers.postgres is not None:
            servers.postgres.prepare()
        if servers.valkey is not None:
            servers.valkey.prepare()
            _start(stack, folder, servers.valkey, signal.SIGTERM, within=5)
        if servers.postgres is not None:
            _start(stack, folder, servers.postgres, signal.SIGINT, within=60)
            servers.postgres.make_roles()
        yield


def _start(
    stack: ExitStack, folder: DataFolder, server: Postgres | Valkey, how: signal.Signals, *, within: float
) -> None:
    log = stack.enter_context((folder.logs / f"{type(server).__name__.lower()}.log").open("ab"))
    popen = server.identity.popen() if isinstance(server, Postgres) else {}
    process: subprocess.Popen[bytes] = processes.spawn(
        server.command(), log=log, death_signal=how, cwd=Path("/"), **popen
    )
    stack.callback(processes.stop, process, how, within=within)
    server.wait_until_ready(lambda: process.poll() is None)


@contextmanager
def services_for(command: str, folder: DataFolder, environ: MutableMapping[str, str] = os.environ) -> Iterator[None]:
    """Let `command` find PostgreSQL and Valkey: those given, those that run, else started for as long as it takes."""
    if environ.get("DATABASE_URL") and environ.get("REDIS_URL"):
        folder.make()
        yield
        return
    with ExitStack() as stack:
        folder.make()
        running = _join(stack, folder)
        if running is not None:
            environ.update(running.env)
            yield
            return
        folder.sweep()
        servers = plan(folder)
        stack.enter_context(started(folder, servers))
        stack.callback(folder.wait_for_users)
        folder.announce(Running(os.getpid(), command, "", servers.env, str(servers.sockets or "")))
        stack.callback(folder.withdraw)
        environ.update(servers.env)
        yield


def _join(stack: ExitStack, folder: DataFolder) -> Running | None:
    """Return the services that run in `folder`, joined; or hold the folder and return None."""
    for _attempt in range(3):
        try:
            stack.enter_context(folder.held(patience=0))
        except ServiceError:
            running = folder.running_soon()
            joined = stack.enter_context(ExitStack())
            joined.enter_context(folder.joined())
            if running is not None and folder.running() == running:
                return running
            joined.close()  # it is stopping, or went away: look again
        else:
            return None
    raise ServiceError(f"another command holds {folder.path}: wait for it, or set WAYLOG_DATA")
