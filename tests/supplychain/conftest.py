"""A world with its cast, for whatever needs a log, and signed-in people in front of it."""

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from supplychain.models import User
from tests.cast import World, make_world
from tests.people import People, add_people

SignIn = Callable[[User], Client]


@pytest.fixture
def world(db: None, settings: Any, tmp_path: Any) -> World:
    settings.WAYLOG_SECRETS = tmp_path / "secrets"
    return make_world()


@pytest.fixture
def people(world: World) -> People:
    return add_people(world)


@pytest.fixture
def sign_in(settings: Any) -> SignIn:
    """A client whose user is signed in."""
    settings.SESSION_ENGINE = "django.contrib.sessions.backends.db"

    def signed_in(user: User) -> Client:
        client = Client()
        client.force_login(user)
        return client

    return signed_in
