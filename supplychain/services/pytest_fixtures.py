"""The fixtures of every test: services, this process's database, a browser."""

import fcntl
from collections.abc import Iterator
from typing import Protocol

import pytest
from pytest_django import DjangoDbBlocker

from supplychain.services import databases
from supplychain.services.datafolder import DataFolder


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
