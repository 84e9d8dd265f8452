"""Let tests run on servers of their own, as the application's role, on a database that the owner made.

pytest-django reads the settings early, so the addresses are decided before that; the servers themselves start when the
first test asks for the database (at once under xdist, where all workers share them), so pure tests wait for nothing.
Where DATABASE_URL and DATABASE_OWNER_URL are set, their server is used, with databases whose names begin with `test_`.
"""

import os
import shutil
import tempfile
from collections.abc import Generator
from contextlib import ExitStack
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import pytest

from supplychain.services import binaries, pytest_fixtures
from supplychain.services.datafolder import DataFolder
from supplychain.services.embedded import Servers, plan, started

FOLDER = "WAYLOG_TEST_FOLDER"
"""Set for the workers of xdist: the folder that their controller made."""

ADDRESSES = ("DATABASE_URL", "DATABASE_OWNER_URL")


class Services:
    """The servers of one test run."""

    def __init__(self) -> None:
        self.is_worker = FOLDER in os.environ
        self._stack = ExitStack()
        self._servers: Servers | None = None
        self._is_started = self.is_worker
        if not self.is_worker:
            os.environ[FOLDER] = tempfile.mkdtemp(prefix="waylog-test-")
            self._stack.callback(shutil.rmtree, os.environ[FOLDER], ignore_errors=True)
        self.folder = DataFolder(Path(os.environ[FOLDER]))

    def decide(self) -> None:
        """Put the addresses into the environment, where Django will read them."""
        worker = os.environ.get("PYTEST_XDIST_WORKER", "")
        if not self.is_worker:
            os.environ["WAYLOG_DATA"] = str(self.folder.path / "data")
            os.environ["WAYLOG_DEMO"] = "0"
            os.environ["WAYLOG_MIN_FREE_PERCENT"] = "0"  # a full disk is for the tests that are about one
            for name in ("WAYLOG_SECRETS", "WAYLOG_CHECKPOINT_FILE", "WAYLOG_TLS_CERT", "WAYLOG_BEHIND_PROXY"):
                os.environ.pop(name, None)
            self.folder.make()
            self._servers = plan(self.folder, durable=False)
            if sockets := self._servers.sockets:
                self._stack.callback(shutil.rmtree, sockets, ignore_errors=True)
            os.environ.update(self._servers.env)
        if worker:  # each worker has a folder of state and a database of its own
            os.environ["WAYLOG_DATA"] = str(self.folder.path / f"data-{worker}")
        DataFolder(Path(os.environ["WAYLOG_DATA"])).make()
        name = "test_waylog" + (f"_{worker}" if worker else "")
        for address in ADDRESSES:
            if address in os.environ:
                os.environ[address] = urlunsplit(urlsplit(os.environ[address])._replace(path=f"/{name}"))

    def start(self) -> None:
        """Start the servers, once."""
        if not self._is_started and self._servers is not None:
            self._is_started = True
            self._stack.enter_context(started(self.folder, self._servers))

    def stop(self) -> None:
        """Stop what was started and remove the folders."""
        if not self.is_worker:
            self._stack.close()


_services: Services | None = None


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_load_initial_conftests(early_config: pytest.Config) -> Generator[None, object, object]:
    """Decide the addresses before pytest-django reads the settings; our fixtures come after its own, so ours hold."""
    global _services
    binaries.add_to_path()
    _services = Services()
    _services.decide()
    early_config.pluginmanager.register(pytest_fixtures, "waylog-fixtures")
    pytest_fixtures.current.append(_services)
    return (yield)


@pytest.hookimpl(tryfirst=True)
def pytest_sessionstart(session: pytest.Session) -> None:
    """Start the servers before xdist starts its workers."""
    if _services and getattr(session.config.option, "numprocesses", None):
        _services.start()


@pytest.hookimpl(trylast=True)
def pytest_unconfigure() -> None:
    """Stop the servers."""
    if _services:
        _services.stop()
