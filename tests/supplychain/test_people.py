"""People of a party, when two managers act in the same moment."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

import pytest
from django.db import connections

from supplychain.models import Membership, Role, User
from supplychain.operations import people as operations
from tests.cast import World, make_world
from tests.people import person


@pytest.fixture
def world(transactional_db: None, settings: Any, tmp_path: Any) -> World:
    settings.WAYLOG_SECRETS = tmp_path / "secrets"
    return make_world()


def at_once(*acts: Callable[[], Any]) -> list[Any]:
    """What each answers or refuses with, when all begin together."""
    start = Barrier(len(acts))

    def one(act: Callable[[], Any]) -> Any:
        start.wait()
        try:
            return act()
        except operations.PersonRefused as refused:
            return refused
        finally:
            connections.close_all()

    with ThreadPoolExecutor(len(acts)) as pool:
        return list(pool.map(one, acts))


def test_a_person_who_is_added_twice_at_once_is_there_once(world: World) -> None:
    def add() -> Membership:
        return operations.add_person(
            party=world.packer.id, email="new@packer.example", name="New", role=Role.VIEWER, password="x" * 20
        )

    said = at_once(add, add, add)
    assert sorted(type(each).__name__ for each in said) == ["Membership", "PersonRefused", "PersonRefused"]
    assert User.objects.filter(email="new@packer.example").count() == Membership.objects.count() == 1


def test_two_managers_cannot_take_the_role_from_each_other(world: World) -> None:
    users = [person(world.packer, Role.MANAGER), person(world.carrier, Role.MANAGER)]
    Membership.objects.filter(user=users[1]).update(party=world.packer.id)
    rows = [Membership.objects.get(user=user).pk for user in users]
    for _ in range(5):
        Membership.objects.update(role=Role.MANAGER)
        said = at_once(
            lambda: operations.change_role(rows[0], party=world.packer.id, role=Role.VIEWER),
            lambda: operations.change_role(rows[1], party=world.packer.id, role=Role.VIEWER),
        )
        assert sorted(type(each).__name__ for each in said) == ["NoneType", "PersonRefused"]
        assert Membership.objects.filter(role=Role.MANAGER).count() == 1
