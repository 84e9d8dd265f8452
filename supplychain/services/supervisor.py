"""`manage.py up`: PostgreSQL, Valkey, migrations, the demo world, web server, worker and beat, under one process.

Every child leads a process group of its own, so Ctrl-C reaches the supervisor alone and it decides the order. A child
that ends is started again, later each time. When the supervisor is killed, its children get their death signal and
the guard ends what they had started (supplychain.services.processes).
"""

import argparse
import json
import os
import select
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from supplychain.services import connections, embedded, processes, world
from supplychain.services.datafolder import ROOT, DataFolder, Running
from supplychain.services.errors import ServiceError
from supplychain.services.postgres import Postgres
from supplychain.services.valkey import Valkey
from supplychain.services.web import Web, keep_logs_small

STEADY = 60.0
"""Seconds after which a child counts as running well, and its next end as the first."""
SLOWEST = 30.0


class Stop(Exception):
    """Somebody asked us to stop."""


@dataclass(slots=True)
class Child:
    """One process to keep running."""

    name: str
    command: list[str]
    how: signal.Signals = signal.SIGTERM
    death: signal.Signals = signal.SIGTERM
    within: float = 10.0
    cwd: Path = ROOT
    before: Callable[[], None] = lambda: None
    popen: dict[str, Any] = field(default_factory=dict)
    process: subprocess.Popen[bytes] | None = None
    started: float = 0.0
    failures: int = 0
    again: float = 0.0

    def is_running(self) -> bool:
        """Whether it runs now."""
        return self.process is not None and self.process.poll() is None


class Supervisor:
    """Starts children, looks after them, stops them."""

    def __init__(self, folder: DataFolder) -> None:
        self.folder = folder
        self.children: list[Child] = []
        self.env = dict(os.environ)
        self.guard = processes.Guard()
        self._asked = 0
        self._reader, writer = os.pipe()
        for end in (self._reader, writer):
            os.set_blocking(end, False)
        signal.set_wakeup_fd(writer, warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            if signal.getsignal(number) is not signal.SIG_IGN:
                signal.signal(number, self._note_stop)

    def _note_stop(self, *_: object) -> None:
        self._asked += 1

    def check(self) -> None:
        """Raise Stop when somebody asked us to."""
        if self._asked:
            raise Stop

    def wait(self, seconds: float) -> None:
        """Sleep until a signal comes or the time is over; raises Stop."""
        self.check()
        select.select([self._reader], [], [], seconds)
        with suppress(BlockingIOError):
            while os.read(self._reader, 512):
                pass
        self.check()

    def start(self, child: Child) -> None:
        """Start a child, and keep it from now on."""
        if child not in self.children:
            self.children.append(child)
        child.before()
        with (self.folder.logs / f"{child.name}.log").open("ab") as log:
            child.process = processes.spawn(
                child.command, log=log, death_signal=child.death, env=self.env, cwd=child.cwd, **child.popen
            )
        self.guard.watch(child.process.pid)
        child.started = time.monotonic()

    def running(self, child: Child) -> Callable[[], bool]:
        """Return the question whether `child` runs, which also notices that we are to stop."""

        def ask() -> bool:
            self.check()
            return child.is_running()

        return ask

    def run(self, name: str, command: Sequence[str]) -> None:
        """Run a command to its end, its output ours; raises ServiceError when it fails, Stop when we are to stop."""
        process = processes.spawn(command, log=None, death_signal=signal.SIGKILL, env=self.env, cwd=ROOT)
        self.guard.watch(process.pid)
        try:
            while process.poll() is None:
                self.wait(1.0)
        except Stop:
            processes.stop(process, signal.SIGINT, within=10)
            raise
        if process.returncode != 0:
            raise ServiceError(f"{name} failed (see above)")

    def look_after(self) -> None:
        """Start again what ended, each time a little later."""
        now = time.monotonic()
        for child in self.children:
            if child.is_running():
                continue
            if child.process is not None:
                self._note_end(child, now)
            if now >= child.again:
                try:
                    self.start(child)
                except (ServiceError, OSError) as error:
                    self._put_off(child, now)
                    say(f"{child.name} cannot start: {error}")

    def _note_end(self, child: Child, now: float) -> None:
        assert child.process is not None
        status = child.process.returncode
        processes.kill_group(child.process.pid)
        child.process = None
        if now - child.started > STEADY:
            child.failures = 0
        pause = self._put_off(child, now)
        say(f"{child.name} ended ({status}) and starts again in {pause:.1f} s; see {self.folder.logs / child.name}.log")

    def _put_off(self, child: Child, now: float) -> float:
        pause: float = min(0.5 * 2.0**child.failures, SLOWEST)
        child.failures += 1
        child.again = now + pause
        return pause

    def stop(self) -> None:
        """Stop the children: web, beat and worker together, then Valkey, then PostgreSQL. Asked twice, kill them."""
        servers = [child for child in self.children if child.name in {"valkey", "postgres"}]
        others = [child for child in self.children if child not in servers]
        self._stop_together(others)
        for server in sorted(servers, key=lambda child: child.name, reverse=True):
            self._stop_together([server])
        for child in self.children:
            if child.process is not None:
                processes.kill_group(child.process.pid)
        self.guard.dismiss()

    def _stop_together(self, children: list[Child]) -> None:
        asked = self._asked
        for child in children:
            if child.is_running() and child.process is not None:
                child.process.send_signal(child.how)
        until = time.monotonic() + max((child.within for child in children), default=0)
        while any(child.is_running() for child in children) and time.monotonic() < until and self._asked == asked:
            time.sleep(0.05)
        for child in children:
            if child.is_running() and child.process is not None:
                say(f"{child.name} does not stop by itself: killed")
                processes.stop(child.process, signal.SIGKILL, within=5)


def say(line: str = "") -> None:
    """Tell whoever sits in front of it; who closed the terminal hears nothing."""
    with suppress(OSError, ValueError):
        sys.stdout.write(line + "\n")
        sys.stdout.flush()


def main(argv: Sequence[str]) -> int:
    """Run everything until somebody asks to stop; return the exit status. Raises ServiceError."""
    argparse.ArgumentParser(prog="manage.py up", description=__doc__, add_help=True).parse_args(argv)
    folder, web = DataFolder.from_environ(), Web.from_environ()
    with ExitStack() as stack:
        stack.enter_context(folder.held(patience=30))
        want = world.wanted(folder)
        web.refuse_taken_port()
        web.stream_port()  # refuses early; it is chosen when it is needed
        folder.sweep()
        if world.clear_unfinished(folder):
            say("The demo world was not finished last time: it is made anew")
        os.environ.update(WAYLOG_DATA=str(folder.path), WAYLOG_DEMO="1" if want == world.DEMO else "0")
        servers = embedded.plan(folder)
        if servers.sockets is not None:
            stack.callback(shutil.rmtree, servers.sockets, ignore_errors=True)
        supervisor = Supervisor(folder)
        stack.callback(supervisor.stop)
        try:
            say(f"Waylog, with its state in {folder.path}")
            _start_all(supervisor, servers, web)
            _print_where(folder, web)
            while True:
                supervisor.wait(5.0)
                supervisor.look_after()
                keep_logs_small(folder.logs)
        except Stop:
            say("\nStopping")
        finally:
            folder.withdraw()
    say("Stopped")
    return 0


def _start_all(supervisor: Supervisor, servers: embedded.Servers, web: Web) -> None:
    folder = supervisor.folder
    supervisor.env.update(os.environ, **servers.env)
    began = time.monotonic()
    _start_servers(supervisor, servers)
    folder.announce(Running(os.getpid(), "up", web.url, servers.env, str(servers.sockets or "")))
    say(f"  services      ready in {time.monotonic() - began:.1f} s")
    manage = [sys.executable, str(ROOT / "manage.py")]
    supervisor.run("preparing the database", [*manage, "prepare"])
    streams = web.stream_port()  # now: another server may have come in the meantime
    supervisor.env["WAYLOG_STREAM_PORT"] = str(streams)  # the web server tells clients of it
    if streams != web.port + 1:
        say(f"  streams       listen on port {streams}")
    began = time.monotonic()
    celery = [sys.executable, "-m", "celery", "-A", "supplychain.celery"]
    supervisor.start(Child("web", web.command(os.cpu_count() or 2)))
    quiet = ["--without-gossip", "--without-mingle", "--loglevel", "WARNING"]
    supervisor.start(Child("worker", [*celery, "worker", *quiet], death=signal.SIGQUIT))
    for queue, threads in connections.WORKERS.items():
        named = ["--queues", queue, "--hostname", f"{queue}@%h", "--pool", "threads", "--concurrency", str(threads)]
        supervisor.start(Child(queue, [*celery, "worker", *quiet, *named], death=signal.SIGQUIT))
    supervisor.start(Child("streams", [*manage, "streams", *web.streams_at()]))
    supervisor.start(Child("beat", [*celery, "beat", "--pidfile=", "--loglevel", "WARNING"]))
    _wait_until_healthy(supervisor, web)
    say(f"  web, workers, streams, beat   up in {time.monotonic() - began:.1f} s")


def _start_servers(supervisor: Supervisor, servers: embedded.Servers) -> None:
    if (valkey := servers.valkey) is not None:
        child = Child("valkey", valkey.command(), within=5, cwd=Path("/"), before=valkey.prepare)
        supervisor.start(child)
        _wait_for(supervisor, child, valkey)
    if (postgres := servers.postgres) is not None:
        child = Child("postgres", [], how=signal.SIGINT, death=signal.SIGINT, within=60, cwd=Path("/"))
        child.before, child.popen = postgres.prepare, postgres.identity.popen()
        child.command = postgres.command()
        supervisor.start(child)
        _wait_for(supervisor, child, postgres)
        postgres.make_roles()


def _wait_for(supervisor: Supervisor, child: Child, server: Postgres | Valkey) -> None:
    try:
        server.wait_until_ready(supervisor.running(child))
    except ServiceError as error:
        lines = (supervisor.folder.logs / f"{child.name}.log").read_text(errors="replace").splitlines()
        raise ServiceError(f"{error}: {' / '.join(lines[-2:])}") from error


def _wait_until_healthy(supervisor: Supervisor, web: Web) -> None:
    """Return when /healthz says 200; after a minute say what is missing, and go on."""
    until, told = time.monotonic() + 60, ""
    while time.monotonic() < until:
        status, told = web.health()
        if status == 200:
            return
        supervisor.wait(0.2)
        supervisor.look_after()
    with suppress(ValueError):
        told = ", ".join(json.loads(told)["failing"])
    say(f"  not up yet: {told}; see {supervisor.folder.logs}")


def _print_where(folder: DataFolder, web: Web) -> None:
    say(f"\n  {web.url}\n")
    with suppress(OSError, ValueError, KeyError, TypeError):
        demo = json.loads((folder.path / "demo.json").read_text())
        for user in demo["users"]:
            say(f"  {user['role']:<10} {user['email']:<40} {user['password']}   {user['party']}")
        say(f"  API clients: {folder.path / 'demo.json'}\n")
    say("  Ctrl-C stops all of it.")
