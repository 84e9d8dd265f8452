"""The fixtures of every test: services, this process's database, a browser."""

import fcntl
import os
import shutil
from collections.abc import Iterator
from typing import TYPE_CHECKING, Protocol

import pytest
from pytest_django import DjangoDbBlocker

from supplychain.services import databases
from supplychain.services.datafolder import DataFolder

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

CHROMIUM = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
INSTALL_CHROMIUM = "Chromium is not installed: type `apt-get install chromium`, or set WAYLOG_CHROMIUM to its path"


class Services(Protocol):
    """The servers of one test run (supplychain.services.pytest_plugin)."""

    folder: DataFolder

    def start(self) -> None:
        """Start the servers, once."""


current: list[Services] = []


@pytest.fixture(scope="session")
def services() -> Services:
    """PostgreSQL and Valkey, started."""
    current[-1].start()
    return current[-1]


@pytest.fixture(scope="session")
def django_db_setup(services: Services, django_db_blocker: DjangoDbBlocker) -> Iterator[None]:
    """Make this process's database: the first one by migrations, the others as copies of it."""
    from django.db import connections

    name = str(connections["default"].settings_dict["NAME"])
    with django_db_blocker.unblock():
        with (services.folder.path / "template.lock").open("a") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            databases.make_test_database(name)
        connections.close_all()
    yield
    with django_db_blocker.unblock():
        connections.close_all()
        databases.drop_test_database(name)


@pytest.fixture(autouse=True, scope="session")
def _reset_by_the_owner() -> Iterator[None]:
    """Empty the tables after transactional tests as the owner: the application's role may not, and triggers refuse."""
    from django.test import TransactionTestCase

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(TransactionTestCase, "_fixture_teardown", lambda _self: databases.reset_test_database())
        yield


@pytest.fixture(scope="session")
def chromium() -> str:
    """The browser's path. Without one the test is skipped with the line that installs it, and fails where CI=true."""
    for name in (os.environ.get("WAYLOG_CHROMIUM"), *CHROMIUM):
        if name and (found := shutil.which(name)):
            return found
    if os.environ.get("CI", "").lower() in {"1", "true"}:
        pytest.fail(INSTALL_CHROMIUM)
    pytest.skip(INSTALL_CHROMIUM)


@pytest.fixture(scope="session")
def browser(chromium: str) -> "Iterator[Browser]":
    """Chromium, driven by Playwright; its event loop in this thread must not keep Django from the database."""
    from playwright.sync_api import sync_playwright

    with pytest.MonkeyPatch.context() as patch, sync_playwright() as playwright:
        patch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "true")
        sandbox = ["--no-sandbox"] if os.geteuid() == 0 else []
        opened = playwright.chromium.launch(executable_path=chromium, args=[*sandbox, "--disable-dev-shm-usage"])
        yield opened
        opened.close()


@pytest.fixture
def page(browser: "Browser") -> "Iterator[Page]":
    """A page in a profile of its own."""
    context = browser.new_context()
    yield context.new_page()
    context.close()
